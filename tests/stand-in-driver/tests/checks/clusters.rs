//! Clusters: barriers, shared memory of other blocks, barriers in shared memory.

use super::small::Small;

const MEET: &str =
    "barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;\n";

/// Each block writes to the next one's shared memory, meets, and reads its own.
fn ring() -> Small {
    let body = format!(
        "mov.u32 %r3, %cluster_ctarank;\nmov.u32 %r4, %cluster_nctarank;\nmov.u32 %r5, %clusterid.x;\n\
         add.s32 %r6, %r3, 1;\nrem.u32 %r6, %r6, %r4;\n\
         mov.u32 %r7, room;\nshl.b32 %r8, %r1, 2;\nadd.s32 %r7, %r7, %r8;\n\
         mapa.shared::cluster.u32 %r9, %r7, %r6;\n\
         mad.lo.s32 %r10, %r3, 100, %r1;\nmad.lo.s32 %r10, %r5, 1000, %r10;\n\
         st.shared::cluster.u32 [%r9], %r10;\n{MEET}\
         ld.shared.u32 %r11, [%r7];\nst.global.u32 [%rd3], %r11;\n// end\n"
    );
    Small {
        blocks: 6,
        cluster: 3,
        ..Small::new(48, &body)
    }
}

fn of_ring() -> Vec<u32> {
    let value = |k: u32| {
        let (block, thread) = (k / 48, k % 48);
        let before = (block % 3 + 2) % 3;
        block / 3 * 1000 + before * 100 + thread
    };
    (0..6 * 48).map(value).collect()
}

#[test]
fn blocks_of_a_cluster_exchange_values() {
    ring().gives(&of_ring());
    // By generic addresses.
    let generic = ring()
        .mutant(
            "mapa.shared::cluster.u32 %r9, %r7, %r6;",
            "cvt.u64.u32 %rd4, %r7;\ncvta.shared.u64 %rd5, %rd4;\nmapa.u64 %rd6, %rd5, %r6;",
        )
        .mutant("st.shared::cluster.u32 [%r9]", "st.u32 [%rd6]");
    generic.gives(&of_ring());
}

#[test]
fn a_cluster_barrier_removed() {
    ring()
        .mutant(MEET, "")
        .fails(&["race", "never written", "has ended"]);
    // A barrier of the block alone is not enough.
    ring()
        .mutant(MEET, "bar.sync 0;\n")
        .fails(&["race", "never written", "has ended"]);
    // An arrival that releases nothing.
    ring()
        .mutant("arrive.release", "arrive.relaxed")
        .fails(&["race: read"]);
    ring()
        .mutant("barrier.cluster.wait.acquire.aligned;\n", "")
        .fails(&["race", "never written"]);
    ring()
        .mutant("barrier.cluster.arrive.release.aligned;\n", "")
        .fails(&["without an arrival"]);
}

#[test]
fn shared_memory_of_another_block_misused() {
    // As memory of the own block.
    ring()
        .mutant("st.shared::cluster.u32", "st.shared.u32")
        .fails(&["of another block as its own"]);
    // A block that does not exist.
    ring()
        .mutant("rem.u32 %r6, %r6, %r4;", "add.s32 %r6, %r6, 3;")
        .fails(&["block 4 of 3", "block 5 of 3", "block 6 of 3"]);
    // A block that has ended: the first one reads again when the others are gone.
    let late = ring().mutant(
        "// end\n",
        &format!("setp.ne.u32 %p1, %r3, 0;\n@%p1 bra $L9;\n{MEET}ld.shared::cluster.u32 %r12, [%r9];\n$L9:\n"),
    );
    late.fails(&["has ended"]);
}

#[test]
fn blocks_know_their_place_in_the_cluster() {
    let body = "mov.u32 %r3, %cluster_ctarank;\nmov.u32 %r4, %clusterid.x;\nmov.u32 %r5, %nclusterid.x;\n\
                mad.lo.s32 %r3, %r4, 10, %r3;\nmad.lo.s32 %r3, %r5, 100, %r3;\nst.global.u32 [%rd3], %r3;";
    let small = Small {
        blocks: 4,
        cluster: 2,
        ..Small::new(1, body)
    };
    small.gives(&[200, 201, 210, 211]);
}

/// The first block hands values on through barriers in the second block's shared memory, twice.
fn handing_on() -> Small {
    let body = format!(
        "mov.u32 %r3, %cluster_ctarank;\nmov.u32 %r4, room;\nadd.s32 %r5, %r4, 1024;\n\
         setp.ne.u32 %p1, %r1, 0;\n@%p1 bra $L0;\n\
         mbarrier.init.shared::cta.b64 [%r5], 1;\n\
         mbarrier.init.shared::cta.b64 [%r5+8], 1;\nfence.mbarrier_init.release.cluster;\n$L0:\n{MEET}\
         mov.u32 %r20, 0;\nshl.b32 %r8, %r1, 2;\nadd.s32 %r7, %r4, %r8;\nmov.u32 %r21, 0;\n\
         $L1:\nmad.lo.s32 %r9, %r20, 256, %r7;\nmad.lo.s32 %r6, %r20, 8, %r5;\nsetp.eq.u32 %p2, %r3, 1;\n@%p2 bra $L2;\n\
         mapa.shared::cluster.u32 %r10, %r9, 1;\nmapa.shared::cluster.u32 %r11, %r6, 1;\n\
         mad.lo.s32 %r12, %r20, 10, %r1;\nst.shared::cluster.u32 [%r10], %r12;\n\
         bar.warp.sync -1;\n@%p1 bra $L4;\n\
         mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r11];\nbra.uni $L4;\n\
         $L2:\nmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p3, [%r6], 0;\n\
         @!%p3 bra $L2;\nld.shared.u32 %r13, [%r9];\nmad.lo.s32 %r21, %r21, 100, %r13;\n\
         $L4:\nadd.s32 %r20, %r20, 1;\nsetp.lt.u32 %p4, %r20, 2;\n@%p4 bra $L1;\n\
         st.global.u32 [%rd3], %r21;\n{MEET}"
    );
    Small {
        blocks: 2,
        cluster: 2,
        ..Small::new(32, &body)
    }
}

#[test]
fn a_barrier_in_shared_memory_orders_accesses() {
    let expected = |k: u32| {
        if k < 32 {
            0
        } else {
            (k - 32) * 100 + 10 + (k - 32)
        }
    };
    let expected: Vec<u32> = (0..64).map(expected).collect();
    handing_on().gives(&expected);
}

#[test]
fn a_barrier_in_shared_memory_misused() {
    let small = handing_on();
    let arrive = "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r11];\n";
    // The phase never completes.
    small.mutant(arrive, "").fails(&["deadlock in small"]);
    // The arrival does not cover what other lanes wrote.
    small
        .mutant("bar.warp.sync -1;\n", "")
        .fails(&["race", "never written"]);
    // The order does not extend to other blocks.
    small
        .mutant("arrive.release.cluster", "arrive.release.cta")
        .fails(&["race: read"]);
    small
        .mutant("acquire.cluster", "acquire.cta")
        .fails(&["race: read"]);
    // One test is not enough.
    small
        .mutant("@!%p3 bra $L2;\n", "")
        .fails(&["race", "never written"]);
    // The parity of the phase before, which has completed.
    small
        .mutant("[%r6], 0;", "[%r6], 1;")
        .fails(&["race", "never written", "deadlock in small"]);
    // Without the first cluster barrier, an arrival can be earlier than the set-up.
    let early = small.mutant(MEET, "");
    early.fails(&["race", "no barrier was set up", "deadlock"]);
    // More arrivals than there are.
    small
        .mutant("[%r5], 1", "[%r5], 2")
        .fails(&["deadlock in small"]);
}

#[test]
fn several_arrivals_complete_a_phase() {
    // Each warp writes; the last one reads when all lanes have arrived.
    let body = "mov.u32 %r4, room;\nadd.s32 %r5, %r4, 1024;\nsetp.ne.u32 %p1, %r1, 0;\n@%p1 bra $L0;\n\
                mbarrier.init.shared.b64 [%r5], 64;\n$L0:\nbar.sync 0;\n\
                shl.b32 %r8, %r1, 2;\nadd.s32 %r7, %r4, %r8;\nst.shared.u32 [%r7], %r1;\n\
                mbarrier.arrive.shared.b64 %rd9, [%r5];\n\
                $L2:\nmbarrier.try_wait.parity.shared.b64 %p3, [%r5], 0;\n@!%p3 bra $L2;\n\
                xor.b32 %r9, %r1, 33;\nshl.b32 %r8, %r9, 2;\nadd.s32 %r7, %r4, %r8;\n\
                ld.shared.u32 %r10, [%r7];\nst.shared.u32 [%r7+512], %r10;\nst.global.u32 [%rd3], %r10;";
    let expected: Vec<u32> = (0..64).map(|thread| thread ^ 33).collect();
    Small::new(64, body).gives(&expected);
    let extra = Small::new(64, body).mutant("[%r5], 64", "[%r5], 63");
    extra.fails(&["race", "never written"]);
}

/// The first block writes values and raises a flag in the second block, which reads it until it is set.
fn flagged() -> Small {
    let body = format!(
        "mov.u32 %r3, %cluster_ctarank;\nmov.u32 %r4, room;\nshl.b32 %r8, %r1, 2;\n\
         add.s32 %r7, %r4, %r8;\nsetp.ne.u32 %p1, %r1, 0;\n@%p1 bra $L0;\n\
         st.shared.u32 [%r4+1024], 0;\n$L0:\n{MEET}\
         mov.u32 %r13, 0;\nsetp.eq.u32 %p2, %r3, 1;\n@%p2 bra $L2;\n\
         mapa.shared::cluster.u32 %r10, %r7, 1;\nmapa.shared::cluster.u32 %r11, %r4, 1;\n\
         st.shared::cluster.u32 [%r10], %r1;\nbar.warp.sync -1;\n@%p1 bra $L3;\n\
         st.release.cluster.shared::cluster.u32 [%r11+1024], 1;\nbra.uni $L3;\n\
         $L2:\nld.acquire.cluster.shared.u32 %r12, [%r4+1024];\nsetp.ne.u32 %p3, %r12, 1;\n\
         @%p3 bra $L2;\nld.shared.u32 %r13, [%r7];\n\
         $L3:\nst.global.u32 [%rd3], %r13;\n{MEET}"
    );
    Small {
        blocks: 2,
        cluster: 2,
        ..Small::new(32, &body)
    }
}

#[test]
fn a_flag_orders_accesses() {
    let expected: Vec<u32> = (0..64u32).map(|k| k.saturating_sub(32)).collect();
    flagged().gives(&expected);
    let store = "st.release.cluster.shared::cluster.u32 [%r11+1024], 1;";
    flagged().mutant(store, "").fails(&["deadlock in small"]);
    // Without the order of accesses, or with an order within a block alone.
    for (from, to) in [
        ("st.release.cluster", "st.relaxed.cluster"),
        ("st.release.cluster", "st.release.cta"),
        ("ld.acquire.cluster", "ld.relaxed.cluster"),
        ("ld.acquire.cluster", "ld.acquire.cta"),
        ("ld.acquire.cluster.shared", "ld.volatile.shared"),
        ("bar.warp.sync -1;\n", ""),
    ] {
        flagged()
            .mutant(from, to)
            .fails(&["race: read", "race: write"]);
    }
    // Plain accesses to the flag race.
    flagged()
        .mutant("st.release.cluster.", "st.")
        .fails(&["race"]);
}

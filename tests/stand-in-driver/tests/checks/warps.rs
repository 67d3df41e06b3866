//! Instructions of a warp: shuffles, votes, reductions, barriers of lanes.

use super::small::Small;

/// The definition of `shfl.sync` in the PTX manual, for lanes that are all in the mask.
fn shuffled(mode: &str, lane: u32, step: u32, clamp: u32) -> (u32, u32) {
    let segment = clamp >> 8 & 31;
    let last = (lane & segment) | (clamp & 31 & !segment);
    let (source, valid) = match mode {
        "idx" => {
            let source = (lane & segment) | (step & !segment & 31);
            (source, source <= last)
        }
        "up" => (
            lane.wrapping_sub(step),
            lane as i32 - step as i32 >= last as i32,
        ),
        "down" => (lane + step, lane + step <= last),
        _ => (lane ^ step, lane ^ step <= last),
    };
    (if valid { source } else { lane }, u32::from(valid))
}

#[test]
fn shuffles_of_every_kind() {
    // Widths of 32, 16, 8 and 4 lanes.
    for (mode, least) in [("idx", 31), ("up", 0), ("down", 31), ("bfly", 31)] {
        for width in [32, 16, 8, 4] {
            for step in [0, 1, 3, 7, 16, 31] {
                let clamp = (32 - width) << 8 | least;
                let body = format!(
                    "add.s32 %r3, %r1, 100;\nshfl.sync.{mode}.b32 %r4|%p1, %r3, {step}, {clamp}, -1;\n\
                     selp.u32 %r5, 1, 0, %p1;\nshl.b32 %r4, %r4, 1;\nor.b32 %r4, %r4, %r5;\n\
                     st.global.u32 [%rd3], %r4;"
                );
                let expected = |lane| {
                    let (source, valid) = shuffled(mode, lane, step, clamp);
                    (source + 100) << 1 | valid
                };
                let expected: Vec<u32> = (0..32).map(expected).collect();
                Small::new(32, &body).gives(&expected);
            }
        }
    }
}

/// The second warp of a block of 48 threads has 16 lanes. The others count as absent.
#[test]
fn shuffles_and_votes_in_part_of_a_warp() {
    let sum = "mov.u32 %r3, %r1;\nshfl.sync.down.b32 %r4, %r3, 8, 31, -1;\n\
               add.s32 %r3, %r3, %r4;\nst.global.u32 [%rd3], %r3;";
    let expected: Vec<u32> = (0..48)
        .map(|thread| {
            let present = if thread < 32 { 32 } else { 16 };
            let source = if thread % 32 + 8 < present {
                thread + 8
            } else {
                thread
            };
            thread + source
        })
        .collect();
    Small::new(48, sum).gives(&expected);
    let ballot = "setp.ge.u32 %p1, %r1, 5;\nvote.sync.ballot.b32 %r3, %p1, -1;\n\
                  st.global.u32 [%rd3], %r3;";
    let expected: Vec<u32> = (0..48)
        .map(|thread| if thread < 32 { 0xffff_ffe0 } else { 0xffff })
        .collect();
    Small::new(48, ballot).gives(&expected);
}

#[test]
fn votes_and_reductions() {
    let body = "setp.lt.u32 %p1, %r1, 40;\nsetp.eq.u32 %p2, %r1, 3;\n\
                vote.sync.all.pred %p3, %p1, -1;\nvote.sync.any.pred %p4, %p2, -1;\n\
                vote.sync.uni.pred %p5, %p2, -1;\nvote.sync.all.pred %p6, !%p2, -1;\n\
                selp.u32 %r3, 1, 0, %p3;\nselp.u32 %r4, 2, 0, %p4;\nselp.u32 %r5, 4, 0, %p5;\n\
                selp.u32 %r6, 8, 0, %p6;\nor.b32 %r3, %r3, %r4;\nor.b32 %r3, %r3, %r5;\n\
                or.b32 %r3, %r3, %r6;\n\
                sub.s32 %r7, 10, %r1;\nredux.sync.max.s32 %r8, %r7, -1;\n\
                redux.sync.min.s32 %r9, %r7, -1;\nredux.sync.max.u32 %r10, %r1, -1;\n\
                redux.sync.add.u32 %r11, %r1, -1;\nadd.s32 %r8, %r8, %r9;\nadd.s32 %r8, %r8, %r10;\n\
                add.s32 %r8, %r8, %r11;\nshl.b32 %r8, %r8, 8;\nor.b32 %r3, %r3, %r8;\n\
                st.global.u32 [%rd3], %r3;";
    let sum = 10 + 31 + 496 - 21;
    Small::new(32, body).gives(&[3 | sum << 8; 32]);
    // In the second half of the warp alone.
    let half = "setp.lt.u32 %p1, %r1, 16;\nmov.u32 %r3, 7;\n@%p1 bra $L1;\n\
                redux.sync.add.u32 %r3, %r1, 0xffff0000;\n$L1:\nst.global.u32 [%rd3], %r3;";
    let expected: Vec<u32> = (0..32)
        .map(|lane| if lane < 16 { 7 } else { 376 })
        .collect();
    Small::new(32, half).gives(&expected);
}

/// Lanes exchange values through shared memory.
fn exchange() -> Small {
    let body = "mov.u64 %rd4, room;\nmul.wide.u32 %rd5, %r1, 4;\nadd.s64 %rd5, %rd4, %rd5;\n\
                xor.b32 %r3, %r1, 5;\nmul.wide.u32 %rd6, %r3, 4;\nadd.s64 %rd6, %rd4, %rd6;\n\
                st.shared.u32 [%rd5], %r1;\nbar.warp.sync -1;\nld.shared.u32 %r4, [%rd6];\n\
                bar.warp.sync 0xffffffff;\nst.shared.u32 [%rd5], 9;\nst.global.u32 [%rd3], %r4;";
    Small::new(64, body)
}

#[test]
fn a_barrier_of_lanes_removed() {
    let expected: Vec<u32> = (0..64).map(|thread| thread ^ 5).collect();
    exchange().gives(&expected);
    let first = exchange().mutant("bar.warp.sync -1;\n", "");
    first.fails(&["shared memory: race", "never written"]);
    let second = exchange().mutant("bar.warp.sync 0xffffffff;\n", "");
    second.fails(&["shared memory: race"]);
    // A shuffle orders no accesses.
    let shuffle = "shfl.sync.idx.b32 %r9, %r1, 0, 31, -1;\n";
    let third = exchange().mutant("bar.warp.sync -1;\n", shuffle);
    third.fails(&["shared memory: race", "never written"]);
    // Half of the warp, and its partners in the other half.
    let half = exchange().mutant("xor.b32 %r3, %r1, 5;", "xor.b32 %r3, %r1, 21;");
    let half = half.mutant(
        "bar.warp.sync -1;",
        "setp.lt.u32 %p1, %r1, 16;\nselp.b32 %r8, 0xffff, 0xffff0000, %p1;\n\
         and.b32 %r7, %r1, 31;\nsetp.lt.u32 %p1, %r7, 16;\n\
         selp.b32 %r8, 0xffff, 0xffff0000, %p1;\nbar.warp.sync %r8;",
    );
    half.fails(&["shared memory: race", "never written"]);
}

#[test]
fn a_wrong_mask() {
    let sum = "shfl.sync.bfly.b32 %r4, %r1, 1, 31, MASK;\nst.global.u32 [%rd3], %r4;";
    let expected: Vec<u32> = (0..32).map(|lane| lane ^ 1).collect();
    Small::new(32, sum).mutant("MASK", "-1").gives(&expected);
    let missing = Small::new(32, sum).mutant("MASK", "0x7fffffff");
    missing.fails(&["a lane outside of its own mask"]);
    let different = "setp.lt.u32 %p1, %r1, 16;\nselp.b32 %r5, -1, 0xffff0000, %p1;\n\
                     bar.warp.sync %r5;";
    Small::new(32, different).fails(&["lanes with other masks", "has ended", "deadlock"]);
}

/// Some lanes do not reach the instruction.
#[test]
fn a_divergent_shuffle() {
    let body = "setp.lt.u32 %p1, %r1, 16;\n@%p1 bra $L1;\n\
                shfl.sync.bfly.b32 %r4, %r1, 1, 31, -1;\n$L1:\nWAIT\nst.global.u32 [%rd3], 1;";
    // The others have ended, wait at a barrier, or wait at another shuffle.
    let ended = Small::new(32, body).mutant("WAIT", "");
    ended.fails(&["deadlock in small", "has ended"]);
    Small::new(32, body)
        .mutant("WAIT", "bar.sync 0;")
        .fails(&["divergent barrier in small"]);
    let other = "shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1;";
    Small::new(32, body)
        .mutant("WAIT", other)
        .fails(&["deadlock in small"]);
}

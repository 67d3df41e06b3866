//! Asynchronous copies to shared memory.

use super::small::Small;

/// Each thread copies 16 bytes; the last 4 of them are zeros. Then it reads those of the next thread.
fn copies() -> Small {
    let body = "mov.u64 %rd4, room;\nmul.wide.u32 %rd5, %r1, 16;\nadd.s64 %rd6, %rd4, %rd5;\n\
                add.s64 %rd7, %rd2, %rd5;\nmov.u32 %r4, 12;\n\
                cp.async.cg.shared.global [%rd6], [%rd7], 16, %r4;\ncp.async.commit_group;\n\
                cp.async.ca.shared.global [%rd6+1024], [%rd7], 4;\ncp.async.commit_group;\n\
                cp.async.wait_group 1;\nld.shared.u32 %r9, [%rd6];\nbar.sync 0;\n\
                xor.b32 %r5, %r1, 1;\nmul.wide.u32 %rd8, %r5, 16;\nadd.s64 %rd8, %rd4, %rd8;\n\
                ld.shared.u32 %r6, [%rd8+8];\nld.shared.u32 %r7, [%rd8+12];\nadd.s32 %r6, %r6, %r7;\n\
                cp.async.wait_all;\nld.shared.u32 %r8, [%rd6+1024];\nmad.lo.s32 %r6, %r8, 1000, %r6;\n\
                st.global.u32 [%rd3], %r6;";
    let data: Vec<u32> = (0..4 * 64).collect();
    Small::new(64, body).with_data(&data, |x| x.to_le_bytes())
}

#[test]
fn copies_deliver_their_groups() {
    let expected: Vec<u32> = (0..64).map(|k| 4 * (k ^ 1) + 2 + 4000 * k).collect();
    copies().gives(&expected);
}

#[test]
fn a_wait_for_copies_removed() {
    let in_flight = "read of bytes that an asynchronous copy has not delivered";
    copies()
        .mutant("cp.async.wait_group 1;\n", "")
        .fails(&[in_flight]);
    copies()
        .mutant("cp.async.wait_all;\n", "")
        .fails(&[in_flight]);
    copies()
        .mutant("wait_group 1", "wait_group 2")
        .fails(&[in_flight]);
    copies()
        .mutant("cp.async.commit_group;\n", "")
        .fails(&[in_flight]);
    // The wait orders the copies of the own thread alone.
    copies()
        .mutant("bar.sync 0;\n", "")
        .fails(&["race: read", "never written", in_flight]);
}

#[test]
fn a_copy_that_is_misaligned_or_too_large() {
    copies()
        .mutant("[%rd6], [%rd7], 16", "[%rd6+4], [%rd7], 16")
        .fails(&["misaligned"]);
    copies()
        .mutant("[%rd6], [%rd7], 16", "[%rd6], [%rd7+8], 16")
        .fails(&["misaligned"]);
    copies()
        .mutant("mov.u32 %r4, 12", "mov.u32 %r4, 17")
        .fails(&["17 of 16 bytes"]);
    copies()
        .mutant("[%rd7], 4;", "[%rd7+4096], 4;")
        .fails(&["out of bounds"]);
    // Nothing is read for zeros alone.
    let zeros = copies().mutant("mov.u32 %r4, 12", "mov.u32 %r4, 0");
    let zeros = zeros.mutant("[%rd6], [%rd7], 16", "[%rd6], [%rd7+65536], 16");
    let expected: Vec<u32> = (0..64).map(|k| 4000 * k).collect();
    zeros.gives(&expected);
}

/// A write to a buffer that other threads still read.
#[test]
fn a_copy_over_bytes_that_are_read() {
    let again = copies().mutant(
        "cp.async.wait_all;\n",
        "BARRIER\ncp.async.cg.shared.global [%rd6], [%rd7], 16;\ncp.async.wait_all;\n",
    );
    let expected: Vec<u32> = (0..64).map(|k| 4 * (k ^ 1) + 2 + 4000 * k).collect();
    again.mutant("BARRIER", "bar.sync 0;").gives(&expected);
    again.mutant("BARRIER", "").fails(&["race"]);
}

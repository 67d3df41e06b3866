//! What the engine finds by itself: wrong launches, barriers that not all reach, memory.

use fiber_engine::{Argument, Engine, Schedule};

const SCHEDULES: [Schedule; 3] = [Schedule::Forward, Schedule::Backward, Schedule::Shuffled(7)];

/// The error of one block of 32 threads, in each schedule.
fn errors(name: &str, shared_bytes: usize, argument: Argument) -> Vec<String> {
    let launch = |schedule| {
        let engine = Engine::new(schedule);
        // SAFETY: the tests give memory of 32 integers to kernels that write no more.
        unsafe { engine.launch(name, [1, 1, 1], [32, 1, 1], shared_bytes, &[argument]) }
    };
    SCHEDULES
        .map(|schedule| launch(schedule).expect_err("a fault"))
        .to_vec()
}

#[test]
fn a_thread_that_ends_before_a_barrier_is_named() {
    let mut out = [0_i32; 32];
    for error in errors("faulty_early_end", 0, Argument::output(&mut out)) {
        assert_eq!(
            error,
            "faulty_early_end: block (0, 0, 0): thread (0, 0, 0) waits at faulty.cu:8, \
             thread (7, 0, 0) has ended"
        );
    }
    assert_eq!(out, [0; 32]);
}

#[test]
fn threads_at_two_barriers_are_named() {
    let mut out = [0_i32; 32];
    for error in errors("faulty_two_barriers", 0, Argument::output(&mut out)) {
        assert_eq!(
            error,
            "faulty_two_barriers: block (0, 0, 0): thread (0, 0, 0) waits at faulty.cu:15, \
             thread (1, 0, 0) waits at faulty.cu:17"
        );
    }
}

#[test]
fn lanes_outside_of_a_mask_are_named() {
    let mut out = [0_i32; 32];
    for error in errors("faulty_mask", 0, Argument::output(&mut out)) {
        assert!(
            error.contains("thread (3, 0, 0) is not in its own mask at faulty.cu:24"),
            "{error}"
        );
    }
    for error in errors("faulty_half_warp", 0, Argument::output(&mut out)) {
        assert!(
            error.contains("thread (0, 0, 0) waits at faulty.cu:30"),
            "{error}"
        );
        assert!(error.contains("thread (16, 0, 0) has ended"), "{error}");
    }
}

#[test]
fn writes_beyond_shared_memory_are_found() {
    for error in errors("faulty_dynamic", 40, Argument::I32(10)) {
        assert!(
            error.contains("written outside of 40 bytes of dynamic"),
            "{error}"
        );
    }
    for error in errors("faulty_dynamic", 40, Argument::I32(-1)) {
        assert!(
            error.contains("written outside of 40 bytes of dynamic"),
            "{error}"
        );
    }
    for error in errors("faulty_static", 0, Argument::I32(8)) {
        assert!(
            error.contains("written past the end of 32 bytes of static"),
            "{error}"
        );
    }
    for schedule in SCHEDULES {
        for name in ["faulty_dynamic", "faulty_static"] {
            let (grid, block) = ([2, 1, 1], [32, 1, 1]);
            // SAFETY: the kernels have no pointers.
            let within =
                unsafe { Engine::new(schedule).launch(name, grid, block, 32, &[Argument::I32(7)]) };
            assert_eq!(within, Ok(()));
        }
    }
}

#[test]
fn unset_shared_memory_is_not_a_number_in_each_block() {
    for schedule in SCHEDULES {
        let mut out = [0.0_f64; 2];
        let arguments = [Argument::output(&mut out)];
        let (grid, block) = ([5, 1, 1], [1, 1, 1]);
        // SAFETY: the kernel writes two numbers.
        unsafe { Engine::new(schedule).launch("faulty_unset", grid, block, 8, &arguments) }
            .unwrap();
        assert!(out[0].is_nan() && out[1].is_nan(), "{out:?}");
    }
}

#[test]
fn wrong_launches_are_refused() {
    let engine = Engine::new(Schedule::Forward);
    let refused = |name, grid, block, shared, arguments: &[Argument], reason: &str| {
        // SAFETY: none of these launches comes to run.
        let error =
            unsafe { engine.launch(name, grid, block, shared, arguments) }.expect_err(reason);
        assert!(error.contains(reason), "{error}");
    };
    let one = [Argument::I32(0)];
    let unit = [1, 1, 1];
    refused(
        "nothing",
        unit,
        unit,
        0,
        &one,
        "no kernel with the name nothing",
    );
    refused("no\0thing", unit, unit, 0, &one, "zero byte");
    refused(
        "faulty_static",
        [0, 1, 1],
        unit,
        0,
        &one,
        "no grid can be (0, 1, 1)",
    );
    refused(
        "faulty_static",
        [1, 65536, 1],
        unit,
        0,
        &one,
        "no grid can be (1, 65536, 1)",
    );
    refused(
        "faulty_static",
        unit,
        [33, 32, 1],
        0,
        &one,
        "no block can be (33, 32, 1)",
    );
    refused(
        "faulty_static",
        unit,
        [1, 1, 65],
        0,
        &one,
        "no block can be (1, 1, 65)",
    );
    refused(
        "faulty_static",
        unit,
        [1, 0, 1],
        0,
        &one,
        "no block can be (1, 0, 1)",
    );
    refused(
        "feature_warp",
        unit,
        [65, 1, 1],
        0,
        &one,
        "65 threads a block, its launch bounds allow 64",
    );
    refused("faulty_static", unit, unit, 232_449, &one, "at most 232448");
    refused(
        "faulty_static",
        unit,
        unit,
        0,
        &[],
        "0 arguments, it has 1 parameters",
    );
    let float = [Argument::F32(0.0)];
    refused(
        "faulty_static",
        unit,
        unit,
        0,
        &float,
        "argument 0 is F32, the parameter I32",
    );
}

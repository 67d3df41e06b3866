//! Each thing that the engine knows of CUDA's language, against the same in Rust.

use fiber_engine::{Argument, Engine, Schedule};

const SCHEDULES: [Schedule; 4] = [
    Schedule::Forward,
    Schedule::Backward,
    Schedule::Shuffled(1),
    Schedule::Shuffled(2),
];

/// Launches in a schedule a kernel that is right.
fn run(schedule: Schedule, name: &str, grid: [u32; 3], block: [u32; 3], arguments: &[Argument]) {
    // SAFETY: each test gives its kernel memory of the size that this writes.
    unsafe { Engine::new(schedule).launch(name, grid, block, 0, arguments) }.expect(name);
}

#[test]
fn warps_exchange_and_vote() {
    type Operation = fn(i32) -> i32;
    // By lane of a warp that starts at thread `w`.
    let expected: [Operation; 16] = [
        |t| t / 32 * 32 + 5,
        |t| t / 8 * 8 + 1,
        |t| if t % 32 < 3 { t } else { t - 3 },
        |t| if t % 16 < 3 { t } else { t - 3 },
        |t| if t % 32 > 28 { t } else { t + 3 },
        |t| if t % 16 > 12 { t } else { t + 3 },
        |t| t ^ 6,
        |t| {
            (0..32)
                .filter(|lane| (t / 32 * 32 + lane) % 3 == 0)
                .fold(0, |all, lane| all | 1 << lane)
        },
        |t| i32::from(t >= 32),
        |t| i32::from(t < 32),
        |_| 16,
        |_| 1,
        |_| 0,
        |t| t / 32 * 32 + if t % 32 < 16 { 2 } else { 30 },
        |_| 8,
        |_| 3,
    ];
    for schedule in SCHEDULES {
        let mut out = vec![-1_i32; 16 * 64];
        run(
            schedule,
            "feature_warp",
            [2, 1, 1],
            [64, 1, 1],
            &[Argument::output(&mut out)],
        );
        for (place, value) in out.iter().enumerate() {
            let thread = (place % 64) as i32;
            assert_eq!(
                *value,
                expected[place / 64](thread),
                "operation {}, {thread}",
                place / 64
            );
        }
    }
}

#[test]
fn atomics_lose_nothing() {
    for schedule in SCHEDULES {
        let mut integers = [0, 0, 0, 0, 0, 255, 0, 0, 0];
        let (mut wide, mut real) = (0_u64, 0.0_f64);
        let arguments = [
            Argument::output(&mut integers),
            Argument::output(std::slice::from_mut(&mut wide)),
            Argument::output(std::slice::from_mut(&mut real)),
        ];
        run(
            schedule,
            "feature_atomics",
            [3, 1, 1],
            [50, 1, 1],
            &arguments,
        );
        assert_eq!(integers, [11175, -150, 149, -149, 255, 0, 300, 5, 0]);
        assert_eq!((wide, real), (150 << 32, 75.0));
    }
}

#[test]
fn indices_count_along_three_axes() {
    for schedule in SCHEDULES {
        let mut out = vec![u32::MAX; 5 * 3 * 2 * 24];
        let total = Argument::I64(out.len() as i64);
        let arguments = [Argument::output(&mut out), total];
        run(
            schedule,
            "feature_indices",
            [5, 3, 2],
            [4, 3, 2],
            &arguments,
        );
        assert!(
            out.iter()
                .enumerate()
                .all(|(place, value)| place == *value as usize)
        );
    }
}

#[test]
fn functions_are_those_of_the_device() {
    let mut out = [0.0_f64; 11];
    let arguments = [
        Argument::F64(4.0),
        Argument::F32(16.0),
        Argument::U32(7),
        Argument::output(&mut out),
    ];
    run(
        Schedule::Forward,
        "feature_functions",
        [1, 1, 1],
        [1, 1, 1],
        &arguments,
    );
    assert_eq!(
        out,
        [
            17.0, 6.0, 20.0, 0.75, 106.0, 3.0, 5.0, 42.0, 43103.0, 20.0, 17.0
        ]
    );
}

#[test]
fn all_kernels_are_listed_once() {
    let mut names = Engine::kernels();
    assert!(names.iter().any(|name| name == "sample_jacobi"));
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

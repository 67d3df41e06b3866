//! Kernels like the project's: right, and the same to the last bit in each schedule.

use fiber_engine::{Argument, Engine, Schedule};

const SCHEDULES: [Schedule; 4] = [
    Schedule::Forward,
    Schedule::Backward,
    Schedule::Shuffled(3),
    Schedule::Shuffled(4),
];

/// Numbers in [-1, 1) that look random.
fn noise(count: usize) -> impl Iterator<Item = f64> {
    let mut state = 12345_u64;
    (0..count).map(move |_| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    })
}

#[test]
fn gram_matrices_in_all_schedules() {
    let (items, rows, columns) = (3, 19, 45);
    let x: Vec<f32> = noise(items * rows * columns)
        .map(|value| value as f32)
        .collect();
    let entry = |item: usize, i: usize, j: usize| {
        let row = |r: usize| &x[(item * rows + r) * columns..][..columns];
        row(i)
            .iter()
            .zip(row(j))
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    for schedule in SCHEDULES {
        let mut g = vec![f64::NAN; items * rows * rows];
        let arguments = [
            Argument::input(&x),
            Argument::output(&mut g),
            Argument::I32(rows as i32),
            Argument::I32(columns as i32),
        ];
        let grid = [
            rows.div_ceil(8) as u32,
            rows.div_ceil(8) as u32,
            items as u32,
        ];
        let engine = Engine::new(schedule);
        // SAFETY: both arrays have the sizes that the kernel is told.
        unsafe { engine.launch("sample_gram", grid, [8, 8, 1], 0, &arguments) }
            .expect("a kernel that is right");
        for (place, value) in g.iter().enumerate() {
            let (item, i, j) = (place / rows / rows, place / rows % rows, place % rows);
            assert!((value - entry(item, i, j)).abs() < 1e-13 * columns as f64);
        }
    }
}

/// Eigenvalues, eigenvectors and sweeps of two matrices of order `n`.
fn jacobi(schedule: Schedule, matrices: &[f64], n: usize) -> (Vec<f64>, Vec<f64>, [i32; 2]) {
    let (mut values, mut vectors) = (vec![f64::NAN; 2 * n], vec![f64::NAN; 2 * n * n]);
    let mut sweeps = [-2; 2];
    let arguments = [
        Argument::input(matrices),
        Argument::output(&mut values),
        Argument::output(&mut vectors),
        Argument::output(&mut sweeps),
        Argument::I32(n as i32),
        Argument::F64(1e-15),
        Argument::I32(30),
    ];
    let shared = 8 * (2 * n * n + n + n % 2);
    let engine = Engine::new(schedule);
    // SAFETY: all arrays have the sizes that the kernel expects of two matrices of order n.
    unsafe { engine.launch("sample_jacobi", [2, 1, 1], [256, 1, 1], shared, &arguments) }
        .expect("a kernel that is right");
    (values, vectors, sweeps)
}

#[test]
fn eigenvectors_in_all_schedules() {
    for n in [1, 2, 7, 24] {
        let mut a: Vec<f64> = noise(2 * n * n).collect();
        for item in a.chunks_mut(n * n) {
            for k in 0..n * n {
                item[k] = item[k / n + k % n * n];
            }
        }
        let first = jacobi(Schedule::Forward, &a, n);
        let (values, vectors, sweeps) = &first;
        assert!(sweeps.iter().all(|count| *count >= 0), "{sweeps:?}");
        for item in 0..2 {
            let (a, v) = (&a[item * n * n..], &vectors[item * n * n..]);
            for (i, j) in (0..n * n).map(|k| (k / n, k % n)) {
                let image: f64 = (0..n).map(|k| a[i * n + k] * v[k * n + j]).sum();
                assert!((image - values[item * n + j] * v[i * n + j]).abs() < 1e-12);
                let product: f64 = (0..n).map(|k| v[k * n + i] * v[k * n + j]).sum();
                assert!((product - f64::from(i == j)).abs() < 1e-13);
            }
        }
        for schedule in SCHEDULES {
            assert_eq!(jacobi(schedule, &a, n), first, "{schedule:?}");
        }
    }
}

//! Results have the same bits on any number of threads.

use crate::common::random::Random;
use faer::{Mat, MatRef};
use tenfold::cam::{Cam, Decomposition, SaliencyMap, Weighting};
use tenfold::linalg::{Precision, Side, gram, triangular_factor};
use tenfold::{
    Completion, Hooi, Hosvd, Interpolatory, NonNegative, Observed, Randomized, Route, Scalar,
    Solver, StHosvd, Start, Tensor, TensorRef, Truncation, Tucker,
};

/// A hash of a result: FNV-1a over 64-bit words.
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x100_0000_01b3);
    }

    fn values(&mut self, values: impl IntoIterator<Item = f64>) {
        values
            .into_iter()
            .for_each(|value| self.word(value.to_bits()));
    }

    fn tensor<T: Scalar>(&mut self, x: &Tensor<T>) {
        x.shape()
            .iter()
            .for_each(|&extent| self.word(extent as u64));
        self.values(x.data().iter().map(|v| v.as_f64()));
    }

    fn matrix<T: Scalar>(&mut self, a: MatRef<'_, T>) {
        for j in 0..a.ncols() {
            self.values((0..a.nrows()).map(|i| a[(i, j)].as_f64()));
        }
    }

    fn tucker<T: Scalar>(&mut self, tucker: &Tucker<T>) {
        self.tensor(tucker.core());
        for mode in 0..tucker.shape().len() {
            self.matrix(tucker.factor(mode).unwrap());
            self.values(tucker.spectrum(mode).unwrap_or_default().iter().copied());
        }
        self.values(tucker.estimated_error());
    }
}

const THREADS: [usize; 5] = [1, 2, 3, 4, 8];

/// Fails unless `compute` gives the same bits on 1, 2, 3, 4 and 8 threads.
fn assert_same_bits(what: &str, compute: impl Fn(&mut Digest) + Sync) {
    let on = |threads| {
        on_threads(threads, || {
            let mut digest = Digest::new();
            compute(&mut digest);
            digest.0
        })
    };
    let one = on(1);
    for threads in &THREADS[1..] {
        assert_eq!(on(*threads), one, "{what} on {threads} threads");
    }
}

/// Computes on a pool of this many threads.
fn on_threads<R: Send>(threads: usize, compute: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build().unwrap().install(compute)
}

/// Shapes that are large enough for several tasks of every operation. No extent is a multiple of a
/// block size.
const SHAPES: &[&[usize]] = &[
    &[70, 61, 83],
    &[500, 7, 7],
    &[9, 11, 1031],
    &[13, 12, 11, 14, 5],
];

fn check_operations<T: Scalar>() {
    for (seed, &shape) in SHAPES.iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let x: Tensor<T> = random.tensor(shape);
        let y: Tensor<T> = random.tensor(shape);
        let what = |operation: &str| format!("{operation} of {shape:?} in {}", T::NAME);
        assert_same_bits(&what("norm and inner product"), |d| {
            d.values([x.norm(), x.inner(&y).unwrap(), x.distance(&y).unwrap()]);
        });
        let backwards: Vec<usize> = (0..shape.len()).rev().collect();
        assert_same_bits(&what("permutation"), |d| {
            d.tensor(&x.permute(&backwards).unwrap())
        });
        let factors: Vec<Mat<T>> = shape
            .iter()
            .map(|&extent| random.matrix(6, extent))
            .collect();
        let products: Vec<_> = factors.iter().map(Mat::as_ref).enumerate().collect();
        assert_same_bits(&what("products"), |d| {
            for &(mode, u) in &products {
                d.tensor(&x.mode_product(mode, u).unwrap());
            }
            d.tensor(&x.multi_mode_product(&products).unwrap());
        });
        for mode in 0..shape.len() {
            let around = x.view().extents(mode).unwrap();
            let side = if around.extent <= around.columns() {
                Side::Mode
            } else {
                Side::Rest
            };
            assert_same_bits(&what(&format!("Gram and QR of mode {mode}")), |d| {
                for precision in [Precision::Native, Precision::Double] {
                    d.matrix(gram(&x, mode, side, precision).unwrap().as_ref());
                }
                d.matrix(triangular_factor(&x, mode, side).unwrap().as_ref());
            });
        }
    }
}

#[test]
fn operations_in_f64() {
    check_operations::<f64>();
}

#[test]
fn operations_in_f32() {
    check_operations::<f32>();
}

fn check_solvers<T: Scalar>() {
    let shape = [40, 61, 57];
    let x: Tensor<T> = Random::new(7).low_rank(&shape, &[8, 7, 6], 1e-2);
    for route in [Route::Gram, Route::Qr] {
        for truncation in [
            Truncation::Ranks(vec![8, 7, 6]),
            Truncation::RelativeError(0.05),
        ] {
            let solvers: [Box<dyn Solver<T>>; 3] = [
                Box::new(Hosvd {
                    route,
                    ..Hosvd::new(truncation.clone())
                }),
                Box::new(StHosvd {
                    route,
                    ..StHosvd::new(truncation.clone())
                }),
                Box::new(Hooi {
                    route,
                    max_sweeps: 3,
                    ..Hooi::new(truncation.clone())
                }),
            ];
            for solver in solvers {
                check_solver(solver.as_ref(), &x);
            }
        }
        let from_random_starts = Hooi {
            route,
            start: Start::Random,
            starts: 3,
            fixed: vec![1],
            order: Some(vec![2, 0, 1]),
            max_sweeps: 3,
            ..Hooi::new([8, 7, 6])
        };
        check_solver(&from_random_starts as &dyn Solver<T>, &x);
    }
}

/// An `f32` tensor with a small tail, for which Gram matrices are computed after an elimination.
#[test]
fn solvers_with_a_small_tail_in_f32() {
    let x: Tensor<f32> = Random::new(8).low_rank(&[33, 104, 41], &[4, 3, 3], 1e-3);
    for truncation in [
        Truncation::Ranks(vec![5, 4, 4]),
        Truncation::RelativeError(2e-3),
    ] {
        check_solver(&StHosvd::new(truncation.clone()), &x);
        check_solver(&Hosvd::new(truncation), &x);
    }
}

/// The decomposition, its reconstruction and its measured error.
fn check_solver<T: Scalar>(solver: &dyn Solver<T>, x: &Tensor<T>) {
    assert_same_bits(&format!("{solver:?} in {}", T::NAME), |d| {
        let tucker = solver.decompose(x.view()).unwrap();
        d.tucker(&tucker);
        d.tensor(&tucker.reconstruct().unwrap());
        d.values([tucker.relative_error(x).unwrap()]);
    });
}

fn check_randomized<T: Scalar>() {
    let x: Tensor<T> = Random::new(8).low_rank(&[48, 61, 57], &[8, 7, 6], 1e-2);
    for truncation in [
        Truncation::Ranks(vec![8, 7, 6]),
        Truncation::RelativeError(0.05),
    ] {
        check_solver(&Randomized::new(truncation.clone()), &x);
        check_solver(&Interpolatory::new(truncation), &x);
    }
}

fn check_models<T: Scalar>() {
    let mut x: Tensor<T> = Random::new(8).low_rank(&[48, 61, 57], &[8, 7, 6], 1e-2);
    let mask = (0..x.data().len()).map(|position| position % 3 != 0);
    let observed = Observed::new(x.shape(), mask.collect()).unwrap();
    let completion = Completion {
        max_sweeps: 4,
        ..Completion::new([8, 7, 6])
    };
    assert_same_bits("Completion", |d| {
        d.tucker(&completion.decompose(&x, &observed).unwrap())
    });
    x.data_mut()
        .iter_mut()
        .for_each(|entry| *entry = entry.abs());
    let non_negative = NonNegative {
        max_sweeps: 4,
        ..NonNegative::new([8, 7, 6])
    };
    check_solver(&non_negative as &dyn Solver<T>, &x);
}

#[test]
fn completion_and_non_negative_in_f64_and_f32() {
    check_models::<f64>();
    check_models::<f32>();
}

#[test]
fn randomized_in_f64_and_f32() {
    check_randomized::<f64>();
    check_randomized::<f32>();
}

/// The maps of a batch, and of parts of it, equal the maps of the items alone. There are shapes with
/// fewer channels than positions and with more, and maps at full ranks and at smaller ranks.
fn check_saliency_maps<T: Scalar>() {
    for (shape, ranks) in [
        ([17, 40, 5, 5], [3, 2, 2]),
        ([9, 12, 7, 6], [4, 3, 3]),
        ([3, 80, 9, 9], [5, 4, 4]),
    ] {
        let x: Tensor<T> = Random::new(9).low_rank(&shape, &[3, 5, 4, 4], 0.1);
        for weighting in Weighting::ALL {
            let closed = Cam::new(weighting);
            let truncated = Cam {
                ranks: Some(ranks.to_vec()),
                ..Cam::new(weighting)
            };
            let has_ranks = weighting.decomposition() == Decomposition::Tucker;
            for cam in [Some(closed), has_ranks.then_some(truncated)]
                .into_iter()
                .flatten()
            {
                check_batches(&cam, &x);
            }
        }
    }
}

fn check_batches<T: Scalar>(cam: &Cam, x: &Tensor<T>) {
    let item = x.data().len() / x.shape()[0];
    let shape = &x.shape()[1..];
    let maps: Vec<SaliencyMap<T>> = x
        .data()
        .chunks(item)
        .map(|x| cam.saliency_map(TensorRef::new(shape, x).unwrap()).unwrap())
        .collect();
    // The whole batch on every number of threads, and parts of it on 2 and 8 threads.
    let sizes = [1, 2, 3, 5, 8];
    let parts = sizes.iter().flat_map(|&size| [(size, 2), (size, 8)]);
    let whole = THREADS.map(|threads| (x.shape()[0], threads));
    for (size, threads) in parts.chain(whole) {
        on_threads(threads, || {
            let batches = x.data().chunks(size * item);
            for (batch, maps) in batches.zip(maps.chunks(size)) {
                let shape = [&[batch.len() / item], shape].concat();
                let batch = TensorRef::new(&shape, batch).unwrap();
                let together = cam.saliency_maps(batch).unwrap();
                assert_eq!(
                    together, maps,
                    "{cam:?}, batches of {size}, {threads} threads"
                );
            }
        });
    }
}

#[test]
fn saliency_maps_in_f64_and_f32() {
    check_saliency_maps::<f64>();
    check_saliency_maps::<f32>();
}

#[test]
fn solvers_in_f64() {
    check_solvers::<f64>();
}

#[test]
fn solvers_in_f32() {
    check_solvers::<f32>();
}

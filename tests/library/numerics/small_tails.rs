//! `f32` tensors with a small tail: a few directions and a little noise. Gram matrices of products in
//! `f32` would hide such a tail. The results must be as good as those in `f64`.

use tenfold::{Hosvd, Solver, StHosvd, Tensor, Truncation, Tucker};

use crate::common::oracle::{in_f64, scaled};
use crate::common::random::Random;

/// The shapes: one mode is long enough for a sample of the vectors, first, in the middle or last.
const SHAPES: [[usize; 3]; 3] = [[104, 32, 30], [32, 104, 30], [31, 33, 104]];

/// A tensor of ranks 4, 3, 3 plus noise, divided by its norm.
fn with_noise(shape: &[usize; 3], noise: f64) -> Tensor<f32> {
    Random::new(23).low_rank(shape, &[4, 3, 3], noise)
}

/// The decompositions of `x` by ST-HOSVD and HOSVD, and of the same entries in `f64`.
fn pairs(x: &Tensor<f32>, truncation: &Truncation) -> [(Tucker<f32>, Tucker<f64>); 2] {
    let single: [Box<dyn Solver<f32>>; 2] = [
        Box::new(StHosvd::new(truncation.clone())),
        Box::new(Hosvd::new(truncation.clone())),
    ];
    let double: [Box<dyn Solver<f64>>; 2] = [
        Box::new(StHosvd::new(truncation.clone())),
        Box::new(Hosvd::new(truncation.clone())),
    ];
    let exact = in_f64(x);
    let [a, b] = single.map(|solver| solver.decompose(x.view()).unwrap());
    let [c, d] = double.map(|solver| solver.decompose(exact.view()).unwrap());
    [(a, c), (b, d)]
}

/// The rounding of a decomposition in `f32`, relative to the norm.
const ROUNDING: f64 = 8.0 * f32::EPSILON as f64;

#[test]
fn the_error_at_given_ranks_is_the_error_in_f64() {
    for shape in &SHAPES {
        for noise in [1e-2, 1e-3, 1e-4] {
            // The ranks of the tensor without noise, and larger ones, which keep a part of the noise.
            for ranks in [[4, 3, 3], [8, 8, 8]] {
                let x = with_noise(shape, noise);
                let pairs = pairs(&x, &ranks.into());
                let [estimate, expected] = [
                    pairs[0].0.estimated_error().unwrap(),
                    pairs[0].1.estimated_error().unwrap(),
                ];
                assert!(
                    (estimate / expected - 1.0).abs() <= 1e-3 + ROUNDING / expected,
                    "{shape:?}, noise {noise:e}: estimated {estimate:e}, in f64 {expected:e}"
                );
                for (single, double) in pairs {
                    let what = format!("{shape:?}, noise {noise:e}, ranks {ranks:?}");
                    let error = single.relative_error(&x).unwrap();
                    let best = double.relative_error(&in_f64(&x)).unwrap();
                    assert!(
                        error <= best * (1.0 + 1e-3) + ROUNDING,
                        "{what}: {error:e}, in f64 {best:e}"
                    );
                    // The large singular values.
                    for mode in 0..3 {
                        let values = single.spectrum(mode).unwrap();
                        let exact = double.spectrum(mode).unwrap();
                        for (value, exact) in values.iter().zip(exact).take(3) {
                            assert!((value / exact - 1.0).abs() < 1e-5, "{what}, mode {mode}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_tolerance_gives_the_ranks_and_the_error_of_f64() {
    for shape in &SHAPES {
        for noise in [1e-2, 1e-3, 1e-4] {
            // Just above the noise, and far above.
            for tolerance in [1.1 * noise, 3.0 * noise, 20.0 * noise] {
                let x = with_noise(shape, noise);
                for (single, double) in pairs(&x, &Truncation::RelativeError(tolerance)) {
                    let what = format!("{shape:?}, noise {noise:e}, tolerance {tolerance:e}");
                    assert!(single.shortfall().is_none(), "{what}");
                    let error = single.relative_error(&x).unwrap();
                    assert!(error <= tolerance, "{what}: {error:e}");
                    assert_eq!(single.ranks(), double.ranks(), "{what}");
                }
            }
        }
    }
}

#[test]
fn scales_and_offsets_do_not_matter() {
    for scale in [1e-30, 1e-12, 1e12, 1e30] {
        let x = with_noise(&SHAPES[1], 1e-3);
        let x: Tensor<f32> = scaled(&x, scale);
        let tucker = StHosvd::new([4, 3, 3]).decompose(&x).unwrap();
        let error = tucker.relative_error(&x).unwrap();
        assert!((0.9e-3..1e-3).contains(&error), "{scale:e}: {error:e}");
    }
    // A large mean is one more direction.
    let x = with_noise(&SHAPES[2], 1e-3);
    let entries = x.data().iter().map(|entry| entry + 1.0).collect();
    let x = Tensor::new(x.shape(), entries).unwrap();
    let [(single, double), _] = pairs(&x, &[5, 4, 4].into());
    let error = single.relative_error(&x).unwrap();
    let best = double.relative_error(&in_f64(&x)).unwrap();
    assert!(
        error <= best * (1.0 + 1e-3) + ROUNDING,
        "{error:e}, {best:e}"
    );
}

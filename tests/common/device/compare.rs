//! A device's results beside the CPU's, and the figures of the comparison.

use std::fmt;

use tenfold::cam::{Cam, SaliencyMap, Status};
use tenfold::cuda::DeviceScalar;
use tenfold::{Tensor, Tucker};

use super::bounds::{of_factor, of_map};

/// LAPACK's threshold for a ratio of an error to n·ε, which every test of the numerics uses.
const THRESHOLD: f64 = 30.0;

/// A bound on a map above which a comparison says nothing.
const VACUOUS: f64 = 1e-3;

/// Differences that were compared with their bounds.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    comparisons: usize,
    /// The difference that comes closest to its bound, and that bound.
    closest: (f64, f64),
    largest_bound: f64,
}

impl Figures {
    /// Fails where the difference exceeds its bound.
    pub(crate) fn compare(&mut self, difference: f64, bound: f64, what: &dyn fmt::Display) {
        assert!(
            difference <= bound,
            "{what}: differs by {difference:e}, bound {bound:e}"
        );
        self.comparisons += 1;
        self.largest_bound = self.largest_bound.max(bound);
        let (closest, of) = self.closest;
        if self.comparisons == 1 || difference * of > closest * bound {
            self.closest = (difference, bound);
        }
    }

    /// The device's map of features and the CPU's.
    pub(crate) fn map<T: DeviceScalar>(
        &mut self,
        cam: &Cam,
        features: &Tensor<T>,
        ours: &SaliencyMap<T>,
        theirs: &SaliencyMap<T>,
    ) {
        assert_eq!(ours.status(), theirs.status(), "{cam:?}");
        assert_eq!(ours.values().shape(), theirs.values().shape());
        let difference = largest_difference(ours.values(), theirs.values());
        let bound = match theirs.status() {
            // Both are zero everywhere.
            Status::Constant => 0.0,
            _ => of_map(cam, features),
        };
        assert!(
            bound < VACUOUS,
            "{cam:?} {:?}: vacuous bound {bound:e}",
            features.shape()
        );
        self.compare(
            difference,
            bound,
            &format_args!("{cam:?} {:?}", features.shape()),
        );
    }

    /// The device's decompositions and the CPU's: orthonormal factors, the signs of the rule, equal
    /// spectra and cores.
    pub(crate) fn decompositions(
        &mut self,
        batch: &[Tensor<f64>],
        ours: &[Tucker<f64>],
        theirs: &[Tucker<f64>],
    ) {
        assert_eq!([ours.len(), theirs.len()], [batch.len(); 2]);
        for ((x, ours), theirs) in batch.iter().zip(ours).zip(theirs) {
            self.decomposition(x, ours, theirs);
        }
    }

    fn decomposition(&mut self, x: &Tensor<f64>, ours: &Tucker<f64>, theirs: &Tucker<f64>) {
        assert_eq!(ours.ranks(), theirs.ranks());
        assert_eq!(ours.convergence(), theirs.convergence());
        let norm = x.norm();
        // The core is X in the factors' coordinates: it moves with their columns.
        let mut of_core = f64::EPSILON * x.shape().iter().sum::<usize>() as f64;
        for mode in 0..ours.shape().len() {
            let (Some(a), Some(b)) = (ours.factor(mode), theirs.factor(mode)) else {
                assert!(ours.factor(mode).is_none() && theirs.factor(mode).is_none());
                continue;
            };
            self.orthonormal(ours, mode);
            let bounds = of_factor(theirs, mode, norm);
            for (j, &bound) in bounds.columns.iter().enumerate() {
                let squares = (0..a.nrows()).map(|i| (a[(i, j)] - b[(i, j)]).powi(2));
                let off = squares.sum::<f64>().sqrt();
                self.compare(off, bound, &format_args!("factor {mode}, column {j}"));
            }
            of_core += bounds
                .columns
                .iter()
                .map(|bound| bound * bound)
                .sum::<f64>()
                .sqrt();
            let (own, other) = (ours.spectrum(mode).unwrap(), theirs.spectrum(mode).unwrap());
            assert_eq!(own.len(), other.len());
            for (a, b) in own.iter().zip(other) {
                let off = ((a - b) / other[0]).abs() * ((a + b) / other[0]);
                self.compare(
                    off,
                    bounds.squares,
                    &format_args!("spectrum {mode}: {a} {b}"),
                );
            }
        }
        let off = ours.core().distance(theirs.core()).unwrap() / norm;
        self.compare(off, of_core, &"core");
    }

    /// ‖AᵀA − I‖ entry by entry, to 30·n·ε.
    pub(crate) fn orthonormal<T: DeviceScalar>(&mut self, tucker: &Tucker<T>, mode: usize) {
        let a = tucker.factor(mode).unwrap();
        let bound = THRESHOLD * a.nrows() as f64 * T::EPSILON;
        for j in 0..a.ncols() {
            for k in 0..=j {
                let dot = (0..a.nrows()).map(|i| a[(i, j)].as_f64() * a[(i, k)].as_f64());
                let off = (dot.sum::<f64>() - f64::from(u8::from(j == k))).abs();
                self.compare(off, bound, &format_args!("orthonormality of factor {mode}"));
            }
        }
    }

    /// The relative errors of decompositions of `x` in `f32`: the CPU multiplies in `f32`, the
    /// device in `f64`, and the digits of their factors differ. An error is a minimum, or near one,
    /// and does not depend on the factors to first order; reconstructions in `f32` round by
    /// ΣIₙ·ε, and the errors of both are measured: 4·ΣIₙ·ε.
    pub(crate) fn errors(&mut self, x: &Tensor<f32>, ours: &Tucker<f32>, theirs: &Tucker<f32>) {
        let [own, other] = [ours, theirs].map(|tucker| tucker.relative_error(x).unwrap());
        let extents = x.shape().iter().sum::<usize>() as f64;
        let bound = 4.0 * extents * f64::from(f32::EPSILON);
        self.compare(
            (own - other).abs(),
            bound,
            &format_args!("errors {own} {other}"),
        );
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (difference, bound) = self.closest;
        match self.comparisons {
            0 => write!(f, "no differences to measure"),
            count => write!(
                f,
                "{count} comparisons, closest {difference:.1e} of {bound:.1e}, largest bound {:.1e}",
                self.largest_bound
            ),
        }
    }
}

/// The largest difference of two entries.
pub(crate) fn largest_difference<T: DeviceScalar>(a: &Tensor<T>, b: &Tensor<T>) -> f64 {
    let pairs = a.data().iter().zip(b.data());
    let differences = pairs.map(|(a, b)| (a.as_f64() - b.as_f64()).abs());
    differences.fold(0.0, f64::max)
}

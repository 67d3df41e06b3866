//! Compares a device's results with the CPU's, and collects the figures of the comparison.

use std::fmt;

use tenfold::cam::{Cam, SaliencyMap, Status};
use tenfold::cuda::DeviceScalar;
use tenfold::{Tensor, Tucker};

use super::bounds::{of_factor, of_map};

/// The largest ratio of an error to n·ε, as in LAPACK's tests and in all tests of the numerics.
const THRESHOLD: f64 = 30.0;

/// A larger bound on a map would make the comparison meaningless.
const VACUOUS: f64 = 1e-3;

/// Figures of differences and their bounds.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    comparisons: usize,
    /// The difference that is closest to its bound, and the bound.
    closest: (f64, f64),
    largest_bound: f64,
}

impl Figures {
    /// Fails if the difference exceeds its bound.
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

    /// Compares the device's map with the CPU's.
    pub(crate) fn map<T: DeviceScalar>(
        &mut self,
        cam: &Cam,
        features: &Tensor<T>,
        of_device: &SaliencyMap<T>,
        of_cpu: &SaliencyMap<T>,
    ) {
        assert_eq!(of_device.status(), of_cpu.status(), "{cam:?}");
        assert_eq!(of_device.values().shape(), of_cpu.values().shape());
        let difference = largest_difference(of_device.values(), of_cpu.values());
        let bound = match of_cpu.status() {
            // Both maps are zero everywhere.
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

    /// Compares the device's decompositions with the CPU's: orthonormal factors, equal up to their
    /// bounds with equal signs; equal spectra and cores.
    pub(crate) fn decompositions(
        &mut self,
        batch: &[Tensor<f64>],
        of_device: &[Tucker<f64>],
        of_cpu: &[Tucker<f64>],
    ) {
        assert_eq!([of_device.len(), of_cpu.len()], [batch.len(); 2]);
        for ((x, of_device), of_cpu) in batch.iter().zip(of_device).zip(of_cpu) {
            self.decomposition(x, of_device, of_cpu);
        }
    }

    fn decomposition(&mut self, x: &Tensor<f64>, of_device: &Tucker<f64>, of_cpu: &Tucker<f64>) {
        assert_eq!(of_device.ranks(), of_cpu.ranks());
        assert_eq!(of_device.convergence(), of_cpu.convergence());
        let norm = x.norm();
        // The core holds X in the coordinates of the factors: errors of columns change it.
        let mut of_core = f64::EPSILON * x.shape().iter().sum::<usize>() as f64;
        for mode in 0..of_device.shape().len() {
            let (Some(a), Some(b)) = (of_device.factor(mode), of_cpu.factor(mode)) else {
                assert!(of_device.factor(mode).is_none() && of_cpu.factor(mode).is_none());
                continue;
            };
            self.orthonormal(of_device, mode);
            let bounds = of_factor(of_cpu, mode, norm);
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
            let (own, other) = (
                of_device.spectrum(mode).unwrap(),
                of_cpu.spectrum(mode).unwrap(),
            );
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
        let off = of_device.core().distance(of_cpu.core()).unwrap() / norm;
        self.compare(off, of_core, &"core");
    }

    /// Compares AᵀA with I entry by entry, to 30·n·ε.
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

    /// Compares the relative errors of two decompositions of `x` in `f32`, to 4·ΣIₙ·ε.
    ///
    /// The CPU multiplies in `f32`, the device in `f64`, so that digits of their factors differ. The
    /// error of a decomposition is near a minimum and does not depend on the factors to first
    /// order. A reconstruction in `f32` rounds by ΣIₙ·ε, for both decompositions.
    pub(crate) fn errors(
        &mut self,
        x: &Tensor<f32>,
        of_device: &Tucker<f32>,
        of_cpu: &Tucker<f32>,
    ) {
        let [own, other] = [of_device, of_cpu].map(|tucker| tucker.relative_error(x).unwrap());
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
            0 => write!(f, "no differences compared"),
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

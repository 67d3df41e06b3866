//! Large eigenproblems by cuSOLVER: the library finds it, uses it for large orders alone, and
//! reports its failures. A library that computes on the CPU stands in for cuSOLVER.
#![allow(clippy::unwrap_used)]

mod common;

use common::{StandIn, StandInSolver};
use tenfold::cuda::{Device, Origin};
use tenfold::{CudaError, Error, Route, StHosvd, Tensor, Truncation};

/// An order at which cuSOLVER is used.
const LARGE: usize = 300;

/// A matrix of rank 3 plus small entries, of order `n`×(n + 8).
fn matrix(n: usize) -> Tensor<f64> {
    Tensor::from_fn(&[n, n + 8], |i| {
        let (x, y) = (i[0] as f64 / n as f64, i[1] as f64 / n as f64);
        let low_rank = 4.0 * (x + 1.0) * (y + 2.0) + x * x * y + (5.0 * x).sin() * (3.0 * y).cos();
        low_rank + 1e-3 * ((i[0] * 31 + i[1] * 17) % 101) as f64
    })
    .unwrap()
}

fn solver() -> StHosvd {
    StHosvd {
        route: Route::Gram,
        ..StHosvd::new(Truncation::Ranks(vec![3, 3]))
    }
}

fn names(device: &Device) -> Vec<&'static str> {
    device
        .kernels()
        .iter()
        .map(|module| module.family)
        .collect()
}

#[test]
fn cusolver_solves_large_eigenproblems_and_no_others() {
    let stand_in = StandIn::open();
    let solver_library = StandInSolver::open();
    let device = Device::open(0).unwrap();
    // 1. A small matrix does without it.
    let small = matrix(20);
    device.st_hosvd(&solver(), &batch(&small)).unwrap();
    assert!(!names(&device).contains(&"cuSOLVER"));
    // 2. A large one uses it, and agrees with the CPU.
    let large = matrix(LARGE);
    let found = device
        .st_hosvd(&solver(), &batch(&large))
        .unwrap()
        .remove(0);
    let kernels = device.kernels();
    let library = kernels.iter().find(|module| module.family == "cuSOLVER");
    assert_eq!(library.unwrap().origin, Origin::Installed);
    let expected = solver().decompose(&large).unwrap();
    let (found_error, expected_error) = (
        found.relative_error(&large).unwrap(),
        expected.relative_error(&large).unwrap(),
    );
    assert!(
        (found_error - expected_error).abs() < 1e-13,
        "{found_error} {expected_error}"
    );
    for mode in 0..2 {
        let spectra = [&found, &expected].map(|tucker| tucker.spectrum(mode).unwrap().to_vec());
        let largest = spectra[1][0];
        for (one, other) in spectra[0].iter().zip(&spectra[1]) {
            assert!((one - other).abs() <= 1e-7 * largest, "{one} {other}");
        }
    }
    // 3. An eigenproblem that does not converge, and a call that fails.
    solver_library.set_next(1);
    let stopped = device.st_hosvd(&solver(), &batch(&large));
    assert!(
        matches!(stopped, Err(Error::NoConvergence { .. })),
        "{stopped:?}"
    );
    solver_library.set_next(2);
    let failed = device.st_hosvd(&solver(), &batch(&large));
    assert!(
        matches!(failed, Err(Error::Cuda(CudaError::DeviceFailed { .. }))),
        "{failed:?}"
    );
    assert_eq!(stand_in.report(), "");
}

/// A batch of one tensor.
fn batch(x: &Tensor<f64>) -> Tensor<f64> {
    Tensor::new(&[&[1], x.shape()].concat(), x.data().to_vec()).unwrap()
}

//! Tests of the kernels on every instruction set of the processor. All other tests run on the
//! best instruction set alone.

use faer::Mat;
use pulp::Arch;
use rayon::ThreadPoolBuilder;

use super::{Precision, Side, eigh, gram, leading_pair, triangular_factor};
use crate::scalar::Scalar;
use crate::simd::CHOSEN;
use crate::tensor::{Tensor, mode_product, norm, unfold};

/// The instruction sets that this processor supports.
fn every_arch() -> Vec<Arch> {
    let mut all = vec![Arch::Scalar, Arch::new()];
    #[cfg(target_arch = "x86_64")]
    all.extend(pulp::x86::V3::try_new().map(Arch::V3));
    all
}

/// Checks equality up to 300 ε times the largest entry.
fn close(ours: &Mat<f64>, exact: &Mat<f64>, epsilon: f64) {
    close_beside(exact.norm_max(), ours, exact, epsilon);
}

/// Checks equality up to 300 ε times `size`.
fn close_beside(size: f64, ours: &Mat<f64>, exact: &Mat<f64>, epsilon: f64) {
    let size = size.max(f64::MIN_POSITIVE);
    let difference = (ours - exact).norm_max() / size;
    assert!(difference <= 300.0 * epsilon, "{difference:e}");
}

/// The largest order of a Gram matrix that is compared.
const LARGEST_ORDER: usize = 300;

/// Checks that V Λ Vᵀ = `s`, and that the leading pair has the largest eigenvalue.
fn eigensolvers_agree(s: &Mat<f64>) {
    let eigen = eigh(s.as_ref()).expect("finite");
    let scaled = Mat::from_fn(s.nrows(), s.nrows(), |i, j| {
        eigen.vectors[(i, j)] * eigen.values[j]
    });
    let product = &scaled * eigen.vectors.transpose();
    close_beside(eigen.values[0], &product, s, f64::EPSILON);
    if let Some(pair) = leading_pair(s.as_ref(), 1e-3).expect("finite") {
        let difference = (pair.value - eigen.values[0]).abs();
        assert!(difference <= 300.0 * f64::EPSILON * eigen.values[0]);
    }
}

fn kernels_agree<T: Scalar>() {
    for shape in [
        [1, 1, 1],
        [3, 5, 2],
        [9, 6, 17],
        [20, 33, 12],
        [6, 70, 7],
        [2, 3, 300],
        [2, 70, 131],
        [90, 2, 23],
    ] {
        let x = Tensor::from_fn(&shape, |i| {
            T::from_f64(((7 * i[0] + 5 * i[1] + 3 * i[2]) % 11) as f64 - 4.0)
        });
        let x = x.expect("a shape");
        for (mode, &extent) in shape.iter().enumerate() {
            let rows = unfold(&x, mode).expect("a mode");
            let rows = Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| rows[(i, j)].as_f64());
            let exact = &rows * rows.transpose();
            let g = gram(&x, mode, Side::Mode, Precision::Native).expect("a mode");
            close(&g, &exact, T::EPSILON);
            if rows.ncols() <= LARGEST_ORDER {
                let rest = gram(&x, mode, Side::Rest, Precision::Double).expect("a mode");
                close(&rest, &(rows.transpose() * &rows), f64::EPSILON);
            }
            let r = triangular_factor(&x, mode, Side::Mode).expect("finite");
            close(&(r.transpose() * &r), &exact, f64::EPSILON);
            for columns in [1, 2, 6, 13, 25] {
                let entry = |i: usize, j: usize| ((2 * i + 3 * j) % 5) as f64 - 2.0;
                let u = Mat::from_fn(columns, extent, |i, j| T::from_f64(entry(i, j)));
                let y = mode_product(&x, mode, u.as_ref()).expect("a mode");
                let y = unfold(&y, mode).expect("a mode");
                let y = Mat::from_fn(y.nrows(), y.ncols(), |i, j| y[(i, j)].as_f64());
                let u = Mat::from_fn(columns, extent, entry);
                close(&y, &(u * &rows), T::EPSILON);
            }
            // The eigensolvers are in `f64` for both scalars, so one scalar is enough.
            if T::EPSILON == f64::EPSILON {
                eigensolvers_agree(&exact);
            }
        }
        let squares: f64 = x.data().iter().map(|entry| entry.as_f64().powi(2)).sum();
        assert!((norm(&x) - squares.sqrt()).abs() <= 1e-13 * squares.sqrt());
    }
}

/// Calls `run` once on each instruction set.
pub(super) fn on_every_instruction_set(run: impl Fn() + Sync) {
    for arch in every_arch() {
        let pool = ThreadPoolBuilder::new().num_threads(1);
        let pool = pool.start_handler(move |_| CHOSEN.set(Some(arch))).build();
        pool.expect("a thread").install(&run);
    }
}

#[test]
fn kernels_agree_on_every_instruction_set() {
    on_every_instruction_set(|| {
        kernels_agree::<f64>();
        kernels_agree::<f32>();
    });
}

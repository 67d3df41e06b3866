//! Tests of every rung of the ladders, on matrices that are difficult for divide and conquer.

use faer::{Mat, MatRef, Scale};

use super::householder::Reduction;
use super::ladder::Rung;
use super::{eigh, svd, troublesome};
use crate::monitor::Cancellation;

/// The bound of error ratios in LAPACK's tests.
const THRESHOLD: f64 = 30.0;

/// The matrices, scaled to entries of at most one, as rungs expect them.
fn inputs() -> impl Iterator<Item = (&'static str, Mat<f64>)> {
    let matrices = troublesome::symmetric_matrices().into_iter();
    matrices.map(|(name, s)| match s.norm_max() {
        0.0 => (name, s),
        largest => (name, Scale(1.0 / largest) * s),
    })
}

/// The largest order for which the slow rungs are checked. Larger matrices take the same path
/// through their code.
const SLOW_ORDER: usize = 100;

/// The rungs that are checked on a matrix of order `n`.
fn rungs(ladder: &[Rung], n: usize) -> impl Iterator<Item = Rung> {
    let slow = |rung: Rung| matches!(rung, Rung::Jacobi | Rung::Gram);
    let ladder = ladder.iter().copied();
    ladder.filter(move |&rung| n <= SLOW_ORDER || !slow(rung))
}

fn check(ratio: f64, what: &str) {
    assert!(ratio < THRESHOLD, "{what}: ratio {ratio:.1}");
}

fn orthonormality(v: MatRef<'_, f64>) -> f64 {
    let defect = v.transpose() * v - Mat::<f64>::identity(v.ncols(), v.ncols());
    defect.norm_max() / (v.nrows() as f64 * f64::EPSILON)
}

#[test]
fn eigenproblems_on_every_rung() {
    for (name, s) in inputs() {
        let n = s.nrows() as f64;
        let unit = n * f64::EPSILON * s.norm_l2().max(f64::MIN_POSITIVE);
        let never = Cancellation::default();
        let reduction = Reduction::new(s.as_ref(), never).unwrap();
        for rung in rungs(&eigh::LADDER, s.nrows()) {
            let what = format!("{name}, {rung:?}");
            let pairs = eigh::on_rung(rung, s.as_ref(), &reduction, never).unwrap();
            let pairs = pairs.unwrap_or_else(|| panic!("{what}"));
            let (values, vectors) = (pairs.values, pairs.vectors.as_ref());
            assert!(values.is_sorted_by(|a, b| a >= b), "{what}");
            check(orthonormality(vectors), &what);
            let images = &s * vectors;
            for (j, &value) in values.iter().enumerate() {
                let residual = (0..s.nrows()).map(|i| images[(i, j)] - value * vectors[(i, j)]);
                check(residual.map(f64::abs).fold(0.0, f64::max) / unit, &what);
            }
        }
    }
}

#[test]
fn singular_values_on_every_rung() {
    for (name, r) in inputs() {
        let n = r.nrows() as f64;
        for rung in rungs(&svd::LADDER, r.nrows()) {
            let what = format!("{name}, {rung:?}");
            // A Gram matrix has squares with errors of ε.
            let epsilon = match rung {
                Rung::Gram => f64::EPSILON.sqrt(),
                _ => f64::EPSILON,
            };
            let size = r.norm_l2().max(f64::MIN_POSITIVE.sqrt());
            let unit = n * epsilon * size;
            let svd = svd::on_rung(rung, r.as_ref(), Cancellation::default()).unwrap();
            let (values, vectors) = svd.expect("convergence");
            assert!(values.is_sorted_by(|a, b| a >= b && *b >= 0.0), "{what}");
            check(orthonormality(vectors.as_ref()), &what);
            let images = &r * &vectors;
            for (j, &value) in values.iter().enumerate() {
                check((images.col(j).norm_l2() - value).abs() / unit, &what);
                for i in 0..j {
                    let angle = images.col(i).transpose() * images.col(j);
                    check(angle.abs() / (n * f64::EPSILON * size * size), &what);
                }
            }
        }
    }
}

#[test]
fn entries_that_are_not_finite_converge_on_no_rung() {
    let mut bad = Mat::<f64>::identity(20, 20);
    bad[(7, 3)] = f64::NAN;
    let never = Cancellation::default();
    let reduction = Reduction::new(bad.as_ref(), never).unwrap();
    for rung in eigh::LADDER {
        let pairs = eigh::on_rung(rung, bad.as_ref(), &reduction, never).unwrap();
        assert!(pairs.is_none(), "{rung:?}");
    }
    for rung in svd::LADDER {
        let svd = svd::on_rung(rung, bad.as_ref(), never).unwrap();
        assert!(svd.is_none(), "{rung:?}");
    }
}

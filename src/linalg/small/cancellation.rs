//! Tests of cancellation: each solver, and each of its steps, returns an error if the flag is set.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use faer::{Mat, MatRef};

use super::back_transform::back_transform;
use super::columns::Columns;
use super::householder::Reduction;
use super::ladder::Rung;
use super::{divide_and_conquer, eigh, jacobi, lanczos, svd, tridiagonal};
use crate::error::{Error, Result};
use crate::monitor::{Cancellation, Monitor};

/// Large enough for several merges.
const ORDER: usize = 70;

/// A Gram matrix without structure.
fn matrix() -> Mat<f64> {
    let a = Mat::from_fn(ORDER, ORDER + 3, |i, j| {
        ((7 * i + 3 * j * j) % 23) as f64 - 9.0
    });
    &a * a.transpose()
}

fn cancelled() -> Monitor {
    Monitor::new().cancelled_by(Arc::new(AtomicBool::new(true)))
}

fn ends<R>(result: Result<R>, what: &str) {
    assert!(matches!(result, Err(Error::Cancelled)), "{what}");
}

#[test]
fn solvers_end_when_cancelled() {
    let (s, monitor) = (matrix(), cancelled());
    let (s, flag) = (s.as_ref(), monitor.cancellation());
    ends(eigh::eigh_until(s, flag), "eigh");
    ends(eigh::eigh_in_scratch_until(s, flag), "eigh in scratch");
    ends(eigh::eigh_leading_until(s, |_| 3, flag), "leading vectors");
    ends(svd::right_singular_until(s, flag), "singular vectors");
    let pair = lanczos::leading_pair_in_scratch_until(s, 1e-3, flag);
    ends(pair, "leading pair");
}

#[test]
fn steps_end_when_cancelled() {
    let s = matrix();
    let s = s.as_ref() * faer::Scale(1.0 / s.norm_max());
    let monitor = cancelled();
    let (never, flag) = (Cancellation::default(), monitor.cancellation());
    let reduction = Reduction::new(s.as_ref(), never).unwrap();
    let t = reduction.tridiagonal();
    ends(Reduction::new(s.as_ref(), flag), "reduction");
    ends(divide_and_conquer::eigenvectors(t, flag), "merges");
    ends(tridiagonal::eigenvalues(t, flag), "eigenvalues");
    ends(
        tridiagonal::leading_vectors(t, &[1.0], flag),
        "inverse iteration",
    );
    let mut vectors = Columns::zeros(ORDER, 3);
    ends(
        back_transform(&reduction, &mut vectors, flag),
        "transformation back",
    );
    ends(jacobi::jacobi(s.as_ref(), flag), "Jacobi");
    for rung in eigh::LADDER {
        let pairs = eigh::on_rung(rung, s.as_ref(), &reduction, flag);
        ends(pairs, &format!("eigenproblem, {rung:?}"));
    }
    for rung in svd::LADDER {
        ends(
            on_svd_rung(rung, s.as_ref(), flag),
            &format!("svd, {rung:?}"),
        );
    }
}

fn on_svd_rung(rung: Rung, s: MatRef<'_, f64>, flag: Cancellation<'_>) -> Result<()> {
    svd::on_rung(rung, s, flag).map(|_| ())
}

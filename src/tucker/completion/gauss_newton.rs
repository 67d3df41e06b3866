//! A Gauss-Newton step on the tensors of given ranks.
//!
//! Among the tensors ξ of the tangent space at X̂, the step minimises ‖P(X − X̂ − ξ)‖, the error over
//! the observed entries. The normal equations are solved by conjugate gradients, to a tenth of the
//! gradient. Their condition is that of the observed part alone: with a share p of all entries
//! observed at random, the eigenvalues lie around p, so that a few steps suffice where imputation
//! needs about 1/p sweeps for each digit (Kressner, Steinlechner & Vandereycken, BIT Numer. Math.
//! 2014, solve the same problem by conjugate gradients alone).
//!
//! ```text
//! E = P(X − X̂);  ξ = 0;  r = d = projection of E on the tangent space
//! repeat: s = P d;  α = ‖r‖²/‖s‖²;  ξ += α d;  r −= α · projection of s;  d = r + β d
//! X̂ ← the truncation of X̂ + t ξ, with t = 1, 1/2, 1/4, … until the error is smaller
//! ```

use super::observed::Observed;
use super::tangent::Tangent;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// The maximum number of steps of conjugate gradients.
const MAX_INNER: usize = 12;

/// The steps end when the gradient is this share of the first one.
const INNER_TOLERANCE: f64 = 0.1;

/// A tangent tensor, and the number of steps of conjugate gradients that computed it.
pub(super) struct Direction {
    pub(super) list: Vec<f64>,
    pub(super) steps: usize,
}

/// The tangent tensor ξ of the step, from E = P(X − X̂).
pub(super) fn direction<T: Scalar>(
    tangent: &Tangent<'_, T>,
    e: &Tensor<T>,
    observed: &Observed,
) -> Result<Direction> {
    let mut residual = tangent.project(e)?;
    let mut list = vec![0.0; residual.len()];
    let mut search = residual.clone();
    let first = squares(&residual);
    let mut square = first;
    let mut steps = 0;
    while steps < MAX_INNER && square > INNER_TOLERANCE.powi(2) * first {
        // 1. The image of the search direction, observed.
        let mut image = tangent.tensor(&search)?;
        let energy = observed.sum(image.data(), image.data(), |x, _| x * x);
        if energy == 0.0 {
            break;
        }
        observed.clear_missing(image.data_mut());
        // 2. The step.
        let length = square / energy;
        add(&mut list, length, &search);
        add(&mut residual, -length, &tangent.project(&image)?);
        // 3. The next search direction.
        let next = squares(&residual);
        let share = next / square;
        for (direction, &gradient) in search.iter_mut().zip(&residual) {
            *direction = gradient + share * *direction;
        }
        square = next;
        steps += 1;
    }
    Ok(Direction { list, steps })
}

fn squares(list: &[f64]) -> f64 {
    list.iter().map(|entry| entry * entry).sum()
}

/// list ← list + factor · other.
fn add(list: &mut [f64], factor: f64, other: &[f64]) {
    for (entry, &other) in list.iter_mut().zip(other) {
        *entry += factor * other;
    }
}

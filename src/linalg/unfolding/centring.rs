//! Centring: subtracting the mean of each row of an unfolding M, either from its Gram matrix or
//! from its entries.
//!
//! With P columns, the vector 1 of P ones, and the means m = M·1/P of the rows:
//!
//! ```text
//! (M − m1ᵀ)(M − m1ᵀ)ᵀ = MMᵀ − P·mmᵀ
//! (M − m1ᵀ)ᵀ(M − m1ᵀ) = C MᵀM C,   C = I − 11ᵀ/P
//! ```

use faer::MatMut;

use super::vectors::Side;
use crate::scalar::Scalar;
use crate::simd::Scratch;
use crate::tensor::{ModeExtents, TensorRef};

/// Replaces the Gram matrix of the mode-n unfolding of `x` by the Gram matrix of the unfolding
/// with the mean of each row subtracted.
pub(super) fn centre<T: Scalar>(
    gram: MatMut<'_, f64>,
    x: TensorRef<'_, T>,
    around: ModeExtents,
    side: Side,
) {
    match side {
        Side::Mode => centre_rows(gram, x, around),
        Side::Rest => centre_columns(gram),
    }
}

/// C G C: gᵢⱼ − ḡᵢ − ḡⱼ + ḡ, where ḡᵢ is the mean of row i and ḡ the mean of all entries.
fn centre_columns(mut gram: MatMut<'_, f64>) {
    let n = gram.nrows();
    let means: Scratch<f64> = (0..n)
        .map(|j| gram.as_ref().col(j).sum() / n as f64)
        .collect();
    let mean = means.iter().sum::<f64>() / n as f64;
    for j in 0..n {
        for i in 0..n {
            gram[(i, j)] -= means[i] + means[j] - mean;
        }
    }
}

/// G − P·mmᵀ, where sᵢ = P·mᵢ is the sum of row i.
fn centre_rows<T: Scalar>(mut gram: MatMut<'_, f64>, x: TensorRef<'_, T>, around: ModeExtents) {
    let mut sums = Scratch::<f64>::zeroed(around.extent);
    // Each run of R entries of a slab belongs to one row.
    for (run, entries) in x.data().chunks(around.right).enumerate() {
        sums[run % around.extent] += sum(entries);
    }
    let columns = around.columns() as f64;
    for j in 0..gram.ncols() {
        for i in 0..gram.nrows() {
            gram[(i, j)] -= sums[i] * sums[j] / columns;
        }
    }
}

/// The sum of the entries in `f64`, from 16 partial sums.
fn sum<T: Scalar>(entries: &[T]) -> f64 {
    let (blocks, rest) = entries.as_chunks::<16>();
    let mut lanes = [0.0; 16];
    for block in blocks {
        for (lane, entry) in lanes.iter_mut().zip(block) {
            *lane += entry.as_f64();
        }
    }
    let rest: f64 = rest.iter().map(|entry| entry.as_f64()).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Subtracts the mean of the entries. A second pass subtracts the mean of the differences, so
/// that the rounding error is small relative to the deviations even for a large mean.
pub(crate) fn subtract_mean(entries: &mut [f64]) {
    for _ in 0..2 {
        let mean = sum(entries) / entries.len() as f64;
        for entry in entries.iter_mut() {
            *entry -= mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_from_a_large_mean_keep_their_digits() {
        let offset = 1e12;
        let mut entries = [offset + 1.0, offset + 2.0, offset + 6.0];
        subtract_mean(&mut entries);
        assert_eq!(entries, [-2.0, -1.0, 3.0]);
    }
}

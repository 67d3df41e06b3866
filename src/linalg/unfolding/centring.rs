//! Centring: the mean of each row of an unfolding is subtracted, from its Gram matrix or from
//! the entries.
//!
//! With 1 the vector of ones, P columns and m = M·1/P the means of the rows:
//!
//! ```text
//! (M − m1ᵀ)(M − m1ᵀ)ᵀ = MMᵀ − P·mmᵀ
//! (M − m1ᵀ)ᵀ(M − m1ᵀ) = C MᵀM C,   C = I − 11ᵀ/P
//! ```

use faer::MatMut;

use super::gram::Side;
use crate::scalar::Scalar;
use crate::simd::Scratch;
use crate::tensor::{ModeExtents, TensorRef};

/// The Gram matrix of the mode-n unfolding of `x` with the mean of each row subtracted, from
/// the Gram matrix of the unfolding itself.
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

/// C G C: gᵢⱼ − ḡᵢ − ḡⱼ + ḡ, with the means of the rows, of the columns and of all entries.
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
    // Slab by slab, a run of R entries belongs to one row.
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

/// Σ of the entries in `f64`, as 16 partial sums.
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

/// Subtracts the mean of the entries. A second pass subtracts the mean of the differences:
/// the rounding error is then relative to the deviations, however large the mean is.
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
    fn centring_keeps_the_digits_of_the_deviations() {
        let offset = 1e12;
        let mut entries = [offset + 1.0, offset + 2.0, offset + 6.0];
        subtract_mean(&mut entries);
        assert_eq!(entries, [-2.0, -1.0, 3.0]);
    }
}

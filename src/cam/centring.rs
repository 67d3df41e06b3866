//! Centring: each channel's mean over the positions is subtracted, from Gram
//! matrices or from channels.

use faer::MatMut;

use crate::linalg::Side;
use crate::scalar::Scalar;
use crate::simd::Scratch;
use crate::tensor::TensorRef;

/// The Gram matrix of M with each row's mean subtracted, from that of M.
pub(super) fn centre<T: Scalar>(gram: MatMut<'_, f64>, m: TensorRef<'_, T>, side: Side) {
    match side {
        Side::Mode => centre_rows(gram, m),
        Side::Rest => centre_both(gram),
    }
}

/// MᵀM of M with each row's mean subtracted: the means of rows and of columns
/// leave MᵀM itself.
fn centre_both(mut gram: MatMut<'_, f64>) {
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

/// MMᵀ of M with each row's mean subtracted: P times the product of means leaves
/// each entry.
fn centre_rows<T: Scalar>(mut gram: MatMut<'_, f64>, m: TensorRef<'_, T>) {
    let positions = m.shape()[1];
    let sums: Scratch<f64> = m.data().chunks(positions).map(sum).collect();
    for j in 0..gram.ncols() {
        for i in 0..gram.nrows() {
            gram[(i, j)] -= sums[i] * sums[j] / positions as f64;
        }
    }
}

/// Σ of the entries, in `f64`, some of them side by side.
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

/// Subtracts the mean. What the first mean leaves is summed again, so that the
/// rounding is that of the deviations however large the mean is.
pub(super) fn centre_channel(channel: &mut [f64]) {
    for _ in 0..2 {
        let mean = sum(channel) / channel.len() as f64;
        for entry in channel.iter_mut() {
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
        let mut channel = [offset + 1.0, offset + 2.0, offset + 6.0];
        centre_channel(&mut channel);
        assert_eq!(channel, [-2.0, -1.0, 3.0]);
    }
}

//! From a feature map to the singular values σᵢ of its channel mode and the
//! projected maps Σ_c vᵢ[c]·F[c].
//!
//! Write M = Σ σᵢ uᵢ zᵢᵀ for the C×P unfolding, P the number of positions. The
//! projected map of uᵢ is Mᵀuᵢ = σᵢzᵢ, so that where P < C it comes from the
//! P×P Gram matrix alone, and uᵢ is never formed.

use faer::{MatMut, MatRef};

use super::weighting::Vectors;
use crate::error::Result;
use crate::kernel::Scratch;
use crate::linalg::{
    Precision, Side, eigh_in_scratch, gram_in_scratch, leading_pair_in_scratch, trace,
};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{TensorRef, first_non_finite, mode_product_into};
use crate::tucker::{Hooi, Start};

/// What is asked of a feature map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Which vectors.
    pub(super) vectors: Vectors,
    /// Whether each channel's mean is subtracted first.
    pub(super) centring: bool,
    /// The ranks of a truncated Tucker decomposition; without them the
    /// singular value decomposition of the unfolding.
    pub(super) ranks: Option<&'a [usize]>,
}

/// The traces of Gram matrices whose entries can be squared without leaving the
/// range of `f64`.
const SAFE_TRACE: std::ops::Range<f64> = 1e-120..1e120;

/// The singular values σ₁ ≥ σ₂ ≥ … of `x`, C×(any trailing shape), up to a common
/// factor that is a power of two: all of them; if only the first vector is asked
/// for, σ₁, and σ₂ where it exceeds [`DEGENERATE_RATIO`]·σ₁. Calls `visit` with σᵢ/σ₁
/// and the projected map of each vector asked for, in order.
///
/// A zero feature map, or one that centring makes zero, gives σ₁ = 0 and no
/// projected map.
pub(super) fn spectrum<T: Scalar>(
    x: TensorRef<'_, T>,
    request: Request<'_>,
    visit: &mut impl FnMut(f64, &[f64]),
) -> Result<Scratch<f64>> {
    let Request {
        vectors,
        centring,
        ranks,
    } = request;
    if let Some(ranks) = ranks {
        let exponent = largest_exponent(x)?.unwrap_or(0);
        let prepared = prepared(x, centring, exponent);
        let prepared = TensorRef::new(x.shape(), &prepared)?;
        return tucker(prepared, ranks, vectors, visit);
    }
    let matrix = [x.shape()[0], x.data().len() / x.shape()[0]];
    let m = TensorRef::new(&matrix, x.data())?;
    if let Some(values) = svd(m, vectors, centring, visit)? {
        return Ok(values);
    }
    if let Some(exponent) = largest_exponent(x)? {
        let prepared = prepared(x, centring, exponent);
        let m = TensorRef::new(&matrix, &prepared)?;
        if let Some(values) = svd(m, vectors, false, visit)? {
            return Ok(values);
        }
    }
    Ok(square_roots(&[0.0]))
}

/// `x`·2⁻ᵉ, centred if asked.
fn prepared<T: Scalar>(x: TensorRef<'_, T>, centring: bool, exponent: i32) -> Scratch<f64> {
    let entries = x.data().iter().map(|entry| entry.as_f64());
    let mut prepared: Scratch<f64> = if exponent == 0 {
        entries.collect()
    } else {
        entries.map(|entry| scale(entry, -exponent)).collect()
    };
    if centring {
        let positions = x.data().len() / x.shape()[0];
        prepared.chunks_mut(positions).for_each(centre_channel);
    }
    prepared
}

/// The singular value decomposition of the matrix `m`, C×P, from the Gram
/// matrix of its smaller side, centred if asked; nothing where an entry is not
/// finite, or so large or small that its fourth power leaves the range of `f64`,
/// and where centring would cancel too many digits.
fn svd<T: Scalar>(
    m: TensorRef<'_, T>,
    vectors: Vectors,
    centring: bool,
    visit: &mut impl FnMut(f64, &[f64]),
) -> Result<Option<Scratch<f64>>> {
    let side = if m.shape()[0] <= m.shape()[1] {
        Side::Mode
    } else {
        Side::Rest
    };
    // The projected maps of M itself are to be centred as its rows are.
    let mut visit = |weight: f64, projected: &mut [f64]| {
        if centring && side == Side::Mode {
            centre_channel(projected);
        }
        visit(weight, projected);
    };
    if T::EPSILON > f64::EPSILON && vectors == Vectors::First {
        // Half the work, where the gap leaves no room for its rounding.
        let mut gram = gram_in_scratch(m, 0, side, Precision::Native)?;
        let energy = trace(gram.as_ref());
        if centring {
            centre(gram.as_mut(), m, side);
        }
        let gap = CLEAR_GAP * energy / trace(gram.as_ref());
        if SAFE_SINGLE_TRACE.contains(&energy)
            && gap < 1.0
            && let Some((value, vector)) = leading_pair_in_scratch(gram.as_ref(), gap)
        {
            let values = square_roots(&[value]);
            project_first(m, side, values[0], &vector, &mut visit);
            return Ok(Some(values));
        }
    }
    let mut gram = gram_in_scratch(m, 0, side, Precision::Double)?;
    let energy = trace(gram.as_ref());
    if !SAFE_TRACE.contains(&energy) {
        return Ok(None);
    }
    if centring {
        centre(gram.as_mut(), m, side);
        if trace(gram.as_ref()) < CENTRED_SHARE * energy {
            return Ok(None);
        }
    }
    let values = match vectors {
        Vectors::First => first_vector(m, side, gram.as_ref(), &mut visit)?,
        Vectors::All => all_vectors(m, side, gram.as_ref(), &mut visit)?,
    };
    Ok(Some(values))
}

/// σ₁ and the first projected map, and σ₂ where it comes close.
fn first_vector<T: Scalar>(
    m: TensorRef<'_, T>,
    side: Side,
    gram: MatRef<'_, f64>,
    visit: &mut impl FnMut(f64, &mut [f64]),
) -> Result<Scratch<f64>> {
    let gap = 1.0 - DEGENERATE_RATIO.powi(2);
    if let Some((value, vector)) = leading_pair_in_scratch(gram, gap) {
        let values = square_roots(&[value]);
        project_first(m, side, values[0], &vector, visit);
        return Ok(values);
    }
    let (eigen, _) = eigh_in_scratch(gram)?;
    let values = square_roots(&eigen.values[..eigen.values.len().min(2)]);
    project_first(m, side, values[0], eigen.vectors.col(0), visit);
    Ok(values)
}

/// The first projected map from σ₁ and the leading eigenvector of a Gram matrix.
fn project_first<T: Scalar>(
    m: TensorRef<'_, T>,
    side: Side,
    sigma: f64,
    vector: &[f64],
    visit: &mut impl FnMut(f64, &mut [f64]),
) {
    let positions = m.shape()[1];
    let mut projected = Scratch::zeroed(positions);
    match side {
        Side::Rest => {
            for (entry, z) in projected.iter_mut().zip(vector) {
                *entry = sigma * z;
            }
        }
        Side::Mode => {
            for (weight, channel) in vector.iter().zip(m.data().chunks(positions)) {
                for (entry, feature) in projected.iter_mut().zip(channel) {
                    *entry += weight * feature.as_f64();
                }
            }
        }
    }
    visit(1.0, &mut projected);
}

/// Every σᵢ and every projected map.
fn all_vectors<T: Scalar>(
    m: TensorRef<'_, T>,
    side: Side,
    gram: MatRef<'_, f64>,
    visit: &mut impl FnMut(f64, &mut [f64]),
) -> Result<Scratch<f64>> {
    let (eigen, _) = eigh_in_scratch(gram)?;
    let values = square_roots(&eigen.values);
    match side {
        Side::Rest => {
            let mut projected = Scratch::zeroed(m.shape()[1]);
            for (i, &sigma) in values.iter().enumerate() {
                for (entry, z) in projected.iter_mut().zip(eigen.vectors.col(i)) {
                    *entry = sigma * z;
                }
                visit(sigma / values[0], &mut projected);
            }
        }
        Side::Mode => {
            let count = values.len();
            let entries = (0..count).flat_map(|i| eigen.vectors.col(i));
            let vectors: Scratch<T> = entries.map(|&entry| T::from_f64(entry)).collect();
            let vectors = MatRef::from_column_major_slice(&vectors, count, count);
            project_all(m, &values, vectors, visit)?;
        }
    }
    Ok(values)
}

/// The projected maps of every column of `vectors`.
fn project_all<T: Scalar>(
    m: TensorRef<'_, T>,
    values: &[f64],
    vectors: MatRef<'_, T>,
    visit: &mut impl FnMut(f64, &mut [f64]),
) -> Result<()> {
    let positions = m.shape()[1];
    let mut products = Scratch::<T>::unspecified(vectors.ncols() * positions);
    mode_product_into(m, 0, vectors.transpose(), &mut products)?;
    let mut projected = Scratch::zeroed(positions);
    for (&sigma, product) in values.iter().zip(products.chunks(positions)) {
        for (entry, product) in projected.iter_mut().zip(product) {
            *entry = product.as_f64();
        }
        visit(sigma / values[0], &mut projected);
    }
    Ok(())
}

/// The channel factor of a Tucker decomposition of `x` at the given ranks:
/// σᵢ is the norm of the core's i-th slice, vᵢ column i of the factor.
fn tucker(
    x: TensorRef<'_, f64>,
    ranks: &[usize],
    vectors: Vectors,
    visit: &mut impl FnMut(f64, &[f64]),
) -> Result<Scratch<f64>> {
    let hooi = Hooi {
        start: Start::Hosvd,
        max_sweeps: MAX_SWEEPS,
        tolerance: 0.0,
        ..Hooi::new(ranks.to_vec())
    };
    let mut sweeps = hooi.sweeps(x)?;
    for sweep in &mut sweeps {
        let sweep = sweep?;
        if 2.0 * sweep.relative_error * sweep.change.abs() <= ENERGY_TOLERANCE {
            break;
        }
    }
    let tucker = sweeps.finish()?;
    let rank = tucker.ranks()[0];
    let slices = tucker
        .core()
        .data()
        .chunks(tucker.core().data().len() / rank);
    let squares = slices.map(|slice| slice.iter().map(|entry| entry * entry).sum());
    let values = square_roots(&squares.collect::<Scratch<f64>>());
    let count = match vectors {
        Vectors::First => 1,
        Vectors::All => rank,
    };
    if let Some(factor) = tucker.factor(0)
        && values[0] > 0.0
    {
        let matrix = [x.shape()[0], x.data().len() / x.shape()[0]];
        let matrix = TensorRef::new(&matrix, x.data())?;
        let leading = factor.get(.., ..count);
        project_all(matrix, &values, leading, &mut |weight, projected| {
            visit(weight, projected);
        })?;
    }
    Ok(values)
}

/// Singular values from their squares, which rounding may have made negative.
fn square_roots(squares: &[f64]) -> Scratch<f64> {
    let values = squares.iter().map(|square| square.max(0.0).sqrt());
    values.collect()
}

/// The ratio σ₂/σ₁ above which the first vector does not stand apart.
pub(super) const DEGENERATE_RATIO: f64 = 0.999;

/// HOOI stops where a sweep changes the captured share ‖G‖²/‖X‖² by no more.
/// The error of the factors goes with its square root.
pub(crate) const ENERGY_TOLERANCE: f64 = 1e-14;

/// HOOI stops after so many sweeps in any case.
pub(crate) const MAX_SWEEPS: usize = 200;

/// The traces of Gram matrices in `f32` that neither overflow nor lose entries.
const SAFE_SINGLE_TRACE: std::ops::Range<f64> = 1e-20..1e30;

/// The relative gap 1 − σ₂²/σ₁² that makes a first vector from an `f32` Gram
/// matrix, whose error is some 3e-7·‖M‖², good to a few 1e-6; more is asked for
/// where centring leaves less of ‖M‖² than there was.
const CLEAR_GAP: f64 = 0.2;

/// The share of Σσᵢ² that must be left by centring a Gram matrix: as many digits
/// are cancelled as this has zeros. Below, the features themselves are centred.
const CENTRED_SHARE: f64 = 1e-3;

/// The Gram matrix of M with each row's mean subtracted, from that of M.
fn centre<T: Scalar>(gram: MatMut<'_, f64>, m: TensorRef<'_, T>, side: Side) {
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
fn centre_channel(channel: &mut [f64]) {
    for _ in 0..2 {
        let mean = sum(channel) / channel.len() as f64;
        for entry in channel.iter_mut() {
            *entry -= mean;
        }
    }
}

/// The binary exponent of the largest entry; `None` for a zero tensor.
fn largest_exponent<T: Scalar>(x: TensorRef<'_, T>) -> Result<Option<i32>> {
    if let Some(error) = first_non_finite(x) {
        return Err(error);
    }
    let magnitudes = x.data().iter().map(|entry| entry.as_f64().abs());
    let largest = magnitudes.fold(0.0, f64::max);
    Ok((largest > 0.0).then(|| binary_exponent(largest)))
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

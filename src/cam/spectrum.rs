//! From a feature map to the singular values σᵢ of its channel mode and the
//! projected maps Σ_c vᵢ[c]·F[c].
//!
//! Write M = Σ σᵢ uᵢ zᵢᵀ for the C×P unfolding, P the number of positions. The
//! projected map of uᵢ is Mᵀuᵢ = σᵢzᵢ, so that where P < C it comes from the
//! P×P Gram matrix alone, and uᵢ is never formed.

use faer::{Mat, MatMut, MatRef};

use super::weighting::Vectors;
use crate::error::Result;
use crate::linalg::{Precision, Side, eigh, gram, leading_pair};
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

/// Singular values, and memory that serves one feature map after the other.
#[derive(Debug, Default)]
pub(super) struct Spectrum {
    /// σ₁ ≥ σ₂ ≥ …: all of them; if only the first vector was asked for, σ₁, and
    /// σ₂ where it exceeds [`DEGENERATE_RATIO`]·σ₁.
    pub(super) values: Vec<f64>,
    /// One projected map.
    projected: Vec<f64>,
    /// Memory for all projected maps, in the scalar of the feature map.
    products: Vec<f64>,
    /// The feature map, centred and scaled by a power of two.
    prepared: Vec<f64>,
}

/// The traces of Gram matrices whose entries can be squared without leaving the
/// range of `f64`.
const SAFE_TRACE: std::ops::Range<f64> = 1e-120..1e120;

impl Spectrum {
    /// Fills in the values of `x`, C×(any trailing shape), up to a common factor
    /// that is a power of two, and calls `visit` with σᵢ/σ₁ and the projected map
    /// of each vector asked for, in order.
    ///
    /// A zero feature map, or one that centring makes zero, gives σ₁ = 0 and no
    /// projected map.
    pub(super) fn compute<T: Scalar>(
        &mut self,
        x: TensorRef<'_, T>,
        request: Request<'_>,
        visit: &mut impl FnMut(f64, &[f64]),
    ) -> Result<()> {
        let (channels, positions) = (x.shape()[0], x.data().len() / x.shape()[0]);
        let matrix = [channels, positions];
        if let Some(ranks) = request.ranks {
            let exponent = largest_exponent(x)?.unwrap_or(0);
            self.prepare(x, request.centring, exponent);
            let prepared = std::mem::take(&mut self.prepared);
            let prepared_x = TensorRef::new(x.shape(), &prepared)?;
            let done = self.tucker(prepared_x, ranks, request.vectors, visit);
            self.prepared = prepared;
            return done;
        }
        let m = TensorRef::new(&matrix, x.data())?;
        if self.svd(m, request.vectors, request.centring, visit)? {
            return Ok(());
        }
        if let Some(exponent) = largest_exponent(x)? {
            self.prepare(x, request.centring, exponent);
            let prepared = std::mem::take(&mut self.prepared);
            let m = TensorRef::new(&matrix, &prepared)?;
            let done = self.svd(m, request.vectors, false, visit);
            self.prepared = prepared;
            if done? {
                return Ok(());
            }
        }
        self.take_values(&[0.0]);
        Ok(())
    }

    /// Copies `x`·2⁻ᵉ, centred if asked.
    fn prepare<T: Scalar>(&mut self, x: TensorRef<'_, T>, centring: bool, exponent: i32) {
        self.prepared.clear();
        if exponent == 0 {
            let entries = x.data().iter().map(|&entry| entry.as_f64());
            self.prepared.extend(entries);
        } else {
            let entries = x.data().iter();
            let scaled = entries.map(|entry| scale(entry.as_f64(), -exponent));
            self.prepared.extend(scaled);
        }
        if centring {
            let positions = x.data().len() / x.shape()[0];
            self.prepared.chunks_mut(positions).for_each(centre_channel);
        }
    }

    /// The singular value decomposition of the matrix `m`, C×P, from the Gram
    /// matrix of its smaller side, centred if asked; `false` where an entry is not
    /// finite, or so large or small that its fourth power leaves the range of `f64`,
    /// and where centring would cancel too many digits.
    fn svd<T: Scalar>(
        &mut self,
        m: TensorRef<'_, T>,
        vectors: Vectors,
        centring: bool,
        visit: &mut impl FnMut(f64, &[f64]),
    ) -> Result<bool> {
        // The projected maps of M itself are to be centred as its rows are.
        let mut visit = |weight: f64, projected: &mut [f64]| {
            if centring && m.shape()[0] <= m.shape()[1] {
                centre_channel(projected);
            }
            visit(weight, projected);
        };
        let side = if m.shape()[0] <= m.shape()[1] {
            Side::Mode
        } else {
            Side::Rest
        };
        if T::EPSILON > f64::EPSILON && vectors == Vectors::First {
            // Half the work, where the gap leaves no room for its rounding.
            let mut gram = gram(m, 0, side, Precision::Native)?;
            let energy = trace(gram.as_ref());
            if centring {
                centre(gram.as_mut(), m, side);
            }
            let gap = CLEAR_GAP * energy / trace(gram.as_ref());
            if SAFE_SINGLE_TRACE.contains(&energy)
                && gap < 1.0
                && let Some(pair) = leading_pair(gram.as_ref(), gap)
            {
                self.project_first(m, side, pair.value, &pair.vector, &mut visit);
                return Ok(true);
            }
        }
        let mut gram = gram(m, 0, side, Precision::Double)?;
        let energy = trace(gram.as_ref());
        if !SAFE_TRACE.contains(&energy) {
            return Ok(false);
        }
        if centring {
            centre(gram.as_mut(), m, side);
            if trace(gram.as_ref()) < CENTRED_SHARE * energy {
                return Ok(false);
            }
        }
        match vectors {
            Vectors::First => self.first_vector(m, side, gram.as_ref(), &mut visit)?,
            Vectors::All => self.all_vectors(m, side, gram.as_ref(), &mut visit)?,
        }
        Ok(true)
    }

    /// σ₁ and the first projected map, and σ₂ where it comes close.
    fn first_vector<T: Scalar>(
        &mut self,
        m: TensorRef<'_, T>,
        side: Side,
        gram: MatRef<'_, f64>,
        visit: &mut impl FnMut(f64, &mut [f64]),
    ) -> Result<()> {
        if let Some(pair) = leading_pair(gram, 1.0 - DEGENERATE_RATIO.powi(2)) {
            self.project_first(m, side, pair.value, &pair.vector, visit);
            return Ok(());
        }
        let eigen = eigh(gram)?;
        let vector: Vec<f64> = eigen.vectors.col(0).iter().copied().collect();
        self.project_first(m, side, eigen.values[0], &vector, visit);
        self.take_values(&eigen.values[..eigen.values.len().min(2)]);
        Ok(())
    }

    /// The first projected map from the leading eigenpair of a Gram matrix.
    fn project_first<T: Scalar>(
        &mut self,
        m: TensorRef<'_, T>,
        side: Side,
        value: f64,
        vector: &[f64],
        visit: &mut impl FnMut(f64, &mut [f64]),
    ) {
        let positions = m.shape()[1];
        self.take_values(&[value]);
        self.projected.clear();
        self.projected.resize(positions, 0.0);
        match side {
            Side::Rest => {
                for (entry, z) in self.projected.iter_mut().zip(vector) {
                    *entry = self.values[0] * z;
                }
            }
            Side::Mode => {
                for (weight, channel) in vector.iter().zip(m.data().chunks(positions)) {
                    for (entry, feature) in self.projected.iter_mut().zip(channel) {
                        *entry += weight * feature.as_f64();
                    }
                }
            }
        }
        visit(1.0, &mut self.projected);
    }

    /// Every σᵢ and every projected map.
    fn all_vectors<T: Scalar>(
        &mut self,
        m: TensorRef<'_, T>,
        side: Side,
        gram: MatRef<'_, f64>,
        visit: &mut impl FnMut(f64, &mut [f64]),
    ) -> Result<()> {
        let eigen = eigh(gram)?;
        self.take_values(&eigen.values);
        match side {
            Side::Rest => {
                for (i, &sigma) in self.values.iter().enumerate() {
                    self.projected.clear();
                    let column = eigen.vectors.col(i);
                    self.projected.extend(column.iter().map(|z| sigma * z));
                    visit(sigma / self.values[0], &mut self.projected);
                }
            }
            Side::Mode => {
                let vectors = eigen.vectors.as_ref();
                let vectors = Mat::from_fn(vectors.nrows(), vectors.ncols(), |c, i| {
                    T::from_f64(vectors[(c, i)])
                });
                self.project_all(m, vectors.as_ref(), visit)?;
            }
        }
        Ok(())
    }

    /// The projected maps of every column of `vectors`.
    fn project_all<T: Scalar>(
        &mut self,
        m: TensorRef<'_, T>,
        vectors: MatRef<'_, T>,
        visit: &mut impl FnMut(f64, &mut [f64]),
    ) -> Result<()> {
        let positions = m.shape()[1];
        let count = vectors.ncols() * positions;
        let in_one = size_of::<f64>() / size_of::<T>();
        self.products.resize(count.div_ceil(in_one), 0.0);
        let products: &mut [T] = bytemuck::cast_slice_mut(&mut self.products);
        let products = &mut products[..count];
        mode_product_into(m, 0, vectors.transpose(), products)?;
        for (&sigma, product) in self.values.iter().zip(products.chunks(positions)) {
            self.projected.clear();
            self.projected
                .extend(product.iter().map(|entry| entry.as_f64()));
            visit(sigma / self.values[0], &mut self.projected);
        }
        Ok(())
    }

    /// The channel factor of a Tucker decomposition of `x` at the given ranks:
    /// σᵢ is the norm of the core's i-th slice, vᵢ column i of the factor.
    fn tucker(
        &mut self,
        x: TensorRef<'_, f64>,
        ranks: &[usize],
        vectors: Vectors,
        visit: &mut impl FnMut(f64, &[f64]),
    ) -> Result<()> {
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
        let core = tucker.core().data();
        let squares = core
            .chunks(core.len() / rank)
            .map(|slice| slice.iter().map(|entry| entry * entry).sum());
        self.take_values(&squares.collect::<Vec<f64>>());
        let count = match vectors {
            Vectors::First => 1,
            Vectors::All => rank,
        };
        if let Some(factor) = tucker.factor(0)
            && self.values[0] > 0.0
        {
            let matrix = [x.shape()[0], x.data().len() / x.shape()[0]];
            let matrix = TensorRef::new(&matrix, x.data())?;
            let leading = factor.get(.., ..count);
            self.project_all(matrix, leading, &mut |weight, projected| {
                visit(weight, projected);
            })?;
        }
        Ok(())
    }

    /// Takes the square roots of `squares` as singular values.
    fn take_values(&mut self, squares: &[f64]) {
        self.values.clear();
        let values = squares.iter().map(|square| square.max(0.0).sqrt());
        self.values.extend(values);
    }
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

/// Σ of the diagonal.
fn trace(gram: MatRef<'_, f64>) -> f64 {
    (0..gram.nrows()).map(|i| gram[(i, i)]).sum()
}

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
    let means: Vec<f64> = (0..n)
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
    let sums: Vec<f64> = m.data().chunks(positions).map(sum).collect();
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

//! Decompositions with factors that need not be orthonormal, such as non-negative factors or factors
//! from a file of another program.
//!
//! A QR factorization of each factor moves the difference into the core. The tensor stays the same:
//!
//! ```text
//! X̂ = G ×₀ A₀ ×₁ A₁ …,   Aₙ = Qₙ Rₙ   ──>   X̂ = H ×₀ Q₀ ×₁ Q₁ …,   H = G ×₀ R₀ ×₁ R₁ …
//! ```
//!
//! The factors Qₙ are orthonormal, so X̂ and H have the same norm and the same singular values in
//! each mode.

use faer::Mat;

use super::decomposition::Tucker;
use super::mode_spectrum;
use super::scaling::{rescaled, scaled};
use crate::error::Result;
use crate::linalg::{check_finite, left_singular_memory, orthonormal_basis, product};
use crate::scalar::{Scalar, binary_exponent, scale};
use crate::tensor::{
    Sizes, Tensor, largest_magnitude, multi_mode_product, multi_mode_product_memory, norm,
    whole_bytes,
};

/// The core H, and the basis Qₙ of each mode with a factor.
type Orthonormal<T> = (Tensor<T>, Vec<(usize, Mat<T>)>);

impl<T: Scalar> Tucker<T> {
    /// The same tensor with orthonormal factors, from a QR factorization of each factor:
    /// Aₙ = Qₙ Rₙ, and G becomes G ×ₙ Rₙ …. A factor with more columns than rows becomes the identity,
    /// so that no rank is above its extent. The errors and spectra stay the same.
    ///
    /// The result differs from X̂ by at most 30·ΣIₙ·ε·‖G‖·Π‖Aₙ‖. Orthonormal factors stay
    /// as they are, without a computation.
    ///
    /// Cost: 6·Iₙ·Rₙ² flops for each factor, and the product of the core with the Rₙ.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) for an entry of the core or of a factor;
    /// [`Error::ResultOutOfRange`](crate::Error::ResultOutOfRange) if an entry of the core is above
    /// the largest scalar.
    ///
    /// ```
    /// # use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[1, 2], vec![1.0, 2.0])?;
    /// let tucker = Tucker::new(core, vec![Some(faer::mat![[3.0], [4.0]]), None])?;
    /// let same = tucker.orthonormalised()?;
    /// assert!(same.has_orthonormal_factors());
    /// assert!((same.core().norm() - same.reconstruct()?.norm()).abs() < 1e-14);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn orthonormalised(self) -> Result<Self> {
        if self.has_orthonormal_factors() {
            return Ok(self);
        }
        let (core, factors) = self.orthonormal_parts()?;
        self.with_orthonormal(core, factors)
    }

    /// ‖X̂‖, without a reconstruction: the norm of the core, or of the core for orthonormal factors
    /// ([`Tucker::orthonormalised`]).
    ///
    /// # Errors
    /// Those of [`Tucker::orthonormalised`].
    ///
    /// ```
    /// # use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[1], vec![2.0])?;
    /// let tucker = Tucker::new(core, vec![Some(faer::mat![[3.0], [4.0]])])?;
    /// assert!((tucker.norm()? - 10.0_f64).abs() < 1e-14);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn norm(&self) -> Result<f64> {
        if self.has_orthonormal_factors() {
            return Ok(norm(self.core()));
        }
        Ok(norm(&self.orthonormal_parts()?.0))
    }

    /// The singular values of the unfolding X̂₍ₙ₎ that can differ from 0, largest first. They are those
    /// of the core for orthonormal factors. [`Tucker::spectrum`] has the values that a solver computed
    /// from X.
    ///
    /// # Errors
    /// Those of [`Tucker::orthonormalised`] and of [`mode_spectrum`].
    ///
    /// ```
    /// # use tenfold::{Tensor, Tucker};
    /// let core = Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 2.0])?;
    /// let doubled = faer::mat![[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]];
    /// let tucker = Tucker::new(core, vec![Some(doubled), None])?;
    /// assert_eq!(tucker.mode_spectrum(1)?, [4.0, 2.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn mode_spectrum(&self, mode: usize) -> Result<Vec<f64>> {
        if self.has_orthonormal_factors() {
            return mode_spectrum(self.core(), mode);
        }
        mode_spectrum(&self.orthonormal_parts()?.0, mode)
    }

    /// The maximum number of bytes that [`Tucker::orthonormalised`], [`Tucker::norm`] and
    /// [`Tucker::mode_spectrum`] allocate.
    #[must_use]
    pub fn spectra_memory(&self) -> u64 {
        let core = Sizes::of::<T>(self.ranks());
        let singular = |core: &Sizes| {
            let modes = 0..core.extents.len();
            modes.fold(0.0, |most: f64, mode| {
                most.max(left_singular_memory(core, mode, 0.0))
            })
        };
        if self.has_orthonormal_factors() {
            return whole_bytes(singular(&core));
        }
        // 1. The bases, and beside them two `f64` copies of a factor and a scaled copy.
        let (mut bases, mut factorizing, mut steps) = (0.0, 0.0f64, Vec::new());
        for (mode, a) in self.products() {
            let entries = (a.nrows() * a.ncols()) as f64;
            let rank = a.nrows().min(a.ncols()) as f64;
            bases += (a.nrows() as f64 + a.ncols() as f64) * rank * core.scalar;
            factorizing = factorizing.max(entries * (2.0 * size_of::<f64>() as f64 + core.scalar));
            steps.push((mode, rank));
        }
        // 2. The scaled core, and its product with the Rₙ.
        let product = steps
            .iter()
            .fold(core.clone(), |core, &(mode, rank)| core.with(mode, rank));
        let multiplying = core.bytes() + product.bytes() + multi_mode_product_memory(&core, &steps);
        let solving = product.bytes() + singular(&product);
        whole_bytes(bases + factorizing.max(multiplying).max(solving))
    }

    /// H and the Qₙ. The core and each factor are scaled by a power of two, so that no Rₙ and no
    /// partial product leaves the range of the scalar.
    fn orthonormal_parts(&self) -> Result<Orthonormal<T>> {
        // 1. Aₙ·2⁻ᵉ = Qₙ Rₙ.
        let of_core = binary_exponent(largest_magnitude(self.core().view())?);
        let mut exponent = of_core;
        let (mut bases, mut triangles) = (Vec::new(), Vec::new());
        for (mode, a) in self.products() {
            check_finite(a, |_| 0)?;
            let own = binary_exponent(a.norm_max().as_f64());
            let a = Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
                T::from_f64(scale(a[(i, j)].as_f64(), -own))
            });
            let (q, r) = if a.nrows() < a.ncols() {
                (Mat::identity(a.nrows(), a.nrows()), a)
            } else {
                let q = orthonormal_basis(a.as_ref())?;
                let r = product(q.transpose(), a.as_ref());
                (q, r)
            };
            exponent = exponent.saturating_add(own);
            bases.push((mode, q));
            triangles.push((mode, r));
        }
        // 2. H = G ×ₙ Rₙ ….
        let core = scaled(self.core().view(), -of_core)?;
        let triangles: Vec<_> = triangles
            .iter()
            .map(|(mode, r)| (*mode, r.as_ref()))
            .collect();
        let core = multi_mode_product(&core, &triangles)?;
        Ok((rescaled(&core, exponent, "the core")?, bases))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle;
    use crate::common::random::Random;
    use crate::linalg::is_orthonormal;

    /// Checks the decomposition with orthonormal factors against the given core and factors, scaled by
    /// 2^`exponents`, in `f64`.
    fn check<T: Scalar>(core: &Tensor<T>, factors: &[Mat<T>], exponents: (i32, i32)) {
        let scale_by = |value: T, exponent| T::from_f64(scale(value.as_f64(), exponent));
        let scaled_core = scaled(core.view(), exponents.0).unwrap();
        let scaled_factors = factors.iter().enumerate().map(|(mode, a)| {
            // The exponents of all factors together cancel those of the core.
            let own = if mode == 0 { exponents.1 } else { 0 };
            Some(Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
                scale_by(a[(i, j)], own)
            }))
        });
        let tucker = Tucker::new(scaled_core, scaled_factors.collect()).unwrap();
        let same = tucker.clone().orthonormalised().unwrap();
        // 1. The bound of the difference.
        let parts = |core: &Tensor<T>, factors: &[Mat<T>]| {
            let mut x = oracle::in_f64(core);
            for (mode, a) in factors.iter().enumerate() {
                x = oracle::mode_product(&x, mode, oracle::matrix_in_f64(a.as_ref()).as_ref());
            }
            x
        };
        let expected = parts(core, factors);
        let own: Vec<_> = same.factors().iter().flatten().cloned().collect();
        let unit = -(exponents.0 + exponents.1);
        let unscaled = scaled(same.core().view(), unit).unwrap();
        let found = parts(&unscaled, &own);
        let rows: usize = factors.iter().map(Mat::nrows).sum();
        let size: f64 = factors
            .iter()
            .map(|a| oracle::matrix_in_f64(a.as_ref()).norm_l2())
            .product();
        let bound = 30.0 * rows as f64 * T::EPSILON * core.norm() * size;
        let what = format!("{:?} {exponents:?} {}", expected.shape(), T::NAME);
        assert!(found.distance(&expected).unwrap() <= bound, "{what}");
        // 2. Orthonormal factors, and the norm.
        for a in &own {
            assert!(is_orthonormal(a.as_ref()), "{what}");
        }
        let norm = scale(tucker.norm().unwrap(), unit);
        assert!((norm - expected.norm()).abs() <= bound, "{what}: {norm:e}");
        assert!(same.ranks().iter().zip(same.shape()).all(|(r, i)| r <= i));
    }

    fn check_shapes<T: Scalar>(largest: i32) {
        let mut random = Random::new(3);
        for (shape, ranks) in [
            (&[5, 6, 7][..], &[3, 2, 4][..]),
            (&[40, 3], &[7, 2]),
            (&[2, 4], &[3, 2]),
            (&[1, 1, 1], &[2, 1, 3]),
            (&[9], &[4]),
        ] {
            let core: Tensor<T> = random.tensor(ranks);
            let sizes = shape.iter().zip(ranks);
            let mut factors: Vec<Mat<T>> = sizes.map(|(&i, &r)| random.matrix(i, r)).collect();
            for exponents in [
                (0, 0),
                (largest, -largest),
                (-largest, largest),
                (largest / 2, 0),
            ] {
                check(&core, &factors, exponents);
            }
            // Equal columns, and a zero matrix.
            let first = factors[0].clone();
            factors[0] = Mat::from_fn(first.nrows(), first.ncols(), |i, _| first[(i, 0)]);
            check(&core, &factors, (0, 0));
            factors[0] = Mat::zeros(first.nrows(), first.ncols());
            check(&core, &factors, (0, 0));
        }
    }

    #[test]
    fn orthonormal_factors_make_the_same_tensor_at_every_scale() {
        check_shapes::<f64>(996);
        check_shapes::<f32>(100);
    }
}

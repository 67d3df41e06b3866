//! HOSVD: the truncated higher-order SVD.

use faer::Mat;

use super::Tucker;
use super::range::{Estimate, in_range};
use super::tolerance::within_tolerance;
use super::truncation::{self, Budget, Discarded, Truncation};
use crate::error::Result;
use crate::linalg::{Accuracy, Route, Rung, left_singular};
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, multi_mode_product};

/// The truncated higher-order SVD (De Lathauwer, De Moor & Vandewalle, SIAM J.
/// Matrix Anal. Appl. 2000; Kolda & Bader, figure 4.3).
///
/// Aₙ = leading left singular vectors of X₍ₙ₎ for every mode, each on its own;
/// G = X ×₀ A₀ᵀ ×₁ A₁ᵀ …. The squared error is at most the sum of all
/// discarded σᵢ², and at most d times the best possible. Its spectra are those
/// of X itself, which is what it is for; [`StHosvd`](super::StHosvd) is as good and cheaper.
///
/// Cost: ΣIₙ·|X| flops; memory for one tensor of the size that the first
/// product leaves.
///
/// ```
/// use tenfold::{Hosvd, Tensor};
/// let x = Tensor::from_fn(&[3, 4, 5], |i| (i[0] * i[1] + i[2]) as f64)?;
/// let tucker = Hosvd::new([2, 2, 2]).decompose(&x)?;
/// assert_eq!(tucker.spectrum(2).map(<[f64]>::len), Some(5));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Hosvd {
    /// How far to truncate.
    pub truncation: Truncation,
    /// The modes to decompose; all for `None`.
    pub modes: Option<Vec<usize>>,
    /// How singular vectors are computed.
    pub route: Route,
}

impl Hosvd {
    /// All modes, the route chosen by need.
    ///
    /// ```
    /// # use tenfold::{Hosvd, Truncation};
    /// assert_eq!(Hosvd::new([2, 3]).truncation, Truncation::Ranks(vec![2, 3]));
    /// ```
    pub fn new(truncation: impl Into<Truncation>) -> Self {
        Self {
            truncation: truncation.into(),
            modes: None,
            route: Route::default(),
        }
    }

    /// Decomposes `x`.
    ///
    /// With a tolerance ε, each of d modes may discard ε²/d of ‖X‖². The true
    /// relative error is at most ε, or [`Tucker::shortfall`] says what was
    /// reached instead.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`](super::StHosvd::decompose).
    ///
    /// ```
    /// # use tenfold::{Hosvd, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[8, 8, 8], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
    /// let tucker = Hosvd::new(Truncation::RelativeError(1e-4)).decompose(&x)?;
    /// assert!(tucker.relative_error(&x)? <= 1e-4);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        let x = x.into();
        let modes = truncation::named_modes(self.modes.as_deref(), x.order())?;
        truncation::check(&self.truncation, x.shape(), &modes)?;
        in_range(
            x,
            &self.truncation,
            Estimate::Bound,
            |x, truncation| match truncation {
                Truncation::Ranks(ranks) => {
                    let ranks = ranks.iter().map(|&rank| Budget::Rank(rank));
                    let budgets: Vec<_> = modes.iter().copied().zip(ranks).collect();
                    self.truncate(x, &budgets)
                }
                Truncation::RelativeError(tolerance) => {
                    within_tolerance(x, *tolerance, self.route, |share| {
                        let budget = Budget::Energy(share * share / modes.len() as f64);
                        let budgets: Vec<_> = modes.iter().map(|&mode| (mode, budget)).collect();
                        self.truncate(x, &budgets)
                    })
                }
            },
        )
    }

    fn truncate<T: Scalar>(
        &self,
        x: TensorRef<'_, T>,
        budgets: &[(usize, Budget)],
    ) -> Result<Tucker<T>> {
        let mut factors: Vec<Option<Mat<T>>> = vec![None; x.order()];
        let mut spectra = vec![None; x.order()];
        let mut rung = Rung::default();
        let mut discarded = Discarded::default();
        for &(mode, budget) in budgets {
            let leading = left_singular(
                x,
                mode,
                Accuracy {
                    route: self.route,
                    precision: budget.precision(),
                },
                |values| discarded.rank(budget, values),
            )?;
            discarded.add(&leading.values, leading.vectors.ncols());
            factors[mode] = Some(leading.vectors);
            spectra[mode] = Some(leading.values);
            rung = rung.max(leading.rung);
        }
        let products: Vec<_> = factors
            .iter()
            .enumerate()
            .filter_map(|(mode, factor)| Some((mode, factor.as_ref()?.transpose())))
            .collect();
        let core = multi_mode_product(x, &products)?;
        Tucker::truncated(core, factors, spectra, rung, discarded)
    }
}

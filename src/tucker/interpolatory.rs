//! Interpolatory decompositions: factors of fibres of the tensor itself.
//!
//! ```text
//! X₍ₙ₎  ┌─┬─┬───┬─┬────┬─┬──┐         Cₙ = X₍ₙ₎(:, Iₙ)  ┌─┬─┬─┐
//!       │ │▒│   │▒│    │▒│  │    ──>                    │▒│▒│▒│      X̂ = G ×ₙ Cₙ,  G = X ×ₙ Cₙ⁺
//!       │ │▒│   │▒│    │▒│  │                           │▒│▒│▒│
//!       └─┴─┴───┴─┴────┴─┴──┘                           └─┴─┴─┘
//! ```
//!
//! Cₙ Cₙ⁺ is the orthogonal projector on the chosen fibres, so X̂ is the best approximation with these
//! factors. The fibres are chosen from the leading right singular vectors Vₙ of X₍ₙ₎, by the pivots of
//! a QR factorization of Vₙᵀ.

use faer::Mat;

use super::computation::Computation;
use super::decomposition::Tucker;
use super::hosvd::Hosvd;
use super::memory::Problem;
use super::relative_error::relative_error_memory;
use super::scaling::scaled;
use super::truncation::{self, Truncation};
use crate::error::Result;
use crate::linalg::{Route, pivot_columns, pivot_columns_memory, pseudo_inverse};
use crate::monitor::{Monitor, Progress};
use crate::scalar::{Scalar, binary_exponent};
use crate::tensor::{
    Tensor, TensorRef, largest_magnitude, mode_product_memory, multi_mode_product_memory, slabs,
    unfold, whole_bytes,
};

/// The higher-order interpolatory decomposition (Saibaba, SIAM J. Matrix Anal. Appl. 2016, algorithm
/// HOID): each factor consists of fibres of the tensor itself.
///
/// For each mode n:
///
/// 1. Vₙ: the leading Rₙ right singular vectors of X₍ₙ₎, from the singular vectors of [`Hosvd`];
/// 2. Iₙ: the first pivots of the QR factorization of Vₙᵀ with column pivoting (the selection of Drmač
///    & Gugercin, SIAM J. Sci. Comput. 2016);
/// 3. Cₙ = X₍ₙ₎(:, Iₙ), the factor.
///
/// The core is G = X ×₀ C₀⁺ ×₁ C₁⁺ …. The factors are not orthonormal.
/// [`Tucker::fibres`] has the column numbers Iₙ.
///
/// The error is at most
///
/// ```text
/// ‖X − X̂‖² ≤ Σₙ ηₙ² Σ_{i > Rₙ} σᵢ(X₍ₙ₎)²,    ηₙ = ‖(Vₙᵀ Pₙ)⁻¹‖₂,   Pₙ: columns Iₙ of the identity,
/// ```
///
/// and so at most (Σηₙ²)^½ times the best error at these ranks. ηₙ is at most
/// √(N − Rₙ + 1)·√(4^Rₙ + 6Rₙ − 1)/3 for N columns, and a small number in practice. The solver measures
/// the error. Rounding errors grow with the condition numbers of the Cₙ: expect ε·Π κ(Cₙ), ε of the
/// scalar. Fibres with singular values of at most Iₙ·ε·σ₁ count as dependent.
///
/// For a tolerance, the ranks are those of [`Hosvd`] for a half of it, or for a smaller part if the
/// measured error is too large.
///
/// The entries of X are copied to the factors without a change, unless the core would leave the range
/// of the scalar: its entries grow like ‖X‖^(1−d) for d modes. Then the factors are fibres of X·2⁻ᵉ, where
/// 2ᵉ is near the largest entry.
///
/// Cost: that of [`Hosvd`], and 2·Rₙ·|X| + 4·Rₙ²·|X|/Iₙ flops for each mode.
///
/// ```
/// use tenfold::{Interpolatory, Tensor};
/// let x = Tensor::from_fn(&[6, 7, 8], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
/// let tucker = Interpolatory::new([3, 3, 3]).decompose(&x)?;
/// assert!(tucker.relative_error(&x)? < 0.01);
/// // The first factor consists of columns of the unfolding.
/// let (factor, unfolding) = (tucker.factor(0).unwrap(), x.unfold(0)?);
/// let column = tucker.fibres(0).unwrap()[2];
/// assert_eq!(factor[(5, 2)], unfolding[(5, column)]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Interpolatory {
    /// How far to truncate.
    pub truncation: Truncation,
    /// The modes to decompose; `None` for all modes.
    pub modes: Option<Vec<usize>>,
    /// Reports the choice of the fibres and the result, and cancels the solver on request.
    pub monitor: Monitor,
}

/// The parts of a tolerance that HOSVD gets, one after the other.
const PARTS: [f64; 4] = [0.5, 0.125, 0.03125, 0.0];

impl Interpolatory {
    /// Decomposes all modes.
    ///
    /// ```
    /// # use tenfold::{Interpolatory, Truncation};
    /// assert_eq!(Interpolatory::new([2, 3]).truncation, Truncation::Ranks(vec![2, 3]));
    /// ```
    pub fn new(truncation: impl Into<Truncation>) -> Self {
        Self {
            truncation: truncation.into(),
            modes: None,
            monitor: Monitor::new(),
        }
    }

    /// Decomposes `x`.
    ///
    /// With a tolerance ε, the relative error is at most ε, or [`Tucker::shortfall`] holds the
    /// error that was reached.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`](super::StHosvd::decompose).
    ///
    /// ```
    /// # use tenfold::{Interpolatory, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[8, 8, 8], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f64)?;
    /// let tucker = Interpolatory::new(Truncation::RelativeError(1e-3)).decompose(&x)?;
    /// assert!(tucker.relative_error(&x)? <= 1e-3);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn decompose<'a, T: Scalar>(&self, x: impl Into<TensorRef<'a, T>>) -> Result<Tucker<T>> {
        let x = x.into();
        let modes = truncation::named_modes(self.modes.as_deref(), x.order())?;
        truncation::check(&self.truncation, x.shape(), &modes)?;
        let problem = Scaled::new(x, modes.len())?;
        let tucker = match &self.truncation {
            &Truncation::RelativeError(tolerance) => self.within(&problem, &modes, tolerance)?,
            ranks => self.at(&problem, &modes, ranks)?,
        };
        self.monitor.step(Progress::new(2, 2))?;
        Ok(tucker)
    }

    /// The decomposition within a tolerance. If the measured error is above it for all parts of the
    /// tolerance, the one with the smallest error, with a shortfall.
    fn within<T: Scalar>(
        &self,
        x: &Scaled<'_, T>,
        modes: &[usize],
        tolerance: f64,
    ) -> Result<Tucker<T>> {
        let mut best = self.at(x, modes, &Truncation::RelativeError(PARTS[0] * tolerance))?;
        // The step is reported once.
        let silent = Self {
            monitor: self.monitor.without_reports(),
            ..self.clone()
        };
        for part in &PARTS[1..] {
            let error = |tucker: &Tucker<T>| tucker.estimated_error().unwrap_or(f64::INFINITY);
            if error(&best) <= tolerance {
                return Ok(best);
            }
            let next = silent.at(x, modes, &Truncation::RelativeError(part * tolerance))?;
            if error(&next) < error(&best) {
                best = next;
            }
        }
        if let Some(reached) = best.estimated_error() {
            best.note_shortfall(tolerance, reached);
        }
        Ok(best)
    }

    /// The decomposition with fibres chosen from the singular vectors of [`Hosvd`] for `truncation`.
    fn at<T: Scalar>(
        &self,
        x: &Scaled<'_, T>,
        modes: &[usize],
        truncation: &Truncation,
    ) -> Result<Tucker<T>> {
        let view = x.view();
        let computation = Computation {
            route: Route::Auto,
            monitor: &self.monitor,
        };
        // 1. The leading left singular vectors of each unfolding.
        let hosvd = Hosvd {
            modes: Some(modes.to_vec()),
            monitor: self.monitor.without_reports(),
            ..Hosvd::new(truncation.clone())
        };
        let singular = hosvd.decompose(view)?;
        self.monitor.step(Progress::new(1, 2))?;
        // 2. The fibres, and their pseudo-inverses.
        let order = view.order();
        let (mut factors, mut inverses, mut fibres) =
            (vec![None; order], vec![], vec![None; order]);
        for &mode in modes {
            if let Some(a) = singular.factor(mode) {
                let y = computation.mode_product(view, mode, a.transpose())?;
                let chosen = pivot_columns(unit_rows(unfold(&y, mode)?))?;
                let c = columns(view, mode, &chosen)?;
                inverses.push((mode, pseudo_inverse(c.as_ref())?));
                factors[mode] = Some(c);
                fibres[mode] = Some(chosen);
            }
        }
        // 3. The core.
        let inverses: Vec<_> = inverses.iter().map(|(n, a)| (*n, a.as_ref())).collect();
        let core = computation.multi_mode_product(view, &inverses)?;
        let mut tucker = Tucker::new(core, factors)?;
        let spectra = (0..order).map(|mode| singular.spectrum(mode).map(<[f64]>::to_vec));
        tucker.set_fibres(fibres, spectra.collect());
        x.restore(tucker)
    }

    /// The maximum number of bytes that [`Interpolatory::decompose`] allocates for a tensor of extents
    /// `shape`, without the tensor itself. This is enough for a later call of
    /// [`Tucker::relative_error`] too.
    ///
    /// # Errors
    /// Those of [`Interpolatory::decompose`] that follow from the shape alone.
    ///
    /// ```
    /// use tenfold::Interpolatory;
    /// let shape = [1000, 1000, 1000];
    /// assert!(Interpolatory::new([10, 10, 10]).memory::<f32>(&shape)? < 2_000_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let hosvd = Hosvd {
            modes: self.modes.clone(),
            ..Hosvd::new(self.truncation.clone())
        };
        let computing = hosvd.memory::<T>(shape)?;
        let problem = Problem::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let (x, result) = (&problem.x, problem.result());
        // The result of HOSVD, the fibres and their inverses, and a previous result.
        let kept = 2.0 * result + 3.0 * problem.factors(&problem.ranks);
        let steps = problem.steps(&problem.modes);
        let choosing = steps.iter().map(|&(mode, rank)| {
            // Y, and its unfolding in the factorization with pivoting.
            let y = x.with(mode, rank).bytes();
            let columns = x.entries() / x.extents[mode];
            let inverting = 8.0 * (6.0 * x.extents[mode] * rank + 12.0 * rank * rank);
            let pivoting = pivot_columns_memory::<T>(rank as usize, columns as usize);
            (y + pivoting)
                .max(mode_product_memory(x, mode, rank))
                .max(inverting)
        });
        let own = choosing
            .fold(multi_mode_product_memory(x, &steps), f64::max)
            .max(relative_error_memory(&problem));
        let previous = match self.truncation {
            Truncation::Ranks(_) | Truncation::MaxEntries(_) => 0.0,
            Truncation::RelativeError(_) => result,
        };
        Ok(whole_bytes(kept + own).max(computing.saturating_add(whole_bytes(previous))))
    }
}

/// A tensor X, or X·2⁻ᵉ where the core of X would leave the range of the scalar.
struct Scaled<'a, T> {
    original: TensorRef<'a, T>,
    /// X·2⁻ᵉ and e.
    scaled: Option<(Tensor<T>, i32)>,
}

impl<'a, T: Scalar> Scaled<'a, T> {
    /// For a decomposition of `modes` modes.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`].
    fn new(original: TensorRef<'a, T>, modes: usize) -> Result<Self> {
        let largest = largest_magnitude(original)?;
        let exponent = if largest == 0.0 {
            0
        } else {
            binary_exponent(largest)
        };
        // A half of the exponents is left for small singular values of the factors.
        let range = binary_exponent(T::max_value().as_f64()) / 2;
        let needs_scaling = exponent.unsigned_abs() as usize * modes > range as usize;
        let scaled = if needs_scaling {
            Some((scaled(original, -exponent)?, exponent))
        } else {
            None
        };
        Ok(Self { original, scaled })
    }

    /// The tensor to decompose.
    fn view(&self) -> TensorRef<'_, T> {
        self.scaled
            .as_ref()
            .map_or(self.original, |(tensor, _)| tensor.view())
    }

    /// The decomposition of X from a decomposition of [`Scaled::view`], with its measured error.
    fn restore(&self, tucker: Tucker<T>) -> Result<Tucker<T>> {
        let mut tucker = match self.scaled {
            Some((_, exponent)) => tucker.scaled_by(exponent)?,
            None => tucker,
        };
        let error = tucker.relative_error(self.original)?;
        tucker.set_estimated_error(error);
        Ok(tucker)
    }
}

/// The columns `numbers` of X₍ₙ₎.
fn columns<T: Scalar>(x: TensorRef<'_, T>, mode: usize, numbers: &[usize]) -> Result<Mat<T>> {
    let slabs = slabs(x, mode)?;
    let mut c = Mat::zeros(x.shape()[mode], numbers.len());
    for (k, number) in numbers.iter().enumerate() {
        if let Some(slab) = slabs.get(number / slabs.columns()) {
            c.col_mut(k).copy_from(slab.col(number % slabs.columns()));
        }
    }
    Ok(c)
}

/// The matrix with rows of norm 1. Rows of zeros stay zero.
fn unit_rows<T: Scalar>(mut v: Mat<T>) -> Mat<T> {
    let norm = |row: usize| -> f64 {
        let largest = (0..v.ncols()).fold(0.0, |most: f64, j| most.max(v[(row, j)].as_f64().abs()));
        let squares = (0..v.ncols()).map(|j| (v[(row, j)].as_f64() / largest).powi(2));
        if largest == 0.0 {
            1.0
        } else {
            largest * squares.sum::<f64>().sqrt()
        }
    };
    let norms: Vec<f64> = (0..v.nrows()).map(norm).collect();
    for j in 0..v.ncols() {
        for (i, norm) in norms.iter().enumerate() {
            v[(i, j)] = T::from_f64(v[(i, j)].as_f64() / norm);
        }
    }
    v
}

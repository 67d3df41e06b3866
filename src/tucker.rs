//! Tucker decompositions X ≈ G ×₀ A₀ ×₁ A₁ … of a dense tensor.
//!
//! | solver | method | cost |
//! | --- | --- | --- |
//! | [`Hosvd`] | leading singular vectors of each unfolding of X | a Gram matrix of X per mode |
//! | [`StHosvd`] | the same, mode after mode: each factor is computed after X is projected on the factors before it | little more than one Gram matrix of X |
//! | [`Randomized`] | ST-HOSVD of X projected on bases from a random sketch | a few thin products with X |
//! | [`Interpolatory`] | fibres of X as factors, chosen by pivoted QR | a Gram matrix and a product of X per mode |
//! | [`Hooi`] | alternating least squares, started from ST-HOSVD or HOSVD | two projections of X per sweep |
//! | [`Completion`] | HOOI with imputation and Gauss-Newton steps, for tensors with missing entries | two projections and a reconstruction of X per step |
//! | [`NonNegative`] | alternating non-negative least squares (HALS), for core and factors without negative entries | two projections of X per sweep |
//!
//! All but [`Completion`], which takes a mask, implement [`Solver`]. All return a [`Tucker`] value. Factors
//! have orthonormal columns, except for [`NonNegative`] and [`Interpolatory`], and the entry of largest
//! magnitude in each column is positive. Terms and notation follow Kolda & Bader, *Tensor
//! Decompositions and Applications*, SIAM Review 2009.
//!
//! The files, the basic ones first:
//!
//! - `truncation`, `budget`: ranks or a tolerance; the choice of a rank from a spectrum;
//! - `scaling`: powers of two for tensors and products near an end of the scalar's range;
//! - `decomposition`: the type [`Tucker`]; `outcome`: how a solver ended; `slice`, `relative_error`: its
//!   slices and its error; `orthonormal`: its norm and spectra, also for factors that are not
//!   orthonormal;
//! - `storage`, `sub_block`, `rank_choice`, `refinement`: the ranks with the fewest entries for a
//!   tolerance; `core_energies`: the energies of the core that they search;
//! - `closest_block`, `entry_limit`: the most accurate decomposition with a limited number of entries;
//!   `trade_offs`: errors and sizes of other ranks;
//! - `lift`: decompositions of a core as decompositions of the tensor;
//! - `computation`: the steps that all solvers share;
//! - `truncator`: the factors and spectra that a solver collects mode by mode;
//! - `rank_law`, `tolerance`, `in_range`: results that obey the rank law, keep the tolerance, and
//!   stay in the scalar's range;
//! - `memory`: the sizes from which the solvers estimate their memory;
//! - `st_hosvd`, `hosvd`, `randomized`, `interpolatory`, `hooi` with `start`, `sweeps` and `lowering`: the
//!   solvers, each with its memory estimate;
//! - `completion`: decompositions of tensors with missing entries;
//! - `non_negative`: decompositions without negative entries;
//! - `solver`: the trait [`Solver`], which all of them implement.

mod budget;
mod closest_block;
mod completion;
mod computation;
mod core_energies;
mod decomposition;
mod entry_limit;
mod hooi;
mod hosvd;
mod in_range;
mod interpolatory;
mod lift;
mod lowering;
mod memory;
mod non_negative;
mod orthonormal;
mod outcome;
mod randomized;
mod rank_choice;
mod rank_law;
mod refinement;
mod relative_error;
mod scaling;
mod slice;
mod solver;
mod st_hosvd;
mod start;
mod storage;
mod sub_block;
mod sweeps;
mod tolerance;
mod trade_offs;
mod truncation;
mod truncator;

pub use completion::{Completion, Coverage, Observed};
pub use decomposition::Tucker;
pub use hooi::{Hooi, Start};
pub use hosvd::Hosvd;
pub use interpolatory::Interpolatory;
pub use non_negative::NonNegative;
pub use outcome::{Convergence, Shortfall, Stop};
pub use randomized::Randomized;
pub use solver::{Method, Solver};
pub use st_hosvd::{ModeOrder, StHosvd};
pub use sweeps::{Sweep, Sweeps};
pub use trade_offs::{TradeOff, TradeOffs};
pub use truncation::Truncation;

#[cfg(feature = "cuda")]
pub(crate) use {
    budget::{Budget, Discarded},
    decomposition::{Components, out_of_range},
    rank_choice::{EvenBudget, FirstPass, Step},
    rank_law::obey_rank_law,
    relative_error::is_known_from_norms,
    storage::Storage,
    tolerance::{Contract, RankChoice},
};

use crate::error::Result;
use crate::linalg::{Accuracy, Precision, Request, Route, Wanted, leading_vectors};
use crate::monitor::Monitor;
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, first_non_finite};

/// All singular values of the mode-n unfolding X₍ₙ₎, largest first. They are computed from its
/// triangular factor, so small values keep their digits too.
///
/// Cost: 2·|X|·n + 20·n³ flops, with n the smaller extent of the unfolding.
///
/// # Errors
/// [`Error::ModeOutOfRange`](crate::Error::ModeOutOfRange),
/// [`Error::NonFinite`](crate::Error::NonFinite),
/// [`Error::NoConvergence`](crate::Error::NoConvergence);
/// [`Error::ResultOutOfRange`](crate::Error::ResultOutOfRange) if a singular value is above the
/// largest `f64`.
///
/// ```
/// use tenfold::{Tensor, mode_spectrum};
/// let x = Tensor::new(&[2, 2], vec![3.0, 0.0, 0.0, 4.0])?;
/// assert_eq!(mode_spectrum(&x, 0)?, [4.0, 3.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn mode_spectrum<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
) -> Result<Vec<f64>> {
    mode_spectrum_monitored(x, mode, &Monitor::new())
}

/// Like [`mode_spectrum`]. The flag of the monitor cancels the computation. There are no reports.
///
/// # Errors
/// Those of [`mode_spectrum`]; [`Error::Cancelled`](crate::Error::Cancelled).
pub fn mode_spectrum_monitored<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    monitor: &Monitor,
) -> Result<Vec<f64>> {
    let x = x.into();
    if let Some(error) = first_non_finite(x) {
        return Err(error);
    }
    let request = Request {
        wanted: Wanted::Leading {
            count: &|_| 0,
            needed: None,
        },
        accuracy: Accuracy {
            route: Route::Qr,
            precision: Precision::Double,
        },
        cancellation: monitor.cancellation(),
    };
    Ok(leading_vectors(x, mode, request)?.values)
}

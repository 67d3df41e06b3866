//! How a solver ended: why its iteration stopped, and a tolerance that it missed.

use crate::names::named;

/// How a HOOI run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convergence {
    /// The number of sweeps.
    pub sweeps: usize,
    /// Why the iteration stopped.
    pub stop: Stop,
}

/// Why HOOI stopped.
///
/// ```
/// use tenfold::{Hooi, Stop, Tensor};
/// let x = Tensor::from_fn(&[6, 6, 6], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
/// let stop = Hooi::new([2, 2, 2]).decompose(&x)?.convergence().map(|c| c.stop);
/// assert_eq!(stop, Some(Stop::Converged));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The last sweep changed the relative error by less than the sweep tolerance, or
    /// by no more than rounding.
    Converged,
    /// The maximum number of sweeps was reached.
    SweepLimit,
    /// The caller took the result before the iteration converged.
    Interrupted,
}

named!(Stop, "stop",
    Converged => "converged",
    SweepLimit => "sweep-limit",
    Interrupted => "interrupted",
);

/// A requested tolerance that was not met, and the error that was reached. The precision of the
/// scalar or the route did not allow a smaller error.
///
/// ```
/// use tenfold::{Hosvd, Tensor, Truncation};
/// let x = Tensor::from_fn(&[9, 9, 9], |i| 1.0 / (1 + i[0] + i[1] + i[2]) as f32)?;
/// let exact = Hosvd::new(Truncation::RelativeError(0.0)).decompose(&x)?;
/// assert!(exact.shortfall().is_some_and(|s| s.requested == 0.0 && s.reached < 1e-6));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortfall {
    /// The relative error that was requested.
    pub requested: f64,
    /// The relative error that was reached, as measured.
    pub reached: f64,
}

//! What all solvers have in common.

use std::fmt::Debug;

use super::decomposition::Tucker;
use super::hooi::Hooi;
use super::hosvd::Hosvd;
use super::interpolatory::Interpolatory;
use super::non_negative::NonNegative;
use super::randomized::Randomized;
use super::st_hosvd::StHosvd;
use crate::error::Result;
use crate::names::named;
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// The solvers by name.
///
/// ```
/// use tenfold::Method;
/// assert_eq!("st-hosvd".parse::<Method>()?, Method::StHosvd);
/// assert_eq!(Method::Hooi.to_string(), "hooi");
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// [`StHosvd`].
    StHosvd,
    /// [`Hosvd`].
    Hosvd,
    /// [`Hooi`].
    Hooi,
    /// [`Randomized`].
    Randomized,
    /// [`NonNegative`].
    NonNegative,
    /// [`Interpolatory`].
    Interpolatory,
}

named!(Method, "method",
    StHosvd => "st-hosvd",
    Hosvd => "hosvd",
    Hooi => "hooi",
    Randomized => "randomized",
    NonNegative => "non-negative",
    Interpolatory => "interpolatory",
);

/// A solver of Tucker decompositions, with its options, for tensors of `T`.
///
/// ```
/// use tenfold::{Hooi, Solver, StHosvd, Tensor};
/// let x = Tensor::from_fn(&[6, 7, 8], |i| 1.0 / (1 + i[0] + i[1] * i[2]) as f64)?;
/// let solvers: [Box<dyn Solver<f64>>; 2] =
///     [Box::new(StHosvd::new([2, 2, 2])), Box::new(Hooi::new([2, 2, 2]))];
/// for solver in solvers {
///     let bytes = solver.memory(x.shape())?;
///     let error = solver.decompose(x.view())?.relative_error(&x)?;
///     assert!(bytes < 1 << 20 && error < 0.1, "{}", solver.method());
/// }
/// # Ok::<(), tenfold::Error>(())
/// ```
pub trait Solver<T: Scalar>: Debug + Send + Sync {
    /// The name of the method.
    fn method(&self) -> Method;

    /// Decomposes `x`.
    ///
    /// # Errors
    /// Those of the solver's own `decompose`.
    fn decompose(&self, x: TensorRef<'_, T>) -> Result<Tucker<T>>;

    /// The maximum number of bytes that [`Solver::decompose`] allocates for a tensor of extents
    /// `shape`, the tensor itself not included. [`Tucker::relative_error`] after it allocates
    /// no more. Two things are not counted: scratch memory, some megabytes for each thread, and
    /// the copy of a tensor with a norm near an end of the scalar's range.
    ///
    /// # Errors
    /// Those of [`Solver::decompose`] that follow from the shape alone.
    fn memory(&self, shape: &[usize]) -> Result<u64>;
}

/// Implements [`Solver`] by the type's own methods `decompose` and `memory`. The variant of
/// [`Method`] has the name of the type.
macro_rules! solver {
    ($($solver:ident),+) => {$(
        impl<T: Scalar> Solver<T> for $solver {
            fn method(&self) -> Method {
                Method::$solver
            }

            fn decompose(&self, x: TensorRef<'_, T>) -> Result<Tucker<T>> {
                $solver::decompose(self, x)
            }

            fn memory(&self, shape: &[usize]) -> Result<u64> {
                $solver::memory::<T>(self, shape)
            }
        }
    )+};
}

solver!(StHosvd, Hosvd, Hooi, Randomized, Interpolatory, NonNegative);

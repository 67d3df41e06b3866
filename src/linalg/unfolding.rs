//! Factorizations of unfoldings that are never formed: Gram matrices, triangular factors
//! and singular vectors of the smaller side.

mod gram;
mod left_singular;
mod qr;
mod tsqr;

pub use gram::{Precision, Side, gram};
pub use left_singular::{LeftSingular, Route, left_singular};
pub use qr::{orthonormal_basis, triangular_factor};

pub(crate) use gram::{gram_in_scratch, trace};
pub(crate) use left_singular::rescale_singular_values;

//! Factorizations of unfoldings that are never formed: Gram matrices, triangular factors
//! and singular vectors of the smaller side.

mod centring;
mod gram;
mod left_singular;
mod qr;
mod singular_pairs;
mod tsqr;

pub use gram::{Precision, Side, gram};
pub use left_singular::{LeftSingular, left_singular};
pub use qr::{orthonormal_basis, triangular_factor};
pub use singular_pairs::{Accuracy, Route};

pub(crate) use centring::subtract_mean;
pub(crate) use left_singular::{leading_vectors, left_singular_memory};
pub(crate) use singular_pairs::{
    Request, SingularPairs, Wanted, centred_pairs, rescale_singular_values, singular_pairs,
    square_roots,
};

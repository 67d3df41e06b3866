//! Gram matrices, triangular factors and singular vectors of unfoldings. No unfolding is formed:
//! all computations read the tensor itself. `accuracy` has the options that choose between Gram
//! matrix and triangular factor, and the precision of products.
//!
//! ```text
//!   tensor, read as vectors                            `vectors`, `convert`
//!        │
//!        ├──────────────────────────┐
//!        ▼                          ▼
//!   Gram matrix              triangular factor
//!   `gram`, `centring`,      `qr`, `tsqr`
//!   `elimination`
//!        │                          │
//!        └────────────┬─────────────┘
//!                     ▼
//!   singular values, and vectors of the smaller side   `singular_pairs`, `single`
//!                     │
//!                     ▼
//!   left singular vectors                              `left_singular`
//! ```
//!
//! `subspace_iteration` computes vectors from a Gram matrix that are not exact, for bases of randomized
//! solvers.

mod accuracy;
mod centring;
mod convert;
mod elimination;
mod gram;
mod left_singular;
mod qr;
mod single;
mod singular_pairs;
mod subspace_iteration;
mod tsqr;
mod vectors;

pub use accuracy::{Accuracy, Precision, Route};
pub use gram::gram;
pub use left_singular::{LeftSingular, left_singular};
pub use qr::{orthonormal_basis, triangular_factor};
pub use vectors::Side;

pub(crate) use centring::subtract_mean;
pub(crate) use elimination::Needed;
pub(crate) use left_singular::{leading_vectors, left_singular_memory};
#[cfg(feature = "cuda")]
pub(crate) use singular_pairs::gram_resolves;
pub(crate) use singular_pairs::{
    Request, SingularPairs, Wanted, centred_pairs, rescale_singular_values, singular_pairs,
    square_roots,
};
pub(crate) use subspace_iteration::nearly_leading_vectors;

//! Dense linear algebra on unfoldings that are never formed: Gram matrices,
//! triangular factors, and the leading left singular vectors that every
//! Tucker solver asks for.
//!
//! Small square problems are solved in `f64`, whatever the tensor holds.

mod back_transform;
mod checks;
mod columns;
mod divide_and_conquer;
mod eigh;
mod gram;
mod householder;
mod implicit_ql;
#[cfg(test)]
mod instruction_sets;
mod jacobi;
mod ladder;
mod lanczos;
mod leading;
mod merged_basis;
mod product;
mod qr;
mod random;
mod rows;
#[cfg(test)]
mod rungs;
mod secular;
mod sign;
mod svd;
mod tridiagonal;
mod tsqr;
mod vector;

pub use eigh::{Eigen, eigh, eigh_leading};
pub use gram::{Precision, Side, gram};
pub use ladder::Rung;
pub use lanczos::{LeadingPair, leading_pair};
pub(crate) use leading::rescale_singular_values;
pub use leading::{LeftSingular, Route, left_singular};
pub use qr::{orthonormal_basis, triangular_factor};
pub use sign::fix_signs;
pub use svd::{RightSingular, right_singular};

pub(crate) use eigh::eigh_in_scratch;
pub(crate) use gram::{gram_in_scratch, trace};
pub(crate) use lanczos::leading_pair_in_scratch;
pub(crate) use product::product;
pub(crate) use random::random_signs;

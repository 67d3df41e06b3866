//! Dense solvers for small matrices: eigenvalues and singular values, in `f64`.

mod back_transform;
mod columns;
mod divide_and_conquer;
mod eigh;
mod householder;
mod implicit_ql;
mod jacobi;
mod ladder;
mod lanczos;
mod merged_basis;
mod rows;
#[cfg(test)]
mod rungs;
mod secular;
mod svd;
mod tridiagonal;

pub use eigh::{Eigen, eigh, eigh_leading};
pub use ladder::Rung;
pub use lanczos::{LeadingPair, leading_pair};
pub use svd::{RightSingular, right_singular};

pub(crate) use columns::Columns;
pub(crate) use eigh::eigh_in_scratch;
pub(super) use eigh::rescale;
pub(crate) use lanczos::leading_pair_in_scratch;

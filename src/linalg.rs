//! Linear algebra of unfoldings and of small matrices.
//!
//! - `unfolding`: Gram matrices, triangular factors and singular vectors of an unfolding of a
//!   tensor. They read the tensor itself; no unfolding is formed.
//! - `small`: eigenvalues, singular values and their vectors for small square matrices, in `f64`
//!   for tensors of either scalar.

mod checks;
#[cfg(test)]
mod instruction_sets;
mod orthonormality;
mod product;
mod random;
mod sign;
mod skeleton;
mod small;
mod unfolding;

pub use sign::fix_signs;
pub use small::{
    Eigen, LeadingPair, RightSingular, Rung, eigh, eigh_leading, leading_pair, right_singular,
};
pub use unfolding::{
    Accuracy, LeftSingular, Precision, Route, Side, gram, left_singular, orthonormal_basis,
    triangular_factor,
};

pub(crate) use checks::check_finite;
pub(crate) use orthonormality::is_orthonormal;
pub(crate) use product::product;
pub(crate) use random::{Counter, random_groups, random_signs};
pub(crate) use skeleton::{pivot_columns, pivot_columns_memory, pseudo_inverse};
#[cfg(feature = "cuda")]
pub(crate) use unfolding::gram_resolves;
pub(crate) use unfolding::{
    Needed, Request, SingularPairs, Wanted, centred_pairs, leading_vectors, left_singular_memory,
    nearly_leading_vectors, rescale_singular_values, singular_pairs, square_roots, subtract_mean,
};

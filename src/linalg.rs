//! Dense linear algebra on unfoldings that are never formed: Gram matrices,
//! triangular factors, and the leading left singular vectors that every
//! Tucker solver asks for.
//!
//! Small square problems are solved in `f64`, whatever the tensor holds.

mod checks;
#[cfg(test)]
mod instruction_sets;
mod product;
mod random;
mod sign;
mod small;
mod unfolding;

pub use sign::fix_signs;
pub use small::{
    Eigen, LeadingPair, RightSingular, Rung, eigh, eigh_leading, leading_pair, right_singular,
};
pub use unfolding::{
    LeftSingular, Precision, Route, Side, gram, left_singular, orthonormal_basis, triangular_factor,
};

pub(crate) use product::product;
pub(crate) use random::random_signs;
pub(crate) use small::{eigh_in_scratch, leading_pair_in_scratch};
pub(crate) use unfolding::{gram_in_scratch, rescale_singular_values, trace};

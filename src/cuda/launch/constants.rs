//! Constants that the host shares with the kernels.
//!
//! `tests/library/shared_constants.rs` compares each with the kernels' constant of the same
//! name.

use crate::cam::Sign;

/// The number of threads of a block.
pub(super) const THREADS: usize = 256;

/// The number of warps of a block.
pub(super) const WARPS: usize = THREADS / 32;

/// The side of a tile of a Gram matrix.
pub(super) const TILE: usize = 32;

/// The number of vectors on which one thread projects features.
pub(super) const GROUP: usize = 8;

/// The number of products in a run. A projection sums a run in the features' scalar, and adds the
/// sums of the runs in `f64`.
pub(in crate::cuda) const RUN: usize = 32;

/// What a kernel writes for an item.
pub(in crate::cuda) mod outcome {
    /// The map is fine.
    pub(in crate::cuda) const FINE: i32 = 0;
    /// The map is constant.
    pub(in crate::cuda) const CONSTANT: i32 = 1;
    /// The two largest singular values are nearly equal.
    pub(in crate::cuda) const DEGENERATE: i32 = 2;
    /// There is no map: squares of the features leave the range of `f64`.
    pub(in crate::cuda) const OUT_OF_RANGE: i32 = 3;
    /// There is no map: centring, or the projection in `f32`, cancelled too many digits. This has
    /// nothing to do with the cancellation flag of a monitor.
    pub(in crate::cuda) const CANCELLED: i32 = 4;
    /// There is no map: the eigenproblem did not converge.
    pub(in crate::cuda) const NO_CONVERGENCE: i32 = 5;
}

/// The number by which the kernels distinguish signs.
pub(super) const fn sign_code(sign: Sign) -> i32 {
    match sign {
        Sign::Absolute => 0,
        Sign::Positive => 1,
        Sign::Negative => 2,
    }
}

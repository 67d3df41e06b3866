//! How much shared memory the kernels need, and what fits in a block.
//!
//! The layouts of the shared memory:
//!
//! ```text
//! eigen_shared   A, V: n² doubles each | rotations: n + 1 | scratch: WARPS | n + 2 integers
//! eigen_global                           rotations: n + 1 | scratch: WARPS | n + 2 integers
//! refine         lengths, rests: n doubles each | rotations: n + 1 | scratch: WARPS | n + 2 integers
//! saliency       as eigen_shared, and means, weights, map: n doubles each
//! ```

use super::constants::{THREADS, WARPS};
use crate::cuda::queue::Queue;

/// The side of the tile of a Gram matrix that one thread of `kernels/saliency.cu` sums.
const THREAD_TILE: usize = 4;

/// Bytes for Jacobi rotations of order `n`, without the matrices.
pub(super) const fn rotation_bytes(n: usize) -> usize {
    8 * (n + 1 + WARPS) + 4 * (n + 2)
}

/// Bytes for an eigenproblem of order `n` with its matrices in shared memory.
pub(super) const fn eigen_bytes(n: usize) -> usize {
    16 * n * n + rotation_bytes(n)
}

/// Bytes for the second pass of singular values and vectors of a matrix with `n` rows.
pub(super) const fn refine_bytes(n: usize) -> usize {
    16 * n + rotation_bytes(n)
}

/// Bytes for a map of `n` positions.
pub(super) const fn saliency_bytes(n: usize) -> usize {
    eigen_bytes(n) + 24 * n
}

/// Whether a block has a thread for each tile of the lower triangle of a Gram matrix of
/// order `n`: up to n = 88.
const fn has_thread_for_each_tile(n: usize) -> bool {
    let side = n.div_ceil(THREAD_TILE);
    side * (side + 1) / 2 <= THREADS
}

impl Queue {
    /// Whether one block can compute a whole map of `positions` positions.
    pub(in crate::cuda) fn map_fits_block(&self, positions: usize) -> bool {
        has_thread_for_each_tile(positions)
            && saliency_bytes(positions) <= self.program().shared_limit()
    }

    /// Whether eigenproblems of order `n` are solved in shared memory.
    pub(in crate::cuda) fn eigen_fits_block(&self, n: usize) -> bool {
        eigen_bytes(n) <= self.program().shared_limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_by_one_block_have_at_most_88_positions() {
        assert!(has_thread_for_each_tile(88) && !has_thread_for_each_tile(89));
    }

    #[test]
    fn bytes_are_those_of_the_kernels_heads() {
        assert_eq!(saliency_bytes(49), 8 * (2 * 49 * 49 + 4 * 49 + 9) + 4 * 51);
        assert!(eigen_bytes(120) <= 227 * 1024 && eigen_bytes(121) > 227 * 1024);
    }
}

//! Eigenproblems of order up to 400 in the registers of one warp or of several: `eigen_lane`,
//! `eigen_block`, `eigen_wide` and `eigen_cluster` in `kernels/sized/`.

use std::sync::Arc;

use super::blocks::{int, launch};
use super::gram::Eigenproblems;
use super::small::{LEAST_ORDER, WARP_THREADS, eigen_bytes};
use crate::cuda::program::Sized;
use crate::cuda::program::families::{EIGEN_BLOCK, EIGEN_CLUSTER, EIGEN_LANE, EIGEN_WIDE};
use crate::cuda::queue::Queue;
use crate::error::Result;

/// The columns of a warp of `wide.cuh`.
const WARP_COLUMNS: usize = 8;

/// The warps of a block of `eigen_cluster_one`.
const ONE_WARPS: usize = 4;

/// The blocks of a cluster of `eigen_cluster` up to order 256.
const BATCH_BLOCKS: usize = 4;

/// At most this many matrices are solved by more blocks each: clusters of 7 blocks for all of them run
/// at the same time on an H100. The bits do not depend on the choice.
const FEW: usize = 16;

/// A kernel, and the size of its launch.
#[derive(Debug)]
pub(super) struct Solver {
    kernels: Arc<Sized>,
    name: &'static str,
    launch: Layout,
}

/// Blocks for a matrix, and their threads and bytes of shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    blocks: usize,
    threads: usize,
    shared: usize,
}

impl Layout {
    /// Of `eigen_lane`.
    fn of_lane(order: usize) -> Self {
        Self {
            blocks: 1,
            threads: WARP_THREADS,
            shared: eigen_bytes(order),
        }
    }

    /// Of `eigen_block`: boxes | lengths | seen.
    fn of_block(order: usize) -> Self {
        let groups = order.div_ceil(4);
        let threads = (4 * groups).next_multiple_of(32);
        let boxes = 2 * (2 * groups + 2) * threads;
        Self {
            blocks: 1,
            threads,
            shared: 8 * (boxes + 4 * groups) + 8 * (threads / 32),
        }
    }

    /// Of `wide.cuh`, in blocks of `warps` warps: boxes or offers | lengths | seen.
    fn of_wide(order: usize, warps: usize) -> Self {
        let columns = order.div_ceil(WARP_COLUMNS);
        let rows = order.div_ceil(32);
        let blocks = columns.div_ceil(warps);
        let boxes = 2 * (4 * rows + 1) * 32 * warps;
        let offers = 2 * blocks * (32 * rows + 1) + warps;
        Self {
            blocks,
            threads: 32 * warps,
            shared: 8 * (boxes.max(offers) + WARP_COLUMNS * columns) + 8 * warps,
        }
    }

    /// Of `eigen_wide`.
    fn of_one_block(order: usize) -> Self {
        Self::of_wide(order, order.div_ceil(WARP_COLUMNS))
    }

    /// Of `eigen_cluster_one`.
    fn of_few(order: usize) -> Self {
        Self::of_wide(order, ONE_WARPS)
    }

    /// Of `eigen_cluster` up to order 256. The cluster has its size even if fewer blocks have columns.
    fn of_batch(order: usize) -> Self {
        let warps = order.div_ceil(WARP_COLUMNS).div_ceil(BATCH_BLOCKS);
        Self {
            blocks: BATCH_BLOCKS,
            ..Self::of_wide(order, warps)
        }
    }
}

impl Queue {
    /// The kernel for `items` matrices of order `n`. `None` if there is none for the order or the
    /// device.
    pub(super) fn solver(&self, n: usize, items: usize) -> Result<Option<Solver>> {
        let family = match n {
            ..=54 => &EIGEN_LANE,
            55..=100 => &EIGEN_BLOCK,
            101..=128 => &EIGEN_WIDE,
            _ => &EIGEN_CLUSTER,
        };
        let Some(kernels) = self.sized(family, n.max(LEAST_ORDER))? else {
            return Ok(None);
        };
        let order = kernels.order();
        let (name, launch) = match n {
            ..=54 => ("eigen_lane", Layout::of_lane(order)),
            55..=100 => ("eigen_block", Layout::of_block(order)),
            101..=128 => ("eigen_wide", Layout::of_one_block(order)),
            _ if items <= FEW || order > 256 => ("eigen_cluster_one", Layout::of_few(order)),
            _ => ("eigen_cluster", Layout::of_batch(order)),
        };
        let fits = launch.shared <= self.program().shared_limit();
        Ok(fits.then_some(Solver {
            kernels,
            name,
            launch,
        }))
    }

    /// Solves eigenproblems of positive semidefinite matrices.
    pub(super) fn eigen_by(&self, solver: &Solver, problems: Eigenproblems<'_>) -> Result<()> {
        let Eigenproblems {
            items,
            order: n,
            grams,
            values,
            vectors,
            outcomes,
            active,
            ..
        } = problems;
        let order = int(n);
        let Layout {
            blocks,
            threads,
            shared,
        } = solver.launch;
        launch!(
            self, function: solver.kernels.function(solver.name), threads: threads,
            grid: (blocks, items), shared: shared,
            holds: [
                grams => items * n * n, values => items * n,
                vectors => items * n * n, outcomes => items,
            ],
            arguments: [&*grams, &order, values, vectors, outcomes],
            active: active,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_fit_an_h100() {
        let limit = 227 * 1024;
        for order in 55..=100 {
            assert!(Layout::of_block(order).shared <= limit);
        }
        for order in 129..=400 {
            let few = Layout::of_few(order);
            assert!(few.shared <= limit && few.blocks <= 13, "{order}");
        }
        assert_eq!(Layout::of_batch(196).threads, 7 * 32);
        assert_eq!(Layout::of_few(200).blocks, 7);
        assert!(Layout::of_one_block(128).shared <= 163 * 1024);
    }
}

//! Launches: one safe function for each kernel, the only place where the host's
//! types meet the kernels' parameters. The lengths of the buffers that a
//! kernel reads and writes are checked first.
#![allow(unsafe_code)]

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, CudaView, LaunchArgs, LaunchConfig};

use super::device::DeviceScalar;
use super::driver::failed;
use super::program::Program;
use crate::error::Result;

/// Threads of a block, THREADS in `kernels/block.cuh`.
const THREADS: usize = 256;
/// Warps of a block.
const WARPS: usize = THREADS / 32;
/// The side of a tile of a Gram matrix, TILE in `kernels/gram.cu`.
const TILE: usize = 32;
/// The order up to which a block has a thread for each tile of a Gram matrix, in
/// `kernels/saliency.cu`.
const MOST_POSITIONS: usize = 88;
/// No pointer.
const NOWHERE: u64 = 0;

/// Bytes of shared memory that Jacobi rotations take beside the matrices.
const fn rotation_bytes(n: usize) -> usize {
    8 * (n + 1 + WARPS) + 4 * (n + 2)
}

/// Bytes of shared memory that an eigenproblem of order n takes whose matrices are
/// in shared memory.
const fn eigen_bytes(n: usize) -> usize {
    16 * n * n + rotation_bytes(n)
}

/// Bytes of shared memory that a map of n positions takes.
const fn saliency_bytes(n: usize) -> usize {
    eigen_bytes(n) + 24 * n
}

/// A batch of tensors seen around mode n: each is (L, Iₙ, R).
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) items: usize,
    pub(super) left: usize,
    pub(super) rows: usize,
    pub(super) right: usize,
}

impl Around {
    /// Around mode `mode` of tensors of extents `shape`.
    pub(super) fn mode(items: usize, shape: &[usize], mode: usize) -> Self {
        Self {
            items,
            left: shape[..mode].iter().product(),
            rows: shape[mode],
            right: shape[mode + 1..].iter().product(),
        }
    }

    /// Columns of the unfolding.
    pub(super) fn columns(self) -> usize {
        self.left * self.right
    }

    /// Entries of a tensor.
    pub(super) fn size(self) -> usize {
        self.rows * self.columns()
    }

    /// Whether Gram matrices are those of the columns: the smaller side.
    pub(super) fn of_rest(self) -> bool {
        self.columns() < self.rows
    }

    /// The order of a Gram matrix.
    pub(super) fn order(self) -> usize {
        self.rows.min(self.columns())
    }
}

/// A stream, and the kernels that are launched on it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) stream: Arc<CudaStream>,
    pub(super) program: Arc<Program>,
}

/// Checks that the buffers have the lengths that the kernel uses, pushes the arguments,
/// launches blocks of 256 threads.
macro_rules! launch {
    (
        $queue:expr, $kernel:expr, grid: ($across:expr, $items:expr), shared: $shared:expr,
        holds: [$($buffer:expr => $len:expr),* $(,)?],
        arguments: [$($argument:expr),* $(,)?]
        $(, active: $active:expr)? $(,)?
    ) => {{
        let kernel: &str = $kernel;
        $(assert!($buffer.len() >= $len, "{}: {kernel}", stringify!($buffer));)*
        let mut call = $queue.stream.launch_builder($queue.program.function(kernel));
        $(cudarc::driver::PushKernelArg::arg(&mut call, $argument);)*
        $(match $active {
            Some(active) => cudarc::driver::PushKernelArg::arg(&mut call, active),
            None => cudarc::driver::PushKernelArg::arg(&mut call, &$crate::cuda::launch::NOWHERE),
        };)?
        // SAFETY: the arguments are the kernel's parameters in number, order and
        // width, and with the lengths just checked the kernel stays in its buffers.
        unsafe { $crate::cuda::launch::launch_blocks(call, [$across, $items], $shared) }
    }};
}

/// Launches blocks of 256 threads.
///
/// # Safety
/// The arguments are the kernel's parameters, and the kernel stays in its buffers.
unsafe fn launch_blocks(mut call: LaunchArgs<'_>, blocks: [usize; 2], shared: usize) -> Result<()> {
    let [across, items] = blocks.map(|count| count as u32);
    let config = LaunchConfig {
        grid_dim: (across, items, 1),
        block_dim: (THREADS as u32, 1, 1),
        shared_mem_bytes: shared as u32,
    };
    // SAFETY: the caller promises it.
    unsafe { call.launch(config) }.map_err(failed("a launch"))?;
    Ok(())
}

/// A count as the kernels take it; extents were compared with `i32::MAX` before.
fn int(count: usize) -> i32 {
    count as i32
}

mod maps;
mod tucker;

pub(super) use maps::Combination;
pub(super) use tucker::{States, Stopping};

impl Queue {
    /// Whether whole maps of `positions` positions fit a block.
    pub(super) fn fits_a_block(&self, positions: usize) -> bool {
        positions <= MOST_POSITIONS && saliency_bytes(positions) <= self.program.shared_limit
    }

    /// Gram matrices of the smaller side of unfoldings.
    pub(super) fn gram<T: DeviceScalar>(
        &self,
        tensors: &CudaView<'_, T>,
        around: Around,
        grams: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (left, rows, right) = (int(around.left), int(around.rows), int(around.right));
        let of_rest = i32::from(around.of_rest());
        let tiles = around.order().div_ceil(TILE);
        launch!(
            self, T::KERNELS.gram,
            grid: (tiles * (tiles + 1) / 2, around.items), shared: 0,
            holds: [
                tensors => around.items * around.size(),
                grams => around.items * around.order().pow(2),
            ],
            arguments: [tensors, &left, &rows, &right, &of_rest, grams],
            active: active,
        )
    }

    /// Eigenvalues, largest first, and eigenvectors; `grams` is overwritten. `work` has
    /// its size where the matrices do not fit into shared memory.
    pub(super) fn eigen(
        &self,
        (items, n): (usize, usize),
        grams: &mut CudaSlice<f64>,
        work: &mut CudaSlice<f64>,
        (values, vectors): (&mut CudaSlice<f64>, &mut CudaSlice<f64>),
        outcomes: &mut CudaSlice<i32>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let order = int(n);
        if self.eigen_is_shared(n) {
            return launch!(
                self, "eigen_shared",
                grid: (1, items), shared: eigen_bytes(n),
                holds: [
                    grams => items * n * n, values => items * n,
                    vectors => items * n * n, outcomes => items,
                ],
                arguments: [&*grams, &order, values, vectors, outcomes],
                active: active,
            );
        }
        launch!(
            self, "eigen_global",
            grid: (1, items), shared: rotation_bytes(n),
            holds: [
                grams => items * n * n, work => items * n * n, values => items * n,
                vectors => items * n * n, outcomes => items,
            ],
            arguments: [grams, &order, work, values, vectors, outcomes],
            active: active,
        )
    }

    /// Whether eigenproblems of order n are solved in shared memory.
    pub(super) fn eigen_is_shared(&self, n: usize) -> bool {
        eigen_bytes(n) <= self.program.shared_limit
    }
}

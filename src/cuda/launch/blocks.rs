//! Checks and starts a launch.

use cudarc::driver::{LaunchArgs, LaunchConfig};

use super::constants::THREADS;
use crate::cuda::driver::failed;
use crate::error::Result;

/// The null pointer: the argument for a buffer that a launch does not use.
pub(super) const NULL: u64 = 0;

/// Checks that each buffer is as long as the kernel assumes, passes the arguments, and
/// launches blocks of [`THREADS`] threads.
macro_rules! launch {
    (
        $queue:expr, $kernel:expr, grid: ($blocks:expr, $items:expr), shared: $shared:expr,
        holds: [$($buffer:expr => $len:expr),* $(,)?],
        arguments: [$($argument:expr),* $(,)?]
        $(, active: $active:expr)? $(,)?
    ) => {{
        let kernel: &str = $kernel;
        $(assert!($buffer.len() >= $len, "{}: {kernel}", stringify!($buffer));)*
        let function = $queue.program().function(kernel);
        let mut call = $queue.stream().launch_builder(function);
        $(cudarc::driver::PushKernelArg::arg(&mut call, $argument);)*
        $(match $active {
            Some(active) => cudarc::driver::PushKernelArg::arg(&mut call, active),
            None => cudarc::driver::PushKernelArg::arg(&mut call, &$crate::cuda::launch::blocks::NULL),
        };)?
        // SAFETY: the arguments are the kernel's parameters in number, order and width. The
        // kernel accesses no entry outside its buffers, because their lengths were checked.
        unsafe { $crate::cuda::launch::blocks::launch_blocks(call, [$blocks, $items], $shared) }
    }};
}

pub(super) use launch;

/// Launches blocks of [`THREADS`] threads.
///
/// # Safety
/// The arguments are the kernel's parameters, and the kernel accesses no entry outside its buffers.
pub(super) unsafe fn launch_blocks(
    mut call: LaunchArgs<'_>,
    grid: [usize; 2],
    shared: usize,
) -> Result<()> {
    let [blocks, items] = grid.map(|count| count as u32);
    let config = LaunchConfig {
        grid_dim: (blocks, items, 1),
        block_dim: (THREADS as u32, 1, 1),
        shared_mem_bytes: shared as u32,
    };
    // SAFETY: the caller promises that arguments and buffers fit the kernel.
    unsafe { call.launch(config) }.map_err(failed("a launch"))?;
    Ok(())
}

/// A count as a kernel's integer. `limits::check_countable` has checked all extents before.
pub(super) fn int(count: usize) -> i32 {
    count as i32
}

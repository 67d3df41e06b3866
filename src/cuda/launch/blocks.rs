//! Checks and starts a launch.

use cudarc::driver::{CudaSlice, LaunchArgs, LaunchConfig, PushKernelArg};

use crate::cuda::driver::failed;
use crate::error::Result;

/// The null pointer: the argument for a buffer that a launch does not use.
pub(super) const NULL: u64 = 0;

/// Checks that each buffer is as long as the kernel assumes, passes the arguments and then the
/// optional buffers `selected` and `active`, and launches blocks. The kernel is the name of a base kernel with blocks of [`THREADS`] threads, or
/// `function: f, threads: n`.
macro_rules! launch {
    (
        $queue:expr, function: $function:expr, threads: $threads:expr,
        grid: ($blocks:expr, $items:expr $(, $deep:expr)?), shared: $shared:expr,
        holds: [$($buffer:expr => $len:expr),* $(,)?],
        arguments: [$($argument:expr),* $(,)?]
        $(, selected: $selected:expr)? $(, active: $active:expr)? $(,)?
    ) => {{
        let function: &cudarc::driver::CudaFunction = $function;
        $(assert!($buffer.len() >= $len, "{}", stringify!($buffer));)*
        let mut call = $queue.stream().launch_builder(function);
        $(cudarc::driver::PushKernelArg::arg(&mut call, $argument);)*
        $($crate::cuda::launch::blocks::push(&mut call, $selected);)?
        $($crate::cuda::launch::blocks::push(&mut call, $active);)?
        let size = $crate::cuda::launch::blocks::Size {
            grid: [$blocks, $items $(, $deep)?].into(),
            threads: $threads,
            shared: $shared,
        };
        // SAFETY: the arguments are the kernel's parameters in number, order and width. The
        // kernel accesses no entry outside its buffers, because their lengths were checked.
        unsafe { $crate::cuda::launch::blocks::launch_blocks(call, size) }
    }};
    (
        $queue:expr, $kernel:expr, $($rest:tt)*
    ) => {
        $crate::cuda::launch::blocks::launch!(
            $queue, function: $queue.program().function($kernel),
            threads: $crate::cuda::launch::constants::THREADS, $($rest)*
        )
    };
}

pub(super) use launch;

/// Passes a buffer, or the null pointer.
pub(super) fn push<'a, T>(call: &mut LaunchArgs<'a>, buffer: Option<&'a CudaSlice<T>>) {
    match buffer {
        Some(buffer) => call.arg(buffer),
        None => call.arg(&NULL),
    };
}

/// The blocks of a grid, by axis.
pub(super) struct Grid([usize; 3]);

impl From<[usize; 2]> for Grid {
    fn from([across, down]: [usize; 2]) -> Self {
        Self([across, down, 1])
    }
}

impl From<[usize; 3]> for Grid {
    fn from(blocks: [usize; 3]) -> Self {
        Self(blocks)
    }
}

/// The size of a launch.
pub(super) struct Size {
    pub(super) grid: Grid,
    /// The threads of a block.
    pub(super) threads: usize,
    /// The bytes of shared memory of a block, besides those that the kernel declares.
    pub(super) shared: usize,
}

/// Launches blocks.
///
/// # Safety
/// The arguments are the kernel's parameters, and the kernel accesses no entry outside its buffers.
pub(super) unsafe fn launch_blocks(mut call: LaunchArgs<'_>, size: Size) -> Result<()> {
    let [across, down, deep] = size.grid.0.map(|count| count as u32);
    let config = LaunchConfig {
        grid_dim: (across, down, deep),
        block_dim: (size.threads as u32, 1, 1),
        shared_mem_bytes: size.shared as u32,
    };
    // SAFETY: the caller promises that arguments and buffers fit the kernel.
    unsafe { call.launch(config) }.map_err(failed("a launch"))?;
    Ok(())
}

/// A count as a kernel's integer. `limits::check_countable` has checked all extents before.
pub(super) fn int(count: usize) -> i32 {
    count as i32
}

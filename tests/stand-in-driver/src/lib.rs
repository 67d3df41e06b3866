//! A CUDA driver without a GPU. It implements the driver's functions that host code calls by an
//! interpreter of PTX. Host code and kernels run unchanged, but slowly, and every access is checked.
//! For development only.
//!
//! From the bottom up:
//!
//! - [`memory`]: bytes, whether they are written, and which threads accessed them;
//! - [`instruction`], and [`ptx`], which reads instructions from text;
//! - [`arithmetic`]: the results of arithmetic instructions;
//! - [`machine`]: threads, blocks and barriers;
//! - [`clocks`]: the order of work on streams;
//! - `linker`: compiled modules;
//! - [`driver`]: the driver's state;
//! - [`exported`]: the driver's functions;
//! - [`control`]: functions by which a test sets and reads the state.

pub mod arithmetic;
pub mod clocks;
pub mod control;
pub mod driver;
pub mod exported;
pub mod instruction;
mod linker;
pub mod machine;
pub mod memory;
pub mod ptx;
mod tally;

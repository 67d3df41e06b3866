//! A CUDA driver without a GPU: the functions of the driver that host code calls,
//! over an interpreter of PTX. Host code and kernels run unchanged, slowly, and every
//! access is checked. For development only.
//!
//! From the ground up: [`memory`] (bytes, what is written, who accessed what),
//! [`instruction`], [`ptx`] (text to instructions), [`arithmetic`], [`machine`] (threads, blocks,
//! barriers), [`clocks`] (what streams order), [`driver`] (the state), [`exported`] (the functions)
//! and [`control`] (what a test sets and asks).

pub mod arithmetic;
pub mod clocks;
pub mod control;
pub mod driver;
pub mod exported;
pub mod instruction;
pub mod machine;
pub mod memory;
pub mod ptx;

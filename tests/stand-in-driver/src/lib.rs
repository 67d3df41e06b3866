//! A CUDA driver without a GPU. It implements the driver's functions that host code calls by an
//! interpreter of PTX. Host code and kernels run unchanged, but slowly, and every access is checked.
//! For development only.
//!
//! From the bottom up:
//!
//! - [`order`]: which accesses of a cluster's threads are before which, by clocks;
//! - [`history`]: the accesses of a launch to memory, and their races;
//! - [`memory`]: bytes, and whether they are written; [`allocations`] of a device;
//! - [`instruction`]; [`ptx`], [`operations`] and [`collectives`], which read instructions from text, with
//!   their [`mnemonics`];
//! - [`arithmetic`]: the results of arithmetic instructions; [`approximate`] ones;
//! - [`warp`]: the state of 32 threads;
//! - [`machine`], which runs the blocks of a cluster: [`step`] arithmetic, [`access`] loads and stores,
//!   [`lanes`] the instructions of a warp, [`barriers`], [`phases`], [`flags`];
//! - [`launch`]: all clusters of a launch;
//! - [`clocks`]: the order of work on streams;
//! - [`driver`]: the state of the driver and its devices, with their [`properties`];
//!   [`loading`] modules and launches;
//! - [`exported`]: the driver's functions;
//! - [`control`]: functions by which a test sets and reads the state.

mod access;
pub mod allocations;
pub mod approximate;
pub mod arithmetic;
mod barriers;
pub mod clocks;
pub mod collectives;
pub mod control;
pub mod driver;
pub mod exported;
mod flags;
pub mod history;
pub mod instruction;
mod lanes;
pub mod launch;
mod loading;
mod machine;
pub mod memory;
mod mnemonics;
pub mod operations;
pub mod order;
mod phases;
mod properties;
pub mod ptx;
mod step;
mod tally;
pub mod warp;

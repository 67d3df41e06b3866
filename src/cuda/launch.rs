//! Launches: one safe function for each kernel.
//!
//! A function takes the kernel's buffers and extents by name, checks the lengths of the
//! buffers, and passes them on in the order of the kernel's parameters. Only this module
//! calls kernels.
//!
//! Many functions take `active`, one number for each item: the kernel skips an item with the
//! number 0. Without `active`, the kernel computes all items.
#![allow(unsafe_code)]

mod blocks;
mod constants;
mod eigen_columns;
mod first;
mod gram;
mod gram_tiles;
mod maps;
mod prepare;
mod project_tiles;
mod shared_memory;
mod small;
mod tucker;
mod unfoldings;

pub(super) use constants::{RUN, outcome};
pub(super) use first::FirstVectors;
pub(super) use gram::{Eigenproblems, no_convergence};
pub(super) use maps::{
    Combination, Grams, MapChunk, Projection, Request, Resizing, Rows, SinglePrecision,
};
pub(super) use prepare::{Prepared, Results, Slices, parts, work_len};
pub(super) use project_tiles::TileProjection;
pub(super) use small::MapKernels;
pub(super) use tucker::{LeadingVectors, Products, Refinement, States, Stopping, SweepEnd};
pub(super) use unfoldings::Unfoldings;

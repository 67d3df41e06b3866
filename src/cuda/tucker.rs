//! ST-HOSVD and HOOI of batches.
//!
//! ```text
//! batch, pointer  the methods of Device: batches in the host's memory, and on the device
//! options         the checked options of a call
//! decompose       the tensors of a chunk, at given ranks or within a tolerance
//! chunk           the tensors of a chunk at equal ranks, on top of iteration
//! tolerance       the tensors of a chunk within a tolerance, mode by mode
//! measured        the error of a decomposition, from its reconstruction
//! found, result   decompositions in f64, and in the scalar of the tensors
//! iteration       tensors at equal ranks: the start and the sweeps
//! factor          one mode: singular values, singular vectors and factors
//! chain           two buffers for chains of mode products
//! units           tensors in units in which squares stay in the range of f64
//! energies        ‖X‖²
//! tensors         the tensors that a step reads, in the caller's scalar or in f64
//! entries         ranges of buffers that decompositions share
//! shapes          extents of tensors and cores
//! ```

mod batch;
mod chain;
mod choice;
mod chunk;
mod decompose;
mod energies;
mod entries;
mod factor;
mod found;
mod iteration;
mod lowering;
mod measured;
mod options;
mod pointer;
mod result;
mod shapes;
mod tensors;
mod tolerance;
mod units;

pub(super) use energies::Energies;
pub(super) use iteration::{Given, Iteration, Origin, Sweeping};
pub use result::DeviceTucker;
pub(super) use shapes::Shapes;
pub(super) use tensors::Tensors;

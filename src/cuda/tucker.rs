//! ST-HOSVD and HOOI of batches.
//!
//! ```text
//! batch       the methods of Device; checks
//! tolerance   ranks within a tolerance, tensor by tensor, on top of solver
//! solver      tensors of one shape at the same ranks, chunk by chunk
//! iteration   one chunk on the device: the start and the sweeps
//! factor      one mode: the factors from Gram matrices of the unfoldings
//! chain       two buffers for chains of mode products
//! shapes      extents of tensors and cores
//! ```

mod batch;
mod chain;
mod factor;
mod iteration;
mod shapes;
mod solver;
mod tolerance;

pub(super) use iteration::{Iteration, Origin, Sweeping};
pub(super) use shapes::Shapes;

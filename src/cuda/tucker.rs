//! ST-HOSVD and HOOI of batches.
//!
//! ```text
//! batch       the methods of Device; checks
//! tolerance   ranks within a tolerance, tensor by tensor, on top of solver
//! solver      equal shapes and ranks: chunk by chunk, results to the host
//! iteration   one chunk on the device: the start and the sweeps
//! factor      one mode: the factor of unfoldings from their Gram matrices
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

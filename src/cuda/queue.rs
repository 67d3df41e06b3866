//! A stream of the GPU, and the kernels that are launched on it.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaStream};

use super::driver::failed;
use super::program::families::Family;
use super::program::{Program, Sized};
use crate::error::Result;

/// A stream, and the kernels that are launched on it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    stream: Arc<CudaStream>,
    program: Arc<Program>,
}

impl Queue {
    /// A new stream of a device.
    pub(super) fn new(context: &Arc<CudaContext>, program: &Arc<Program>) -> Result<Self> {
        let stream = context.new_stream().map_err(failed("creating a stream"))?;
        Ok(Self {
            stream,
            program: Arc::clone(program),
        })
    }

    /// The stream.
    pub(super) fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    /// The kernels of a family for matrices of at least this order. `None` if the family does not
    /// cover the order or the device: the base kernels then do the work.
    pub(super) fn sized(
        &self,
        family: &'static Family,
        order: usize,
    ) -> Result<Option<Arc<Sized>>> {
        self.program.sized(family, order)
    }

    /// The kernels.
    pub(super) fn program(&self) -> &Program {
        &self.program
    }
}

//! A stream of the GPU, and the kernels that are launched on it.

#![allow(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cudarc::driver::{CudaStream, DriverError, sys};

use super::context::ThreadContext;
use super::driver::failed;
use super::pool::{Pool, Workspace};
use super::program::families::Family;
use super::program::{Program, Sized};
use crate::error::Result;

/// A stream of the pool, and the kernels that are launched on it. The stream returns to the pool
/// with the last copy of the queue, after its work is done.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    loan: Arc<Loan>,
    program: Arc<Program>,
}

/// A workspace that is on loan from the pool.
#[derive(Debug)]
struct Loan {
    pool: Arc<Pool>,
    workspace: Arc<Workspace>,
    /// Whether there may be work on the stream for which the host has not waited.
    busy: AtomicBool,
}

impl Loan {
    fn wait(&self) -> Result<(), DriverError> {
        if self.busy.load(Ordering::Relaxed) {
            self.workspace.stream().synchronize()?;
            self.busy.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // The owner of a result drops it on any thread.
        let _kept = ThreadContext::keep();
        // Waiting fails only if an earlier error has ended the context. The next call reports
        // that error.
        let _ = self.wait();
        self.pool.give_back(Arc::clone(&self.workspace));
    }
}

impl Queue {
    /// A stream of the pool.
    pub(super) fn new(pool: &Arc<Pool>, program: &Arc<Program>) -> Result<Self> {
        let workspace = pool.borrow().map_err(failed("creating a stream"))?;
        Ok(Self {
            loan: Arc::new(Loan {
                pool: Arc::clone(pool),
                workspace,
                busy: AtomicBool::new(false),
            }),
            program: Arc::clone(program),
        })
    }

    /// The stream, for work on it.
    pub(super) fn stream(&self) -> &Arc<CudaStream> {
        self.loan.busy.store(true, Ordering::Relaxed);
        self.loan.workspace.stream()
    }

    /// The stream, for work that does not go through cudarc's streams. Binds the device's context to
    /// the thread.
    pub(super) fn bound_stream(&self) -> Result<sys::CUstream, DriverError> {
        self.pool().context().bind_to_thread()?;
        Ok(self.stream().cu_stream())
    }

    /// Waits until all work on the stream is done.
    pub(super) fn wait(&self) -> Result<()> {
        self.loan.wait().map_err(failed("waiting for the device"))
    }

    /// Lets the stream wait for all work that `stream`, a stream of the caller, holds now.
    ///
    /// # Safety
    /// `stream` is a stream of this device.
    pub(super) unsafe fn wait_for(&self, stream: u64) -> Result<()> {
        let event = self.loan.workspace.event();
        let context = self.pool().context();
        // SAFETY: the caller promises that the stream exists.
        let other = unsafe { context.wrap_borrowed_stream(stream as sys::CUstream) };
        let ordered = event
            .record(&other)
            .and_then(|()| self.stream().wait(event));
        ordered.map_err(failed("waiting for the caller's stream"))
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

    /// The pool that the stream comes from.
    pub(super) fn pool(&self) -> &Pool {
        &self.loan.pool
    }

    /// The stream with its idle memory.
    pub(super) fn workspace(&self) -> &Workspace {
        &self.loan.workspace
    }
}

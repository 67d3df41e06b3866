//! cuSOLVER, NVIDIA's library of dense solvers, opened at run time if it is installed.
//!
//! The library is used where it is faster than the kernels of this library: for a single symmetric
//! eigenproblem of order 400, its divide and conquer takes 3.9 ms on an H100, and the Jacobi
//! rotations of this library take 5.2 ms. The kernels of this library are faster for smaller orders
//! and need no library (docs/cuda.md).

#![allow(unsafe_code)]

use std::ptr::null;
use std::sync::{Mutex, OnceLock, PoisonError};

use cudarc::cusolver::result::{CusolverError, dn_create, dn_create_params, dn_set_stream};
use cudarc::cusolver::sys::{
    self, cublasFillMode_t, cudaDataType, cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t,
};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtrMut};

use crate::error::{CudaError, Error, Result};

/// The library, opened at the first use.
#[derive(Debug, Default)]
pub(super) struct Library {
    solver: OnceLock<Option<Mutex<Solver>>>,
}

/// A handle of the library. One thread uses it at a time.
#[derive(Debug)]
struct Solver {
    handle: cusolverDnHandle_t,
    parameters: cusolverDnParams_t,
}

// SAFETY: cuSOLVER allows a handle to be used by any thread, one at a time.
unsafe impl Send for Solver {}

impl Drop for Solver {
    fn drop(&mut self) {
        // SAFETY: both are destroyed once, here, and are used by nothing else.
        unsafe {
            sys::cusolverDnDestroyParams(self.parameters);
            sys::cusolverDnDestroy(self.handle);
        }
    }
}

impl Library {
    /// Whether the library is installed and usable. The first call opens it.
    pub(super) fn is_present(&self) -> bool {
        self.solver().is_some()
    }

    /// Whether the library has been opened.
    pub(super) fn is_open(&self) -> bool {
        self.solver.get().is_some_and(Option::is_some)
    }

    fn solver(&self) -> Option<&Mutex<Solver>> {
        self.solver.get_or_init(|| open().map(Mutex::new)).as_ref()
    }

    /// The bytes of workspace that [`Library::eigen`] needs for matrices of this order.
    pub(super) fn workspace(&self, stream: &CudaStream, order: usize) -> Result<Workspace> {
        self.locked(|solver| solver.workspace(stream, order))
    }

    /// Solves G = V diag(values) Vᵀ for each item, smallest value first, and overwrites G with V,
    /// column by column. A failure of an item becomes a number other than 0 in `failures`. Returns
    /// before the stream is done, which uses all buffers until then.
    pub(super) fn eigen(&self, stream: &CudaStream, problems: Ascending<'_>) -> Result<()> {
        self.locked(|solver| solver.eigen(stream, problems))
    }

    fn locked<R>(&self, task: impl FnOnce(&Solver) -> Result<R>) -> Result<R> {
        let Some(solver) = self.solver() else {
            return Err(failed("it is not installed".to_owned()));
        };
        task(&solver.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Bytes of workspace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workspace {
    pub(super) on_device: usize,
    pub(super) on_host: usize,
}

/// Symmetric eigenproblems, one for each item.
pub(super) struct Ascending<'a> {
    pub(super) items: usize,
    pub(super) order: usize,
    pub(super) matrices: &'a mut CudaSlice<f64>,
    pub(super) values: &'a mut CudaSlice<f64>,
    pub(super) failures: &'a mut CudaSlice<i32>,
    /// Workspace of the bytes that [`Library::workspace`] returns.
    pub(super) on_device: &'a mut CudaSlice<u8>,
    pub(super) on_host: &'a mut [u8],
}

/// Opens the library. `None` if it is not installed, is older than CUDA 11.1, or fails.
fn open() -> Option<Solver> {
    const FUNCTIONS: [&[u8]; 2] = [b"cusolverDnXsyevd\0", b"cusolverDnXsyevd_bufferSize\0"];
    // SAFETY: the call only tries to open the library by its name.
    if !unsafe { sys::is_culib_present() } {
        return None;
    }
    // SAFETY: the library is present. The functions are looked up and not called.
    let complete = FUNCTIONS
        .iter()
        .all(|name| unsafe { sys::culib().get::<unsafe extern "C" fn()>(*name).is_ok() });
    if !complete {
        return None;
    }
    let handle = dn_create().ok()?;
    match dn_create_params() {
        Ok(parameters) => Some(Solver { handle, parameters }),
        Err(_) => {
            // SAFETY: the handle is destroyed once, here.
            unsafe { sys::cusolverDnDestroy(handle) };
            None
        }
    }
}

impl Solver {
    fn workspace(&self, stream: &CudaStream, order: usize) -> Result<Workspace> {
        let n = order as i64;
        let (mut on_device, mut on_host) = (0, 0);
        // SAFETY: the handle is live and the stream exists.
        unsafe { dn_set_stream(self.handle, stream.cu_stream().cast()) }.map_err(described)?;
        // SAFETY: the handle is live. The function writes two sizes and reads no matrix.
        unsafe {
            sys::cusolverDnXsyevd_bufferSize(
                self.handle,
                self.parameters,
                cusolverEigMode_t::CUSOLVER_EIG_MODE_VECTOR,
                cublasFillMode_t::CUBLAS_FILL_MODE_LOWER,
                n,
                cudaDataType::CUDA_R_64F,
                null(),
                n,
                cudaDataType::CUDA_R_64F,
                null(),
                cudaDataType::CUDA_R_64F,
                &raw mut on_device,
                &raw mut on_host,
            )
        }
        .result()
        .map_err(described)?;
        Ok(Workspace { on_device, on_host })
    }

    fn eigen(&self, stream: &CudaStream, problems: Ascending<'_>) -> Result<()> {
        let Ascending {
            items,
            order,
            matrices,
            values,
            failures,
            on_device,
            on_host,
        } = problems;
        assert!(matrices.len() >= items * order * order && values.len() >= items * order);
        assert!(failures.len() >= items);
        let n = order as i64;
        let bytes = on_device.len();
        let (matrices, _matrices_in_order) = matrices.device_ptr_mut(stream);
        let (values, _values_in_order) = values.device_ptr_mut(stream);
        let (failures, _failures_in_order) = failures.device_ptr_mut(stream);
        let (on_device, _workspace_in_order) = on_device.device_ptr_mut(stream);
        // SAFETY: the handle is live and the stream exists.
        unsafe { dn_set_stream(self.handle, stream.cu_stream().cast()) }.map_err(described)?;
        for item in 0..items as u64 {
            let matrix = matrices + 8 * item * (order * order) as u64;
            // SAFETY: the buffers hold `items` matrices, values and failures, as checked above. The
            // library checks the sizes of the workspaces. The stream runs one item after the
            // other, so that the items can share the workspaces.
            unsafe {
                sys::cusolverDnXsyevd(
                    self.handle,
                    self.parameters,
                    cusolverEigMode_t::CUSOLVER_EIG_MODE_VECTOR,
                    cublasFillMode_t::CUBLAS_FILL_MODE_LOWER,
                    n,
                    cudaDataType::CUDA_R_64F,
                    matrix as *mut _,
                    n,
                    cudaDataType::CUDA_R_64F,
                    (values + 8 * item * order as u64) as *mut _,
                    cudaDataType::CUDA_R_64F,
                    on_device as *mut _,
                    bytes,
                    on_host.as_mut_ptr().cast(),
                    on_host.len(),
                    (failures + 4 * item) as *mut _,
                )
            }
            .result()
            .map_err(described)?;
        }
        Ok(())
    }
}

fn described(error: CusolverError) -> Error {
    failed(format!("{:?}", error.0))
}

fn failed(reason: String) -> Error {
    CudaError::DeviceFailed {
        what: "an eigenproblem in cuSOLVER",
        reason,
    }
    .into()
}

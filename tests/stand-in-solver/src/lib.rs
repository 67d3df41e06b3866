//! cuSOLVER without a GPU: the functions of its eigensolver that host code calls. They copy the
//! matrix from the memory of the stand-in driver, solve the eigenproblem on the CPU, and copy the
//! result back. The stand-in driver must be loaded before. For development only.
//!
//! The functions have cuSOLVER's names and parameters. Their callers pass valid pointers.
#![allow(clippy::not_unsafe_ptr_arg_deref)]

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};

use faer::{Mat, Side};

/// Bytes of workspace that the solver asks for.
const WORKSPACE: usize = 4096;

const SUCCESS: c_int = 0;
const INVALID_VALUE: c_int = 3;
const EXECUTION_FAILED: c_int = 6;

/// What the next eigenproblem does: 0 succeeds, 1 does not converge, 2 fails.
static NEXT: AtomicI32 = AtomicI32::new(0);

/// The stream of the one handle.
static STREAM: std::sync::Mutex<usize> = std::sync::Mutex::new(0);

unsafe extern "C" {
    fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, bytes: usize, stream: usize) -> c_int;
    fn cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, bytes: usize, stream: usize) -> c_int;
    fn cuStreamSynchronize(stream: usize) -> c_int;
}

/// Sets what the next eigenproblem does: 1 does not converge, 2 fails.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_solver_next(outcome: c_int) {
    NEXT.store(outcome, Ordering::Relaxed);
}

fn create(handle: *mut usize) -> c_int {
    // SAFETY: the caller passes the address of a pointer.
    unsafe { handle.write(1) };
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cusolverDnCreate(handle: *mut usize) -> c_int {
    create(handle)
}

#[unsafe(no_mangle)]
pub extern "C" fn cusolverDnDestroy(_handle: usize) -> c_int {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cusolverDnCreateParams(parameters: *mut usize) -> c_int {
    create(parameters)
}

#[unsafe(no_mangle)]
pub extern "C" fn cusolverDnDestroyParams(_parameters: usize) -> c_int {
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cusolverDnSetStream(_handle: usize, stream: usize) -> c_int {
    match STREAM.lock() {
        Ok(mut current) => *current = stream,
        Err(_) => return EXECUTION_FAILED,
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cusolverDnXsyevd_bufferSize(
    _handle: usize,
    _parameters: usize,
    _vectors: c_int,
    _triangle: c_int,
    _order: i64,
    _type_of_matrix: c_int,
    _matrix: u64,
    _stride: i64,
    _type_of_values: c_int,
    _values: u64,
    _type_of_arithmetic: c_int,
    on_device: *mut usize,
    on_host: *mut usize,
) -> c_int {
    // SAFETY: the caller passes the addresses of two sizes.
    unsafe {
        on_device.write(WORKSPACE);
        on_host.write(WORKSPACE);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn cusolverDnXsyevd(
    _handle: usize,
    _parameters: usize,
    vectors: c_int,
    triangle: c_int,
    order: i64,
    type_of_matrix: c_int,
    matrix: u64,
    stride: i64,
    type_of_values: c_int,
    values: u64,
    type_of_arithmetic: c_int,
    _on_device: u64,
    bytes_on_device: usize,
    _on_host: *mut c_void,
    bytes_on_host: usize,
    failure: u64,
) -> c_int {
    const DOUBLE: c_int = 1;
    let doubles = [type_of_matrix, type_of_values, type_of_arithmetic] == [DOUBLE; 3];
    let as_expected = vectors == 1 && triangle == 0 && stride == order && doubles;
    if !as_expected || bytes_on_device < WORKSPACE || bytes_on_host < WORKSPACE {
        return INVALID_VALUE;
    }
    let next = NEXT.swap(0, Ordering::Relaxed);
    if next == 2 {
        return EXECUTION_FAILED;
    }
    let Ok(stream) = STREAM.lock().map(|stream| *stream) else {
        return EXECUTION_FAILED;
    };
    let n = order as usize;
    let mut entries = vec![0.0_f64; n * n];
    // SAFETY: `entries` has room for the matrix, and the stream is awaited before it is read.
    let read = unsafe {
        cuMemcpyDtoHAsync_v2(entries.as_mut_ptr().cast(), matrix, 8 * n * n, stream)
            | cuStreamSynchronize(stream)
    };
    if read != 0 {
        return EXECUTION_FAILED;
    }
    // Smallest value first, as cuSOLVER orders them. Only the lower triangle is read.
    let lower = Mat::from_fn(n, n, |i, j| entries[i + j * n]);
    let Ok(solved) = lower.self_adjoint_eigen(Side::Lower) else {
        return EXECUTION_FAILED;
    };
    let ascending: Vec<f64> = solved.S().column_vector().iter().copied().collect();
    for (k, entry) in entries.iter_mut().enumerate() {
        *entry = solved.U()[(k % n, k / n)];
    }
    let failed: c_int = if next == 1 { order as c_int } else { 0 };
    // SAFETY: the buffers exist until the stream has been awaited.
    let written = unsafe {
        cuMemcpyHtoDAsync_v2(matrix, entries.as_ptr().cast(), 8 * n * n, stream)
            | cuMemcpyHtoDAsync_v2(values, ascending.as_ptr().cast(), 8 * n, stream)
            | cuMemcpyHtoDAsync_v2(failure, (&raw const failed).cast(), 4, stream)
            | cuStreamSynchronize(stream)
    };
    if written == 0 {
        SUCCESS
    } else {
        EXECUTION_FAILED
    }
}

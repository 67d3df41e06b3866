//! Whether a usable driver is installed, and what the driver's errors mean.

#![allow(unsafe_code)]

use cudarc::driver::{DriverError, sys};

use crate::error::{CudaError, Error, Result};

/// The oldest driver that accepts the PTX of this library: CUDA 11.8.
const OLDEST: i32 = 11_080;

/// Fails if no driver is installed, or if the driver is too old.
///
/// cudarc looks up the driver's functions when they are first called, and panics if the
/// library is missing. So this check must come before any other call of cudarc.
pub(super) fn check_driver() -> Result<()> {
    // SAFETY: the call only tries to open the library by its name.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoDevice {
            reason: "the driver's library (libcuda) is not found; install NVIDIA's driver"
                .to_owned(),
        }
        .into());
    }
    let version = driver_version()?;
    if version < OLDEST {
        return Err(CudaError::NoDevice {
            reason: format!(
                "the driver is for CUDA {}.{}; install one for CUDA 11.8 or newer",
                version / 1000,
                version % 1000 / 10
            ),
        }
        .into());
    }
    Ok(())
}

/// The newest version of CUDA that the driver supports: 12080 is CUDA 12.8. A driver is installed.
pub(super) fn driver_version() -> Result<i32> {
    let mut version = 0;
    // SAFETY: the function writes one integer to the address of `version`.
    let status = unsafe { sys::cuDriverGetVersion(&raw mut version) };
    match status {
        sys::CUresult::CUDA_SUCCESS => Ok(version),
        status => Err(no_device(DriverError(status))),
    }
}

/// The error for a device that cannot be opened.
pub(super) fn no_device(error: DriverError) -> Error {
    let reason = match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE => {
            "the driver finds none; check the hardware and CUDA_VISIBLE_DEVICES".to_owned()
        }
        sys::CUresult::CUDA_ERROR_INVALID_DEVICE => {
            "there is no device of this number; devices count from 0".to_owned()
        }
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            "other processes use its memory; free some memory there or use another device"
                .to_owned()
        }
        _ => described(error),
    };
    CudaError::NoDevice { reason }.into()
}

/// The error for a step that failed on an open device.
pub(super) fn failed(what: &'static str) -> impl Fn(DriverError) -> Error {
    move |error| {
        let reason = match error.0 {
            sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
                "its memory is exhausted; free some memory there or use the CPU".to_owned()
            }
            _ => described(error),
        };
        CudaError::DeviceFailed { what, reason }.into()
    }
}

/// The error for memory of the host that cannot be pinned.
pub(super) fn failed_to_pin(error: DriverError) -> Error {
    let reason = match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            "the host has too little memory that can be locked; free some or use the CPU".to_owned()
        }
        _ => described(error),
    };
    CudaError::DeviceFailed {
        what: "pinning memory of the host",
        reason,
    }
    .into()
}

/// The driver's name and description of an error.
fn described(error: DriverError) -> String {
    match (error.error_name(), error.error_string()) {
        (Ok(name), Ok(text)) => {
            format!("{} ({})", text.to_string_lossy(), name.to_string_lossy())
        }
        _ => format!("error {}", error.0 as i32),
    }
}

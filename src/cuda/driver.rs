//! Whether there is a driver to talk to, and what its errors mean.

#![allow(unsafe_code)]

use cudarc::driver::{DriverError, sys};

use crate::error::{CudaError, Error};

/// The oldest driver that takes the PTX of this library, CUDA 11.8.
const OLDEST: i32 = 11_080;

/// Fails where no driver is installed, or too old a one. The driver's functions are
/// looked up when they are first called, and a missing library would end in a panic.
pub(super) fn check_driver() -> Result<(), Error> {
    // SAFETY: it only tries to open the library by its name.
    if !unsafe { sys::is_culib_present() } {
        return Err(CudaError::NoDevice {
            reason: "the driver's library (libcuda) is not found; install NVIDIA's driver"
                .to_owned(),
        }
        .into());
    }
    let mut version = 0;
    // SAFETY: the function writes one integer, to which the pointer points.
    let status = unsafe { sys::cuDriverGetVersion(&raw mut version) };
    if status != sys::CUresult::CUDA_SUCCESS {
        return Err(no_device(DriverError(status)));
    }
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

/// Why a device could not be opened.
pub(super) fn no_device(error: DriverError) -> Error {
    let reason = match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE => {
            "the driver finds none; check the hardware and CUDA_VISIBLE_DEVICES".to_owned()
        }
        sys::CUresult::CUDA_ERROR_INVALID_DEVICE => {
            "there is none of this number; they count from 0".to_owned()
        }
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => {
            "its memory is taken by others; free some or take another device".to_owned()
        }
        _ => described(error),
    };
    CudaError::NoDevice { reason }.into()
}

/// The failure of a step on an open device.
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

/// The driver's name and words for an error.
fn described(error: DriverError) -> String {
    match (error.error_name(), error.error_string()) {
        (Ok(name), Ok(text)) => {
            format!("{} ({})", text.to_string_lossy(), name.to_string_lossy())
        }
        _ => format!("error {}", error.0 as i32),
    }
}

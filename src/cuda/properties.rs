//! The attributes of the GPUs, which the driver gives without opening a GPU.

#![allow(unsafe_code)]

use cudarc::driver::result::{self, device};
use cudarc::driver::sys::{self, CUdevice_attribute_enum as Attribute};
use cudarc::driver::{CudaContext, DriverError};

use super::driver::{check_driver, driver_version, failed, no_device};
use crate::error::Result;

/// What a GPU is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Properties {
    /// Its name.
    pub name: String,
    /// Its number in the driver's order, counted from 0.
    pub ordinal: usize,
    /// The major and the minor number of its compute capability.
    pub compute_capability: (i32, i32),
    /// The bytes of its memory.
    pub memory: u64,
    /// The number of its multiprocessors.
    pub multiprocessors: usize,
    /// The maximum clock rate of its multiprocessors in kHz.
    pub clock_khz: usize,
    /// The rate of `f32` arithmetic divided by the rate of `f64` arithmetic: 2 for cards of data
    /// centres, 32 or 64 for most others.
    pub single_to_double: usize,
    /// The major and the minor number of the newest version of CUDA that the driver supports.
    pub driver: (i32, i32),
}

impl Properties {
    /// The properties of all GPUs, in the driver's order. No GPU is opened.
    ///
    /// # Errors
    /// [`CudaError::NoDevice`](crate::CudaError::NoDevice) if there is no driver, if the driver is
    /// too old, or if it finds no GPU; the message gives a remedy.
    ///
    /// ```
    /// use tenfold::cuda::Properties;
    /// match Properties::of_all() {
    ///     Ok(cards) => assert_eq!(cards[0].ordinal, 0),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    pub fn of_all() -> Result<Vec<Self>> {
        check_driver()?;
        result::init().map_err(no_device)?;
        let count = device::get_count().map_err(no_device)?;
        if count == 0 {
            return Err(no_device(DriverError(sys::CUresult::CUDA_ERROR_NO_DEVICE)));
        }
        (0..count)
            .map(|ordinal| Self::of(device::get(ordinal).map_err(no_device)?, ordinal as usize))
            .collect()
    }

    /// The properties of an open GPU.
    pub(super) fn of_context(context: &CudaContext) -> Result<Self> {
        Self::of(context.cu_device(), context.ordinal())
    }

    /// The properties of a GPU of the driver.
    fn of(gpu: sys::CUdevice, ordinal: usize) -> Result<Self> {
        let reading = failed("reading its properties");
        let attribute = |attribute| {
            // SAFETY: `gpu` comes from the driver.
            unsafe { device::get_attribute(gpu, attribute) }.map_err(&reading)
        };
        let count = |name| -> Result<usize> { Ok(attribute(name)?.try_into().unwrap_or(0)) };
        let version = driver_version()?;
        // SAFETY: `gpu` comes from the driver.
        let memory = unsafe { device::total_mem(gpu) }.map_err(&reading)?;
        Ok(Self {
            name: device::get_name(gpu).map_err(&reading)?,
            ordinal,
            compute_capability: (
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
            ),
            memory: memory as u64,
            multiprocessors: count(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            clock_khz: count(Attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE)?,
            single_to_double: count(
                Attribute::CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO,
            )?,
            driver: (version / 1000, version % 1000 / 10),
        })
    }
}

//! Batches on an NVIDIA GPU.
//!
//! The same options go in as on the CPU, and the same results come out:
//! [`Device::saliency_maps`] takes a [`Cam`](crate::cam::Cam), [`Device::hooi`] a
//! [`Hooi`](crate::Hooi), and batches of tensors in the host's memory, which stream
//! through the device in chunks where they are larger than its memory. Who holds
//! feature maps on the device already hands in a pointer
//! ([`Device::saliency_maps_at`]).
//!
//! Small dense problems are solved in `f64`, as on the CPU. Device and CPU agree up to the rounding of
//! a Gram matrix, over the gaps between singular values: on normalised maps typically to 1e-6 (`f32`)
//! and 1e-12 (`f64`).
//!
//! Nothing of CUDA is needed to build. When a device is opened, a driver for CUDA 11.8
//! or newer must be there. Kernels (`kernels/*.cu`) are compiled for the device by
//! NVRTC where that library is found; else the driver compiles the PTX that is part of
//! this library, for devices of compute capability 7.5 and newer.
//!
//! How the kernels are checked, and how fast they are, is in `docs/cuda.md`.

mod buffers;
mod decomposition;
mod device;
mod driver;
mod hooi;
mod iteration;
mod lane;
mod launch;
mod limits;
mod maps;
mod program;
mod saliency;
mod tolerance;

pub use device::{Device, DeviceScalar};

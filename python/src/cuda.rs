//! NVIDIA GPUs: arrays on a device, and the functions that compute there.
//!
//! ```text
//! object of a framework                                                object of that framework
//!   │ __dlpack__ or __cuda_array_interface__                                   ▲ from_dlpack
//!   ▼                                                                          │
//! DeviceArray ──> saliency_at, decompose_at, on the device ──> DeviceArray, DeviceDecomposition
//! ```
//!
//! | module | content |
//! | --- | --- |
//! | `devices` | the open devices of the process |
//! | `memory` | where an array is, and what keeps its memory alive |
//! | `protocols` | the protocols by which arrays are exchanged |
//! | `array` | the class `DeviceArray` |
//! | `maps` | saliency maps |
//! | `decomposition` | the class `DeviceDecomposition` |
//! | `solvers` | HOOI and ST-HOSVD |
//!
//! Each module uses only modules above it.
//!
//! All work on a device restores the driver's context of its thread, so that the current device of
//! the framework stays the same.

mod array;
mod decomposition;
mod devices;
mod maps;
mod memory;
mod protocols;
mod solvers;

pub(crate) use array::DeviceArray;
pub(crate) use decomposition::DeviceDecomposition;
pub(crate) use devices::{device_properties, release_device_memory};
pub(crate) use maps::{saliency_at, saliency_on};
pub(crate) use solvers::{decompose_at, decompose_on};

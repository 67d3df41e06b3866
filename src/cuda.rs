//! Batches on an NVIDIA GPU.
//!
//! The functions take the options of the CPU's functions and return the same types:
//! [`Device::saliency_maps`] takes a [`Cam`](crate::cam::Cam), [`Device::hooi`] a
//! [`Hooi`](crate::Hooi), [`Device::st_hosvd`] a [`StHosvd`](crate::StHosvd), and all take a batch
//! in the host's memory. A batch larger than the GPU's memory is processed in chunks.
//! [`Device::saliency_maps_at`] takes a pointer to feature maps that are already on the GPU.
//!
//! Small dense problems are solved in `f64`, as on the CPU. The results of GPU and CPU
//! differ by about the rounding error of a Gram matrix, divided by the gaps between singular
//! values. The typical difference of normalised maps is 1e-6 (`f32`) and 1e-12 (`f64`).
//!
//! The feature builds without a CUDA toolkit. [`Device::open`] needs a driver for CUDA 11.8
//! or newer, and a device of compute capability 7.5 or newer. The library includes its kernels
//! as PTX, which the driver compiles. If NVRTC is installed, it compiles kernels for the orders of
//! matrices that the library does not include.
//!
//! `docs/cuda.md` describes how the kernels are tested and how fast they are.
//!
//! # The modules
//!
//! Each module uses only modules below it.
//!
//! ```text
//! maps             saliency maps of batches
//! tucker           ST-HOSVD and HOOI of batches
//! measure          one step alone, for benchmarks
//! launch           one function for each kernel
//! limits           how many items fit in memory
//! buffers, device  memory on GPU and host; an open GPU
//! queue            a stream and the kernels
//! program, scalar  the compiled kernels, and their names for each scalar
//! driver           check for a driver, and the meaning of its errors
//! ```
//!
//! # Words
//!
//! An *item* is one tensor or feature map of a batch. A *chunk* is the items that the GPU
//! processes at once. Two chunks alternate on two streams: the GPU copies one chunk while it
//! computes on the other. An *outcome* is the number that a kernel writes for an item: the
//! status of the item's map, or the reason why the item has no map.

mod buffers;
mod device;
mod driver;
mod launch;
mod limits;
mod maps;
#[doc(hidden)]
pub mod measure;
mod program;
mod queue;
mod scalar;
mod tucker;

pub use device::Device;
pub use scalar::DeviceScalar;

//! Batches on an NVIDIA GPU.
//!
//! The functions take the options of the CPU's functions and return the same types:
//! [`Device::saliency_maps`] takes a [`Cam`](crate::cam::Cam), [`Device::hooi`] a
//! [`Hooi`](crate::Hooi), [`Device::st_hosvd`] a [`StHosvd`](crate::StHosvd), and all take a batch
//! in the host's memory. A batch larger than the GPU's memory is processed in chunks.
//! [`Device::saliency_maps_at`] takes a pointer to feature maps that are already on the GPU, and
//! [`Device::after`] orders it after the framework that wrote them. [`ThreadContext`] keeps the current
//! device of that framework.
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
//! devices          several GPUs that share batches
//! cost             estimated times on CPU and GPU
//! maps             saliency maps of batches
//! tucker           ST-HOSVD and HOOI of batches
//! measure          one step alone, for benchmarks
//! launch           one function for each kernel
//! caller           memory of the caller on a device
//! limits           how many items a chunk has
//! buffers, device  memory on GPU and host; an open GPU
//! queue            a stream and the kernels
//! pool, ring       streams and memory that are kept between calls
//! program, scalar  the compiled kernels, and their names for each scalar
//! library          cuSOLVER, opened if it is installed
//! installed        which libraries of NVIDIA are installed
//! properties       the attributes of the GPUs
//! context          the driver's context of a thread
//! driver           check for a driver, and the meaning of its errors
//! ```
//!
//! # Words
//!
//! An *item* is one tensor or feature map of a batch. A *chunk* is the items that the GPU
//! processes at once. Two chunks alternate on two streams: the GPU copies one chunk while it
//! computes on the other. An *outcome* is the number that a kernel writes for an item: the
//! status of the item's map, or the reason why the item has no map.
//!
//! The *pool* keeps streams and memory for the next call. A *workspace* is a stream of the pool
//! with the memory that was used on it. The *ring* is a few pinned buffers of the host through
//! which large copies pass, piece by piece.

mod buffers;
mod caller;
mod context;
mod cost;
mod device;
mod devices;
mod driver;
mod installed;
mod launch;
mod library;
mod limits;
mod maps;
#[doc(hidden)]
pub mod measure;
mod pool;
mod program;
mod properties;
mod queue;
mod ring;
mod scalar;
mod tucker;

pub use caller::DeviceMemory;
pub use context::ThreadContext;
pub use cost::Estimate;
pub use device::{Device, Memory};
pub use devices::Devices;
pub use installed::NvidiaLibrary;
pub use program::{LoadedKernels, Origin};
pub use properties::Properties;
pub use scalar::DeviceScalar;
pub use tucker::DeviceTucker;

//! `--device`: the CPU or the GPU on which saliency maps are computed.

use clap::ValueEnum;
use tenfold::TensorRef;
use tenfold::cam::{Cam, SaliencyMap};

use crate::console::Console;
use crate::failure::Outcome;

/// The scalars of saliency maps.
#[cfg(not(feature = "cuda"))]
pub(crate) use tenfold::Scalar as MapScalar;
/// The scalars of saliency maps.
#[cfg(feature = "cuda")]
pub(crate) use tenfold::cuda::DeviceScalar as MapScalar;

/// The values of `--device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The CPU
    Cpu,
    /// An NVIDIA GPU; an error if none can be used
    Cuda,
    /// An NVIDIA GPU if one can be used, otherwise the CPU
    Auto,
}

/// An open device.
pub(crate) enum Device {
    Cpu,
    #[cfg(feature = "cuda")]
    Cuda(tenfold::cuda::Device),
}

impl Device {
    /// Opens the device. Only `auto` falls back to the CPU.
    pub(crate) fn open(choice: Choice, console: &Console) -> Outcome<Self> {
        match choice {
            Choice::Cpu => Ok(Self::Cpu),
            Choice::Cuda => cuda(),
            Choice::Auto => Ok(cuda().unwrap_or_else(|failure| {
                console.note(format!("the maps are computed on the CPU: {failure}"));
                Self::Cpu
            })),
        }
    }

    /// Whether the device is the CPU.
    pub(crate) fn is_cpu(&self) -> bool {
        matches!(self, Self::Cpu)
    }

    /// The name in the JSON object.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            #[cfg(feature = "cuda")]
            Self::Cuda(_) => "cuda",
        }
    }

    /// The map of one feature map.
    pub(crate) fn saliency_map<T: MapScalar>(
        &self,
        cam: &Cam,
        features: TensorRef<'_, T>,
    ) -> tenfold::Result<SaliencyMap<T>> {
        match self {
            Self::Cpu => cam.saliency_map(features),
            #[cfg(feature = "cuda")]
            Self::Cuda(device) => device.saliency_map(cam, features),
        }
    }

    /// The maps of a batch.
    pub(crate) fn saliency_maps<T: MapScalar>(
        &self,
        cam: &Cam,
        batch: TensorRef<'_, T>,
    ) -> tenfold::Result<Vec<SaliencyMap<T>>> {
        match self {
            Self::Cpu => cam.saliency_maps(batch),
            #[cfg(feature = "cuda")]
            Self::Cuda(device) => device.saliency_maps(cam, batch),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Outcome<Device> {
    Ok(Device::Cuda(tenfold::cuda::Device::open(0)?))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Outcome<Device> {
    Err(crate::failure::Failure::usage(
        "this tenfold was built without CUDA: build it with --features cuda, or use --device cpu",
    ))
}

//! `--device`: where saliency maps are made.

use clap::ValueEnum;
use tenfold::TensorRef;
use tenfold::cam::{Cam, SaliencyMap};

use crate::console::Console;
use crate::failure::Outcome;

/// What a map's entries may be.
#[cfg(not(feature = "cuda"))]
pub(crate) use tenfold::Scalar as MapScalar;
/// What a map's entries may be.
#[cfg(feature = "cuda")]
pub(crate) use tenfold::cuda::DeviceScalar as MapScalar;

/// The devices that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// The processor
    Cpu,
    /// An NVIDIA GPU, or an error that says why there is none
    Cuda,
    /// An NVIDIA GPU if there is one, else the processor
    Auto,
}

/// The device that was opened.
pub(crate) enum Device {
    Cpu,
    #[cfg(feature = "cuda")]
    Cuda(tenfold::cuda::Device),
}

impl Device {
    /// Opens what was asked for; only `auto` falls back to the processor.
    pub(crate) fn open(choice: Choice, console: &Console) -> Outcome<Self> {
        match choice {
            Choice::Cpu => Ok(Self::Cpu),
            Choice::Cuda => cuda(),
            Choice::Auto => Ok(cuda().unwrap_or_else(|failure| {
                console.note(format!("on the processor, since {failure}"));
                Self::Cpu
            })),
        }
    }

    /// Whether it is the processor.
    pub(crate) fn is_cpu(&self) -> bool {
        matches!(self, Self::Cpu)
    }

    /// The name in machine-readable output.
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
        "this tenfold was built without CUDA; build it with --features cuda, or take --device cpu",
    ))
}

//! `--device`: the CPU or the GPU on which saliency maps are computed.
//!
//! `auto` takes the one that is estimated to be faster ([`model`]).

pub(crate) mod model;

use clap::ValueEnum;
use tenfold::TensorRef;
use tenfold::cam::{Cam, SaliencyMap};

use self::model::{Call, Model};
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
    /// The CPU or an NVIDIA GPU, whichever is estimated to be faster for these shapes, with the
    /// time to open the GPU; nothing is measured, and equal input gives equal output
    Auto,
}

/// An open device.
pub(crate) enum Device {
    Cpu,
    #[cfg(feature = "cuda")]
    Cuda(tenfold::cuda::Device),
}

impl Device {
    /// Opens the device for these calls. Only `auto` falls back to the CPU.
    pub(crate) fn open(choice: Choice, calls: &[Call], console: &Console) -> Outcome<Self> {
        match choice {
            Choice::Cpu => Ok(Self::Cpu),
            Choice::Cuda => cuda(),
            Choice::Auto => {
                let device = auto(calls, console);
                Ok(device.unwrap_or_else(|failure| {
                    console.note(format!("the maps are computed on the CPU: {failure}"));
                    Self::Cpu
                }))
            }
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

/// The device that is estimated to be faster.
fn auto(calls: &[Call], console: &Console) -> Outcome<Device> {
    let model = Model::new()?;
    let times = model.times(calls)?;
    console.note(format!("{}: {times}", model.gpu()));
    if times.takes_gpu() {
        cuda()
    } else {
        Ok(Device::Cpu)
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> Outcome<Device> {
    Ok(Device::Cuda(tenfold::cuda::Device::open(0)?))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Outcome<Device> {
    Err(built_without_cuda())
}

#[cfg(not(feature = "cuda"))]
pub(crate) fn built_without_cuda() -> crate::failure::Failure {
    crate::failure::Failure::usage(
        "this tenfold was built without CUDA: build it with --features cuda, or use --device cpu",
    )
}

//! The estimated times of the calls of a command on the CPU and on a GPU.
//!
//! The estimate (`tenfold::cuda::Estimate`) depends on the shapes, the options and the attributes of
//! the GPU alone. So equal input gives equal bits, whatever the number of threads.
#![cfg_attr(not(feature = "cuda"), allow(dead_code))]

use std::fmt;

use tenfold::Truncation;
use tenfold::cam::Cam;
#[cfg(feature = "cuda")]
use tenfold::cuda::{DeviceScalar, Estimate, Properties};
#[cfg(feature = "cuda")]
use tenfold::{Scalar, StHosvd};

use crate::failure::Outcome;

/// A call of the library.
pub(crate) struct Call {
    pub(crate) task: Task,
    /// The extents of its batch.
    pub(crate) batch: Vec<usize>,
    /// The name of the scalar.
    pub(crate) dtype: &'static str,
}

/// What a call computes for each item of a batch.
#[derive(Clone)]
pub(crate) enum Task {
    Maps(Cam),
    StHosvd(Truncation),
}

/// The estimated seconds of calls, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// On 16 cores.
    pub(crate) cpu: f64,
    /// On the GPU. `None` if only the CPU supports the calls.
    pub(crate) gpu: Option<f64>,
    /// On the GPU, with the time to open it.
    pub(crate) gpu_with_opening: Option<f64>,
}

impl Times {
    /// Whether `auto` takes the GPU.
    pub(crate) fn takes_gpu(&self) -> bool {
        self.gpu_with_opening.is_some_and(|gpu| gpu < self.cpu)
    }
}

/// The times and the choice, in a part of a line.
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, gpu, .. } = self;
        write!(f, "estimated {} on 16 cores", seconds(*cpu))?;
        match (gpu, self.gpu_with_opening) {
            (Some(gpu), Some(with_opening)) => write!(
                f,
                ", {} on the GPU, {} with opening it",
                seconds(*gpu),
                seconds(with_opening)
            )?,
            _ => f.write_str(", not supported on the GPU")?,
        }
        let taken = if self.takes_gpu() { "GPU" } else { "CPU" };
        write!(f, "; --device auto takes the {taken}")
    }
}

/// Seconds with three digits, and the unit.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        0.1.. => format!("{seconds:.3} s"),
        1e-4.. => format!("{:.3} ms", 1e3 * seconds),
        _ => format!("{:.3} µs", 1e6 * seconds),
    }
}

/// The estimates for the first GPU.
#[cfg(feature = "cuda")]
pub(crate) struct Model {
    card: Properties,
}

/// There is no estimate without a GPU.
#[cfg(not(feature = "cuda"))]
pub(crate) enum Model {}

#[cfg(feature = "cuda")]
impl Model {
    /// Reads the attributes of the first GPU. The GPU is not opened.
    pub(crate) fn new() -> Outcome<Self> {
        let card = Properties::of_all()?.swap_remove(0);
        Ok(Self { card })
    }

    /// The name of the GPU.
    pub(crate) fn gpu(&self) -> &str {
        &self.card.name
    }

    /// The estimated times of calls, one after the other.
    pub(crate) fn times(&self, calls: &[Call]) -> Outcome<Times> {
        let estimates = calls.iter().map(|call| call.estimate(&self.card));
        let estimates = estimates.collect::<tenfold::Result<Vec<_>>>()?;
        let all = estimates.into_iter().reduce(|one, other| one + other);
        Ok(all.map_or(
            Times {
                cpu: 0.0,
                gpu: None,
                gpu_with_opening: None,
            },
            |estimate| Times {
                cpu: estimate.cpu,
                gpu: estimate.gpu,
                gpu_with_opening: estimate.with_opening().gpu,
            },
        ))
    }
}

#[cfg(not(feature = "cuda"))]
impl Model {
    pub(crate) fn new() -> Outcome<Self> {
        Err(super::built_without_cuda())
    }

    pub(crate) fn gpu(&self) -> &str {
        match *self {}
    }

    pub(crate) fn times(&self, _: &[Call]) -> Outcome<Times> {
        match *self {}
    }
}

#[cfg(feature = "cuda")]
impl Call {
    fn estimate(&self, card: &Properties) -> tenfold::Result<Estimate> {
        if self.dtype == f32::NAME {
            self.estimate_in::<f32>(card)
        } else {
            self.estimate_in::<f64>(card)
        }
    }

    fn estimate_in<T: DeviceScalar>(&self, card: &Properties) -> tenfold::Result<Estimate> {
        match &self.task {
            Task::Maps(cam) => Estimate::saliency_maps::<T>(cam, &self.batch, card),
            Task::StHosvd(truncation) => {
                let st_hosvd = StHosvd::new(truncation.clone());
                Estimate::st_hosvd::<T>(&st_hosvd, &self.batch, card)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(gpu: Option<f64>) -> Times {
        Times {
            cpu: 0.5,
            gpu,
            gpu_with_opening: gpu.map(|gpu| gpu + 0.25),
        }
    }

    #[test]
    fn the_time_to_open_a_gpu_counts() {
        assert!(times(Some(0.125)).takes_gpu());
        assert!(!times(Some(0.375)).takes_gpu());
        assert!(!times(None).takes_gpu());
    }

    #[test]
    fn the_choice_in_words() {
        assert_eq!(
            times(Some(0.002)).to_string(),
            "estimated 0.500 s on 16 cores, 2.000 ms on the GPU, 0.252 s with opening it; \
             --device auto takes the GPU"
        );
        assert_eq!(
            times(None).to_string(),
            "estimated 0.500 s on 16 cores, not supported on the GPU; --device auto takes the CPU"
        );
    }
}

//! `tenfold info`: describes arrays, decompositions and GPUs.
//!
//! | file | subject |
//! | --- | --- |
//! | `files` | arrays and decompositions |
//! | `members` | lists of the arrays of a file |
//! | `plot` | the chart of singular values and errors |
//! | `estimates` | the estimated times for an array on CPU and GPU |
//! | `devices` | GPUs, and the libraries that are installed |
//! | `benchmark` | times on the CPU and on a GPU |
//! | `report` | the text and the JSON object about GPUs |

#[cfg(feature = "cuda")]
mod benchmark;
#[cfg(feature = "cuda")]
mod devices;
mod estimates;
mod files;
mod members;
mod plot;
#[cfg(any(test, feature = "cuda"))]
mod report;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::arrays::{self, ArrayOptions};
use crate::batch::{Batch, KeepGoing};
use crate::cam::layout::LayoutArgs;
use crate::console::Console;
use crate::device::Choice;
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;
use crate::{output, plotting};
use estimates::Estimates;
use files::Describer;

/// Describe files and GPUs. Of arrays: shape, type, norm and singular values; of decompositions:
/// ranks, compression and relative error
///
/// With `--device cuda` and no file: all GPUs, the libraries of NVIDIA that are installed, the
/// loaded kernels, and a benchmark against the CPU. With `--device cuda` and an array: also the
/// estimated times of its saliency maps and of its decomposition on CPU and GPU. `--layout` describes
/// an array of feature maps, as for `cam`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arrays (.npy, .npz, .safetensors, .nii, .mat; .h5 and .nc with the feature hdf5; file:name for
    /// one of several arrays) and decompositions (.npz); - for standard input. Of several arrays,
    /// shapes and types are listed
    #[arg(value_name = "FILE", required_unless_present = "device")]
    files: Vec<PathBuf>,
    /// Describe GPUs: cuda is an error if none can be used, auto prints a note then
    #[arg(long, value_enum)]
    device: Option<Choice>,
    /// The time for the benchmark of a GPU, up to the end of its last run; 0 for no benchmark
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
          value_parser = clap::value_parser!(u16).range(0..=3600), requires = "device")]
    benchmark: u16,
    /// Also draw a chart of one file: the singular values of each mode, and the error over the
    /// number of entries that a decomposition stores
    #[arg(long, value_name = "CHART.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    layout: LayoutArgs,
    #[command(flatten)]
    keep_going: KeepGoing,
    #[command(flatten)]
    arrays: ArrayOptions,
}

impl Args {
    /// The time for the benchmark. `None` for no benchmark.
    fn time(&self) -> Option<Duration> {
        (self.benchmark > 0).then(|| Duration::from_secs(self.benchmark.into()))
    }
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    let device = args.device.unwrap_or(Choice::Cpu);
    if !args.files.is_empty() {
        return describe_files(args, device, console, memory);
    }
    match device {
        Choice::Cpu => Err(Failure::usage(
            "a file is needed, or --device cuda to describe the GPUs",
        )),
        Choice::Cuda => {
            let (object, text) = describe_devices(args.time(), console, memory)?;
            console.result(object, &text)
        }
        Choice::Auto => match describe_devices(args.time(), console, memory) {
            Ok((object, text)) => console.result(object, &text),
            Err(failure) => {
                console.note(format!("--device auto takes the CPU: {failure}"));
                let object = json!({ "command": "info", "files": [], "devices": [] });
                console.result(object, "no GPU")
            }
        },
    }
}

fn describe_files(args: &Args, device: Choice, console: &Console, memory: &Memory) -> Outcome {
    let inputs = arrays::files(args.files.iter().map(PathBuf::as_path))?;
    output::check(&[], &inputs)?;
    if let Some(path) = &args.plot {
        if args.files.len() != 1 {
            return Err(Failure::usage("--plot draws one file, several were given"));
        }
        plotting::check(path, &inputs)?;
    }
    let estimates = Estimates::of(device, console)?;
    let batch = Batch::new(&args.keep_going);
    let describer = Describer {
        arrays: &args.arrays,
        layout: &args.layout,
        estimates: estimates.as_ref(),
        plot: args.plot.as_deref(),
        console,
        memory,
    };
    let described = batch.each(&args.files, |path| describer.describe(path))?;
    let (objects, texts): (Vec<_>, Vec<_>) = described.into_iter().unzip();
    let object = json!({ "command": "info", "files": objects });
    batch.finish(object, |object| console.result(object, &texts.join("\n")))
}

#[cfg(feature = "cuda")]
fn describe_devices(
    time: Option<Duration>,
    console: &Console,
    memory: &Memory,
) -> Outcome<(serde_json::Value, String)> {
    let report = devices::report(time, console, memory)?;
    Ok((report.object(), report.text()))
}

#[cfg(not(feature = "cuda"))]
fn describe_devices(
    _: Option<Duration>,
    _: &Console,
    _: &Memory,
) -> Outcome<(serde_json::Value, String)> {
    Err(crate::device::built_without_cuda())
}

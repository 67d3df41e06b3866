//! `tenfold evaluate`: metrics of saliency maps.
//!
//! | file | subject |
//! | --- | --- |
//! | `arrays` | metrics of arrays that were computed elsewhere |
//! | `network` | from a network and photographs to records and tables (feature `onnx`) |
//! | `photographs`, `methods` | for a network: photographs, masks and labels; the maps |
//! | `writer` | writes the records of a run, and continues an interrupted run |
//! | `table` | the tables of a run |

mod arrays;
#[cfg(any(feature = "onnx", test))]
mod methods;
#[cfg(feature = "onnx")]
mod network;
#[cfg(any(feature = "onnx", test))]
mod photographs;
#[cfg(any(feature = "onnx", test))]
mod table;
#[cfg(any(feature = "onnx", test))]
mod writer;

use tenfold::Error;
use tenfold::cam::metrics::THRESHOLDS;

use crate::batch::KeepGoing;
use crate::bootstrap::BootstrapArgs;
use crate::console::Console;
use crate::failure::Outcome;
use crate::list;
use crate::memory::Memory;
use arrays::ArraysArgs;
#[cfg(feature = "onnx")]
use network::NetworkArgs;

/// Compute metrics of saliency maps: average drop, average increase, embedding error, IoU, and
/// insertion and deletion curves
///
/// Each pair of arrays gives its own metrics; at least one is needed. A masked image is
/// the image multiplied by its map. Probabilities and values of maps are between 0 and 1. An
/// entry outside by at most 1e-6 counts as 0 or 1; an entry farther outside is an error. One of
/// the arrays may be -, standard input.
#[derive(clap::Args)]
#[cfg_attr(not(feature = "onnx"), command(group(clap::ArgGroup::new("input").required(true)
    .multiple(true).args(["probabilities", "embeddings", "maps", "insertion", "deletion"]))))]
#[cfg_attr(not(feature = "onnx"), command(group(clap::ArgGroup::new("masked").args(["maps"]))))]
#[cfg_attr(feature = "onnx", command(group(clap::ArgGroup::new("input").required(true)
    .multiple(true)
    .args(["probabilities", "embeddings", "maps", "insertion", "deletion", "onnx"]))))]
#[cfg_attr(feature = "onnx", command(group(clap::ArgGroup::new("masked")
    .multiple(true).args(["maps", "onnx"]))))]
pub(crate) struct Args {
    #[cfg(feature = "onnx")]
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    arrays: ArraysArgs,
    /// Thresholds of the mean intersection over union, between 0 and 1
    #[arg(long, value_delimiter = ',', value_name = "T,…", default_values_t = THRESHOLDS,
          value_parser = list::number, requires = "masked", allow_hyphen_values = true)]
    thresholds: Vec<f64>,
    #[command(flatten)]
    bootstrap: BootstrapArgs,
    #[command(flatten)]
    keep_going: KeepGoing,
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    for &value in &args.thresholds {
        if !(0.0..=1.0).contains(&value) {
            let what = "--thresholds";
            return Err(Error::FractionOutOfRange { what, value }.into());
        }
    }
    #[cfg(feature = "onnx")]
    if args.network.onnx.is_some() {
        return network::run(args, console, memory);
    }
    arrays::run(args, console, memory)
}

//! `tenfold cam`: saliency maps of feature maps.

use std::path::PathBuf;

use crate::console::Console;
use crate::failure::{Failure, Outcome};

/// Draw saliency maps of feature maps
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Feature maps: C×H×W or N×C×H×W
    #[arg(value_name = "F.npy", required = true)]
    features: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, _console: &Console) -> Outcome {
    Err(Failure::other(format!(
        "saliency maps cannot be drawn yet ({} files)",
        args.features.len()
    )))
}

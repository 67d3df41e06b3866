//! `tenfold evaluate`: how good saliency maps are, from arrays.

use crate::console::Console;
use crate::failure::{Failure, Outcome};

/// Judge saliency maps by average drop, average increase, embedding error, IoU
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args, _console: &Console) -> Outcome {
    Err(Failure::other("metrics cannot be computed yet"))
}

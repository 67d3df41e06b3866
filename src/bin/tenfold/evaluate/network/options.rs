//! The options of `evaluate --onnx`.

use std::path::{Path, PathBuf};

use super::masking::Masking;
use super::scores::ClassScores;
use crate::cam::Weightings;
use crate::cam::layout::LayoutArgs;
use crate::evaluate::methods::RankGrid;
use crate::list;
use crate::network::InputArgs;

/// The options for a network.
#[derive(clap::Args)]
pub(crate) struct NetworkArgs {
    /// Evaluate this ONNX network on the photographs of --images, and write records and tables to
    /// the folder -o
    #[arg(
        long,
        value_name = "NET.onnx",
        requires = "images",
        requires = "output"
    )]
    pub(crate) onnx: Option<PathBuf>,
    /// The folder with the photographs: PNG, JPEG, WebP, BMP or TIFF, also in folders inside it
    #[arg(long, value_name = "DIR", requires = "onnx")]
    pub(super) images: Option<PathBuf>,
    /// The classes: a file with a line image,index for each photograph [default: the predicted
    /// classes]
    #[arg(long, value_name = "FILE.csv", requires = "onnx")]
    pub(super) labels: Option<PathBuf>,
    /// The layer of the feature maps [default: the last feature map of the convolutional part]
    #[arg(long, value_name = "NAME", requires = "onnx")]
    pub(super) layer: Option<String>,
    #[command(flatten)]
    pub(super) layout: LayoutArgs,
    /// Compute the embedding MSE of this tensor; a tensor with positions counts as one long list
    #[arg(long, value_name = "NAME", requires = "onnx")]
    pub(super) embedding: Option<String>,
    /// A second network that classifies, for a network without classes
    #[arg(long, value_name = "NET.onnx", requires = "onnx")]
    pub(super) judge: Option<PathBuf>,
    /// The kind of map: eigen-cam, tsm, multivec-eigen-cam, mtsm, or all
    #[arg(long, value_name = "NAME", default_value = "all", hide_possible_values = true,
          value_parser = Weightings::parser())]
    pub(super) weighting: Weightings,
    /// Also evaluate tsm and mtsm with truncated ranks: entries separated by semicolons, each
    /// c,h,w, one rank for all modes, or a percentage of each mode
    ///
    /// Example: --ranks-grid "16,5,5; 9,3,3; 50%"
    #[arg(long, value_name = "RANKS;…", requires = "onnx")]
    pub(super) ranks_grid: Vec<RankGrid>,
    /// Compute insertion and deletion curves with this many steps; 0 for none
    #[arg(long, value_name = "STEPS", default_value_t = 0, value_parser = parse_steps)]
    pub(super) curves: usize,
    /// How a map masks an image
    #[arg(long, value_enum, default_value_t = Masking::Map)]
    pub(super) masking: Masking,
    /// What the class scores of the network are
    #[arg(long, value_enum, default_value_t = ClassScores::Auto)]
    pub(super) class_scores: ClassScores,
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Begin anew: the records of an earlier run in the folder -o are deleted
    #[arg(long, requires = "onnx")]
    pub(super) restart: bool,
    /// The folder for records.jsonl, table.csv, table.json and table.md. A run that was interrupted
    /// continues
    #[arg(short, long, value_name = "RUN", requires = "onnx")]
    output: Option<PathBuf>,
}

/// The paths that a run needs.
pub(super) struct Inputs<'a> {
    pub(super) network: &'a Path,
    pub(super) images: &'a Path,
    pub(super) run: &'a Path,
}

impl NetworkArgs {
    /// The paths. `None` unless all of them are given.
    pub(super) fn inputs(&self) -> Option<Inputs<'_>> {
        Some(Inputs {
            network: self.onnx.as_deref()?,
            images: self.images.as_deref()?,
            run: self.output.as_deref()?,
        })
    }
}

fn parse_steps(text: &str) -> Result<usize, String> {
    const MAXIMUM: usize = 10_000;
    match list::whole_number(text)? {
        steps if steps <= MAXIMUM => Ok(steps),
        _ => Err(format!("at most {MAXIMUM} steps were expected")),
    }
}

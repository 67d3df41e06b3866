//! The options of `evaluate --onnx`.

use std::path::{Path, PathBuf};

use tenfold::Error;
use tenfold::network::{Input, Network, Preprocessing, Preset};

use super::masking::Masking;
use super::scores::ClassScores;
use crate::cam::layout::LayoutArgs;
use crate::cam::{Weightings, parse_size};
use crate::evaluate::methods::RankGrid;
use crate::failure::{Failure, Outcome};
use crate::list;

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
    #[arg(long, value_name = "NAME", default_value = "all", value_parser = Weightings::parser())]
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
    /// The numbers that the network expects: imagenet, unit ([0, 1]), tf ([-1, 1]) or levels
    /// (0 to 255)
    #[arg(long, value_name = "NAME", default_value = "imagenet")]
    preprocess: Preset,
    /// The mean of each colour, in units of [0, 1], in place of the preset's
    #[arg(long, value_delimiter = ',', value_name = "R,G,B", value_parser = list::number,
          allow_hyphen_values = true)]
    mean: Option<Vec<f64>>,
    /// The standard deviation of each colour, in units of [0, 1], in place of the preset's
    #[arg(long, value_delimiter = ',', value_name = "R,G,B", value_parser = list::number,
          allow_hyphen_values = true)]
    std: Option<Vec<f64>>,
    /// Resize the shorter side of a photograph to this many pixels before the centre is cut out;
    /// torchvision evaluates its networks with 256 [default: the shorter side of the input]
    #[arg(long, value_name = "N", value_parser = list::whole_number)]
    resize: Option<usize>,
    /// The height and width of the input, for a network that leaves them open
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    input_size: Option<(usize, usize)>,
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

    /// The network for images of the size `--input-size`.
    pub(super) fn with_input_size(&self, network: Network) -> Outcome<Network> {
        let Some((height, width)) = self.input_size else {
            return Ok(network);
        };
        let path = network.path().to_owned();
        let sized = network.with_input_size(height, width);
        sized.map_err(|error| Failure::in_file(&path, error))
    }

    /// From a photograph to the input of the network.
    pub(super) fn preprocessing(&self, input: &Input) -> Outcome<Preprocessing> {
        let mut preprocessing = Preprocessing::of(self.preprocess, input)?;
        if let Some(mean) = &self.mean {
            preprocessing.mean = colours("--mean", mean)?;
        }
        if let Some(std) = &self.std {
            preprocessing.std = colours("--std", std)?;
            if preprocessing.std.contains(&0.0) {
                return Err(Error::NotPositive { what: "--std" }.into());
            }
        }
        if let Some(resize) = self.resize {
            preprocessing.resize = resize;
        }
        // A wrong size is reported before a photograph is read.
        preprocessing.crop(&tenfold::io::RgbImage::new(1, 1))?;
        Ok(preprocessing)
    }
}

/// Three numbers, or one for all colours.
fn colours(option: &str, numbers: &[f64]) -> Outcome<[f32; 3]> {
    let finite = numbers.iter().all(|number| number.is_finite());
    match *numbers {
        [all] if finite => Ok([all as f32; 3]),
        [red, green, blue] if finite => Ok([red as f32, green as f32, blue as f32]),
        _ => Err(Failure::usage(format!(
            "{option}: one number for each of the 3 colours was expected"
        ))),
    }
}

fn parse_steps(text: &str) -> Result<usize, String> {
    const MAXIMUM: usize = 10_000;
    match list::whole_number(text)? {
        steps if steps <= MAXIMUM => Ok(steps),
        _ => Err(format!("at most {MAXIMUM} steps were expected")),
    }
}

//! Networks in ONNX files: the options that `cam` and `evaluate` share, and messages.

use std::path::Path;

use tenfold::cam::Layout;
use tenfold::network::{Input, Layer, Network, Preprocessing, Preset};
use tenfold::{Error, NetworkError};

use crate::cam::parse_size;
use crate::console::Console;
use crate::failure::{Failure, Outcome};
use crate::list;
use crate::memory::Memory;
use crate::progress::Steps;

/// How photographs become the input of a network.
#[derive(clap::Args)]
#[command(next_help_heading = "Options for photographs of a network")]
pub(crate) struct InputArgs {
    /// The numbers that the network expects for a pixel: imagenet (the mean and the standard deviation
    /// of ImageNet), unit (0 to 1), tf (-1 to 1), or levels (0 to 255). An input of the type u8 gets
    /// levels
    #[arg(
        long,
        value_name = "NAME",
        default_value = "imagenet",
        requires = "onnx"
    )]
    preprocess: Preset,
    /// The mean of each colour, in units of [0, 1], in place of the preset's
    #[arg(long, value_delimiter = ',', value_name = "R,G,B", value_parser = list::number,
          allow_hyphen_values = true, requires = "onnx")]
    mean: Option<Vec<f64>>,
    /// The standard deviation of each colour, in units of [0, 1], in place of the preset's
    #[arg(long, value_delimiter = ',', value_name = "R,G,B", value_parser = list::number,
          allow_hyphen_values = true, requires = "onnx")]
    std: Option<Vec<f64>>,
    /// Resize the shorter side of a photograph to this many pixels before the centre is cut out;
    /// torchvision evaluates its networks with 256 [default: the shorter side of the input]
    #[arg(long, value_name = "N", value_parser = parse_side, requires = "onnx")]
    resize: Option<usize>,
    /// The height and width of the input, for a network that leaves them open
    #[arg(long, value_name = "HxW", value_parser = parse_size, requires = "onnx")]
    input_size: Option<(usize, usize)>,
}

impl InputArgs {
    /// Reads a network, for images of the size `--input-size`.
    pub(crate) fn open(&self, path: &Path, memory: &Memory, console: &Console) -> Outcome<Network> {
        memory.check(path, weights_memory(path))?;
        let bar = console.progress("reading", Steps::Unknown);
        bar.about(path.display());
        let network = Network::open(path)?;
        match self.input_size {
            None => Ok(network),
            Some((height, width)) => {
                let sized = network.with_input_size(height, width);
                sized.map_err(|error| in_network(path, error))
            }
        }
    }

    /// From a photograph to the input of a network.
    pub(crate) fn preprocessing(&self, network: &Network) -> Outcome<Preprocessing> {
        let input = network.input();
        let preprocessing = Preprocessing::of(self.preprocess, input);
        let mut preprocessing = preprocessing.map_err(|error| in_network(network.path(), error))?;
        self.check_levels(input)?;
        // The options are in units of [0, 1], the fields in units of the scaled levels.
        let white = 255.0 * f64::from(preprocessing.scale);
        if let Some(mean) = &self.mean {
            preprocessing.mean = colours("--mean", mean)?.map(|mean| (mean * white) as f32);
        }
        if let Some(std) = &self.std {
            let std = colours("--std", std)?;
            if std.iter().any(|&std| std < f64::from(f32::MIN_POSITIVE)) {
                return Err(Failure::usage("--std: every number must be above 0"));
            }
            preprocessing.std = std.map(|std| (std * white) as f32);
        }
        if let Some(resize) = self.resize {
            preprocessing.resize = resize;
        }
        // A wrong size is reported before a photograph is read.
        preprocessing.crop(&tenfold::io::RgbImage::new(1, 1))?;
        Ok(preprocessing)
    }

    /// Fails if a mean or a standard deviation was given for an input of the type `u8`.
    fn check_levels(&self, input: &Input) -> Outcome {
        let is_u8 = input.element() == tenfold::io::Element::U8;
        if is_u8 && (self.mean.is_some() || self.std.is_some()) {
            return Err(Failure::usage(format!(
                "--mean and --std are for inputs of floating-point numbers, the input {:?} has the \
                 type u8",
                input.name()
            )));
        }
        Ok(())
    }
}

/// A side of a resized photograph.
fn parse_side(text: &str) -> Result<usize, String> {
    const MAXIMUM: usize = Preprocessing::MAX_SIDE;
    match list::whole_number(text)? {
        side if side <= MAXIMUM => Ok(side),
        _ => Err(format!("at most {MAXIMUM} pixels were expected")),
    }
}

/// Three numbers, or one for all colours.
fn colours(option: &str, numbers: &[f64]) -> Outcome<[f64; 3]> {
    // The networks compute with `f32`.
    if !numbers.iter().all(|&number| (number as f32).is_finite()) {
        return Err(Failure::usage(format!(
            "{option}: every number must be finite, and at most 3e38"
        )));
    }
    match *numbers {
        [all] => Ok([all; 3]),
        [red, green, blue] => Ok([red, green, blue]),
        _ => Err(Failure::usage(format!(
            "{option}: one number for each of the 3 colours was expected"
        ))),
    }
}

/// The failure for an error of the network in the file `path`, with the option that corrects it.
pub(crate) fn in_network(path: &Path, error: Error) -> Failure {
    let option = match &error {
        Error::Network(NetworkError::UnknownLayer { .. }) => "--list-layers",
        Error::Network(NetworkError::NoFeatureMap { .. }) => "--layer and --list-layers",
        Error::Network(NetworkError::UnknownInputSize { .. }) => "--input-size",
        _ => return Failure::in_file(path, error),
    };
    Failure::usage(format!("{}: {error} (see {option})", path.display()))
}

/// The layout of a layer without the mode for the images, unless it is C×H×W or the user names one:
/// H×W×C for a layer with the channels last, L×C for a layer of tokens.
pub(crate) fn default_layout(layer: &Layer, shape: &[usize]) -> tenfold::Result<Option<Layout>> {
    if shape.len() == 2 {
        return "lc".parse().map(Some);
    }
    if layer.channels_last() {
        return "hwc".parse().map(Some);
    }
    Ok(None)
}

/// The bytes for the weights of the network in a file: the file, the decoded network, and the optimised
/// one.
pub(crate) fn weights_memory(path: &Path) -> u64 {
    const COPIES: u64 = 4;
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    COPIES.saturating_mul(size)
}

/// The bytes for all tensors of a network that are computed for one image. An unknown extent counts as
/// 1.
pub(crate) fn tensors_memory(network: &Network) -> u64 {
    const ENTRY_BYTES: u64 = 4;
    let bytes = |layer: &Layer| {
        let extents = layer.shape().iter().flatten();
        extents.fold(ENTRY_BYTES, |bytes, &extent| {
            bytes.saturating_mul(extent as u64)
        })
    };
    let layers = network.layers().iter();
    layers.fold(0, |sum, layer| sum.saturating_add(bytes(layer)))
}

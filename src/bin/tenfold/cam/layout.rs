//! `--layout`, `--grid` and `--prefix-tokens`: the meaning of the modes of an array.

use std::path::Path;

use tenfold::cam::{Grid, Layout, Reading, Tokens};
use tenfold::{Error, LayoutError};

use super::likelier::{Likelier, likelier};
use crate::console::{Console, times};
use crate::failure::{Failure, Outcome};
use crate::list;

/// The options that describe the arrays.
#[derive(clap::Args)]
pub(crate) struct LayoutArgs {
    /// The order of the array's modes, such as hwc: a letter for each mode [default: cl, chw or
    /// nchw, by the number of modes]
    ///
    /// n: images; t: frames, each gets a map; c: channels; h, w: height and width; l: tokens or other
    /// positions in a line; x: a mode of extent 1 to drop. Examples: --layout hwc; --layout nhwc for
    /// TensorFlow; --layout cthw for a video; --layout nlc for a Vision Transformer
    #[arg(long, value_name = "LETTERS")]
    layout: Option<Layout>,
    /// The height and width of the grid that the positions l form, row by row [default: a square
    /// where l stands before c, else a line]
    ///
    /// Example: --layout nlc --grid 14x14. A line of text is --grid 1xL
    #[arg(long, value_name = "HxW")]
    grid: Option<Grid>,
    /// The number of tokens before the grid, which are dropped [default: 0 or 1, as the grid
    /// requires]
    ///
    /// Example: --layout nlc --prefix-tokens 5, for a class token and 4 register tokens
    #[arg(long, value_name = "N", value_parser = list::whole_number)]
    prefix_tokens: Option<usize>,
}

impl LayoutArgs {
    /// How the array of the file `path` is read.
    pub(crate) fn read(&self, path: &Path, shape: &[usize]) -> Outcome<Reading> {
        self.read_or(None, path, shape)
    }

    /// How an array is read, in the layout `default` if the options name no layout.
    pub(crate) fn read_or(
        &self,
        default: Option<Layout>,
        path: &Path,
        shape: &[usize],
    ) -> Outcome<Reading> {
        let by_order = || match Layout::of_order(shape.len()) {
            Some(layout) => Ok(layout),
            None if shape.len() < 2 => {
                let shape = shape.to_vec();
                Err(Failure::in_file(path, Error::NotAFeatureMap { shape }))
            }
            None => Err(Failure::usage(format!(
                "{}: a feature map is C×L, C×H×W, or a batch N×C×H×W, shape {} has too many modes: \
                 name them, such as --layout ncthw",
                path.display(),
                times(shape)
            ))),
        };
        let layout = self.layout.clone().or(default);
        let layout = layout.map_or_else(by_order, Ok)?;
        let tokens = Tokens {
            grid: self.grid,
            prefix: self.prefix_tokens,
        };
        let reading = layout.read(shape, tokens);
        reading.map_err(|error| match hint(&error) {
            Some(hint) => Failure::usage(format!("{}: {error} ({hint})", path.display())),
            None => Failure::in_file(path, error),
        })
    }

    /// How a tensor for one image is read, in the layout `default` if the options name no layout.
    /// Returns the reading with the shape that it expects: a layout may name a mode for the images,
    /// such as nlc, that `shape` does not have.
    #[cfg(feature = "onnx")]
    pub(crate) fn read_one(
        &self,
        default: Option<Layout>,
        path: &Path,
        shape: &[usize],
    ) -> Outcome<(Reading, Vec<usize>)> {
        let letters = self.layout.as_ref().map(|layout| layout.to_string().len());
        let mut shape = shape.to_vec();
        if letters == Some(shape.len() + 1) {
            shape.insert(0, 1);
        }
        let reading = self.read_or(default, path, &shape)?;
        if reading.items() != 1 {
            return Err(Failure::usage(format!(
                "{}: the shape {} was read as {reading}, one feature map was expected; see --layout",
                path.display(),
                times(&shape)
            )));
        }
        Ok((reading, shape))
    }

    /// Prints a note if a grid was guessed, or if the extents look like another layout than the
    /// default.
    pub(crate) fn note(&self, path: &Path, shape: &[usize], reading: &Reading, console: &Console) {
        note_guess(path, reading, console);
        let path = path.display();
        if self.layout.is_some() || self.grid.is_some() {
            return;
        }
        let shape_text = times(shape);
        match (likelier(shape), Layout::of_order(shape.len())) {
            (Some(Likelier::Layout(word)), Some(layout)) => console.note(format!(
                "{path}: the extents {shape_text} look like layout {word}, they are read as \
                 {layout}; if {word} is right, add --layout {word}"
            )),
            (Some(Likelier::Grid(side)), _) => console.note(format!(
                "{path}: {} positions are read as a line; if they are a grid, add --grid \
                 {side}x{side}",
                side * side
            )),
            _ => {}
        }
    }
}

/// Prints a note if a grid was guessed.
pub(super) fn note_guess(path: &Path, reading: &Reading, console: &Console) {
    let path = path.display();
    if let Some((prefix, grid)) = reading.guess() {
        let tokens = prefix + grid.height * grid.width;
        let dropped = match prefix {
            0 => String::new(),
            1 => "1 prefix token and ".to_owned(),
            _ => format!("{prefix} prefix tokens and "),
        };
        console.note(format!(
            "{path}: the {tokens} tokens were read as {dropped}a grid of {grid}; \
             for other tokens use --grid and --prefix-tokens"
        ));
    }
}

impl LayoutArgs {
    /// Whether an option was given.
    pub(crate) fn is_given(&self) -> bool {
        self.layout.is_some() || self.grid.is_some() || self.prefix_tokens.is_some()
    }

    /// How an array is read that may hold other data than feature maps. Without options, `None` for
    /// an array that is not read as feature maps by default.
    pub(crate) fn read_if_features(
        &self,
        path: &Path,
        shape: &[usize],
    ) -> Outcome<Option<Reading>> {
        if self.is_given() {
            return self.read(path, shape).map(Some);
        }
        Ok(self.read(path, shape).ok())
    }
}

/// The options that correct an error of a layout.
fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Layout(LayoutError::NoTokens { .. }) => Some("see --layout"),
        Error::Layout(
            LayoutError::NoSquareGrid { .. }
            | LayoutError::GridMismatch { .. }
            | LayoutError::TooManyPrefixTokens { .. },
        ) => Some("see --grid and --prefix-tokens"),
        _ => None,
    }
}

/// Converts the index of an entry of the feature maps to its index in the array of the file.
pub(super) fn at_index_in_array(error: Error, reading: &Reading) -> Error {
    match error {
        Error::NonFinite { index, value } => Error::NonFinite {
            index: reading.index_in_array(&index).unwrap_or(index),
            value,
        },
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches};

    use super::super::{Args, Features};
    use tenfold::Tensor;

    /// The calls for an array of zeros in a file, with these options.
    fn calls(shape: &[usize], options: &str) -> Vec<Vec<usize>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        tenfold::io::write_npy(&path, &Tensor::<f32>::zeros(shape).unwrap()).unwrap();
        let words = ["cam", path.to_str().unwrap()].into_iter();
        let command = Args::augment_args(clap::Command::new("cam"));
        let matches = command.get_matches_from(words.chain(options.split_whitespace()));
        let args = Args::from_arg_matches(&matches).unwrap();
        let features =
            Features::open(0, &path, &args).unwrap_or_else(|failure| panic!("{failure}"));
        let calls = args.calls(&[&features]);
        calls.into_iter().map(|call| call.batch).collect()
    }

    #[test]
    fn the_device_is_chosen_for_the_shape_of_the_feature_maps() {
        for (shape, options, batch) in [
            (&[8, 3, 4][..], "", &[1, 8, 3, 4][..]),
            (&[2, 8, 3, 4], "", &[2, 8, 3, 4]),
            (&[8, 12], "", &[1, 8, 12]),
            (&[3, 4, 8], "--layout hwc", &[1, 8, 3, 4]),
            (&[8, 5, 3, 4], "--layout cthw", &[5, 8, 3, 4]),
            (&[2, 17, 8], "--layout nlc", &[2, 8, 4, 4]),
        ] {
            assert_eq!(calls(shape, options), [batch], "{shape:?} {options}");
        }
        assert_eq!(calls(&[8, 3, 4], "--weighting all"), vec![[1, 8, 3, 4]; 4]);
    }
}

//! `tenfold evaluate`: metrics of saliency maps, from arrays.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenfold::cam::metrics::{
    THRESHOLDS, average_drop, average_increase, check_fractions, embedding_mse, mean_iou,
};
use tenfold::cam::resize;
use tenfold::io::AnyTensor;
use tenfold::tensor::Shape;
use tenfold::{Error, Tensor};

use crate::arrays::{self, ArrayOptions};
use crate::batch::{Batch, Input, KeepGoing};
use crate::console::{Console, times};
use crate::failure::{Failure, Outcome};
use crate::list;
use crate::memory::Memory;
use crate::output;
use crate::progress::Steps;

/// Compute metrics of saliency maps: average drop, average increase, embedding error, IoU
///
/// Each pair of arrays gives its own metrics; at least one pair is needed. A masked image is
/// the image multiplied by its map. Probabilities and values of maps are between 0 and 1. An
/// entry outside by at most 1e-6 counts as 0 or 1; an entry farther outside is an error. One of
/// the arrays may be -, standard input.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("pair").required(true).multiple(true)
    .args(["probabilities", "embeddings", "maps"])))]
pub(crate) struct Args {
    /// Class probabilities of the images: N, between 0 and 1
    #[arg(long, value_name = "P.npy", requires = "masked_probabilities")]
    probabilities: Option<PathBuf>,
    /// Class probabilities of the masked images: N, between 0 and 1
    #[arg(long, value_name = "O.npy", requires = "probabilities")]
    masked_probabilities: Option<PathBuf>,
    /// Embeddings of the images: N×D
    #[arg(long, value_name = "Z.npy", requires = "masked_embeddings")]
    embeddings: Option<PathBuf>,
    /// Embeddings of the masked images: N×D
    #[arg(long, value_name = "Y.npy", requires = "embeddings")]
    masked_embeddings: Option<PathBuf>,
    /// Saliency maps: H×W or N×H×W, between 0 and 1; they are resized to the size of the masks
    #[arg(long, value_name = "M.npy", requires = "masks")]
    maps: Option<PathBuf>,
    /// Binary masks: H×W or N×H×W; an entry other than 0 is inside
    #[arg(long, value_name = "B.npy", requires = "maps")]
    masks: Option<PathBuf>,
    /// Thresholds of the mean intersection over union, between 0 and 1
    #[arg(long, value_delimiter = ',', value_name = "T,…", default_values_t = THRESHOLDS,
          value_parser = list::number, requires = "maps", allow_hyphen_values = true)]
    thresholds: Vec<f64>,
    #[command(flatten)]
    keep_going: KeepGoing,
    #[command(flatten)]
    arrays: ArrayOptions,
}

/// A pair of arrays.
#[derive(Clone, Copy)]
struct Pair<'a> {
    kind: Kind,
    files: [&'a Path; 2],
}

/// The metrics that a pair gives.
#[derive(Clone, Copy)]
enum Kind {
    Probabilities,
    Embeddings,
    Maps,
}

impl Input for Pair<'_> {
    fn names(&self) -> Vec<String> {
        self.files.map(|path| path.display().to_string()).to_vec()
    }
}

/// A metric: its key and value for the JSON object, and its line of text.
struct Metric {
    key: &'static str,
    value: Value,
    text: String,
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    for &value in &args.thresholds {
        if !(0.0..=1.0).contains(&value) {
            let what = "--thresholds";
            return Err(Error::FractionOutOfRange { what, value }.into());
        }
    }
    let pairs: Vec<Pair> = args.pairs().collect();
    let inputs: Vec<&Path> = pairs.iter().flat_map(|pair| pair.files).collect();
    output::check(&[], &arrays::files(inputs)?)?;
    let batch = Batch::new(&args.keep_going);
    let pairs = batch.each(pairs, |pair| {
        check_memory(pair.files, &args.arrays, memory)?;
        Ok(pair)
    })?;
    let metrics = batch.each(pairs, |pair| pair.metrics(args, console))?;
    let metrics: Vec<Metric> = metrics.into_iter().flatten().collect();
    let mut object = json!({ "command": "evaluate" });
    for metric in &metrics {
        object[metric.key] = metric.value.clone();
    }
    let lines: Vec<&str> = metrics.iter().map(|metric| metric.text.as_str()).collect();
    batch.finish(object, |object| console.result(object, &lines.join("\n")))
}

impl Args {
    /// The pairs that were given.
    fn pairs(&self) -> impl Iterator<Item = Pair<'_>> {
        let pairs = [
            (
                Kind::Probabilities,
                &self.probabilities,
                &self.masked_probabilities,
            ),
            (Kind::Embeddings, &self.embeddings, &self.masked_embeddings),
            (Kind::Maps, &self.maps, &self.masks),
        ];
        pairs.into_iter().filter_map(|(kind, first, second)| {
            let files = [first.as_deref()?, second.as_deref()?];
            Some(Pair { kind, files })
        })
    }
}

impl Pair<'_> {
    /// Reads the two arrays and computes their metrics.
    fn metrics(self, args: &Args, console: &Console) -> Outcome<Vec<Metric>> {
        let reader = Reader {
            arrays: &args.arrays,
            console,
        };
        Ok(match self.kind {
            Kind::Probabilities => of_probabilities(self.files, &reader)?.into(),
            Kind::Embeddings => vec![of_embeddings(self.files, &reader)?],
            Kind::Maps => vec![of_masks(self.files, &args.thresholds, &reader)?],
        })
    }
}

/// Fails if a pair of arrays needs more memory than the limit. The arrays are in memory with their
/// own scalar, in `f64`, and, for maps, resized to the masks.
fn check_memory(pair: [&Path; 2], arrays: &ArrayOptions, memory: &Memory) -> Outcome {
    let mut need = 0u64;
    for path in pair {
        let file = arrays.open_again(path)?;
        let entries = file.shape().iter().product::<usize>() as u64;
        need = need
            .saturating_add(file.memory())
            .saturating_add(24 * entries);
        memory.check(path, need)?;
    }
    Ok(())
}

/// The average drop and the average increase.
fn of_probabilities([p, o]: [&Path; 2], reader: &Reader) -> Outcome<[Metric; 2]> {
    let (before, after) = (
        reader.fractions(p, PROBABILITY)?,
        reader.fractions(o, PROBABILITY)?,
    );
    if before.shape() != after.shape() {
        return Err(mismatch(o, before.shape(), after.shape()));
    }
    if before.shape()[1..].iter().any(|&extent| extent != 1) {
        return Err(Failure::usage(format!(
            "{}: shape {} has several probabilities for each image, the probability of its \
             class alone was expected",
            p.display(),
            times(before.shape())
        )));
    }
    // The only error that is left is about both files: they have no entries.
    let in_both = |error| Failure::in_file(p, error);
    let drop = average_drop(before.data(), after.data()).map_err(in_both)?;
    let increase = average_increase(before.data(), after.data()).map_err(in_both)?;
    Ok([
        Metric {
            key: "average_drop_percent",
            value: json!(drop),
            text: format!("average drop (lower is better): {drop:.4} %"),
        },
        Metric {
            key: "average_increase_percent",
            value: json!(increase),
            text: format!("average increase (higher is better): {increase:.4} %"),
        },
    ])
}

/// The mean squared error of the embeddings.
fn of_embeddings([z, masked]: [&Path; 2], reader: &Reader) -> Outcome<Metric> {
    let (before, after) = (reader.array(z)?, reader.array(masked)?);
    let bar = reader
        .console
        .progress("comparing embeddings", Steps::Unknown);
    let mse = embedding_mse(&before, &after).map_err(|error| {
        // An entry that is not finite is in the first array, or else in the second.
        let of_first = |index: &[usize]| before.get(index).is_some_and(|entry| !entry.is_finite());
        match &error {
            Error::NonFinite { index, .. } if of_first(index) => Failure::in_file(z, error),
            _ => Failure::in_file(masked, error),
        }
    })?;
    drop(bar);
    Ok(Metric {
        key: "embedding_mse",
        value: json!(mse),
        text: format!("embedding MSE (lower is better): {mse:.6}"),
    })
}

/// The mean intersection over union at each threshold.
fn of_masks([maps, masks]: [&Path; 2], thresholds: &[f64], reader: &Reader) -> Outcome<Metric> {
    // 1. Maps and masks of the same shape.
    let in_maps = |error| Failure::in_file(maps, error);
    let (values, inside) = (reader.fractions(maps, MAP)?, reader.array(masks)?);
    for (path, array) in [(maps, &values), (masks, &inside)] {
        if !(2..=3).contains(&array.shape().len()) {
            return Err(Failure::usage(format!(
                "{}: maps and masks have shape H×W or N×H×W, not {}",
                path.display(),
                times(array.shape())
            )));
        }
        if array.data().is_empty() {
            let shape = array.shape().to_vec();
            return Err(Failure::in_file(path, Error::Empty { shape }));
        }
    }
    let &[ref images @ .., height, width] = inside.shape() else {
        return Err(mismatch(masks, values.shape(), inside.shape()));
    };
    let bar = reader.console.progress("resizing maps", Steps::Unknown);
    let values = if values.shape().ends_with(&[height, width]) {
        values
    } else {
        resize(&values, height, width).map_err(in_maps)?
    };
    if values.shape() != inside.shape() {
        let expected = [images, &[height, width]].concat();
        return Err(mismatch(maps, &expected, values.shape()));
    }
    let inside = binary(&inside).map_err(|error| Failure::in_file(masks, error))?;

    drop(bar);

    // 2. The metric at each threshold.
    let bar = reader
        .console
        .progress("thresholds", Steps::Equal(thresholds.len()));
    let mut text = "mean IoU (higher is better)".to_owned();
    let mut sweep = Vec::new();
    for &threshold in thresholds {
        let value = mean_iou(values.data(), &inside, height * width, threshold).map_err(in_maps)?;
        text += &format!("\n  at map ≥ {threshold}: {value:.6}");
        bar.step();
        sweep.push(json!({ "threshold": threshold, "mean_iou": value }));
    }
    Ok(Metric {
        key: "mean_iou",
        value: json!(sweep),
        text,
    })
}

/// For each pixel of a mask, whether it is inside.
fn binary(mask: &Tensor<f64>) -> tenfold::Result<Vec<bool>> {
    let entries = mask.data();
    match entries.iter().position(|entry| !entry.is_finite()) {
        None => Ok(entries.iter().map(|&entry| entry != 0.0).collect()),
        Some(position) => Err(tenfold::Error::NonFinite {
            index: Shape::new(mask.shape())?
                .index(position)
                .unwrap_or_default(),
            value: entries[position],
        }),
    }
}

/// Descriptions of entries in messages.
const PROBABILITY: &str = "a probability";
const MAP: &str = "a value of a saliency map";

/// Reads arrays in `f64`, and shows the progress.
struct Reader<'a> {
    arrays: &'a ArrayOptions,
    console: &'a Console,
}

impl Reader<'_> {
    /// Reads an array and checks that its entries are between 0 and 1, up to rounding. `what`
    /// describes an entry in messages.
    fn fractions(&self, path: &Path, what: &'static str) -> Outcome<Tensor<f64>> {
        let entries = self.array(path)?;
        check_fractions(what, &entries).map_err(|error| Failure::in_file(path, error))?;
        Ok(entries)
    }

    /// Reads an array.
    fn array(&self, path: &Path) -> Outcome<Tensor<f64>> {
        let file = self.arrays.open_again(path)?;
        Ok(match self.console.read(file, path)? {
            AnyTensor::F64(x) => x,
            AnyTensor::F32(x) => {
                let entries = x.data().iter().map(|&entry| f64::from(entry));
                Tensor::new(x.shape(), entries.collect())?
            }
        })
    }
}

/// The failure that a file has another shape than expected.
fn mismatch(path: &Path, expected: &[usize], actual: &[usize]) -> Failure {
    Failure::usage(format!(
        "{}: shape {} was expected, not {}",
        path.display(),
        times(expected),
        times(actual)
    ))
}

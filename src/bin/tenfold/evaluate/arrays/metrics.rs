//! The metrics of each group of arrays.

use std::path::Path;

use serde_json::{Value, json};
use tenfold::cam::metrics::{
    ProbabilityPair, Region, area_under_curve, average_absolute_drop, average_drop,
    average_drop_with_epsilon, average_gain, average_increase, check_fractions, embedding_error,
    embedding_mse, iou_of_regions,
};
use tenfold::cam::resize;
use tenfold::io::AnyTensor;
use tenfold::tensor::Shape;
use tenfold::{Error, Tensor, TensorRef};

use super::Group;
use crate::arrays::ArrayOptions;
use crate::bootstrap::{BootstrapArgs, Estimate};
use crate::console::{Console, times};
use crate::evaluate::Args;
use crate::failure::{Failure, Outcome};
use crate::progress::Steps;

/// A metric: its key and value for the JSON object, and its line of text.
pub(super) struct Metric {
    pub(super) key: &'static str,
    pub(super) value: Value,
    /// The interval for the JSON object. `None` if `value` contains the intervals.
    pub(super) interval: Option<Value>,
    pub(super) text: String,
}

impl Group<'_> {
    /// Reads the arrays and computes their metrics.
    pub(super) fn metrics(self, args: &Args, console: &Console) -> Outcome<Vec<Metric>> {
        let reader = Reader {
            arrays: &args.arrays.options,
            console,
        };
        let bootstrap = &args.bootstrap;
        match self {
            Self::Probabilities(files) => {
                of_probabilities(files, args.arrays.epsilon, bootstrap, &reader)
            }
            Self::Embeddings(files) => Ok(vec![of_embeddings(files, bootstrap, &reader)?]),
            Self::Maps(files) => Ok(vec![of_masks(files, args, &reader)?]),
            Self::Insertion(file) => {
                let text = "area under the insertion curve (higher is better)";
                Ok(vec![of_curves(
                    file,
                    "insertion_area",
                    text,
                    bootstrap,
                    &reader,
                )?])
            }
            Self::Deletion(file) => {
                let text = "area under the deletion curve (lower is better)";
                Ok(vec![of_curves(
                    file,
                    "deletion_area",
                    text,
                    bootstrap,
                    &reader,
                )?])
            }
        }
    }
}

/// The average drop, the average increase, and their variants.
fn of_probabilities(
    [p, o]: [&Path; 2],
    epsilon: Option<f64>,
    bootstrap: &BootstrapArgs,
    reader: &Reader,
) -> Outcome<Vec<Metric>> {
    // 1. Two arrays of the same shape.
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

    // 2. The metrics, and their values for each image. The only error that is left is about both
    // files: they have no entries.
    let in_both = |error| Failure::in_file(p, error);
    let (before, after) = (before.data(), after.data());
    let pairs = before.iter().zip(after);
    let pairs = pairs.map(|(&p, &o)| ProbabilityPair::new(p, o));
    let pairs: Vec<ProbabilityPair> = pairs.collect::<Result<_, _>>().map_err(in_both)?;
    let metric = |key, text: &str, mean: tenfold::Result<f64>, of_image: OfImage| {
        let mean = mean.map_err(in_both)?;
        let values: Vec<f64> = pairs.iter().map(|&pair| 100.0 * of_image(pair)).collect();
        let interval = bootstrap.estimate(&values)?;
        Ok(Metric {
            key,
            value: json!(mean),
            interval: Some(json!(interval.and_then(|estimate| estimate.interval))),
            text: format!(
                "{text}: {mean:.4} %{}",
                interval.map_or(String::new(), |estimate| estimate.text(4))
            ),
        })
    };
    let mut metrics: Vec<Outcome<Metric>> = vec![
        metric(
            "average_drop_percent",
            "average drop (lower is better)",
            average_drop(before, after),
            &ProbabilityPair::drop,
        ),
        metric(
            "average_increase_percent",
            "average increase (higher is better)",
            average_increase(before, after),
            &|pair| f64::from(u8::from(pair.increases())),
        ),
        metric(
            "average_gain_percent",
            "average gain (higher is better)",
            average_gain(before, after),
            &ProbabilityPair::gain,
        ),
        metric(
            "average_absolute_drop_percent",
            "average absolute drop, not divided by the probability (lower is better)",
            average_absolute_drop(before, after),
            &ProbabilityPair::absolute_drop,
        ),
    ];
    if let Some(epsilon) = epsilon {
        metrics.push(metric(
            "average_drop_with_epsilon_percent",
            &format!("average drop with {epsilon:e} in the divisor (lower is better)"),
            average_drop_with_epsilon(before, after, epsilon),
            &|pair| pair.drop_with_epsilon(epsilon),
        ));
    }
    metrics.into_iter().collect()
}

/// A metric of one image, as a fraction.
type OfImage<'a> = &'a dyn Fn(ProbabilityPair) -> f64;

/// The mean squared error of the embeddings.
fn of_embeddings(
    [z, masked]: [&Path; 2],
    bootstrap: &BootstrapArgs,
    reader: &Reader,
) -> Outcome<Metric> {
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
    let interval = match of_each_embedding(&before, &after) {
        // The error of one image can be out of range where the mean is not.
        Err(_) => None,
        Ok(errors) => bootstrap.estimate(&errors)?,
    };
    Ok(Metric {
        key: "embedding_mse",
        value: json!(mse),
        interval: Some(json!(interval.and_then(|estimate| estimate.interval))),
        text: format!(
            "embedding MSE (lower is better): {mse:.6}{}",
            interval.map_or(String::new(), |estimate| estimate.text(6))
        ),
    })
}

/// The squared error of the embedding of each image.
fn of_each_embedding(before: &Tensor<f64>, after: &Tensor<f64>) -> tenfold::Result<Vec<f64>> {
    let shape = &before.shape()[1..];
    let entries = shape.iter().product::<usize>().max(1);
    let pairs = before
        .data()
        .chunks(entries)
        .zip(after.data().chunks(entries));
    pairs
        .map(|(z, masked)| {
            embedding_error(TensorRef::new(shape, z)?, TensorRef::new(shape, masked)?)
        })
        .collect()
}

/// The mean area under insertion or deletion curves.
fn of_curves(
    path: &Path,
    key: &'static str,
    text: &str,
    bootstrap: &BootstrapArgs,
    reader: &Reader,
) -> Outcome<Metric> {
    let curves = reader.fractions(path, PROBABILITY)?;
    let &[_, points] = curves.shape() else {
        return Err(Failure::usage(format!(
            "{}: curves have shape N×(S+1), not {}",
            path.display(),
            times(curves.shape())
        )));
    };
    let in_file = |error| Failure::in_file(path, error);
    let areas = curves.data().chunks(points.max(1)).map(area_under_curve);
    let areas: Vec<f64> = areas.collect::<Result<_, _>>().map_err(in_file)?;
    let Some(estimate) = bootstrap.estimate(&areas)? else {
        let shape = curves.shape().to_vec();
        return Err(in_file(Error::Empty { shape }));
    };
    Ok(Metric {
        key,
        value: json!(estimate.mean),
        interval: Some(estimate.json()),
        text: format!("{text}: {:.6}{}", estimate.mean, estimate.text(6)),
    })
}

/// The mean intersection over union at each threshold.
fn of_masks([maps, masks]: [&Path; 2], args: &Args, reader: &Reader) -> Outcome<Metric> {
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
    let regions = regions(&inside, args.arrays.void);
    let regions = regions.map_err(|error| Failure::in_file(masks, error))?;
    drop(bar);

    // 2. The metric at each threshold.
    let bar = reader
        .console
        .progress("thresholds", Steps::Equal(args.thresholds.len()));
    let mut text = "mean IoU (higher is better)".to_owned();
    let mut sweep = Vec::new();
    let pixels = height * width;
    for &threshold in &args.thresholds {
        let images = values.data().chunks(pixels).zip(regions.chunks(pixels));
        let ious = images.map(|(map, mask)| iou_of_regions(map, mask, threshold));
        let ious: Vec<f64> = ious.collect::<Result<_, _>>().map_err(in_maps)?;
        bar.step();
        let Some(estimate) = args.bootstrap.estimate(&ious)? else {
            continue;
        };
        let Estimate { mean, interval } = estimate;
        text += &format!("\n  at map ≥ {threshold}: {mean:.6}{}", estimate.text(6));
        sweep.push(json!({ "threshold": threshold, "mean_iou": mean, "interval": interval }));
    }
    Ok(Metric {
        key: "mean_iou",
        value: json!(sweep),
        interval: None,
        text,
    })
}

/// The region of each pixel of a mask. `void` is the entry of void pixels.
fn regions(mask: &Tensor<f64>, void: Option<f64>) -> tenfold::Result<Vec<Region>> {
    let entries = mask.data();
    let void = |entry: &f64| void == Some(*entry);
    let bad = |entry: &f64| !entry.is_finite() && !void(entry);
    if let Some(position) = entries.iter().position(bad) {
        return Err(Error::NonFinite {
            index: Shape::new(mask.shape())?
                .index(position)
                .unwrap_or_default(),
            value: entries[position],
        });
    }
    let region = |entry: &f64| match entry {
        entry if void(entry) => Region::Void,
        0.0 => Region::Outside,
        _ => Region::Inside,
    };
    Ok(entries.iter().map(region).collect())
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

//! The metrics of the tables and of the figure of truncated ranks: each has a value for a photograph.

use tenfold::cam::metrics::{Bootstrap, Interval, ProbabilityPair};

use super::grids::THRESHOLD;
use super::method::Method;
use super::run::{Run, map_of};
use crate::failure::Outcome;
use crate::records::{MapRecord, Record};

/// A metric. Its mean over the photographs is in the tables.
pub(super) struct Metric {
    /// The heading, with an arrow in the direction that is better.
    pub(super) title: &'static str,
    /// The text for readers who do not know the abbreviation.
    pub(super) meaning: &'static str,
    pub(super) higher_is_better: bool,
    value: fn(&Run, &Record, &MapRecord) -> Option<f64>,
}

/// The columns of the paper's Tables 1 and 2.
pub(super) const METRICS: [Metric; 4] = [
    Metric {
        title: "AD (%) ↓",
        meaning: "average drop of the class probability, lower is better",
        higher_is_better: false,
        value: |_, record, map| Some(100.0 * pair(record, map)?.drop()),
    },
    Metric {
        title: "AI (%) ↑",
        meaning: "average increase of the class probability, higher is better",
        higher_is_better: true,
        value: |_, record, map| Some(100.0 * f64::from(u8::from(pair(record, map)?.increases()))),
    },
    Metric {
        title: "MSE ↓",
        meaning: "mean squared error of the embeddings, lower is better",
        higher_is_better: false,
        value: |_, _, map| map.embedding_error,
    },
    Metric {
        title: "mIoU (%) ↑",
        meaning: "mean intersection over union with the masks at 0.5, higher is better",
        higher_is_better: true,
        value: |run, _, map| {
            let thresholds = &run.settings.thresholds;
            let position = thresholds.iter().position(|&t| t == THRESHOLD)?;
            Some(100.0 * map.iou.get(position)?)
        },
    },
];

/// The class probabilities of a photograph, whole and masked.
fn pair(record: &Record, map: &MapRecord) -> Option<ProbabilityPair> {
    ProbabilityPair::new(record.probability?, map.masked_probability?).ok()
}

impl Metric {
    /// The value for each photograph that has one.
    pub(super) fn values(&self, run: &Run, method: &Method) -> Vec<f64> {
        run.values(method, |record, map| (self.value)(run, record, map))
    }

    /// The difference of two methods for each photograph that has both values.
    pub(super) fn differences(&self, run: &Run, method: &Method, other: &Method) -> Vec<f64> {
        let difference = |record: &Record| {
            let value = |method| (self.value)(run, record, map_of(record, method)?);
            Some(value(method)? - value(other)?)
        };
        run.records.iter().filter_map(difference).collect()
    }
}

/// The mean of values with its bootstrap interval. `None` without values.
pub(super) fn estimate(values: &[f64]) -> Outcome<Option<Interval>> {
    if values.is_empty() {
        return Ok(None);
    }
    Ok(Some(Bootstrap::default().mean(values)?))
}

/// The method at full ranks with the weighting of a method with truncated ranks.
pub(super) fn full<'a>(run: &'a Run, method: &Method) -> Option<&'a Method> {
    let is_full = |other: &&Method| other.is_full() && other.weighting == method.weighting;
    let mut methods = run.methods.iter();
    (!method.is_full()).then(|| methods.find(is_full))?
}

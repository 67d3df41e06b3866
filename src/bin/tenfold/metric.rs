//! The metrics of a table: names, units, and the value for one photograph.

use tenfold::cam::metrics::{ProbabilityPair, area_under_curve};

use crate::records::{MapRecord, Record, Settings};

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) kind: Kind,
    /// The name in files.
    pub(crate) key: String,
    /// The heading of the column, in the style of the paper.
    pub(crate) heading: String,
    pub(crate) lower_is_better: bool,
    /// The factor from the value in files to the value in texts.
    pub(crate) factor: f64,
    pub(crate) digits: usize,
    pub(crate) part: Part,
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Drop,
    Increase,
    Gain,
    AbsoluteDrop,
    Embedding,
    /// The intersection over union at the threshold with this index.
    Overlap(usize),
    Insertion,
    Deletion,
}

/// The table that a metric belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The columns of the paper's Tables 1 and 2.
    Main,
    /// The intersection over union at each threshold.
    Thresholds,
    /// Metrics that the paper does not report.
    Further,
}

/// All metrics that a run with these settings can have, in the order of the columns.
pub(crate) fn metrics(settings: &Settings) -> Vec<Metric> {
    let percent = |kind, key: &str, name: &str, lower_is_better, part| Metric {
        kind,
        key: key.to_owned(),
        heading: heading(name, lower_is_better),
        lower_is_better,
        factor: 1.0,
        digits: 2,
        part,
    };
    let area = |kind, key: &str, name: &str, lower_is_better| Metric {
        digits: 4,
        ..percent(kind, key, name, lower_is_better, Part::Further)
    };
    let overlap = |(index, threshold): (usize, &f64), part| {
        let name = match part {
            Part::Main => "mIoU(%)".to_owned(),
            _ => format!("T = {threshold}"),
        };
        Metric {
            factor: 100.0,
            ..percent(
                Kind::Overlap(index),
                &format!("mean_iou_at_{threshold}"),
                &name,
                false,
                part,
            )
        }
    };
    let thresholds = || settings.thresholds.iter().enumerate();
    let mut metrics = vec![
        percent(
            Kind::Drop,
            "average_drop_percent",
            "AD(%)",
            true,
            Part::Main,
        ),
        percent(
            Kind::Increase,
            "average_increase_percent",
            "AI(%)",
            false,
            Part::Main,
        ),
        Metric {
            factor: 1000.0,
            ..percent(
                Kind::Embedding,
                "embedding_mse",
                "MSE×10⁻³",
                true,
                Part::Main,
            )
        },
    ];
    // The paper reports the threshold 0.5.
    metrics.extend(
        thresholds()
            .filter(|(_, t)| **t == 0.5)
            .map(|t| overlap(t, Part::Main)),
    );
    metrics.extend(thresholds().map(|t| overlap(t, Part::Thresholds)));
    metrics.extend([
        percent(
            Kind::Gain,
            "average_gain_percent",
            "AG(%)",
            false,
            Part::Further,
        ),
        percent(
            Kind::AbsoluteDrop,
            "average_absolute_drop_percent",
            "absolute drop(%)",
            true,
            Part::Further,
        ),
        area(Kind::Insertion, "insertion_area", "insertion", false),
        area(Kind::Deletion, "deletion_area", "deletion", true),
    ]);
    metrics
}

fn heading(name: &str, lower_is_better: bool) -> String {
    let arrow = if lower_is_better { '↓' } else { '↑' };
    format!("{name} {arrow}")
}

impl Metric {
    /// The number of digits after the point for a text with this value. Large numbers have none.
    pub(super) fn digits_of(&self, value: f64) -> usize {
        if (self.factor * value).abs() < 1000.0 {
            self.digits
        } else {
            0
        }
    }

    /// The value for one photograph and one map. `None` if the run did not compute it.
    pub(crate) fn value(&self, record: &Record, map: &MapRecord) -> tenfold::Result<Option<f64>> {
        let pair = match (record.probability, map.masked_probability) {
            (Some(image), Some(masked)) => Some(ProbabilityPair::new(image, masked)?),
            _ => None,
        };
        let percent = |metric: fn(ProbabilityPair) -> f64| pair.map(|pair| 100.0 * metric(pair));
        let area = |curve: &[f64]| match curve {
            [] => Ok(None),
            curve => area_under_curve(curve).map(Some),
        };
        Ok(match self.kind {
            Kind::Drop => percent(ProbabilityPair::drop),
            Kind::Increase => percent(|pair| f64::from(u8::from(pair.increases()))),
            Kind::Gain => percent(ProbabilityPair::gain),
            Kind::AbsoluteDrop => percent(ProbabilityPair::absolute_drop),
            Kind::Embedding => map.embedding_error,
            Kind::Overlap(index) => map.iou.get(index).copied(),
            Kind::Insertion => area(&map.insertion)?,
            Kind::Deletion => area(&map.deletion)?,
        })
    }
}

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
    unit: Option<String>,
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
        unit: None,
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
        percent(Kind::Embedding, "embedding_mse", "MSE", true, Part::Main),
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

/// A power of ten such as 10⁻³.
fn power_of_ten(exponent: i32) -> String {
    let superscript = |sign: char| match sign {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        // The other digits follow each other in Unicode.
        _ => char::from_u32('⁰' as u32 + sign.to_digit(10).unwrap_or(0)).unwrap_or(sign),
    };
    let digits: String = exponent.to_string().chars().map(superscript).collect();
    format!("10{digits}")
}

fn heading(name: &str, lower_is_better: bool) -> String {
    let arrow = if lower_is_better { '↓' } else { '↑' };
    format!("{name} {arrow}")
}

impl Metric {
    /// Chooses the unit of the embedding MSE, which depends on the scale of the embeddings: the power
    /// 10³ᵏ for which the largest mean is between 1 and 1000 units.
    pub(crate) fn choose_unit(&mut self, means: impl Iterator<Item = f64>) {
        /// The largest k. The factor 10³⁰⁰ is finite.
        const LARGEST: f64 = 100.0;
        if self.kind != Kind::Embedding {
            return;
        }
        let largest = means.fold(0.0, f64::max);
        if largest > 0.0 && largest.is_finite() {
            let k = (largest.log10() / 3.0).floor().clamp(-LARGEST, LARGEST);
            let exponent = 3 * k as i32;
            self.factor = 10f64.powi(-exponent);
            self.unit = (exponent != 0).then(|| power_of_ten(exponent));
        }
        let name = match &self.unit {
            Some(unit) => format!("MSE×{unit}"),
            None => "MSE".to_owned(),
        };
        self.heading = heading(&name, self.lower_is_better);
    }

    /// The unit of the text, if it is not 1: a power such as 10⁻³.
    #[cfg(any(feature = "onnx", test))]
    pub(crate) fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::sample_settings;

    #[test]
    fn the_unit_of_the_embedding_error_follows_its_scale() {
        let of = |means: &[f64]| {
            let all = metrics(&sample_settings(&["tsm"], &[0.5]));
            let mut all = all.into_iter();
            let mut metric = all.find(|metric| metric.kind == Kind::Embedding).unwrap();
            metric.choose_unit(means.iter().copied());
            let shown = metric.factor * means.iter().copied().fold(0.0, f64::max);
            assert!(shown == 0.0 || (0.9..1000.1).contains(&shown), "{shown}");
            metric.heading
        };
        assert_eq!(of(&[0.0015, 0.0007]), "MSE×10⁻³ ↓");
        assert_eq!(of(&[195.363, 30.0]), "MSE ↓");
        assert_eq!(of(&[4567.0]), "MSE×10³ ↓");
        assert_eq!(of(&[2e-24]), "MSE×10⁻²⁴ ↓");
        assert_eq!(of(&[2e300]), "MSE×10³⁰⁰ ↓");
        assert_eq!(of(&[0.0]), "MSE ↓");
        assert_eq!(of(&[]), "MSE ↓");
        assert_eq!(power_of_ten(-1_234_567_890), "10⁻¹²³⁴⁵⁶⁷⁸⁹⁰");
    }
}

//! Summaries of numbers: quantiles, and the parts of a box plot.

/// The parts of a box plot.
#[derive(Debug, PartialEq)]
pub(crate) struct Summary {
    /// The lower quartile, the median and the upper quartile.
    pub(crate) quartiles: [f64; 3],
    /// The smallest and the largest value at most 1.5 box lengths from the box.
    pub(crate) whiskers: [f64; 2],
    /// The values beyond the whiskers, in ascending order.
    pub(crate) outliers: Vec<f64>,
}

impl Summary {
    /// `None` without a finite value.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values);
        let quartiles = [0.25, 0.5, 0.75].map(|fraction| quantile(&sorted, fraction));
        let [Some(lower), Some(median), Some(upper)] = quartiles else {
            return None;
        };
        let reach = 1.5 * (upper - lower);
        let within = |value: &&f64| (lower - reach..=upper + reach).contains(*value);
        let first = *sorted.iter().find(within)?;
        let last = *sorted.iter().rfind(within)?;
        let beyond = sorted.iter().filter(|value| !within(value));
        Some(Self {
            quartiles: [lower, median, upper],
            whiskers: [first, last],
            outliers: beyond.copied().collect(),
        })
    }
}

/// The median of the finite values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// The mean of the finite values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    let finite = values.iter().filter(|value| value.is_finite());
    let count = finite.clone().count();
    (count > 0).then(|| finite.sum::<f64>() / count as f64)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let mut sorted: Vec<f64> = finite.collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The quantile of sorted values, interpolated linearly between two of them.
fn quantile(sorted: &[f64], fraction: f64) -> Option<f64> {
    let position = fraction * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (position.floor() as usize, position.ceil() as usize);
    let t = position - below as f64;
    Some((1.0 - t) * sorted[below] + t * sorted[above])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_has_quartiles_whiskers_and_outliers() {
        let summary = Summary::of(&[5.0, 1.0, 2.0, 3.0, 4.0, 40.0, f64::NAN]).unwrap();
        assert_eq!(summary.quartiles, [2.25, 3.5, 4.75]);
        assert_eq!(summary.whiskers, [1.0, 5.0]);
        assert_eq!(summary.outliers, [40.0]);
        let one = Summary::of(&[7.0]).unwrap();
        assert_eq!((one.quartiles, one.whiskers), ([7.0; 3], [7.0; 2]));
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn means_and_medians_skip_what_is_not_finite() {
        assert_eq!(median(&[3.0, 1.0, f64::INFINITY, 2.0]), Some(2.0));
        assert_eq!(mean(&[3.0, f64::NAN, 1.0]), Some(2.0));
        assert_eq!((median(&[]), mean(&[])), (None, None));
    }
}

//! Means over images with bootstrap intervals, for `evaluate` and `report`.

use serde_json::{Value, json};
use tenfold::cam::metrics::Bootstrap;

use crate::failure::Outcome;

/// The options of the intervals.
#[derive(clap::Args)]
pub(crate) struct BootstrapArgs {
    /// The number of bootstrap resamples for the 95% interval of each mean; 0 for no intervals
    #[arg(long, value_name = "N", default_value_t = 2000,
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    bootstrap: u32,
    /// The seed of the random resamples
    #[arg(long, value_name = "S", default_value_t = 0)]
    bootstrap_seed: u64,
}

/// A mean over images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    /// The ends of the bootstrap interval. One image alone has no interval.
    pub(crate) interval: Option<[f64; 2]>,
}

impl BootstrapArgs {
    /// The options with a number of resamples.
    #[cfg(test)]
    pub(crate) fn with(bootstrap: u32) -> Self {
        Self {
            bootstrap,
            bootstrap_seed: 0,
        }
    }

    /// The number of resamples.
    pub(crate) fn resamples(&self) -> u32 {
        self.bootstrap
    }

    /// The mean of `values`, one for each image. `None` without images.
    pub(crate) fn estimate(&self, values: &[f64]) -> Outcome<Option<Estimate>> {
        if values.is_empty() {
            return Ok(None);
        }
        // The mean needs no resamples.
        let resamples = if values.len() == 1 { 0 } else { self.bootstrap };
        let interval = Bootstrap {
            resamples: resamples.max(1) as usize,
            seed: self.bootstrap_seed,
            ..Bootstrap::default()
        };
        let interval = interval.mean(values)?;
        Ok(Some(Estimate {
            mean: interval.mean,
            interval: (resamples > 0).then_some([interval.low, interval.high]),
        }))
    }
}

impl Estimate {
    /// The ends of the interval, if there is one.
    pub(crate) fn ends(&self) -> impl Iterator<Item = f64> {
        self.interval.into_iter().flatten()
    }

    /// Whether there is an interval, and 0 is outside.
    pub(crate) fn excludes_zero(&self) -> bool {
        let outside = |[low, high]: [f64; 2]| low > 0.0 || high < 0.0;
        self.interval.is_some_and(outside)
    }

    /// The interval for the JSON object: an array of its ends, or null.
    pub(crate) fn json(&self) -> Value {
        json!(self.interval)
    }

    /// The interval for a line of text after the mean, or nothing.
    pub(crate) fn text(&self, digits: usize) -> String {
        match self.interval {
            Some([low, high]) => format!(" (95% interval {low:.digits$} to {high:.digits$})"),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(bootstrap: u32, values: &[f64]) -> Option<Estimate> {
        let estimate = BootstrapArgs::with(bootstrap).estimate(values);
        estimate.unwrap_or_else(|failure| panic!("{failure}"))
    }

    #[test]
    fn an_interval_needs_two_images_and_resamples() {
        assert_eq!(estimate(100, &[]), None);
        for (resamples, values) in [(100, vec![2.0]), (0, vec![1.0, 3.0])] {
            let estimate = estimate(resamples, &values).unwrap();
            assert_eq!((estimate.mean, estimate.interval), (2.0, None));
            assert_eq!(estimate.text(1), "");
        }
        let estimate = estimate(1000, &[1.0, 3.0]).unwrap();
        assert_eq!(estimate.interval, Some([1.0, 3.0]));
        assert_eq!(estimate.text(1), " (95% interval 1.0 to 3.0)");
    }
}

//! Bootstrap intervals of means (Efron & Tibshirani, *An Introduction to the Bootstrap*, 1993,
//! chapter 13).
//!
//! The images of an evaluation are a sample of all images. A resample draws as many images from
//! the sample, with replacement, and its mean differs from the mean of the sample about as the mean
//! of the sample differs from the mean of all images:
//!
//! ```text
//!   values      x₀ x₁ x₂ x₃      mean
//!   resample 0  x₂ x₀ x₂ x₃      mean₀      sort the means of the resamples;
//!   resample 1  x₁ x₁ x₃ x₀      mean₁      the percentile interval leaves out
//!   …                                       2.5% of them at each end
//! ```

use rayon::prelude::*;

use super::check::check_samples;
use crate::cam::fraction::check_fraction;
use crate::error::{Error, Result};
use crate::linalg::Counter;
use crate::monitor::Monitor;
use crate::tensor::{Shape, with_room};

/// Percentile intervals of the mean of values, one for each image.
///
/// The result depends only on the values and the options, not on the number of threads.
///
/// ```
/// use tenfold::cam::metrics::Bootstrap;
/// let drops = [0.1, 0.4, 0.2, 0.0, 0.3, 0.2];
/// let interval = Bootstrap::default().mean(&drops)?;
/// assert!((interval.mean - 0.2).abs() < 1e-15);
/// assert!(0.0 < interval.low && interval.low < 0.2);
/// assert!(0.2 < interval.high && interval.high < 0.4);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bootstrap {
    /// The number of resamples.
    pub resamples: usize,
    /// The share of the resamples in the interval.
    pub level: f64,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// A mean and its bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean of the values.
    pub mean: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Default for Bootstrap {
    /// 2000 resamples, an interval with 95% of them, seed 0.
    fn default() -> Self {
        Self {
            resamples: 2000,
            level: 0.95,
            seed: 0,
        }
    }
}

impl Bootstrap {
    /// The mean of `values` and its percentile interval.
    ///
    /// For two metrics of the same images, the interval of the mean of their differences says
    /// whether the metrics differ: it is a paired comparison.
    ///
    /// Cost: `resamples`·N random numbers for N values.
    ///
    /// # Errors
    /// [`Error::NoSamples`] for an empty list, [`Error::NonFinite`], [`Error::NotPositive`] for 0
    /// resamples, [`Error::ShapeOverflow`] and [`Error::OutOfMemory`] for too many, [`Error::FractionOutOfRange`] for a level outside \[0, 1\].
    ///
    /// ```
    /// use tenfold::cam::metrics::{Bootstrap, Interval};
    /// // All resamples of equal values are the same.
    /// let interval = Bootstrap::default().mean(&[0.5; 8])?;
    /// assert_eq!(interval, Interval { mean: 0.5, low: 0.5, high: 0.5 });
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn mean(&self, values: &[f64]) -> Result<Interval> {
        self.mean_monitored(values, &Monitor::new())
    }

    /// Like [`Bootstrap::mean`]. The flag of the monitor cancels the computation. There are no reports.
    ///
    /// # Errors
    /// Those of [`Bootstrap::mean`]; [`Error::Cancelled`].
    pub fn mean_monitored(&self, values: &[f64], monitor: &Monitor) -> Result<Interval> {
        // 1. Checks.
        check_samples("values", values.len())?;
        check_fraction("the level of the interval", self.level)?;
        if self.resamples == 0 {
            return Err(Error::NotPositive {
                what: "the number of resamples",
            });
        }
        if let Some(position) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NonFinite {
                index: vec![position],
                value: values[position],
            });
        }

        // 2. The means of the resamples. Resample k uses the random numbers k·N to k·N + N − 1.
        let count = values.len();
        // Each value is divided first, so that the sum stays in the range of f64.
        let mean = |sum: f64, value: f64| sum + value / count as f64;
        let cancellation = monitor.cancellation();
        let resample = |k: usize| {
            if cancellation.is_requested() {
                return 0.0;
            }
            let first = (k as u64).wrapping_mul(count as u64);
            let mut random = Counter::new(self.seed).skip(first);
            let indices = (0..count).map(|_| (random.uniform() * count as f64) as usize);
            indices.map(|i| values[i.min(count - 1)]).fold(0.0, mean)
        };
        let mut means = with_room(&Shape::new(&[self.resamples])?)?;
        let resamples = (0..self.resamples).into_par_iter().map(resample);
        resamples.collect_into_vec(&mut means);
        cancellation.check()?;

        // 3. Their percentiles.
        means.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Ok(Interval {
            mean: values.iter().copied().fold(0.0, mean),
            low: percentile(&means, tail),
            high: percentile(&means, 1.0 - tail),
        })
    }
}

/// The percentile of sorted values, interpolated linearly between neighbours, as `percentile` of
/// NumPy does it.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let point = share * last as f64;
    let below = (point.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let fraction = point - below as f64;
    sorted[below] + fraction * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_agree_with_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        // numpy.percentile([1, 2, 4, 8], [0, 2.5, 50, 97.5, 100])
        let expected = [1.0, 1.075, 3.0, 7.7, 8.0];
        for (share, expected) in [0.0, 0.025, 0.5, 0.975, 1.0].into_iter().zip(expected) {
            assert!((percentile(&sorted, share) - expected).abs() < 1e-12);
        }
        assert_eq!(percentile(&[3.0], 0.4), 3.0);
    }

    /// For a sample of normal form the interval is close to mean ± 1.96·s/√N.
    #[test]
    fn the_interval_agrees_with_the_standard_error() {
        // 400 values with a mean of 0 and a standard deviation of 1 (a uniform distribution).
        let width = 12f64.sqrt();
        let values: Vec<f64> = (0..400)
            .map(|i| width * ((f64::from(i) + 0.5) / 400.0 - 0.5))
            .collect();
        let interval = Bootstrap {
            resamples: 4000,
            ..Bootstrap::default()
        };
        let interval = interval.mean(&values).unwrap();
        let expected = 1.96 / 20.0;
        // The 2.5% percentile of 4000 resamples has a standard error of about 0.0025.
        assert!((interval.low + expected).abs() < 0.0125, "{interval:?}");
        assert!((interval.high - expected).abs() < 0.0125, "{interval:?}");
        assert!(interval.mean.abs() < 1e-12);
    }

    #[test]
    fn the_seed_and_the_level_change_the_interval() {
        let values = [0.1, 0.9, 0.4, 0.35, 0.6];
        let default = Bootstrap::default();
        let interval = default.mean(&values).unwrap();
        assert_eq!(default.mean(&values).unwrap(), interval);
        let other = Bootstrap {
            seed: 1,
            ..Bootstrap::default()
        };
        assert_ne!(other.mean(&values).unwrap(), interval);
        let narrow = Bootstrap {
            level: 0.5,
            ..Bootstrap::default()
        };
        let narrow = narrow.mean(&values).unwrap();
        assert!(interval.low < narrow.low && narrow.high < interval.high);
    }

    #[test]
    fn large_values_stay_in_range() {
        let interval = Bootstrap::default().mean(&[f64::MAX; 4]).unwrap();
        assert_eq!(interval.mean, f64::MAX);
        assert!(interval.high.is_finite());
    }

    #[test]
    fn bad_input_is_an_error() {
        let default = Bootstrap::default;
        assert!(matches!(default().mean(&[]), Err(Error::NoSamples { .. })));
        assert!(matches!(
            default().mean(&[0.0, f64::INFINITY]),
            Err(Error::NonFinite { index, .. }) if index == [1]
        ));
        let none = Bootstrap {
            resamples: 0,
            ..default()
        };
        assert!(matches!(none.mean(&[0.5]), Err(Error::NotPositive { .. })));
        for resamples in [usize::MAX, usize::MAX / 16] {
            let huge = Bootstrap {
                resamples,
                ..default()
            };
            assert!(matches!(
                huge.mean(&[0.5]),
                Err(Error::ShapeOverflow { .. } | Error::OutOfMemory { .. })
            ));
        }
        let level = Bootstrap {
            level: 1.5,
            ..default()
        };
        assert!(matches!(
            level.mean(&[0.5]),
            Err(Error::FractionOutOfRange { .. })
        ));
    }
}

//! Axes of charts: from values to pixels, with ticks at round numbers.

/// The direction of an axis: from the pixel of its smallest value to the pixel of its largest.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) first: f64,
    pub(super) last: f64,
}

/// An axis of a chart.
#[derive(Clone)]
pub(super) struct Axis {
    min: f64,
    max: f64,
    logarithmic: bool,
    extent: Extent,
    ticks: Vec<f64>,
}

impl Axis {
    /// A linear axis for `values`, extended to round numbers at both ends. It has about `ticks`
    /// ticks.
    pub(super) fn linear(
        values: impl IntoIterator<Item = f64>,
        ticks: usize,
        extent: Extent,
    ) -> Self {
        let (mut min, mut max) = range(values).unwrap_or((0.0, 1.0));
        if max - min <= 1e-9 * max.abs().max(min.abs()) {
            // All values are equal.
            let half = if max == 0.0 { 0.5 } else { 0.1 * max.abs() };
            (min, max) = (min - half, max + half);
        }
        let step = round_step((max - min) / ticks.max(1) as f64);
        let (first, last) = ((min / step + 1e-9).floor(), (max / step - 1e-9).ceil());
        // Multiples of a whole number have no rounding errors that labels would show.
        let ticks: Vec<f64> = (0..=(last - first) as usize)
            .map(|i| (first + i as f64) * step)
            .collect();
        Self {
            min: first * step,
            max: last * step,
            logarithmic: false,
            extent,
            ticks,
        }
    }

    /// A logarithmic axis for positive `values`, from a power of ten, or 2 or 5 times one, to
    /// another.
    pub(super) fn logarithmic(values: impl IntoIterator<Item = f64>, extent: Extent) -> Self {
        let positive = values.into_iter().filter(|&value| value > 0.0);
        let (min, max) = range(positive).unwrap_or((1.0, 10.0));
        let powers = min.log10().floor() as i32 - 1..=max.log10().ceil() as i32 + 1;
        let digits: &[u8] = if max / min > 20.0 { &[1] } else { &[1, 2, 5] };
        let round: Vec<f64> = powers
            .flat_map(|power| digits.iter().map(move |digit| format!("{digit}e{power}")))
            // A text has no rounding errors, unlike a product with a power.
            .filter_map(|text| text.parse().ok())
            .collect();
        let from = round.iter().rposition(|&tick| tick <= min).unwrap_or(0);
        let to = round.iter().position(|&tick| tick >= max && tick > min);
        let ticks = round[from..=to.unwrap_or(round.len() - 1)].to_vec();
        Self {
            min: ticks[0],
            max: ticks[ticks.len() - 1],
            logarithmic: true,
            extent,
            ticks,
        }
    }

    /// The pixel of a value. A value beyond the end of the axis gets the pixel of the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let fraction = if self.logarithmic {
            (value / self.min).ln() / (self.max / self.min).ln()
        } else {
            (value - self.min) / (self.max - self.min)
        };
        // A value of 0 has no logarithm.
        let fraction = if fraction.is_nan() { 0.0 } else { fraction };
        self.extent.first + (self.extent.last - self.extent.first) * fraction.clamp(0.0, 1.0)
    }

    /// The ticks, each with its label.
    pub(super) fn ticks(&self) -> impl Iterator<Item = (f64, String)> + '_ {
        let step = self.ticks.windows(2).map(|pair| pair[1] - pair[0]).next();
        let decimals = move |tick: f64| {
            let unit = if self.logarithmic { Some(tick) } else { step };
            let exponent = unit.map_or(0.0, |unit| (unit.abs() * (1.0 + 1e-9)).log10().floor());
            (-exponent).clamp(0.0, 9.0) as usize
        };
        self.ticks.iter().map(move |&tick| {
            let digits = decimals(tick);
            let text = format!("{:.digits$}", tick.abs());
            let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
            let sign = if tick < 0.0 && !is_zero { "−" } else { "" };
            (tick, format!("{sign}{text}"))
        })
    }
}

/// The minimum and the maximum of the finite values.
fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |range, value| {
        let (min, max) = range.unwrap_or((value, value));
        Some((value.min(min), value.max(max)))
    })
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 5.0, 10.0];
    let digit = digit
        .into_iter()
        .find(|digit| digit * power >= 0.999 * step);
    digit.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent {
        first: 100.0,
        last: 300.0,
    };

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_around_the_values() {
        let axis = Axis::linear([0.13, 0.47], 4, EXTENT);
        assert_eq!(labels(&axis), ["0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!((axis.at(0.1), axis.at(0.5)), (100.0, 300.0));
        let axis = Axis::linear([-3.0, 17.0], 5, EXTENT);
        assert_eq!(labels(&axis), ["−5", "0", "5", "10", "15", "20"]);
        let axis = Axis::linear([0.0, 1.0], 5, EXTENT);
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn equal_values_and_no_values_have_an_axis() {
        for values in [vec![2.0], vec![0.0, 0.0], vec![], vec![f64::NAN]] {
            let axis = Axis::linear(values.clone(), 4, EXTENT);
            assert!(axis.ticks().count() >= 2, "{values:?}");
            assert!(axis.at(values.first().copied().unwrap_or(0.0)).is_finite());
        }
        for values in [vec![3.0], vec![0.0], vec![], vec![1.0, 1.0]] {
            let axis = Axis::logarithmic(values.clone(), EXTENT);
            assert!(axis.ticks().count() >= 2, "{values:?}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_powers_of_ten() {
        let axis = Axis::logarithmic([0.03, 21.0], EXTENT);
        assert_eq!(labels(&axis), ["0.01", "0.1", "1", "10", "100"]);
        assert!((axis.at(1.0) - 200.0).abs() < 1e-9);
        // A value of 0 is drawn at the end.
        assert_eq!(axis.at(0.0), 100.0);
        let axis = Axis::logarithmic([3.0, 30.0], EXTENT);
        assert_eq!(labels(&axis), ["2", "5", "10", "20", "50"]);
    }
}

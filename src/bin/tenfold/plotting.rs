//! What the charts of `bench --plot` and `info --plot` share.

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use tenfold::io::write_text;

use crate::failure::{Failure, Outcome};
use crate::output;

pub(crate) type Drawn<T = ()> = Result<T, Box<dyn Error>>;
pub(crate) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(crate) const FONT: &str = "sans-serif";

/// Fails if a chart cannot be written to `path`.
pub(crate) fn check(path: &Path, inputs: &[PathBuf]) -> Outcome {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    if extension.as_deref() != Some("svg") && !path.is_dir() {
        return Err(Failure::usage(format!(
            "{}: the chart is written to an .svg",
            path.display()
        )));
    }
    output::check(&[path.to_path_buf()], inputs)
}

/// Writes a chart.
pub(crate) fn write(path: &Path, chart: Drawn<String>) -> Outcome {
    let chart =
        chart.map_err(|error| Failure::other(format!("the chart cannot be drawn: {error}")))?;
    Ok(write_text(path, &chart)?)
}

/// The tick marks within `range`: 1, 2 and 5 times powers of ten, or powers of ten alone in a
/// wide range.
pub(crate) fn ticks(range: Range<f64>) -> Vec<f64> {
    let digits: &[u8] = if range.end / range.start > 1e3 {
        &[1]
    } else {
        &[1, 2, 5]
    };
    let (first, last) = (range.start.log10().floor(), range.end.log10().floor());
    let powers = first as i32..=last as i32;
    powers
        .flat_map(|power| digits.iter().map(move |digit| format!("{digit}e{power}")))
        // Powers computed in f64 have rounding errors, which the labels would show.
        .filter_map(|tick| tick.parse().ok())
        .filter(|tick| range.contains(tick))
        .collect()
}

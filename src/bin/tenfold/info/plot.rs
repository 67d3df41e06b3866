//! The chart of `info --plot`.
//!
//! ```text
//!   heading: the file, and a legend of the modes
//!   ┌──────────────────────────┐
//!   │ σᵢ/σ₁ over i: a line for │  logarithmic axes
//!   │ each mode                │
//!   ├──────────────────────────┤
//!   │ relative error over the  │  logarithmic axes, some ranks written beside their points
//!   │ entries of the ranks     │
//!   └──────────────────────────┘
//! ```

use std::ops::Range;
use std::path::Path;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange, LogCoord, WithKeyPoints};
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoTextStyle, RGBColor, ShapeStyle, TextStyle, WHITE};
use tenfold::{Scalar, TradeOff, Tucker};

use crate::console::times;
use crate::plotting::{Canvas, Drawn, FONT, ticks};

// All lengths are in pixels.

const WIDTH: u32 = 760;
const HEADING_HEIGHT: u32 = 72;
const PANEL_HEIGHT: u32 = 330;

/// The smallest value on a vertical axis, relative to the largest. Smaller values are rounding errors.
const SMALLEST: f64 = 1e-16;

/// The number of points of the curve.
const POINTS: usize = 40;

/// The number of points with their ranks written beside them.
const LABELS: usize = 6;

/// The colours of the modes, from the palette of Okabe and Ito, which colour-blind readers can
/// distinguish. A further mode starts again.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// What is drawn.
pub(super) struct Plot<'a> {
    pub(super) path: &'a Path,
    /// The shape of the array.
    pub(super) shape: &'a [usize],
    /// What the errors are relative to: "the array".
    pub(super) reference: &'a str,
    /// The singular values of each mode, largest first.
    pub(super) spectra: &'a [Option<Vec<f64>>],
    /// Ranks by the entries that they store.
    pub(super) curve: &'a [TradeOff],
}

/// The ranks with the smallest error at about [`POINTS`] sizes, from a decomposition with this error.
pub(super) fn curve<T: Scalar>(
    tucker: Tucker<T>,
    relative_error: f64,
) -> tenfold::Result<Vec<TradeOff>> {
    let trade_offs = tucker.trade_offs(relative_error)?;
    let entries = trade_offs.entries();
    let (least, most) = (*entries.start() as f64, *entries.end() as f64);
    let mut curve: Vec<TradeOff> = Vec::new();
    for point in 0..=POINTS {
        let share = point as f64 / POINTS as f64;
        let limit = least * (most / least).powf(share) * (1.0 + 1e-9);
        let found = trade_offs.within(limit as usize);
        let last = curve.last().map(|last| &last.ranks);
        curve.extend(found.filter(|found| Some(&found.ranks) != last));
    }
    Ok(curve)
}

impl Plot<'_> {
    /// Draws the chart as SVG.
    pub(super) fn svg(&self) -> Drawn<String> {
        let height = HEADING_HEIGHT + 2 * PANEL_HEIGHT;
        let mut text = String::new();
        {
            let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
            root.fill(&WHITE)?;
            let (head, panels) = root.split_vertically(HEADING_HEIGHT);
            let (upper, lower) = panels.split_vertically(PANEL_HEIGHT);
            self.heading(&head)?;
            self.draw_spectra(&upper)?;
            self.draw_curve(&lower)?;
            root.present()?;
        }
        Ok(text)
    }

    fn heading(&self, area: &Canvas<'_>) -> Drawn {
        let title = format!("{}, {}", self.path.display(), times(self.shape));
        area.draw(&Text::new(title, (10, 8), (FONT, 19)))?;
        let mut left = 10;
        for (mode, values) in self.spectra.iter().enumerate() {
            let Some(values) = values else { continue };
            let swatch = [(left, 44), (left + 22, 48)];
            area.draw(&Rectangle::new(swatch, colour(mode).filled()))?;
            let name = format!("mode {mode} ({})", values.len());
            area.draw(&Text::new(name.clone(), (left + 28, 38), (FONT, 15)))?;
            left += 52 + 8 * name.len() as i32;
        }
        Ok(())
    }

    /// A line for each mode.
    fn draw_spectra(&self, area: &Canvas<'_>) -> Drawn {
        // 1. The points: values relative to the largest.
        let lines = self.spectra.iter().map(|values| {
            let values = values.as_deref().unwrap_or_default();
            let largest = values.first().copied().unwrap_or(0.0);
            let relative = values.iter().map(|value| value / largest).enumerate();
            let shown = relative.filter(|&(_, value)| value >= SMALLEST);
            shown.map(|(i, value)| ((i + 1) as f64, value)).collect()
        });
        let lines: Vec<Vec<(f64, f64)>> = lines.collect();
        // 2. The axes.
        let points = || lines.iter().flatten();
        let most = points().fold(2.0, |most: f64, point| most.max(point.0));
        let least = points().fold(0.5, |least: f64, point| least.min(point.1));
        let mut panel = panel(
            area,
            (1.0..most * 1.1, least / 2.0..2.0),
            ("number i of the singular value", "σᵢ / σ₁"),
        )?;
        // 3. The lines, with dots where they are few.
        for (mode, line) in lines.iter().enumerate() {
            let style = colour(mode).stroke_width(2);
            panel
                .plotting_area()
                .draw(&PathElement::new(line.clone(), style))?;
            if line.len() <= 40 {
                dots(&mut panel, line, colour(mode))?;
            }
        }
        Ok(())
    }

    /// The smallest error for each number of entries.
    fn draw_curve(&self, area: &Canvas<'_>) -> Drawn {
        // 1. The points. An error of 0 has no logarithm.
        let shown = self
            .curve
            .iter()
            .filter(|point| point.relative_error >= SMALLEST);
        let shown: Vec<&TradeOff> = shown.collect();
        let place = |point: &&TradeOff| (point.entries as f64, point.relative_error);
        let line: Vec<(f64, f64)> = shown.iter().map(place).collect();
        let entries = self.shape.iter().map(|&extent| extent as f64).product();
        let least = line.first().map_or(1.0, |point| point.0).min(entries);
        let most = line.last().map_or(2.0, |point| point.0).max(entries);
        let smallest = line
            .iter()
            .fold(0.5, |least: f64, point| least.min(point.1));
        let error = format!("error relative to {}", self.reference);
        let mut panel = panel(
            area,
            (least / 1.3..most * 1.6, smallest / 2.0..2.0),
            ("entries of core and factors", &error),
        )?;
        // 2. The size of the array.
        let size = vec![(entries, smallest / 2.0), (entries, 2.0)];
        panel
            .plotting_area()
            .draw(&PathElement::new(size, BLACK.mix(0.5)))?;
        label(&mut panel, (entries, 1.6), "the array ", HPos::Right)?;
        // 3. The line, and the ranks of some points.
        let style = colour(0).stroke_width(2);
        panel
            .plotting_area()
            .draw(&PathElement::new(line.clone(), style))?;
        let stride = shown.len().div_ceil(LABELS).max(1);
        for (point, at) in shown.iter().zip(&line).skip(stride / 2).step_by(stride) {
            dots(&mut panel, &[*at], colour(0))?;
            label(
                &mut panel,
                *at,
                &format!(" {}", times(&point.ranks)),
                HPos::Left,
            )?;
        }
        Ok(())
    }
}

fn colour(mode: usize) -> RGBColor {
    COLOURS[mode % COLOURS.len()]
}

/// A panel with two logarithmic axes.
type Panel<'a> = ChartContext<
    'a,
    SVGBackend<'a>,
    Cartesian2d<WithKeyPoints<LogCoord<f64>>, WithKeyPoints<LogCoord<f64>>>,
>;

fn panel<'a>(
    area: &Canvas<'a>,
    (across, upwards): (Range<f64>, Range<f64>),
    (across_title, upwards_title): (&str, &str),
) -> Drawn<Panel<'a>> {
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(70)
        .build_cartesian_2d(
            across.clone().log_scale().with_key_points(ticks(across)),
            upwards.clone().log_scale().with_key_points(ticks(upwards)),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(across_title)
        .y_desc(upwards_title)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 16))
        .draw()?;
    Ok(chart)
}

/// A tick: plain from 0.001 to 9999, otherwise as a power of ten.
fn number(value: &f64) -> String {
    if (1e-3..1e4).contains(value) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn dots(panel: &mut Panel<'_>, points: &[(f64, f64)], colour: RGBColor) -> Drawn {
    for &point in points {
        let style: ShapeStyle = colour.filled();
        panel.plotting_area().draw(&Circle::new(point, 3, style))?;
    }
    Ok(())
}

/// Writes a text beside a point, above its height.
fn label(panel: &mut Panel<'_>, at: (f64, f64), text: &str, side: HPos) -> Drawn {
    let style: TextStyle<'_> = (FONT, 14).into_text_style(panel.plotting_area());
    let style = style.pos(Pos::new(side, VPos::Bottom));
    panel
        .plotting_area()
        .draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

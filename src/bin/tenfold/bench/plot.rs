//! The chart of `--plot`.
//!
//! ```text
//!   heading: title and legend
//!   ┌──────────────────────────┐
//!   │ times: a mark for each   │  logarithmic axis
//!   │ shape and weighting      │
//!   ├──────────────────────────┤
//!   │ Tucker/SVD: a bar from 1 │  logarithmic axis
//!   └──────────────────────────┘
//!     group 0  group 1  …         a group for each shape
//! ```

use std::ops::Range;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange, LogCoord, WithKeyPoints};
use plotters::coord::types::RangedCoordi32;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoTextStyle, RGBColor, TextStyle, WHITE};
use tenfold::cam::Weighting;

use super::{Row, tucker_to_svd};
use crate::plotting::{Canvas, Drawn, FONT, ticks};

// All lengths are in pixels.

const GROUP_WIDTH: i32 = 180;
/// The sum of the left and the right margin.
const MARGINS: u32 = 100;
const MIN_WIDTH: u32 = 680;
const HEADING_HEIGHT: u32 = 64;
const TIMES_HEIGHT: u32 = 330;
const RATIOS_HEIGHT: u32 = 230;

/// The distance between the marks of a group.
const STEP: i32 = 38;

/// Draws the chart as SVG. A group is a name and the four rows of a shape. `what` is added to
/// the title.
pub(super) fn svg(groups: &[(String, Vec<Row>)], what: &str) -> Drawn<String> {
    let width = (MARGINS + edge(groups.len()) as u32).max(MIN_WIDTH);
    let height = HEADING_HEIGHT + TIMES_HEIGHT + RATIOS_HEIGHT;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let (head, panels) = root.split_vertically(HEADING_HEIGHT);
        let (upper, lower) = panels.split_vertically(TIMES_HEIGHT);
        heading(&head, what)?;
        times(&upper, groups)?;
        ratios(&lower, groups)?;
        root.present()?;
    }
    Ok(text)
}

/// Blue for SVD, orange for Tucker; light for the first vector, dark for all vectors. The colours
/// are from the palette of Okabe and Ito, which colour-blind readers can distinguish.
fn colour(weighting: Weighting) -> RGBColor {
    match weighting {
        Weighting::EigenCam => RGBColor(86, 180, 233),
        Weighting::Tsm => RGBColor(230, 159, 0),
        Weighting::MultivecEigenCam => RGBColor(0, 114, 178),
        Weighting::Mtsm => RGBColor(213, 94, 0),
    }
}

/// The left edge of a group on the horizontal axis. It is also the right edge of the previous
/// group.
fn edge(group: usize) -> i32 {
    GROUP_WIDTH * group as i32
}

/// The middle of mark `i` of `count` in a group.
fn place(group: usize, i: usize, count: usize) -> i32 {
    let from_middle = STEP * (2 * i as i32 + 1 - count as i32) / 2;
    edge(group) + GROUP_WIDTH / 2 + from_middle
}

fn heading(area: &Canvas<'_>, what: &str) -> Drawn {
    let title = format!("Time of one saliency map by its closed form ({what})");
    area.draw(&Text::new(title, (10, 8), (FONT, 19)))?;
    for (i, weighting) in Weighting::ALL.into_iter().enumerate() {
        let left = 10 + 160 * i as i32;
        let swatch = [(left, 38), (left + 12, 50)];
        area.draw(&Rectangle::new(swatch, colour(weighting).filled()))?;
        area.draw(&Text::new(weighting.name(), (left + 18, 37), (FONT, 14)))?;
    }
    Ok(())
}

/// Draws a mark for each shape and weighting.
fn times(area: &Canvas<'_>, groups: &[(String, Vec<Row>)]) -> Drawn {
    // A coarse clock may measure 0, which has no logarithm.
    let milliseconds = |row: &Row| (row.seconds * 1e3).max(1e-6);
    let all = groups.iter().flat_map(|(_, rows)| rows).map(milliseconds);
    let (min, max) = extremes(all, (f64::INFINITY, 0.0));
    let mut chart = panel(area, groups, min / 2.0..max * 2.0, "time [ms]")?;
    for (group, (_, rows)) in groups.iter().enumerate() {
        for (i, row) in rows.iter().enumerate() {
            let x = place(group, i, rows.len());
            let y = milliseconds(row);
            let mark = Circle::new((x, y), 5, colour(row.weighting).filled());
            chart.plotting_area().draw(&mark)?;
            label(&mut chart, (x, y * 1.12), y, VPos::Bottom)?;
        }
    }
    Ok(())
}

/// Draws a bar from 1 for each shape and Tucker weighting.
fn ratios(area: &Canvas<'_>, groups: &[(String, Vec<Row>)]) -> Drawn {
    let ratios_of = |rows: &[Row]| -> Vec<(Weighting, f64)> {
        let ratios = rows
            .iter()
            .filter_map(|row| Some((row.weighting, tucker_to_svd(rows, row.weighting)?)));
        ratios
            .filter(|(_, ratio)| ratio.is_normal() && *ratio > 0.0)
            .collect()
    };
    let all = groups.iter().flat_map(|(_, rows)| ratios_of(rows));
    let (min, max) = extremes(all.map(|(_, ratio)| ratio), (0.5, 2.0));
    let mut chart = panel(area, groups, min / 1.4..max * 1.4, "time, Tucker / SVD")?;
    for (group, (_, rows)) in groups.iter().enumerate() {
        for (i, (weighting, ratio)) in ratios_of(rows).into_iter().enumerate() {
            let x = place(group, i, 2);
            let bar = [(x - STEP / 2 + 2, 1.0), (x + STEP / 2 - 2, ratio)];
            let bar = Rectangle::new(bar, colour(weighting).filled());
            chart.plotting_area().draw(&bar)?;
            if ratio < 1.0 {
                label(&mut chart, (x, ratio / 1.04), ratio, VPos::Top)?;
            } else {
                label(&mut chart, (x, ratio * 1.04), ratio, VPos::Bottom)?;
            }
        }
    }
    let one = vec![(0, 1.0), (edge(groups.len()), 1.0)];
    chart.plotting_area().draw(&PathElement::new(one, BLACK))?;
    Ok(())
}

/// A panel with shapes on the horizontal axis and a logarithmic vertical axis.
type Panel<'a> = ChartContext<
    'a,
    SVGBackend<'a>,
    Cartesian2d<WithKeyPoints<RangedCoordi32>, WithKeyPoints<LogCoord<f64>>>,
>;

fn panel<'a>(
    area: &Canvas<'a>,
    groups: &[(String, Vec<Row>)],
    range: Range<f64>,
    title: &str,
) -> Drawn<Panel<'a>> {
    let middles = (0..groups.len()).map(|group| place(group, 0, 1)).collect();
    let name = |x: &i32| groups.get((x / GROUP_WIDTH) as usize);
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(16)
        .x_label_area_size(40)
        .y_label_area_size(66)
        .build_cartesian_2d(
            (0..edge(groups.len())).with_key_points(middles),
            range.clone().log_scale().with_key_points(ticks(range)),
        )?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc("shape of the feature map, C×H×W")
        .y_desc(title)
        .x_label_formatter(&|x| name(x).map_or_else(String::new, |(name, _)| name.clone()))
        .y_label_formatter(&f64::to_string)
        .label_style((FONT, 16))
        .axis_desc_style((FONT, 17))
        .draw()?;
    Ok(chart)
}

/// Writes `value` above or below a point.
fn label(chart: &mut Panel<'_>, at: (i32, f64), value: f64, side: VPos) -> Drawn {
    let style: TextStyle<'_> = (FONT, 14).into_text_style(chart.plotting_area());
    let style = style.pos(Pos::new(HPos::Center, side));
    let decimals = (2.0 - value.log10().floor()).clamp(0.0, 3.0) as usize;
    let text = format!("{value:.decimals$}");
    chart.plotting_area().draw(&Text::new(text, at, style))?;
    Ok(())
}

/// The minimum and the maximum of `values` and of the two given numbers.
fn extremes(values: impl Iterator<Item = f64>, (min, max): (f64, f64)) -> (f64, f64) {
    values.fold((min, max), |(min, max), value| {
        (min.min(value), max.max(value))
    })
}

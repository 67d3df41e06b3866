//! The parts of a chart: titles, grid lines with labels, legends, lines, and box plots.
//!
//! ```text
//!   Panel title
//!   quantity of the vertical axis
//!   ─── one line   - - another line          legend
//!   50 ┤─────────────────
//!      │     ─┬─
//!   25 ┤─────│─│─────────                    area: the rectangle of the data
//!      │     ─┴─
//!    0 ┤─────────────────
//!          a    b    c                       labels
//!       title of the horizontal axis
//! ```

use std::collections::HashSet;

use super::axis::{Axis, Extent};
use super::figure::{shortened, text_width};
use super::markup::{Attributes, Markup, Px};
use crate::summary::Summary;

/// The width of a panel with a chart. It fits a telephone.
pub(super) const WIDTH: f64 = 336.0;

/// The maximum number of photographs that are drawn as a dot each.
pub(super) const MAX_DOTS: usize = 20;

/// The rectangle of the data, in pixels of the panel.
#[derive(Clone, Copy)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Area {
    /// The extent of a horizontal axis.
    pub(super) fn across(&self) -> Extent {
        Extent {
            first: self.left,
            last: self.right,
        }
    }

    /// The extent of a vertical axis, with the largest value at the top.
    pub(super) fn upwards(&self) -> Extent {
        Extent {
            first: self.bottom,
            last: self.top,
        }
    }
}

/// Draws the title of a panel and the quantity that it shows.
pub(super) fn heading(markup: &mut Markup, title: &str, quantity: &str, width: f64) {
    let at: Attributes = &[("class", &"name"), ("x", &0), ("y", &14)];
    markup.leaf("text", at, &shortened(title, 14.0, width));
    let at: Attributes = &[("class", &"muted"), ("x", &0), ("y", &32)];
    markup.leaf("text", at, &shortened(quantity, 12.0, width));
}

/// Draws a text. `class` aligns it: `middle`, `end`, or nothing.
pub(super) fn text(markup: &mut Markup, (x, y): (f64, f64), class: &str, text: &str) {
    let at: Attributes = &[("class", &class), ("x", &Px(x)), ("y", &Px(y))];
    markup.leaf("text", at, text);
}

/// Draws a straight line.
pub(super) fn line(markup: &mut Markup, class: &str, from: (f64, f64), to: (f64, f64)) {
    markup.empty(
        "line",
        &[
            ("class", &class),
            ("x1", &Px(from.0)),
            ("y1", &Px(from.1)),
            ("x2", &Px(to.0)),
            ("y2", &Px(to.1)),
        ],
    );
}

/// Draws the horizontal grid lines of a vertical axis, with their labels to the left.
pub(super) fn vertical_axis(markup: &mut Markup, area: &Area, axis: &Axis) {
    for (tick, label) in axis.ticks() {
        let y = axis.at(tick);
        line(markup, "grid", (area.left, y), (area.right, y));
        text(markup, (area.left - 6.0, y + 4.0), "end muted", &label);
    }
}

/// Draws the vertical grid lines of a horizontal axis, with their labels and `title` below. If the
/// labels are too wide for all ticks, every second tick has one, or every third.
pub(super) fn horizontal_axis(markup: &mut Markup, area: &Area, axis: &Axis, title: &str) {
    let ticks: Vec<(f64, String)> = axis.ticks().collect();
    let widths = ticks.iter().map(|(_, label)| text_width(label, 12.0));
    let widest = widths.fold(0.0, f64::max) + 8.0;
    let distance = (area.right - area.left) / (ticks.len() - 1).max(1) as f64;
    let stride = (widest / distance).ceil().max(1.0) as usize;
    for (i, (tick, label)) in ticks.iter().enumerate() {
        let x = axis.at(*tick);
        line(markup, "grid", (x, area.top), (x, area.bottom));
        if i % stride == 0 {
            let class = "middle muted";
            text(markup, (x, area.bottom + 16.0), class, label);
        }
    }
    axis_title(markup, area, title);
}

/// Writes the title of the horizontal axis.
pub(super) fn axis_title(markup: &mut Markup, area: &Area, title: &str) {
    let middle = (area.left + area.right) / 2.0;
    text(markup, (middle, area.bottom + 34.0), "middle muted", title);
}

/// An entry of a legend: the class of its mark, the kind of mark, and its text.
pub(super) struct Entry<'a> {
    pub(super) class: &'a str,
    pub(super) mark: Mark,
    pub(super) text: &'a str,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mark {
    Line,
    Dashed,
    Box,
}

/// Draws a legend in one line.
pub(super) fn legend(markup: &mut Markup, y: f64, entries: &[Entry]) {
    let mut x = 0.0;
    for entry in entries {
        let class = entry.class;
        match entry.mark {
            Mark::Box => markup.empty(
                "rect",
                &[
                    ("class", &format!("box {class}")),
                    ("x", &Px(x + 1.0)),
                    ("y", &Px(y - 10.0)),
                    ("width", &12),
                    ("height", &11),
                ],
            ),
            mark => {
                let dashes = if mark == Mark::Dashed { " dashed" } else { "" };
                let class = format!("line {class}{dashes}");
                line(markup, &class, (x, y - 4.0), (x + 28.0, y - 4.0));
            }
        }
        x += if entry.mark == Mark::Box { 19.0 } else { 34.0 };
        text(markup, (x, y), "", entry.text);
        x += text_width(entry.text, 12.0) + 14.0;
    }
}

/// A line through points, each with a text that browsers show beside the pointer.
pub(super) struct Line<'a> {
    pub(super) class: &'a str,
    pub(super) is_dashed: bool,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) texts: Vec<String>,
    /// Whether each point has a dot.
    pub(super) has_dots: bool,
}

impl Line<'_> {
    pub(super) fn draw(&self, markup: &mut Markup) {
        let points: Vec<String> = self
            .points
            .iter()
            .map(|&(x, y)| format!("{},{}", Px(x), Px(y)))
            .collect();
        let dashes = if self.is_dashed { " dashed" } else { "" };
        let class = format!("line {}{dashes}", self.class);
        let points = points.join(" ");
        markup.empty("polyline", &[("class", &class), ("points", &points)]);
        // A point without a dot has a transparent one, for the pointer.
        let class = format!("dot {}", self.class);
        let opacity = if self.has_dots { "1" } else { "0" };
        for (&place, text) in self.points.iter().zip(&self.texts) {
            dot(markup, &class, place, 3.5, opacity, text);
        }
    }
}

/// Draws a dot with a text that browsers show beside the pointer.
fn dot(
    markup: &mut Markup,
    class: &str,
    (x, y): (f64, f64),
    radius: f64,
    opacity: &str,
    text: &str,
) {
    let attributes: Attributes = &[
        ("class", &class),
        ("cx", &Px(x)),
        ("cy", &Px(y)),
        ("r", &radius),
        ("opacity", &opacity),
    ];
    markup.element("circle", attributes, |markup| {
        markup.leaf("title", &[], text);
    });
}

/// The direction of the values of a box plot.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Direction {
    Upwards,
    Across,
}

/// A box plot on an axis.
pub(super) struct BoxPlot<'a> {
    pub(super) axis: &'a Axis,
    pub(super) direction: Direction,
    pub(super) class: &'a str,
    /// The middle and half of the thickness of the box, in pixels across the axis.
    pub(super) middle: f64,
    pub(super) half: f64,
    /// What the values are, with the unit: "SVD", "%".
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
}

impl BoxPlot<'_> {
    /// Draws the box of `values`. Up to [`MAX_DOTS`] values are drawn as a dot each; of more values,
    /// only those beyond the whiskers.
    pub(super) fn draw(&self, markup: &mut Markup, values: &[f64]) {
        let Some(summary) = Summary::of(values) else {
            return;
        };
        let attributes: Attributes = &[("class", &"box-plot")];
        markup.element("g", attributes, |markup| {
            let [lower, median, upper] = summary.quartiles;
            let text = format!(
                "{}: median {} {unit}, quartiles {} and {} {unit}, {}",
                self.name,
                significant(median),
                significant(lower),
                significant(upper),
                count(values.len(), "photograph"),
                unit = self.unit,
            );
            markup.leaf("title", &[], &text);
            self.stem(markup, summary.whiskers[0], lower);
            self.stem(markup, upper, summary.whiskers[1]);
            self.body(markup, lower, upper);
            let (from, to) = (self.middle - self.half, self.middle + self.half);
            let class = format!("median {}", self.class);
            let (from, to) = (self.place(median, from), self.place(median, to));
            line(markup, &class, from, to);
            let dots = if values.len() <= MAX_DOTS {
                values
            } else {
                &summary.outliers
            };
            self.dots(markup, dots);
        });
    }

    /// The pixel of a value, at a place across the axis.
    fn place(&self, value: f64, across: f64) -> (f64, f64) {
        let along = self.axis.at(value);
        match self.direction {
            Direction::Upwards => (across, along),
            Direction::Across => (along, across),
        }
    }

    /// A whisker, from the box to its end.
    fn stem(&self, markup: &mut Markup, from: f64, to: f64) {
        let class = format!("stem {}", self.class);
        let (start, end) = (self.place(from, self.middle), self.place(to, self.middle));
        line(markup, &class, start, end);
    }

    fn body(&self, markup: &mut Markup, lower: f64, upper: f64) {
        let (a, b) = (
            self.place(lower, self.middle - self.half),
            self.place(upper, self.middle + self.half),
        );
        let (x, y) = (a.0.min(b.0), a.1.min(b.1));
        markup.empty(
            "rect",
            &[
                ("class", &format!("box {}", self.class)),
                ("x", &Px(x)),
                ("y", &Px(y)),
                ("width", &Px((a.0 - b.0).abs())),
                ("height", &Px((a.1 - b.1).abs())),
            ],
        );
    }

    /// A dot for each value. Of many values at the same pixel, one is drawn.
    fn dots(&self, markup: &mut Markup, values: &[f64]) {
        let class = format!("dot {}", self.class);
        let mut drawn = HashSet::new();
        for &value in values.iter().filter(|value| value.is_finite()) {
            let place = self.place(value, self.middle);
            let pixel = (place.0.round() as i64, place.1.round() as i64);
            if drawn.insert(pixel) || values.len() <= MAX_DOTS {
                let text = format!("{}: {} {}", self.name, significant(value), self.unit);
                dot(markup, &class, place, 2.5, "0.8", &text);
            }
        }
    }
}

/// A number with three significant digits.
pub(super) fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let exponent = value.abs().log10().floor();
    if exponent < -4.0 {
        return format!("{value:.2e}");
    }
    let decimals = (2.0 - exponent).max(0.0) as usize;
    format!("{value:.decimals$}")
}

/// A number of things: "1 photograph", "12 photographs".
pub(super) fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (12.345, "12.3"),
            (0.05678, "0.0568"),
            (1234.5, "1234"),
            (1.0e-6, "1.00e-6"),
            (-2.5, "-2.50"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}

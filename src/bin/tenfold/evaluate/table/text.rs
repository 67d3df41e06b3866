//! The tables for the terminal and for Markdown.
//!
//! Both have the same tables and the same numbers. A table is a list of rows of strings, with the
//! headings first; [`Style`] says how marks, such as the best value, and the table itself are
//! written.

use super::{Estimate, Metric, Part, Row, Table};

/// Below this number of photographs the text warns that bootstrap intervals are too narrow.
const FEW: usize = 30;

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Aligned columns, and the half width of the interval after ±.
    Terminal,
    /// Markdown. The best value of a column is bold, the second is underlined.
    Markdown,
}

/// A table with its title.
struct Block {
    title: String,
    rows: Vec<Vec<String>>,
    legend: Vec<String>,
}

impl Table {
    /// The text for the terminal.
    pub(crate) fn terminal(&self) -> String {
        let mut text = vec![self.summary()];
        for block in self.blocks(Style::Terminal) {
            text.push(String::new());
            text.push(block.title);
            text.extend(aligned(&block.rows));
            text.extend(block.legend);
        }
        text.join("\n")
    }

    /// The text of a Markdown file.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", self.settings.name, self.summary());
        for block in self.blocks(Style::Markdown) {
            text += &format!("\n## {}\n\n", block.title);
            for (index, row) in block.rows.iter().enumerate() {
                text += &format!("| {} |\n", row.join(" | "));
                if index == 0 {
                    text += &format!("| --- |{}\n", " ---: |".repeat(row.len() - 1));
                }
            }
            for line in &block.legend {
                text += &format!("\n{line}\n");
            }
        }
        text
    }

    /// One sentence about the run.
    fn summary(&self) -> String {
        let settings = &self.settings;
        let failures = match self.failures {
            0 => String::new(),
            count => format!(", {count} failed"),
        };
        let judge = match &settings.judge {
            Some(judge) => format!(", classified by {judge}"),
            None => String::new(),
        };
        let plural = if self.photographs == 1 { "" } else { "s" };
        let few = if (1..FEW).contains(&self.photographs) {
            "\nThe intervals of so few photographs are unreliable."
        } else {
            ""
        };
        format!(
            "{} photograph{plural}{failures}; network {}, layer {}{judge}{few}",
            self.photographs, settings.name, settings.layer
        )
    }

    fn blocks(&self, style: Style) -> Vec<Block> {
        let mut blocks = Vec::new();
        let part = |part, title: &str| {
            let columns = self.columns(part);
            (!columns.is_empty()).then(|| self.block(title.to_owned(), &columns, style))
        };
        blocks.extend(part(Part::Main, "Metrics"));
        blocks.extend(part(
            Part::Thresholds,
            "mIoU(%) where the map is at least T",
        ));
        blocks.extend(part(Part::Further, "Further metrics"));
        blocks.extend(self.differences(style));
        blocks.push(self.time_block());
        blocks
    }

    /// The table of some metrics.
    fn block(&self, title: String, columns: &[usize], style: Style) -> Block {
        let mut rows = vec![self.headings(columns)];
        for (index, row) in self.rows.iter().enumerate() {
            let mut cells = vec![row.method.clone()];
            for &column in columns {
                let text = cell(row.cells[column], &self.metrics[column], style);
                cells.push(match (style, self.place(index, column)) {
                    (Style::Markdown, Some(0)) => format!("**{text}**"),
                    (Style::Markdown, Some(1)) => format!("<u>{text}</u>"),
                    _ => text,
                });
            }
            rows.push(cells);
        }
        let mut legend = Vec::new();
        let has_intervals = self.rows.iter().any(has_interval);
        if style == Style::Terminal && has_intervals {
            legend.push("±: half the width of the 95% bootstrap interval".to_owned());
        }
        let units = columns
            .iter()
            .filter_map(|&column| self.metrics[column].unit());
        legend
            .extend(units.map(|unit| format!("MSE×{unit}: the entry 1.5 stands for 1.5·{unit}.")));
        Block {
            title,
            rows,
            legend,
        }
    }

    fn headings(&self, columns: &[usize]) -> Vec<String> {
        let metrics = columns.iter().map(|&column| &self.metrics[column]);
        let headings = metrics.map(|metric| metric.heading.clone());
        std::iter::once("method".to_owned())
            .chain(headings)
            .collect()
    }

    /// The place of a cell among the cells of its column: 0 for the best value. Equal values share
    /// a place. `None` if all values are equal.
    fn place(&self, row: usize, column: usize) -> Option<usize> {
        let sign = if self.metrics[column].lower_is_better {
            1.0
        } else {
            -1.0
        };
        let value = |row: &Row| row.cells[column].map(|cell| sign * cell.mean);
        let own = value(self.rows.get(row)?)?;
        let mut values: Vec<f64> = self.rows.iter().filter_map(value).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let place = values.iter().position(|value| *value == own)?;
        (values.len() > 1).then_some(place)
    }

    /// The differences of truncated ranks to full ranks, if there are any.
    fn differences(&self, style: Style) -> Option<Block> {
        let mut columns = self.columns(Part::Main);
        columns.extend(self.columns(Part::Further));
        let mut rows = vec![self.headings(&columns)];
        for row in &self.rows {
            let Some(difference) = &row.difference else {
                continue;
            };
            let mut cells = vec![format!("{} − {}", row.method, difference.to)];
            for &column in &columns {
                let estimate = difference.cells[column];
                let text = difference_cell(estimate, &self.metrics[column], style);
                cells.push(text);
            }
            rows.push(cells);
        }
        (rows.len() > 1).then(|| Block {
            title: "Truncated ranks: difference to full ranks".to_owned(),
            rows,
            legend: vec![
                "Differences photograph by photograph, with their 95% bootstrap intervals. A star \
                 marks an interval that excludes 0."
                    .to_owned(),
            ],
        })
    }

    /// The time per map, as in the paper's Table 3.
    fn time_block(&self) -> Block {
        let headings = ["method", "ms per map", "ratio to SVD", "share of network"];
        let mut rows = vec![headings.map(str::to_owned).to_vec()];
        for row in self.times.rows() {
            let ratio = row.ratio.map(|ratio| format!("{ratio:.2}"));
            let share = row.share.map(|share| format!("{:.2} %", 100.0 * share));
            rows.push(vec![
                row.method,
                row.seconds.map_or(String::new(), milliseconds),
                ratio.unwrap_or_default(),
                share.unwrap_or_default(),
            ]);
        }
        Block {
            title: "Time".to_owned(),
            rows,
            legend: self.times.network().map(network_time).into_iter().collect(),
        }
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.3}", 1e3 * seconds)
}

fn network_time(seconds: f64) -> String {
    let milliseconds = milliseconds(seconds);
    format!("Medians over the photographs. The network takes {milliseconds} ms for an image.")
}

fn has_interval(row: &Row) -> bool {
    let mut cells = row.cells.iter().flatten();
    cells.any(|cell| cell.interval.is_some())
}

/// The number of digits after the point. Large numbers have none.
fn digits(metric: &Metric, value: f64) -> usize {
    if (metric.factor * value).abs() < 1000.0 {
        metric.digits
    } else {
        0
    }
}

/// The text of a cell.
fn cell(estimate: Option<Estimate>, metric: &Metric, style: Style) -> String {
    let Some(Estimate { mean, interval }) = estimate else {
        return String::new();
    };
    let (factor, digits) = (metric.factor, digits(metric, mean));
    let mean = format!("{:.digits$}", factor * mean);
    match interval {
        Some([low, high]) if style == Style::Terminal => {
            format!("{mean} ± {:.digits$}", factor * (high - low) / 2.0)
        }
        _ => mean,
    }
}

/// The text of a difference with its interval.
fn difference_cell(estimate: Option<Estimate>, metric: &Metric, style: Style) -> String {
    let Some(estimate) = estimate else {
        return String::new();
    };
    let Estimate { mean, interval } = estimate;
    let excludes_zero = estimate.excludes_zero();
    let (factor, digits) = (metric.factor, digits(metric, mean));
    let number = |value: f64| format!("{:+.digits$}", factor * value);
    let Some([low, high]) = interval else {
        return number(mean);
    };
    let star = match (excludes_zero, style) {
        (false, _) => "",
        (true, Style::Terminal) => " *",
        (true, Style::Markdown) => " \\*",
    };
    format!("{} [{}, {}]{star}", number(mean), number(low), number(high))
}

/// The lines of a table with aligned columns: the first column to the left, the others to the
/// right.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |text: &String| text.chars().count();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(width)
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (text, &width))| match column {
            0 => format!("{text:<width$}"),
            _ => format!("{text:>width$}"),
        });
        cells
            .collect::<Vec<String>>()
            .join("  ")
            .trim_end()
            .to_owned()
    };
    rows.iter().map(line).collect()
}

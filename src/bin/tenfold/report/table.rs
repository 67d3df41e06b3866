//! The table of the metrics, like the paper's Tables 1 and 2: a row a method, columns for each
//! network.

use super::estimates::{metrics, values};
use super::markup::{Attributes, Markup};
use super::method::Method;
use super::run::Run;
use crate::bootstrap::{BootstrapArgs, Estimate};
use crate::failure::Outcome;
use crate::metric::Metric;

/// The table of a report.
pub(super) struct Table<'a> {
    methods: Vec<&'a Method>,
    columns: Vec<Column<'a>>,
    has_intervals: bool,
}

/// A column: a metric of a run, with the mean of each method.
struct Column<'a> {
    run: &'a Run,
    metric: Metric,
    cells: Vec<Option<Estimate>>,
    /// The number of photographs that have the metric.
    photographs: usize,
}

impl<'a> Table<'a> {
    /// The metrics of the methods with full ranks. The figure of truncated ranks has the others.
    pub(super) fn new(runs: &'a [Run], bootstrap: &BootstrapArgs) -> Outcome<Self> {
        let methods = distinct(runs);
        let mut columns = Vec::new();
        for run in runs {
            for metric in metrics(run)? {
                let values = methods.iter().map(|method| values(&metric, run, method));
                let values = values.collect::<Outcome<Vec<_>>>()?;
                let photographs = values.iter().map(Vec::len).max().unwrap_or(0);
                if photographs > 0 {
                    let cells = values.iter().map(|values| bootstrap.estimate(values));
                    columns.push(Column {
                        run,
                        metric,
                        cells: cells.collect::<Outcome<_>>()?,
                        photographs,
                    });
                }
            }
        }
        Ok(Self {
            methods,
            columns,
            has_intervals: bootstrap.resamples() > 0,
        })
    }

    /// Adds the table to the page.
    pub(super) fn add_to(&self, page: &mut Markup) {
        if self.columns.is_empty() {
            page.leaf("p", &[("class", &"note")], "The runs have no metrics.");
            return;
        }
        let intervals = if self.has_intervals {
            ", with 95% bootstrap intervals"
        } else {
            ""
        };
        let note = format!(
            "Means over the photographs{intervals}. AD and AI are the average drop and the average \
             increase of the class probability of masked photographs, MSE is the error of their \
             embeddings, and mIoU is the overlap of the map with the mask at the threshold 0.5. The \
             best value of a column is bold, the second is underlined."
        );
        page.leaf("p", &[("class", &"note")], &note);
        page.element("div", &[("class", &"scroll"), ("tabindex", &0)], |page| {
            page.element("table", &[("id", &"metric-table")], |page| {
                self.head(page);
                page.element("tbody", &[], |page| {
                    for (i, method) in self.methods.iter().enumerate() {
                        page.element("tr", &[], |page| {
                            page.leaf("th", &[("scope", &"row")], &method.label());
                            for column in &self.columns {
                                column.cell(page, i);
                            }
                        });
                    }
                });
            });
        });
    }

    /// The two lines above the values: networks, and metrics.
    fn head(&self, page: &mut Markup) {
        page.element("thead", &[], |page| {
            page.element("tr", &[], |page| {
                page.leaf("th", &[("rowspan", &2), ("scope", &"col")], "method");
                let is_same = |a: &Column, b: &Column| a.run.name == b.run.name;
                for of_run in self.columns.chunk_by(is_same) {
                    let span: Attributes = &[("colspan", &of_run.len()), ("scope", &"colgroup")];
                    page.leaf("th", span, &of_run[0].run.name);
                }
            });
            page.element("tr", &[], |page| {
                for column in &self.columns {
                    let attributes: Attributes =
                        &[("scope", &"col"), ("data-metric", &column.metric.key)];
                    page.element("th", attributes, |page| {
                        page.text(&column.metric.heading);
                        page.leaf("small", &[], &format!("N = {}", column.photographs));
                    });
                }
            });
        });
    }
}

impl Column<'_> {
    fn cell(&self, page: &mut Markup, method: usize) {
        let Some(Estimate { mean, interval }) = self.cells[method] else {
            page.leaf("td", &[], "–");
            return;
        };
        let digits = self.metric.digits;
        let text = format!("{mean:.digits$}");
        page.element("td", &[], |page| {
            match self.place(mean) {
                0 => page.leaf("strong", &[], &text),
                1 => page.leaf("u", &[], &text),
                _ => page.text(&text),
            }
            if let Some([low, high]) = interval {
                let text = format!("{low:.digits$} to {high:.digits$}");
                page.leaf("small", &[], &text);
            }
        });
    }

    /// The number of distinct values of the column that are better.
    fn place(&self, mean: f64) -> usize {
        let is_better = |other: &f64| {
            if self.metric.lower_is_better {
                *other < mean
            } else {
                *other > mean
            }
        };
        let means = self.cells.iter().flatten().map(|cell| cell.mean);
        let mut better: Vec<f64> = means.filter(is_better).collect();
        better.sort_by(f64::total_cmp);
        better.dedup();
        better.len()
    }
}

/// The main methods of all runs.
pub(super) fn distinct(runs: &[Run]) -> Vec<&Method> {
    let mut methods: Vec<&Method> = Vec::new();
    for method in runs.iter().flat_map(Run::main_methods) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods
}

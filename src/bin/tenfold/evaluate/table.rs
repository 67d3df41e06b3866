//! The table of a run: a row for each method, a column for each metric.
//!
//! [`Samples`] collects the metrics of each photograph from the records. [`Table`] has their means
//! and bootstrap intervals:
//!
//! ```text
//!   records.jsonl        samples                        table
//!   a.jpg  ─────────>    tsm   drop  [12, 0, 40, …]     tsm    AD 22.5 ± 3.1   AI 25.0 ± 4.0
//!   b.jpg                mtsm  drop  [ 8, 0, 31, …]     mtsm   AD  8.9 ± 2.2   AI 50.0 ± 4.9
//! ```
//!
//! A method with truncated ranks also has the difference to the same weighting at full ranks. The
//! differences are taken photograph by photograph, so that their interval is narrow where both maps
//! react to the photographs in the same way.
//!
//! | file | subject |
//! | --- | --- |
//! | `files` | CSV and JSON |
//! | `text` | the tables for the terminal and for Markdown |

mod files;
mod text;

use crate::bootstrap::{BootstrapArgs, Estimate};
use crate::failure::{Failure, Outcome};
use crate::metric::{self, Metric, Part};
use crate::records::{Record, Settings};
use crate::times::Times;

/// The metrics of each photograph.
pub(crate) struct Samples {
    settings: Settings,
    metrics: Vec<Metric>,
    /// For each method and metric, the value for each photograph that has the metric.
    values: Vec<Vec<Vec<f64>>>,
    times: Times,
    photographs: usize,
    failures: Vec<(String, String)>,
}

/// The means over the photographs.
pub(crate) struct Table {
    settings: Settings,
    metrics: Vec<Metric>,
    rows: Vec<Row>,
    times: Times,
    photographs: usize,
    failures: usize,
}

/// The row of one method.
struct Row {
    method: String,
    /// A cell for each metric.
    cells: Vec<Option<Estimate>>,
    /// For truncated ranks: the method at full ranks, and the differences to it.
    difference: Option<Difference>,
}

struct Difference {
    to: String,
    cells: Vec<Option<Estimate>>,
}

impl Samples {
    pub(crate) fn new(settings: Settings) -> Self {
        let metrics = metric::metrics(&settings);
        Self {
            values: vec![vec![Vec::new(); metrics.len()]; settings.methods.len()],
            times: Times::new(&settings.methods),
            metrics,
            settings,
            photographs: 0,
            failures: Vec::new(),
        }
    }

    /// Adds the record of one photograph.
    pub(crate) fn add(&mut self, record: &Record) -> Outcome {
        if let Some(failure) = &record.failure {
            self.failures.push((record.image.clone(), failure.clone()));
            return Ok(());
        }
        let methods = record.maps.iter().map(|map| &map.method);
        if !methods.eq(&self.settings.methods) {
            return Err(Failure::usage(format!(
                "the record of {} has other methods than the settings",
                record.image
            )));
        }
        self.photographs += 1;
        for (map, values) in record.maps.iter().zip(&mut self.values) {
            for (metric, values) in self.metrics.iter().zip(values) {
                let value = metric.value(record, map).map_err(|error| {
                    Failure::usage(format!("the record of {}: {error}", record.image))
                })?;
                values.extend(value);
            }
        }
        self.times.add(record);
        Ok(())
    }

    /// The photographs that failed, and why.
    pub(crate) fn failures(&self) -> &[(String, String)] {
        &self.failures
    }

    /// The table of the photographs so far, without the metrics that no photograph has.
    pub(crate) fn table(mut self, bootstrap: &BootstrapArgs) -> Outcome<Table> {
        let present: Vec<bool> = (0..self.metrics.len())
            .map(|metric| self.values.iter().any(|values| !values[metric].is_empty()))
            .collect();
        retain(&mut self.metrics, &present);
        for values in &mut self.values {
            retain(values, &present);
        }
        let methods = self.settings.methods.iter().enumerate();
        let rows = methods.map(|(index, method)| self.row(index, method, bootstrap));
        let rows = rows.collect::<Outcome<Vec<Row>>>()?;
        for (column, metric) in self.metrics.iter_mut().enumerate() {
            let means = rows.iter().filter_map(|row| row.cells[column]);
            metric.choose_unit(means.map(|cell| cell.mean));
        }
        Ok(Table {
            rows,
            settings: self.settings,
            metrics: self.metrics,
            times: self.times,
            photographs: self.photographs,
            failures: self.failures.len(),
        })
    }

    fn row(&self, index: usize, method: &str, bootstrap: &BootstrapArgs) -> Outcome<Row> {
        let own = &self.values[index];
        let cells = own.iter().map(|values| bootstrap.estimate(values));
        let full = method.split_once('@').and_then(|(weighting, _)| {
            let methods = &self.settings.methods;
            methods.iter().position(|method| method == weighting)
        });
        let difference = |full: usize| -> Outcome<Difference> {
            let pairs = own.iter().zip(&self.values[full]);
            let cells = pairs.map(|(own, full)| {
                let differences = own.iter().zip(full).map(|(own, full)| own - full);
                bootstrap.estimate(&differences.collect::<Vec<f64>>())
            });
            Ok(Difference {
                to: self.settings.methods[full].clone(),
                cells: cells.collect::<Outcome<_>>()?,
            })
        };
        Ok(Row {
            method: method.to_owned(),
            cells: cells.collect::<Outcome<_>>()?,
            difference: full.map(difference).transpose()?,
        })
    }
}

/// Keeps the items that are present.
fn retain<T>(items: &mut Vec<T>, present: &[bool]) {
    let mut present = present.iter();
    items.retain(|_| present.next().is_some_and(|&present| present));
}

impl Table {
    /// The indices of the metrics of a part.
    fn columns(&self, part: Part) -> Vec<usize> {
        let metrics = self.metrics.iter().enumerate();
        let metrics = metrics.filter(|(_, metric)| metric.part == part);
        metrics.map(|(index, _)| index).collect()
    }

    /// The indices of the metrics for files. The threshold 0.5, which two parts have, is listed
    /// once.
    fn distinct(&self) -> Vec<usize> {
        let keys: Vec<&str> = self
            .metrics
            .iter()
            .map(|metric| metric.key.as_str())
            .collect();
        let is_first = |&index: &usize| !keys[..index].contains(&keys[index]);
        (0..keys.len()).filter(is_first).collect()
    }
}

#[cfg(test)]
mod tests;

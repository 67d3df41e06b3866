//! Metrics of a method, and of its difference to another method, over the photographs of a run.

use super::method::Method;
use super::run::{Run, map_of};
use crate::failure::{Failure, Outcome};
use crate::metric::{self, Metric, Part};
use crate::records::Record;
use crate::summary::mean;

/// The metrics of the paper's Tables 1 and 2 that a run can have, in units that suit the means.
pub(super) fn metrics(run: &Run) -> Outcome<Vec<Metric>> {
    let mut metrics = metric::metrics(&run.settings);
    metrics.retain(|metric| metric.part == Part::Main);
    for metric in &mut metrics {
        let methods = run.methods.iter();
        let values = methods.map(|method| values(metric, run, method));
        let values = values.collect::<Outcome<Vec<_>>>()?;
        metric.choose_unit(values.iter().filter_map(|values| mean(values)));
    }
    Ok(metrics)
}

/// The value for a photograph, in the unit of texts.
fn value(metric: &Metric, record: &Record, method: &Method) -> Outcome<Option<f64>> {
    let Some(map) = map_of(record, method) else {
        return Ok(None);
    };
    let value = metric
        .value(record, map)
        .map_err(|error| Failure::usage(format!("the record of {}: {error}", record.image)))?;
    Ok(value.map(|value| metric.factor * value))
}

/// The value for each photograph that has one.
pub(super) fn values(metric: &Metric, run: &Run, method: &Method) -> Outcome<Vec<f64>> {
    let values = run
        .records
        .iter()
        .map(|record| value(metric, record, method));
    Ok(values
        .collect::<Outcome<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect())
}

/// The difference of two methods for each photograph that has both values.
pub(super) fn differences(
    metric: &Metric,
    run: &Run,
    method: &Method,
    other: &Method,
) -> Outcome<Vec<f64>> {
    let mut differences = Vec::new();
    for record in &run.records {
        let pair = (
            value(metric, record, method)?,
            value(metric, record, other)?,
        );
        if let (Some(own), Some(other)) = pair {
            differences.push(own - other);
        }
    }
    Ok(differences)
}

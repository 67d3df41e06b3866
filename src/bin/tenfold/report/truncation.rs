//! The figure of truncated ranks: the difference of each metric to full ranks, photograph by
//! photograph, with its bootstrap interval.
//!
//! ```text
//!   AD (%) ↓
//!   MTSM 64, 3, 3        ├──●──┤         filled: the interval excludes 0
//!   MTSM 8, 2, 2     ├──○──┼┤            hollow: no difference can be excluded
//!                    −1    0    1
//! ```

use super::axis::Axis;
use super::chart::{self, Area, WIDTH, significant};
use super::estimates::{differences, metrics};
use super::figure::{Figure, Panel};
use super::markup::{Markup, Px};
use super::method::{Method, label, spaced};
use super::run::Run;
use crate::bootstrap::{BootstrapArgs, Estimate};
use crate::failure::Outcome;
use crate::metric::Metric;

/// The height of a row.
const ROW: f64 = 22.0;

/// The figure. There is none if no run has truncated ranks.
pub(super) fn figure(runs: &[Run], bootstrap: &BootstrapArgs) -> Outcome<Option<Figure>> {
    let mut rows = Vec::new();
    for run in runs {
        let metrics = metrics(run)?;
        let panels = metrics.iter().map(|metric| panel(run, metric, bootstrap));
        let panels = panels.collect::<Outcome<Vec<Option<Panel>>>>()?;
        let panels: Vec<Panel> = panels.into_iter().flatten().collect();
        if !panels.is_empty() {
            rows.push(panels);
        }
    }
    let dots = if bootstrap.resamples() > 0 {
        ", the line is its 95% bootstrap interval. A filled dot has an interval without 0; a hollow \
         one shows no difference that the photographs can confirm."
    } else {
        "."
    };
    let caption = format!(
        "Difference between a map with truncated ranks and the same map with full ranks. A dot is \
         the mean over the photographs{dots}"
    );
    Ok((!rows.is_empty()).then_some(Figure {
        name: "truncated-ranks",
        title: "Truncated ranks",
        caption,
        rows,
    }))
}

/// The differences of a metric. `None` if there are none.
fn panel(run: &Run, metric: &Metric, bootstrap: &BootstrapArgs) -> Outcome<Option<Panel>> {
    // 1. The rows, from top to bottom.
    let mut rows: Vec<(String, Estimate)> = Vec::new();
    let mut photographs = 0;
    for method in &run.methods {
        let (Some(full), Some(ranks)) = (full(run, method), &method.ranks) else {
            continue;
        };
        let differences = differences(metric, run, method, full)?;
        if let Some(estimate) = bootstrap.estimate(&differences)? {
            photographs = photographs.max(differences.len());
            rows.push((
                format!("{} {}", label(method.weighting), spaced(ranks)),
                estimate,
            ));
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let area = Area {
        left: 118.0,
        right: WIDTH - 26.0,
        top: 44.0,
        bottom: 50.0 + ROW * rows.len() as f64,
    };
    let ends = rows
        .iter()
        .flat_map(|(_, estimate)| [estimate.mean].into_iter().chain(estimate.ends()));
    let axis = Axis::linear(ends.chain([0.0]), 4, area.across());

    // 2. The drawing.
    let mut drawing = Markup::default();
    let title = format!("{}: {}", run.name, metric.heading);
    let quantity = format!(
        "difference to full ranks, {}",
        chart::count(photographs, "photograph")
    );
    chart::heading(&mut drawing, &title, &quantity, WIDTH);
    let better = if metric.lower_is_better {
        "← better"
    } else {
        "better →"
    };
    chart::horizontal_axis(&mut drawing, &area, &axis, better);
    let zero = axis.at(0.0);
    chart::line(&mut drawing, "axis", (zero, area.top), (zero, area.bottom));
    for (i, (name, estimate)) in rows.iter().enumerate() {
        let y = area.top + ROW * (i as f64 + 0.5) + 3.0;
        let name = super::figure::shortened(name, 12.0, area.left - 4.0);
        chart::text(&mut drawing, (0.0, y + 4.0), "", &name);
        drawing.element("g", &[("class", &"interval")], |drawing| {
            let mut text = format!("{name}: {}", significant(estimate.mean));
            if let Some([low, high]) = estimate.interval {
                let (low, high) = (significant(low), significant(high));
                text += &format!(", 95% interval {low} to {high}");
            }
            drawing.leaf("title", &[], &text);
            if let Some([low, high]) = estimate.interval {
                chart::line(
                    drawing,
                    "stem tucker",
                    (axis.at(low), y),
                    (axis.at(high), y),
                );
            }
            let class = if estimate.excludes_zero() {
                "tucker dot"
            } else {
                "tucker ring"
            };
            drawing.empty(
                "circle",
                &[
                    ("class", &class),
                    ("cx", &Px(axis.at(estimate.mean))),
                    ("cy", &Px(y)),
                    ("r", &4),
                ],
            );
        });
    }
    Ok(Some(Panel {
        title: format!("{title}, {quantity}"),
        size: (WIDTH, area.bottom + 42.0),
        drawing,
    }))
}

/// The method at full ranks with the weighting of a method with truncated ranks.
fn full<'a>(run: &'a Run, method: &Method) -> Option<&'a Method> {
    let is_full = |other: &&Method| other.is_full() && other.weighting == method.weighting;
    let mut methods = run.methods.iter();
    (!method.is_full()).then(|| methods.find(is_full))?
}

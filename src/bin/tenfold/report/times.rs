//! The time of a map: a figure with boxes beside the time of the network, and a table like the
//! paper's Table 3 with the ratio of Tucker to SVD.

use super::axis::Axis;
use super::chart::{self, Area, BoxPlot, Direction, WIDTH, significant};
use super::figure::{Figure, Panel};
use super::markup::Markup;
use super::method::{Method, class};
use super::run::Run;
use super::spectra::explanation;
use super::table::distinct;
use crate::summary::median;
use crate::times::{TimeRow, Times};

/// The height of a row of the figure: a label above a box.
const ROW: f64 = 40.0;

/// The times of a method in milliseconds, one for each photograph.
fn milliseconds(run: &Run, method: &Method) -> Vec<f64> {
    run.values(method, |_, map| Some(1e3 * map.seconds))
}

/// The times of the network in milliseconds.
fn network(run: &Run) -> Vec<f64> {
    let times = run
        .records
        .iter()
        .map(|record| 1e3 * record.network_seconds);
    times.filter(|&time| time > 0.0).collect()
}

/// The figure. There is none without a record.
pub(super) fn figure(runs: &[Run]) -> Option<Figure> {
    let runs: Vec<&Run> = runs.iter().filter(|run| !run.records.is_empty()).collect();
    (!runs.is_empty()).then(|| Figure {
        name: "times",
        title: "Time of a map",
        caption: format!(
            "Time of one saliency map and of the network for the same photograph, on a logarithmic \
             axis: lower is better. The numbers are the median and its share of the network's time. \
             {}",
            explanation(&runs)
        ),
        rows: vec![runs.iter().map(|run| panel(run)).collect()],
    })
}

fn panel(run: &Run) -> Panel {
    // 1. The rows, from top to bottom.
    let network = network(run);
    let whole = median(&network);
    let mut rows: Vec<(&str, String, Vec<f64>)> = Vec::new();
    for method in run.main_methods() {
        let times = milliseconds(run, method);
        rows.push((class(method.weighting), method.label(), times));
    }
    if !network.is_empty() {
        rows.push(("network", "the network itself".into(), network));
    }
    let area = Area {
        left: 20.0,
        right: WIDTH - 20.0,
        top: 44.0,
        bottom: 48.0 + ROW * rows.len() as f64,
    };
    let all = rows.iter().flat_map(|(_, _, times)| times.iter().copied());
    let axis = Axis::logarithmic(all, area.across());

    // 2. The drawing.
    let mut drawing = Markup::default();
    let quantity = chart::count(run.records.len(), "photograph");
    chart::heading(&mut drawing, &run.name, &quantity, WIDTH);
    chart::horizontal_axis(&mut drawing, &area, &axis, "time [ms]");
    for (i, (class, name, times)) in rows.iter().enumerate() {
        let top = area.top + ROW * i as f64;
        let middle = median(times);
        let mut numbers = middle.map_or("–".into(), |time| format!("{} ms", significant(time)));
        if let (Some(time), Some(whole)) = (middle, whole)
            && *class != "network"
        {
            numbers += &format!(", {:.2} %", 100.0 * time / whole);
        }
        chart::text(&mut drawing, (area.left, top + 15.0), "over", name);
        chart::text(&mut drawing, (area.right, top + 15.0), "end over", &numbers);
        let plot = BoxPlot {
            axis: &axis,
            direction: Direction::Across,
            class,
            middle: top + 28.0,
            half: 7.0,
            name,
            unit: "ms",
        };
        plot.draw(&mut drawing, times);
    }
    Panel {
        title: format!("{}: time of a map and of the network", run.name),
        size: (WIDTH, area.bottom + 42.0),
        drawing,
    }
}

/// The table: a row a run, a column a method, and the network.
pub(super) fn table(page: &mut Markup, runs: &[Run]) {
    let names = distinct(runs);
    page.leaf(
        "p",
        &[("class", &"note")],
        "Median time in milliseconds. Tucker/SVD is the ratio to the SVD map with the same number of \
         vectors.",
    );
    page.element("div", &[("class", &"scroll"), ("tabindex", &0)], |page| {
        page.element("table", &[("id", &"time-table")], |page| {
            page.element("thead", &[], |page| {
                page.element("tr", &[], |page| {
                    page.leaf("th", &[("scope", &"col")], "network");
                    for method in &names {
                        page.leaf("th", &[("scope", &"col")], &method.label());
                    }
                    page.leaf("th", &[("scope", &"col")], "the network itself");
                });
            });
            page.element("tbody", &[], |page| {
                for run in runs {
                    row(page, run, &names);
                }
            });
        });
    });
}

/// The times of a run.
fn row(page: &mut Markup, run: &Run, names: &[&Method]) {
    let mut times = Times::new(&run.settings.methods);
    run.records.iter().for_each(|record| times.add(record));
    let rows = times.rows();
    page.element("tr", &[], |page| {
        page.leaf("th", &[("scope", &"row")], &run.name);
        for method in names {
            let row: Option<&TimeRow> = rows.iter().find(|row| row.method == method.name);
            let ratio = row.and_then(|row| row.ratio);
            let share = row.and_then(|row| row.share);
            let notes = [
                share.map(|share| format!("{:.2} % of network", 100.0 * share)),
                ratio.map(|ratio| format!("Tucker/SVD {ratio:.2}")),
            ];
            cell(page, row.and_then(|row| row.seconds), &notes);
        }
        cell(page, times.network(), &[]);
    });
}

/// A time in seconds with notes below.
fn cell(page: &mut Markup, time: Option<f64>, notes: &[Option<String>]) {
    page.element("td", &[], |page| {
        page.text(&time.map_or("–".into(), |time| significant(1e3 * time)));
        for note in notes.iter().flatten() {
            page.leaf("small", &[], note);
        }
    });
}

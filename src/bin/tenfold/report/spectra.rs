//! Figures of the singular values of the channel mode: σ₁/Σσ, and σ₁/Σσ … σ₅/Σσ, by the SVD and by
//! Tucker.

use super::axis::Axis;
use super::chart::{self, Area, BoxPlot, Direction, Entry, MAX_DOTS, Mark, WIDTH};
use super::figure::{Figure, Panel};
use super::markup::Markup;
use super::run::Run;
use crate::records::{Record, Spectrum};

/// The number of singular values in the second figure.
const LEADING: usize = 5;

const SUBSCRIPTS: [&str; LEADING] = ["σ₁", "σ₂", "σ₃", "σ₄", "σ₅"];

/// The width of a panel of the first figure: it has two boxes.
const NARROW: f64 = 220.0;

/// A decomposition: its class, its name, and its singular values in a record.
type Source = (&'static str, &'static str, fn(&Record) -> Option<&Spectrum>);

const SOURCES: [Source; 2] = [
    ("svd", "SVD", |record| record.svd.as_ref()),
    ("tucker", "Tucker", |record| record.tucker.as_ref()),
];

/// The two figures. There are none if no run has singular values.
pub(super) fn figures(runs: &[Run]) -> Vec<Figure> {
    let has_spectra = |run: &&Run| {
        let mut records = run.records.iter();
        records.any(|record| record.svd.is_some() || record.tucker.is_some())
    };
    let runs: Vec<&Run> = runs.iter().filter(has_spectra).collect();
    if runs.is_empty() {
        return Vec::new();
    }
    let meaning = "The SVD subtracts the mean of each channel first, Tucker does not.";
    let boxes = explanation(&runs);
    vec![
        Figure {
            name: "first-singular-value",
            title: "Share of the first singular value",
            caption: format!(
                "σ₁/Σσ of the channel mode: the larger it is, the more of the feature map the first \
                 vector describes. {meaning} {boxes}"
            ),
            rows: vec![runs.iter().map(|run| panel(run, 1)).collect()],
        },
        Figure {
            name: "leading-singular-values",
            title: "Shares of the five leading singular values",
            caption: format!(
                "σᵢ/Σσ of the channel mode for i = 1 … 5: a share that stays large after σ₁ means \
                 that maps of all vectors differ from maps of the first. {meaning} {boxes}"
            ),
            rows: vec![runs.iter().map(|run| panel(run, LEADING)).collect()],
        },
    ]
}

/// How to read box plots.
pub(super) fn explanation(runs: &[&Run]) -> String {
    let boxes = "A box spans the middle half of the photographs, the bold line in it is the \
                 median, and whiskers reach to the farthest values within 1.5 box lengths.";
    let few = |run: &&Run| run.records.len() <= MAX_DOTS;
    let dots = if runs.iter().all(few) {
        "Each dot is a photograph."
    } else if runs.iter().any(few) {
        "Dots are photographs beyond the whiskers, or all photographs where there are at most 20."
    } else {
        "Dots are photographs beyond the whiskers."
    };
    format!("{boxes} {dots}")
}

/// The boxes of the first `count` shares of a run.
fn panel(run: &Run, count: usize) -> Panel {
    let width = if count == 1 { NARROW } else { WIDTH };
    let area = Area {
        left: 42.0,
        right: width - 8.0,
        top: if count == 1 { 48.0 } else { 68.0 },
        bottom: 268.0,
    };
    // 1. The shares in percent, by decomposition and index.
    let shares = |spectrum: fn(&Record) -> Option<&Spectrum>, i: usize| -> Vec<f64> {
        let shares = run.records.iter().filter_map(|record| {
            let spectrum = spectrum(record)?;
            Some(100.0 * spectrum.leading.get(i)? / spectrum.sum)
        });
        shares.filter(|share| share.is_finite()).collect()
    };
    let values: Vec<Vec<Vec<f64>>> = (0..count)
        .map(|i| SOURCES.map(|source| shares(source.2, i)).to_vec())
        .collect();
    let all = values.iter().flatten().flatten().copied();
    let axis = Axis::linear(all.chain([0.0]), 5, area.upwards());

    // 2. The drawing.
    let mut drawing = Markup::default();
    let quantity = format!(
        "{}/Σσ [%], {}",
        if count == 1 { "σ₁" } else { "σᵢ" },
        chart::count(run.records.len(), "photograph")
    );
    chart::heading(&mut drawing, &run.name, &quantity, width);
    if count > 1 {
        let entries = SOURCES.map(|(class, text, _)| Entry {
            class,
            mark: Mark::Box,
            text,
        });
        chart::legend(&mut drawing, 52.0, &entries);
    }
    chart::vertical_axis(&mut drawing, &area, &axis);
    let step = (area.right - area.left) / (2 * count) as f64;
    for (i, pair) in values.iter().enumerate() {
        for (j, ((class, decomposition, _), values)) in SOURCES.iter().zip(pair).enumerate() {
            // The two boxes of a pair are closer to each other than to the next pair.
            let inwards = if count == 1 { 0.0 } else { 0.12 * step };
            let middle = area.left + step * (2 * i + j) as f64 + step / 2.0;
            let plot = BoxPlot {
                axis: &axis,
                direction: Direction::Upwards,
                class,
                middle: middle + if j == 0 { inwards } else { -inwards },
                half: (0.3 * step).min(24.0),
                name: &format!("{}, {decomposition}", SUBSCRIPTS[i]),
                unit: "%",
            };
            plot.draw(&mut drawing, values);
            if count == 1 {
                let at = (middle, area.bottom + 18.0);
                chart::text(&mut drawing, at, "middle", decomposition);
            }
        }
        if count > 1 {
            let at = (area.left + step * (2 * i + 1) as f64, area.bottom + 18.0);
            chart::text(&mut drawing, at, "middle", SUBSCRIPTS[i]);
        }
    }
    Panel {
        title: format!("{}: {quantity}", run.name),
        size: (width, 296.0),
        drawing,
    }
}

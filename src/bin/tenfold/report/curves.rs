//! Figures with lines: the mean intersection over union against the threshold, and the mean
//! probability along insertion and deletion. SVD is dashed, Tucker is solid; maps of the first vector
//! and of all vectors have panels of their own.

use tenfold::cam::Vectors;

use super::axis::Axis;
use super::chart::{self, Area, Entry, Line, Mark, WIDTH};
use super::figure::{Figure, Panel};
use super::markup::Markup;
use super::method::{GROUPS, Method, class, label};
use super::run::{Run, map_of};
use crate::records::MapRecord;
use crate::summary::mean;

/// Some values of a map.
type Values = fn(&MapRecord) -> &[f64];

/// A curve of a method: its mean over the photographs at each place.
struct Curve<'a> {
    method: &'a Method,
    means: Vec<f64>,
}

/// The figures of all curves that the runs have.
pub(super) fn figures(runs: &[Run]) -> Vec<Figure> {
    let mut figures = Vec::new();
    let title = "Overlap with the masks";
    let caption = "Mean intersection over union (mIoU) of the mask with the part of the map that is \
                   at least the threshold: higher is better. Solid lines are Tucker, dashed lines \
                   are SVD.";
    let chart = Chart {
        quantity: "mIoU [%]",
        scale: 100.0,
        horizontal: "threshold of the map",
        values: |map| &map.iou,
        places: |run| run.settings.thresholds.clone(),
        has_dots: true,
    };
    figures.extend(chart.figure("mean-iou", title, caption, runs));
    let places = |run: &Run| {
        let steps = run.settings.curve_steps;
        (0..=steps)
            .map(|i| 100.0 * i as f64 / steps as f64)
            .collect()
    };
    let of_curves = |horizontal, values: Values| Chart {
        quantity: "mean class probability",
        scale: 1.0,
        horizontal,
        values,
        places,
        has_dots: false,
    };
    let chart = of_curves("inserted pixels [%]", |map| &map.insertion);
    let caption = "The pixels are inserted in the order of the map, the most salient first: a line \
                   that rises earlier is better. Solid lines are Tucker, dashed lines are SVD.";
    figures.extend(chart.figure("insertion", "Insertion", caption, runs));
    let chart = of_curves("deleted pixels [%]", |map| &map.deletion);
    let caption = "The pixels are deleted in the order of the map, the most salient first: a line \
                   that falls earlier is better. Solid lines are Tucker, dashed lines are SVD.";
    figures.extend(chart.figure("deletion", "Deletion", caption, runs));
    figures
}

/// What a figure of curves shows.
struct Chart {
    /// The title and the factor of the vertical axis.
    quantity: &'static str,
    scale: f64,
    /// The title of the horizontal axis.
    horizontal: &'static str,
    values: Values,
    /// The places of the values on the horizontal axis.
    places: fn(&Run) -> Vec<f64>,
    has_dots: bool,
}

impl Chart {
    /// The figure, with two panels for each run that has values.
    fn figure(
        &self,
        name: &'static str,
        title: &'static str,
        caption: &str,
        runs: &[Run],
    ) -> Option<Figure> {
        let rows: Vec<Vec<Panel>> = runs
            .iter()
            .map(|run| self.panels(run))
            .filter(|panels| !panels.is_empty())
            .collect();
        (!rows.is_empty()).then(|| Figure {
            name,
            title,
            caption: caption.to_owned(),
            rows,
        })
    }

    /// The panels of a run: first vector, all vectors. They have the same vertical axis.
    fn panels(&self, run: &Run) -> Vec<Panel> {
        let places = (self.places)(run);
        let full = run.methods.iter().filter(|method| method.is_full());
        let curves: Vec<Curve> = full.filter_map(|m| self.curve(run, m, &places)).collect();
        let of_group = |vectors: Vectors| -> Vec<&Curve> {
            let curves = curves.iter();
            curves
                .filter(|curve| curve.method.weighting.vectors() == vectors)
                .collect()
        };
        let area = Area {
            left: 44.0,
            right: WIDTH - 14.0,
            top: 68.0,
            bottom: 262.0,
        };
        let all = curves.iter().flat_map(|curve| curve.means.iter().copied());
        let axes = (
            Axis::linear(places.iter().copied(), 6, area.across()),
            Axis::linear(all.chain([0.0]), 5, area.upwards()),
        );
        let groups = GROUPS.map(|(vectors, title)| (of_group(vectors), title));
        let groups = groups.into_iter().filter(|(curves, _)| !curves.is_empty());
        groups
            .map(|(curves, group)| {
                let photographs = self.photographs(run, curves[0].method);
                let title = format!("{}: {group}", run.name);
                let quantity = format!(
                    "{}, {}",
                    self.quantity,
                    chart::count(photographs, "photograph")
                );
                let mut drawing = Markup::default();
                chart::heading(&mut drawing, &title, &quantity, WIDTH);
                self.draw(&mut drawing, &area, &axes, &places, &curves);
                Panel {
                    title: format!("{title}, {quantity}"),
                    size: (WIDTH, 302.0),
                    drawing,
                }
            })
            .collect()
    }

    /// The number of photographs with values of a method.
    fn photographs(&self, run: &Run, method: &Method) -> usize {
        let maps = run
            .records
            .iter()
            .filter_map(|record| map_of(record, method));
        maps.filter(|map| !(self.values)(map).is_empty()).count()
    }

    /// The mean curve of a method, if a photograph has values.
    fn curve<'a>(&self, run: &Run, method: &'a Method, places: &[f64]) -> Option<Curve<'a>> {
        let at = |i: usize| {
            let value = |map: &MapRecord| (self.values)(map).get(i).copied();
            mean(&run.values(method, |_, map| value(map))).map(|mean| self.scale * mean)
        };
        let means = (0..places.len()).map(at).collect::<Option<Vec<f64>>>()?;
        (!means.is_empty()).then_some(Curve { method, means })
    }

    fn draw(
        &self,
        drawing: &mut Markup,
        area: &Area,
        (across, upwards): &(Axis, Axis),
        places: &[f64],
        curves: &[&Curve],
    ) {
        let is_dashed = |curve: &Curve| class(curve.method.weighting) == "svd";
        let entries: Vec<Entry> = curves
            .iter()
            .map(|curve| Entry {
                class: class(curve.method.weighting),
                mark: if is_dashed(curve) {
                    Mark::Dashed
                } else {
                    Mark::Line
                },
                text: label(curve.method.weighting),
            })
            .collect();
        chart::legend(drawing, 52.0, &entries);
        chart::vertical_axis(drawing, area, upwards);
        chart::horizontal_axis(drawing, area, across, self.horizontal);
        for curve in curves {
            let name = label(curve.method.weighting);
            let pairs = || places.iter().zip(&curve.means);
            let line = Line {
                class: class(curve.method.weighting),
                is_dashed: is_dashed(curve),
                points: pairs()
                    .map(|(&x, &y)| (across.at(x), upwards.at(y)))
                    .collect(),
                texts: pairs()
                    .map(|(x, &y)| format!("{name} at {x}: {}", chart::significant(y)))
                    .collect(),
                has_dots: self.has_dots,
            };
            line.draw(drawing);
        }
    }
}

//! Figures with photographs in rows: overlays of each method, and binarised maps beside the mask.
//!
//! ```text
//!   n01440764_tench.JPEG                       a row: its name, then its cells
//!   ┌───────┐ ┌───────┐ ┌───────┐
//!   │       │ │       │ │       │              a picture
//!   └───────┘ └───────┘ └───────┘
//!   photograph  EigenCAM  TSM                  what it is
//!   p = 0.93    0.61      0.90                 a number
//! ```

use tenfold::io::RgbImage;

use super::chart::{self, count};
use super::figure::{Figure, Panel, shortened};
use super::markup::{Markup, Px};
use super::pictures::{self, Crop};
use super::run::{Run, map_of};
use crate::console::Console;
use crate::failure::Outcome;
use crate::records::Record;

/// The gap between two cells, in pixels.
const GAP: f64 = 8.0;

/// The maximum width of a grid, so that most screens show it whole.
const MAX_WIDTH: f64 = 760.0;

/// The minimum and the maximum width of a cell. The names of the methods fit into the minimum.
const CELL: [f64; 2] = [120.0, 144.0];

/// The heights of a row's name, and of the texts below its pictures.
const NAME: f64 = 24.0;
const TEXTS: f64 = 40.0;

/// The height of the panel's title.
const HEADING: f64 = 24.0;

/// The threshold of the binarised maps.
pub(super) const THRESHOLD: f64 = 0.5;

/// A picture with two lines of text.
struct Cell {
    /// The data URI; without one, a note is drawn in the picture's place.
    uri: Option<String>,
    what: String,
    number: String,
}

/// A photograph's name and cells.
struct Row {
    name: String,
    cells: Vec<Cell>,
}

/// The figure of the overlays on up to `photographs` photographs of each run.
pub(super) fn overlays(
    runs: &[Run],
    photographs: usize,
    console: &Console,
) -> Outcome<Option<Figure>> {
    let mut rows = Vec::new();
    for run in runs {
        let records = run.sample(photographs, |_| true)?;
        let lines = records
            .iter()
            .map(|record| overlay_row(run, record, console));
        let panel = panel(run, lines.collect::<Outcome<Vec<Row>>>()?);
        rows.extend(panel.map(|panel| vec![panel]));
    }
    let caption = "Saliency maps over the photographs, which are chosen evenly among all: blue is 0, \
                   dark red is 1. p is the class probability of the whole photograph. The number \
                   below an overlay is the probability of the photograph times the map: a map that \
                   keeps what the network needs keeps the probability.";
    let figure = Figure {
        name: "overlays",
        title: "Overlays",
        caption: caption.to_owned(),
        rows,
    };
    Ok((!figure.rows.is_empty()).then_some(figure))
}

/// The figure of the binarised maps of up to `photographs` photographs with a mask of each run.
pub(super) fn binarised(
    runs: &[Run],
    photographs: usize,
    console: &Console,
) -> Outcome<Option<Figure>> {
    let mut rows = Vec::new();
    for run in runs {
        let has_mask = |record: &Record| run.mask(record).is_some();
        let records = run.sample(photographs, has_mask)?;
        let lines = records
            .iter()
            .map(|record| binarised_row(run, record, console));
        let panel = panel(run, lines.collect::<Outcome<Vec<Row>>>()?);
        rows.extend(panel.map(|panel| vec![panel]));
    }
    let figure = Figure {
        name: "binarised",
        title: "Binarised maps beside the masks",
        caption: format!(
            "White is the object in the mask, and the part of the map that is at least {THRESHOLD}. \
             IoU is the intersection over union of the two: higher is better. Grey pixels of a mask \
             are void and do not count."
        ),
        rows,
    };
    Ok((!figure.rows.is_empty()).then_some(figure))
}

/// The photograph of a record. If it cannot be read, a note says why.
fn photograph(run: &Run, record: &Record, crop: &Crop, console: &Console) -> Option<RgbImage> {
    let picture = crop.photograph(&run.photograph(record));
    picture
        .map_err(|error| console.note(format!("no picture is drawn: {error}")))
        .ok()
}

/// The cell of a photograph.
fn photograph_cell(record: &Record, picture: Option<&RgbImage>) -> Outcome<Cell> {
    let class = record.class.map(|class| format!("class {class}"));
    let probability = record.probability.map(|p| format!("p = {p:.2}"));
    let texts: Vec<String> = [class, probability].into_iter().flatten().collect();
    Ok(Cell {
        uri: picture.map(pictures::jpeg).transpose()?,
        what: "photograph".into(),
        number: texts.join(", "),
    })
}

fn overlay_row(run: &Run, record: &Record, console: &Console) -> Outcome<Row> {
    let crop = Crop::new(&run.settings);
    let picture = photograph(run, record, &crop, console);
    let mut cells = vec![photograph_cell(record, picture.as_ref())?];
    for method in run.main_methods() {
        let Some(map) = map_of(record, method) else {
            continue;
        };
        let masked = map.masked_probability;
        cells.push(Cell {
            uri: Some(pictures::jpeg(&crop.overlay(map, picture.as_ref())?)?),
            what: method.label(),
            number: masked.map_or_else(String::new, |o| format!("{o:.2}")),
        });
    }
    Ok(Row {
        name: record.image.clone(),
        cells,
    })
}

fn binarised_row(run: &Run, record: &Record, console: &Console) -> Outcome<Row> {
    let crop = Crop::new(&run.settings);
    let picture = photograph(run, record, &crop, console);
    let mut cells = vec![photograph_cell(record, picture.as_ref())?];
    let mask = run.mask(record).map(|path| crop.mask(&path));
    let mask = mask.transpose().unwrap_or_else(|error| {
        console.note(format!("no mask is drawn: {error}"));
        None
    });
    cells.push(Cell {
        uri: mask.as_ref().map(pictures::png).transpose()?,
        what: "mask".into(),
        number: String::new(),
    });
    let thresholds = &run.settings.thresholds;
    let position = thresholds.iter().position(|&t| t == THRESHOLD);
    for method in run.main_methods() {
        let Some(map) = map_of(record, method) else {
            continue;
        };
        let iou = position.and_then(|position| map.iou.get(position));
        cells.push(Cell {
            uri: Some(pictures::png(&crop.binarised(map, THRESHOLD)?)?),
            what: method.label(),
            number: iou.map_or_else(String::new, |iou| format!("IoU {:.1} %", 100.0 * iou)),
        });
    }
    Ok(Row {
        name: record.image.clone(),
        cells,
    })
}

/// The panel of a run. There is none without rows.
fn panel(run: &Run, rows: Vec<Row>) -> Option<Panel> {
    let columns = rows.iter().map(|row| row.cells.len()).max()? as f64;
    let (height, width) = Crop::new(&run.settings).size;
    let cell = ((MAX_WIDTH + GAP) / columns - GAP)
        .clamp(CELL[0], CELL[1])
        .floor();
    let picture = (cell, (cell * height as f64 / width as f64).round());
    let size = (
        columns * (cell + GAP) - GAP,
        HEADING + rows.len() as f64 * (NAME + picture.1 + TEXTS),
    );
    let mut drawing = Markup::default();
    let title = format!(
        "{}: {} of {}",
        run.name,
        rows.len(),
        count(run.records.len(), "photograph")
    );
    let heading = shortened(&title, 14.0, size.0);
    chart::text(&mut drawing, (0.0, 14.0), "name", &heading);
    for (i, row) in rows.iter().enumerate() {
        let top = HEADING + i as f64 * (NAME + picture.1 + TEXTS);
        let name = shortened(&row.name, 12.0, size.0);
        chart::text(&mut drawing, (0.0, top + 15.0), "muted", &name);
        for (j, content) in row.cells.iter().enumerate() {
            let corner = (j as f64 * (cell + GAP), top + NAME);
            draw(&mut drawing, corner, picture, &row.name, content);
        }
    }
    Some(Panel {
        title,
        size,
        drawing,
    })
}

/// Draws a cell below and to the right of `corner`.
fn draw(
    markup: &mut Markup,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    name: &str,
    cell: &Cell,
) {
    if let Some(uri) = &cell.uri {
        markup.element(
            "image",
            &[
                ("x", &Px(x)),
                ("y", &Px(y)),
                ("width", &width),
                ("height", &height),
                ("preserveAspectRatio", &"none"),
                ("href", uri),
            ],
            |markup| markup.leaf("title", &[], &format!("{name}: {}", cell.what)),
        );
    }
    // The edge separates a black picture from a dark page.
    let class = if cell.uri.is_some() { "edge" } else { "frame" };
    markup.empty(
        "rect",
        &[
            ("class", &class),
            ("x", &Px(x)),
            ("y", &Px(y)),
            ("width", &width),
            ("height", &height),
        ],
    );
    if cell.uri.is_none() {
        let middle = (x + width / 2.0, y + height / 2.0 + 4.0);
        chart::text(markup, middle, "middle muted", "cannot be read");
    }
    chart::text(markup, (x, y + height + 15.0), "", &cell.what);
    chart::text(markup, (x, y + height + 31.0), "muted", &cell.number);
}

//! Notes and the summary of `tenfold cam`.

use std::path::PathBuf;

use serde_json::{Value, json};
use tenfold::Tensor;
use tenfold::cam::Status;

use super::Args;
use super::maps::Maps;
use crate::batch::Batch;
use crate::console::{Console, times};
use crate::failure::Outcome;

/// What the summary says about a map.
pub(super) struct Summary {
    /// The input, the index in the batch, and the weighting.
    label: String,
    status: Status,
    shape: Vec<usize>,
    /// The row and the column of the largest entry.
    peak: [usize; 2],
    object: Value,
}

/// What the summary says about maps. It is small, so that it can be kept for any number of maps.
#[derive(Default)]
pub(super) struct Summaries(Vec<Summary>);

impl Summaries {
    pub(super) fn of(args: &Args, maps: &[Maps]) -> Self {
        let mut summaries = Self::default();
        summaries.add(args, maps);
        summaries
    }

    /// Adds maps.
    pub(super) fn add(&mut self, args: &Args, maps: &[Maps]) {
        for maps in maps {
            let items = maps.items.iter().enumerate();
            let summaries =
                items.map(|(item, (map, status))| maps.summary(args, item, map, *status));
            self.0.extend(summaries);
        }
    }
}

impl Maps {
    fn summary(&self, args: &Args, item: usize, map: &Tensor<f32>, status: Status) -> Summary {
        let name = self.name(args);
        let index = if self.batch {
            format!("[{item}]")
        } else {
            String::new()
        };
        let peak = peak(map);
        let files = args.features[self.files.clone()].iter();
        let files: Vec<String> = files.map(|path| path.display().to_string()).collect();
        let mut object = json!({
            "input": name,
            "files": files,
            "item": self.batch.then_some(item),
            "weighting": self.weighting.name(),
            "ranks": self.ranks,
            "shape": map.shape(),
            "status": status.name(),
            "peak": peak,
        });
        if let Some(layer) = &self.layer {
            object["layer"] = json!(layer);
        }
        Summary {
            label: format!("{name}{index} {}", self.weighting),
            status,
            shape: map.shape().to_vec(),
            peak,
            object,
        }
    }
}

/// Prints a note about constant maps and a note about degenerate maps. A note names the first map
/// and counts the others.
pub(super) fn note_statuses(maps: &Summaries, console: &Console) {
    for (status, meaning) in [
        (
            Status::Constant,
            "all positions have the same value, the map is zero",
        ),
        (
            Status::Degenerate,
            "the two largest singular values are almost equal, the map depends on rounding",
        ),
    ] {
        let labels = maps.0.iter().filter(|map| map.status == status);
        let labels: Vec<&str> = labels.map(|map| &map.label[..]).collect();
        if let [first, rest @ ..] = labels.as_slice() {
            let others = match rest.len() {
                0 => String::new(),
                count => format!(" (and {count} more)"),
            };
            console.note(format!("{first}{others}: {meaning}"));
        }
    }
}

/// The index of the largest entry, the first on a tie.
fn peak(map: &Tensor<f32>) -> [usize; 2] {
    let width = map.shape()[1];
    let mut peak = 0;
    for (position, value) in map.data().iter().enumerate() {
        if *value > map.data()[peak] {
            peak = position;
        }
    }
    [peak / width, peak % width]
}

/// The maximum number of maps and of files that the text lists.
const LISTED: usize = 16;

/// The results of the command.
pub(super) struct Report<'a> {
    pub(super) args: &'a Args,
    /// The names of the inputs.
    pub(super) inputs: Vec<String>,
    /// The names, the shapes and the readings of the arrays. A reading that says which array it is
    /// needs no name.
    pub(super) read: Vec<Option<String>>,
    pub(super) shapes: Vec<&'a [usize]>,
    pub(super) readings: Vec<String>,
    pub(super) maps: &'a Summaries,
    /// The files that were written.
    pub(super) outputs: &'a [PathBuf],
    pub(super) device: &'static str,
    pub(super) seconds: f64,
}

impl Report<'_> {
    /// The JSON object.
    pub(super) fn object(&self) -> Value {
        let Self { args, seconds, .. } = *self;
        json!({
            "command": "cam",
            "inputs": self.inputs,
            "shapes": self.shapes,
            "read_as": self.readings,
            "weightings": args.weighting.0.iter().map(|weighting| weighting.name()).collect::<Vec<_>>(),
            "ranks": args.ranks,
            "maps": self.maps.0.iter().map(|map| &map.object).collect::<Vec<_>>(),
            "outputs": self.outputs.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "device": self.device,
            "seconds": seconds,
        })
    }

    /// Prints the summary, and fails if an input of the batch failed.
    pub(super) fn print(&self, object: Value, batch: Batch, console: &Console) -> Outcome {
        let mut lines = self.read_as_lines();
        let maps = &self.maps.0;
        for Summary {
            label,
            shape,
            peak: [row, column],
            ..
        } in maps.iter().take(LISTED)
        {
            let shape = times(shape);
            lines.push(format!(
                "{label}: {shape} map, peak at row {row}, column {column}"
            ));
        }
        if maps.len() > LISTED {
            lines.push(format!("and {} more", maps.len() - LISTED));
        }
        let plural = if maps.len() == 1 { "map" } else { "maps" };
        lines.push(format!("{} {plural}, {:.3} s", maps.len(), self.seconds));
        for path in self.outputs.iter().take(LISTED) {
            lines.push(format!("written: {}", path.display()));
        }
        if self.outputs.len() > LISTED {
            lines.push(format!("and {} more files", self.outputs.len() - LISTED));
        }
        let output = self.outputs.first().map(PathBuf::as_path);
        batch.finish(object, |object| {
            console.summary(output, object, &lines.join("\n"))
        })
    }

    /// The lines about how the arrays were read, each with the name of the array if there are several.
    fn read_as_lines(&self) -> Vec<String> {
        let read = self.read.iter().zip(&self.readings);
        let line = |(name, reading): (&Option<String>, &String)| match name {
            Some(name) if self.args.features.len() > 1 => format!("{name}: read as {reading}"),
            _ => format!("read as {reading}"),
        };
        let mut lines: Vec<String> = read.take(LISTED).map(line).collect();
        if self.read.len() > LISTED {
            lines.push(format!("and {} more files", self.read.len() - LISTED));
        }
        lines
    }
}

//! Notes and the summary of `tenfold cam`.

use std::path::PathBuf;

use serde_json::json;
use tenfold::Tensor;
use tenfold::cam::Status;

use super::{Args, Done, Maps};
use crate::batch::Batch;
use crate::console::{Console, times};
use crate::failure::Outcome;

impl Maps {
    /// The name of a map in texts: the file, the index in the batch, the weighting.
    fn label(&self, args: &Args, item: usize) -> String {
        let file = args.name(&self.files);
        if self.batch {
            format!("{file}[{item}] {}", self.weighting)
        } else {
            format!("{file} {}", self.weighting)
        }
    }
}

/// Prints a note about constant maps and a note about degenerate maps. A note names the first map
/// and counts the others.
pub(super) fn note_statuses(args: &Args, maps: &[Maps], console: &Console) {
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
        let labels: Vec<String> = maps
            .iter()
            .flat_map(|maps| {
                let items = maps.items.iter().enumerate();
                items
                    .filter(|(_, (_, own))| *own == status)
                    .map(|(item, _)| maps.label(args, item))
            })
            .collect();
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
    pub(super) inputs: &'a [Done],
    pub(super) maps: &'a [Maps],
    /// The files that were written.
    pub(super) outputs: &'a [PathBuf],
    pub(super) device: &'static str,
    pub(super) seconds: f64,
}

impl Report<'_> {
    /// Prints the summary, and fails if an input of the batch failed.
    pub(super) fn print(&self, batch: Batch, console: &Console) -> Outcome {
        let Self { args, seconds, .. } = *self;
        let mut lines = Vec::new();
        let mut objects = Vec::new();
        for maps in self.maps {
            for (item, (map, status)) in maps.items.iter().enumerate() {
                let [row, column] = peak(map);
                lines.push(format!(
                    "{}: {} map, peak at row {row}, column {column}",
                    maps.label(args, item),
                    times(map.shape()),
                ));
                objects.push(json!({
                    "input": args.name(&maps.files),
                    "files": args.features[maps.files.clone()].iter()
                        .map(|path| path.display().to_string()).collect::<Vec<_>>(),
                    "item": maps.batch.then_some(item),
                    "weighting": maps.weighting.name(),
                    "ranks": maps.ranks,
                    "shape": map.shape(),
                    "status": status.name(),
                    "peak": [row, column],
                }));
            }
        }
        let count = lines.len();
        if count > LISTED {
            lines.truncate(LISTED);
            lines.push(format!("and {} more", count - LISTED));
        }
        let plural = if count == 1 { "map" } else { "maps" };
        lines.push(format!("{count} {plural}, {seconds:.3} s"));
        lines.splice(0..0, self.read_as_lines());
        let written: Vec<String> = self
            .outputs
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        for path in written.iter().take(LISTED) {
            lines.push(format!("written: {path}"));
        }
        if written.len() > LISTED {
            lines.push(format!("and {} more files", written.len() - LISTED));
        }
        let object = json!({
            "command": "cam",
            "inputs": self.inputs.iter().map(|input| input.path.display().to_string()).collect::<Vec<_>>(),
            "shapes": self.inputs.iter().map(|input| &input.shape).collect::<Vec<_>>(),
            "read_as": self.inputs.iter().map(|input| input.reading.to_string()).collect::<Vec<_>>(),
            "weightings": args.weighting.0.iter().map(|weighting| weighting.name()).collect::<Vec<_>>(),
            "ranks": args.ranks,
            "maps": objects,
            "outputs": written,
            "device": self.device,
            "seconds": seconds,
        });
        let output = self.outputs.first().map(PathBuf::as_path);
        batch.finish(object, |object| {
            console.summary(output, object, &lines.join("\n"))
        })
    }

    /// The lines about how the files were read, each with the name of the file if there are several.
    fn read_as_lines(&self) -> Vec<String> {
        let line = |input: &Done| match self.args.features.as_slice() {
            [_] => format!("read as {}", input.reading),
            _ => format!("{}: read as {}", input.path.display(), input.reading),
        };
        let mut lines: Vec<String> = self.inputs.iter().take(LISTED).map(line).collect();
        if self.inputs.len() > LISTED {
            lines.push(format!("and {} more files", self.inputs.len() - LISTED));
        }
        lines
    }
}

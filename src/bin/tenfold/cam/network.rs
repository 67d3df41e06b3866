//! `tenfold cam --onnx`: maps of the feature maps that a network computes from photographs.
//!
//! The photographs are processed in chunks, so that the memory does not depend on their number:
//!
//! ```text
//!   chunk of photographs ──> crops ──> network ──> feature maps ──> maps     on all threads
//!   maps, crops          ──> pictures and arrays                             in the order given
//! ```
//!
//! | file | subject |
//! | --- | --- |
//! | `layers` | `--list-layers` |
//! | `need` | the estimate of the memory |
//! | `session` | the selected layers, and the work on one photograph |

mod layers;
mod need;
mod session;

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use serde_json::json;
use tenfold::io::PictureFile;

use super::Args;
use super::maps::stem_of_layer;
use super::report::{Report, Summaries, note_statuses};
use super::target::{Expected, Target, Writer};
use crate::arrays::is_dash;
use crate::batch::{Batch, Input};
use crate::console::Console;
use crate::device::Device;
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;
use crate::network::InputArgs;
use crate::pictures::{no_photographs, pictures};
use crate::progress::{Bar, Steps};
use session::{Changes, Photograph, Session};

/// The options for a network.
#[derive(clap::Args)]
#[command(next_help_heading = "Options for networks")]
pub(super) struct NetworkArgs {
    /// Compute the feature maps with this ONNX network from photographs. The maps are drawn over the
    /// part of the photograph that the network sees
    #[arg(long, value_name = "NET.onnx", conflicts_with_all = ["groups", "image", "raw"])]
    onnx: Option<PathBuf>,
    /// The layer with the feature maps, by the name of its tensor or node. May be given several
    /// times: each layer has maps of its own, unless --combine is given [default: the last feature
    /// map of the convolutional part]
    #[arg(long, value_name = "NAME", requires = "onnx")]
    layer: Vec<String>,
    /// List the layers of the network with their shapes, and end
    #[arg(long, requires = "onnx")]
    list_layers: bool,
    #[command(flatten)]
    input: InputArgs,
}

impl NetworkArgs {
    /// Whether a network was given.
    pub(super) fn is_given(&self) -> bool {
        self.onnx.is_some()
    }
}

pub(super) fn run(mut args: Args, console: &Console, memory: &Memory) -> Outcome {
    let Some(file) = args.network.onnx.clone() else {
        return Ok(());
    };
    // 1. Checks, before any photograph is read.
    if !args.network.list_layers {
        args.features = photographs(&args.features)?;
    }
    let args = &args;
    let network = args.network.input.open(&file, memory, console)?;
    if args.network.list_layers {
        return layers::list(&network, console);
    }
    let session = Session::new(args, &network, console)?;
    args.check_combined_layers()?;
    let target = Target::of(args)?;
    target.check(args, std::slice::from_ref(&file), &expected(args, &session))?;
    let chunk = 2 * rayon::current_num_threads();
    let batch = Batch::new(&args.keep_going);
    let (files, largest) = check_photographs(args, &batch, console)?;
    let need = need::of(args, &session, &target, chunk)?;
    let need = need.saturating_add(largest.saturating_mul(rayon::current_num_threads() as u64));
    memory.check(&file, need)?;
    session.note(console);

    // 2. The photographs, chunk by chunk.
    let device = Device::open(args.device, &session.calls(), console)?;
    let started = Instant::now();
    let bar = console.progress("photographs", Steps::Equal(files.len()));
    let mut writer = Writer::new(args, &target, Bar::hidden());
    let mut summaries = Summaries::default();
    let mut changes = Changes::default();
    let mut read = Vec::new();
    for files in files.chunks(chunk) {
        let paths = &args.features;
        let outcomes: Vec<Outcome<Photograph>> = files
            .par_iter()
            .map(|&file| session.photograph(file, &paths[file], &device))
            .collect();
        let work = files.iter().zip(outcomes).map(|(&file, outcome)| Work {
            path: &args.features[file],
            outcome,
        });
        let photographs = batch.each(work, |work| {
            bar.about(work.path.display());
            bar.step();
            work.outcome
        })?;
        for mut photograph in photographs {
            if args.group.combine.is_some() {
                photograph.combine(args)?;
            }
            let path = &args.features[photograph.file];
            read.push(path.display().to_string());
            changes.add(path, &photograph);
            summaries.add(args, &photograph.maps);
            writer.add(&photograph.maps, Some(&photograph.crop))?;
        }
    }
    drop(bar);
    let outputs = writer.finish()?;

    // 3. The summary.
    changes.note(console);
    note_statuses(&summaries, console);
    let layers: Vec<&str> = session.layers.iter().map(|layer| &layer.name[..]).collect();
    let report = Report {
        args,
        inputs: read,
        read: vec![None; layers.len()],
        shapes: session
            .layers
            .iter()
            .map(|layer| &layer.shape[..])
            .collect(),
        readings: session.layers.iter().map(|layer| layer.read_as()).collect(),
        maps: &summaries,
        outputs: &outputs,
        device: device.name(),
        seconds: started.elapsed().as_secs_f64(),
    };
    let mut object = report.object();
    object["network"] = json!(file.display().to_string());
    object["layers"] = json!(layers);
    report.print(object, batch, console)
}

/// The photographs that arguments name: files, and all pictures in folders.
fn photographs(arguments: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut photographs = Vec::new();
    for argument in arguments {
        if is_dash(argument) {
            return Err(Failure::usage(
                "-: with --onnx a file or a folder was expected, not standard input",
            ));
        }
        if argument.is_dir() {
            let pictures = pictures(argument)?;
            if pictures.is_empty() {
                return Err(no_photographs(argument));
            }
            photographs.extend(pictures.into_iter().map(|(_, path)| path));
        } else {
            photographs.push(argument.clone());
        }
    }
    Ok(photographs)
}

/// Opens each photograph and checks its header. Returns the indices of the photographs that can be
/// read, and the memory of the photograph that needs most.
fn check_photographs(args: &Args, batch: &Batch, console: &Console) -> Outcome<(Vec<usize>, u64)> {
    let bar = console.progress("checking", Steps::Equal(args.features.len()));
    let paths = args.features.iter().enumerate();
    let paths = paths.map(|(file, path)| (file..file + 1, path));
    let checked = batch.each(paths, |(files, path)| {
        bar.step();
        Ok((files.start, PictureFile::open(path)?.memory()))
    })?;
    let largest = checked.iter().map(|(_, memory)| *memory).max();
    let files = checked.iter().map(|(file, _)| *file).collect();
    Ok((files, largest.unwrap_or(0)))
}

/// A photograph with its maps or its failure.
struct Work<'a> {
    path: &'a Path,
    outcome: Outcome<Photograph>,
}

impl Input for Work<'_> {
    fn names(&self) -> Vec<String> {
        self.path.names()
    }
}

/// The outputs of all photographs.
fn expected(args: &Args, session: &Session) -> Vec<Expected> {
    let files = (0..args.features.len()).map(|file| file..file + 1);
    let of_file = |files| {
        let names = session.map_names().into_iter();
        names.map(move |layer| Expected {
            name: args.name(&files),
            stem: stem_of_layer(args.stem(&files), layer),
            batch: None,
        })
    };
    files.flat_map(of_file).collect()
}

impl Args {
    /// Fails if `--combine` was given for a single layer.
    fn check_combined_layers(&self) -> Outcome {
        if self.group.combine.is_some() && self.network.layer.len() < 2 {
            return Err(Failure::usage(
                "--combine is for the maps of several layers: --layer NAME names each",
            ));
        }
        Ok(())
    }
}

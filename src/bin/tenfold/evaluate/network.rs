//! `evaluate --onnx`: from a network and photographs to records and tables.
//!
//! The photographs are processed in chunks, so that the memory does not depend on their number:
//!
//! ```text
//!   chunk of photographs ──> whole images: networks, maps      on all threads
//!                        ──> masked images: networks           on all threads
//!                        ──> records.jsonl                     in the order of the names
//!   records.jsonl ─────────> table.csv, table.json, table.md
//! ```
//!
//! | file | subject |
//! | --- | --- |
//! | `options` | the options |
//! | `session` | the networks, the selected tensors and the methods |
//! | `scores` | from class scores to probabilities |
//! | `photograph` | the work on one photograph |
//! | `masking` | masked images |

mod masking;
mod options;
mod photograph;
mod scores;
mod session;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::json;
use tenfold::network::{Network, Preprocessing};

use super::Args;
use super::photographs::{Photograph, photographs};
use super::table::Samples;
use super::writer::Writer;
use crate::console::Console;
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;
use crate::network::weights_memory;
use crate::output;
use crate::progress::Steps;
use crate::records::{self, FORMAT, Record, Records, Settings};
use masking::Masker;
pub(super) use options::NetworkArgs;
use photograph::{Task, Whole};
use session::Session;

pub(super) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    let options = &args.network;
    let Some(inputs) = options.inputs() else {
        return Err(Failure::usage(
            "evaluate --onnx needs --images DIR and -o RUN",
        ));
    };
    let outputs = Outputs::new(inputs.run);

    // 1. The photographs, and the networks.
    let photographs = photographs(
        inputs.images,
        args.arrays.masks.as_deref(),
        options.labels.as_deref(),
    )?;
    let judge_file = options.judge.as_deref();
    let files: Vec<PathBuf> = [Some(inputs.network), judge_file, options.labels.as_deref()]
        .into_iter()
        .flatten()
        .map(Path::to_owned)
        .collect();
    output::check_distinct(&outputs.all(), &files)?;
    let open = |file| options.input.open(file, memory, console);
    let network = open(inputs.network)?;
    let judge = judge_file.map(open).transpose()?;
    let session = Session::new(
        options,
        &network,
        judge.as_ref(),
        args.arrays.masks.is_some(),
    )?;
    let preprocessing = options.input.preprocessing(&network)?;

    // 2. The chunks, within the memory.
    let largest = check(&photographs, session.classes, args, console)?;
    let threads = rayon::current_num_threads();
    let chunk = 2 * threads;
    let weights = weights_memory(inputs.network);
    let weights = weights.saturating_add(judge_file.map_or(0, weights_memory));
    let need = weights
        .saturating_add(need(&session, &preprocessing, chunk))
        .saturating_add(largest.saturating_mul(threads as u64));
    memory.check(inputs.network, need)?;

    // 3. The records.
    let settings = settings(args, &session, &preprocessing, &network, judge.as_ref())?;
    if inputs.run.is_file() {
        return Err(Failure::usage(format!(
            "{}: this is a file, -o names the folder of the run",
            inputs.run.display()
        )));
    }
    fs::create_dir_all(inputs.run)
        .map_err(|error| Failure::usage(format!("{}: {error}", inputs.run.display())))?;
    output::check(&outputs.tables(), &[])?;
    let mut writer = Writer::open(&outputs.records, &settings, options.restart)?;
    note(&photographs, &writer, &session, args, console);
    let task = Task {
        session: &session,
        preprocessing: &preprocessing,
        thresholds: &args.thresholds,
        curve_steps: options.curves,
        masker: Masker::new(options.masking, &preprocessing),
    };
    work(&task, &photographs, &mut writer, chunk, args, console)?;

    // 4. The tables.
    report(&outputs, args, console)
}

/// The files of a run.
struct Outputs {
    records: PathBuf,
    csv: PathBuf,
    json: PathBuf,
    markdown: PathBuf,
}

impl Outputs {
    fn new(run: &Path) -> Self {
        Self {
            records: run.join(records::FILE),
            csv: run.join("table.csv"),
            json: run.join("table.json"),
            markdown: run.join("table.md"),
        }
    }

    fn tables(&self) -> [PathBuf; 3] {
        [&self.csv, &self.json, &self.markdown].map(Clone::clone)
    }

    fn all(&self) -> Vec<PathBuf> {
        [std::slice::from_ref(&self.records), &self.tables()].concat()
    }
}

/// Checks the label of each photograph, and the headers of its files. Returns the memory of the
/// photograph that needs most. With `--keep-going`, bad photographs are skipped, since their records
/// will say why.
fn check(
    photographs: &[Photograph],
    classes: usize,
    args: &Args,
    console: &Console,
) -> Outcome<u64> {
    let bar = console.progress("checking", Steps::Equal(photographs.len()));
    let mut largest = 0;
    for photograph in photographs {
        bar.step();
        let checked = photograph.check_label(classes);
        match checked.and_then(|()| photograph.check_headers()) {
            Ok(memory) => largest = largest.max(memory),
            Err(_) if args.keep_going.is_given() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(largest)
}

/// The memory of a chunk, without the weights and the photographs: the tensors of the network on each
/// thread, and the images and maps of each photograph.
fn need(session: &Session, preprocessing: &Preprocessing, chunk: usize) -> u64 {
    let threads = rayon::current_num_threads() as u64;
    let (height, width) = preprocessing.crop;
    let image = 3 * 4 * (height as u64) * (width as u64);
    let features = session
        .reading
        .feature_map_shape()
        .iter()
        .product::<usize>() as u64;
    let maps = session.methods.len() as u64 * features * 4;
    let each = image.saturating_add(maps).saturating_mul(chunk as u64);
    let each_thread = session
        .activations
        .saturating_add(4 * image + 64 * features);
    each_thread.saturating_mul(threads).saturating_add(each)
}

/// Computes the records that are missing.
fn work(
    task: &Task,
    photographs: &[Photograph],
    writer: &mut Writer,
    chunk: usize,
    args: &Args,
    console: &Console,
) -> Outcome {
    let missing = photographs
        .iter()
        .filter(|photograph| !writer.has(&photograph.name));
    let missing: Vec<&Photograph> = missing.collect();
    let bar = console.progress("photographs", Steps::Equal(missing.len()));
    for chunk in missing.chunks(chunk) {
        for (photograph, outcome) in chunk.iter().zip(task.records(chunk)) {
            bar.about(&photograph.name);
            let record = match outcome {
                Ok(record) => record,
                Err(failure) if args.keep_going.is_given() => failed(photograph, &failure),
                Err(failure) => return Err(failure),
            };
            writer.append(&record)?;
            bar.step();
        }
    }
    Ok(())
}

impl Task<'_> {
    /// The records of a chunk, on all threads.
    fn records(&self, chunk: &[&Photograph]) -> Vec<Outcome<Record>> {
        // 1. The whole images.
        let whole: Vec<Outcome<Whole>> = chunk
            .par_iter()
            .map(|photograph| self.whole(photograph))
            .collect();
        // 2. The masked images, for all maps of all photographs.
        let maps = self.session.methods.len();
        let jobs = whole.len() * maps;
        let judgements: Vec<_> = (0..jobs)
            .into_par_iter()
            .map(|job| {
                let whole = whole[job / maps].as_ref().ok()?;
                Some(self.judge(whole, job % maps))
            })
            .collect();
        // 3. The records.
        let mut judgements = judgements.into_iter();
        let records = whole.into_iter().zip(chunk).map(|(whole, photograph)| {
            let own: Vec<_> = judgements.by_ref().take(maps).flatten().collect();
            let own = own.into_iter().collect::<tenfold::Result<Vec<_>>>();
            let own = own.map_err(|error| Failure::in_file(&photograph.path, error));
            Ok(whole?.record(own?.into_iter()))
        });
        records.collect()
    }
}

/// The record of a photograph that failed. The reason does not repeat its path.
fn failed(photograph: &Photograph, failure: &Failure) -> Record {
    let message = failure.to_string();
    let path = photograph.path.display().to_string();
    let reason = message
        .strip_prefix(&path)
        .map_or(&message[..], |rest| rest.trim_start_matches([':', ' ']));
    Record {
        image: photograph.name.clone(),
        failure: Some(reason.to_owned()),
        ..Record::default()
    }
}

/// The settings of a run.
fn settings(
    args: &Args,
    session: &Session,
    preprocessing: &Preprocessing,
    network: &Network,
    judge: Option<&Network>,
) -> Outcome<Settings> {
    let options = &args.network;
    let absolute = |path: &Path| {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        path.to_string_lossy().into_owned()
    };
    let Preprocessing {
        resize,
        crop: (height, width),
        mean,
        std,
        scale,
    } = preprocessing;
    let name = network.path().file_stem().unwrap_or_default();
    Ok(Settings {
        format: FORMAT.to_owned(),
        network: absolute(network.path()),
        name: name.to_string_lossy().into_owned(),
        checksum: checksum(network.path())?,
        layer: session.layer.clone(),
        feature_map: session.reading.feature_map_shape().to_vec(),
        judge: judge.map(|judge| absolute(judge.path())),
        judge_checksum: judge.map(|judge| checksum(judge.path())).transpose()?,
        embedding: options.embedding.clone(),
        images: options.images.as_deref().map(absolute).unwrap_or_default(),
        masks: args.arrays.masks.as_deref().map(absolute),
        input: [*height, *width],
        preprocessing: format!(
            "resize {resize}, crop {height}×{width}, scale {scale}, mean {mean:?}, std {std:?}"
        ),
        resize: *resize,
        classes: match (session.has_classes(), &options.labels) {
            (false, _) => "none",
            (true, None) => "prediction",
            (true, Some(_)) => "labels",
        }
        .to_owned(),
        labels_checksum: options.labels.as_deref().map(checksum).transpose()?,
        class_scores: session.class_scores().map(str::to_owned),
        methods: session
            .methods
            .iter()
            .map(|method| method.name.clone())
            .collect(),
        thresholds: args.thresholds.clone(),
        curve_steps: options.curves,
        masking: options.masking.name().to_owned(),
    })
}

/// The CRC-32 of a file.
fn checksum(path: &Path) -> Outcome<u32> {
    let bytes =
        fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(crc32fast::hash(&bytes))
}

/// Notes about the classes, the masks and an earlier run.
fn note(
    photographs: &[Photograph],
    writer: &Writer,
    session: &Session,
    args: &Args,
    console: &Console,
) {
    let all = photographs.len();
    session.notes.iter().for_each(|note| console.note(note));
    if writer.count() > 0 {
        console.note(format!(
            "{} photographs are done, the run continues",
            writer.count()
        ));
    }
    if session.has_classes() {
        let labelled = photographs
            .iter()
            .filter(|photograph| photograph.label.is_some());
        match (labelled.count(), &args.network.labels) {
            (_, None) => console.note("the class of a photograph is the predicted class"),
            (count, Some(_)) if count < all => console.note(format!(
                "{} of {all} photographs have no label, their class is the predicted class",
                all - count
            )),
            _ => {}
        }
    }
    let without = photographs
        .iter()
        .filter(|photograph| photograph.mask.is_none())
        .count();
    if args.arrays.masks.is_some() && without > 0 {
        console.note(format!(
            "{without} of {all} photographs have no mask, they do not count for mIoU"
        ));
    }
}

/// Writes the tables of all records, and prints the table.
fn report(outputs: &Outputs, args: &Args, console: &Console) -> Outcome {
    // 1. The tables.
    let (settings, records) = Records::open(&outputs.records)?;
    let mut samples = Samples::new(settings);
    for record in records {
        samples.add(&record?)?;
    }
    let failures = samples.failures().to_vec();
    let bar = console.progress("bootstrap", Steps::Unknown);
    let table = samples.table(&args.bootstrap)?;
    drop(bar);
    let mut object = table.json();
    object["failed"] = failures
        .iter()
        .map(|(file, reason)| json!({ "file": file, "reason": reason }))
        .collect();

    // 2. The files.
    let text = format!("{object:#}\n");
    for (path, text) in [
        (&outputs.csv, table.csv()),
        (&outputs.json, text),
        (&outputs.markdown, table.markdown()),
    ] {
        tenfold::io::write_text(path, &text)?;
    }

    // 3. The summary.
    let written: Vec<String> = outputs
        .all()
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    object["outputs"] = json!(written);
    let lines = written.iter().map(|path| format!("written: {path}"));
    let lines: Vec<String> = [table.terminal(), String::new()]
        .into_iter()
        .chain(lines)
        .collect();
    console.summary(None, object, &lines.join("\n"))?;
    if failures.is_empty() {
        return Ok(());
    }
    let lines = failures
        .into_iter()
        .map(|(file, reason)| format!("{file}: {reason}"));
    Err(Failure::of_inputs(lines.collect()))
}

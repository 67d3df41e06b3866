//! Metrics of arrays: probabilities, embeddings, maps and curves that were computed elsewhere.

mod metrics;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Args;
use crate::arrays::{self, ArrayOptions};
use crate::batch::{Batch, Input};
use crate::console::Console;
use crate::failure::Outcome;
use crate::list;
use crate::memory::Memory;
use crate::output;
use metrics::Metric;

/// The options for arrays.
#[derive(clap::Args)]
pub(super) struct ArraysArgs {
    /// Class probabilities of the images: N, between 0 and 1
    #[arg(long, value_name = "P.npy", requires = "masked_probabilities")]
    probabilities: Option<PathBuf>,
    /// Class probabilities of the masked images: N, between 0 and 1
    #[arg(long, value_name = "O.npy", requires = "probabilities")]
    masked_probabilities: Option<PathBuf>,
    /// Also compute the average drop with this constant in the divisor: torch-cam uses
    /// 1e-7, xplique 1e-8
    #[arg(long, value_name = "E", value_parser = list::number, requires = "probabilities",
          allow_hyphen_values = true)]
    epsilon: Option<f64>,
    /// Embeddings of the images: N×D
    #[arg(long, value_name = "Z.npy", requires = "masked_embeddings")]
    embeddings: Option<PathBuf>,
    /// Embeddings of the masked images: N×D
    #[arg(long, value_name = "Y.npy", requires = "embeddings")]
    masked_embeddings: Option<PathBuf>,
    /// Saliency maps: H×W or N×H×W, between 0 and 1; they are resized to the size of the masks
    #[arg(long, value_name = "M.npy", requires = "masks")]
    maps: Option<PathBuf>,
    /// Masks: H×W or N×H×W; an entry other than 0 is inside. With --onnx: a folder with pictures,
    /// each with the name of its photograph; in an indexed PNG, index 0 is outside and 255 is void
    /// (Pascal VOC), in any other picture black is outside
    #[arg(long, value_name = "B.npy|DIR", requires = "masked")]
    pub(super) masks: Option<PathBuf>,
    /// The entry of the masks for pixels that do not count, such as 255
    #[arg(long, value_name = "V", value_parser = list::number, requires = "masks",
          allow_hyphen_values = true)]
    void: Option<f64>,
    /// Insertion curves: N×(S+1) class probabilities before the first of S steps and after each
    #[arg(long, value_name = "I.npy")]
    insertion: Option<PathBuf>,
    /// Deletion curves: N×(S+1) class probabilities, as for insertion
    #[arg(long, value_name = "D.npy")]
    deletion: Option<PathBuf>,
    #[command(flatten)]
    options: ArrayOptions,
}

/// Arrays that give metrics together.
#[derive(Clone, Copy)]
enum Group<'a> {
    Probabilities([&'a Path; 2]),
    Embeddings([&'a Path; 2]),
    Maps([&'a Path; 2]),
    Insertion(&'a Path),
    Deletion(&'a Path),
}

impl<'a> Group<'a> {
    fn files(&self) -> Vec<&'a Path> {
        match self {
            Self::Probabilities(files) | Self::Embeddings(files) | Self::Maps(files) => {
                files.to_vec()
            }
            Self::Insertion(file) | Self::Deletion(file) => vec![file],
        }
    }
}

impl Input for Group<'_> {
    fn names(&self) -> Vec<String> {
        let files = self.files().into_iter();
        files.map(|path| path.display().to_string()).collect()
    }
}

pub(super) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    let groups = args.arrays.groups();
    let inputs: Vec<&Path> = groups.iter().flat_map(Group::files).collect();
    output::check(&[], &arrays::files(inputs)?)?;
    let batch = Batch::new(&args.keep_going);
    let groups = batch.each(groups, |group| {
        check_memory(&group.files(), &args.arrays.options, memory)?;
        Ok(group)
    })?;
    let metrics = batch.each(groups, |group| group.metrics(args, console))?;
    let metrics: Vec<Metric> = metrics.into_iter().flatten().collect();
    let mut object = json!({ "command": "evaluate" });
    for metric in &metrics {
        object[metric.key] = metric.value.clone();
        if let Some(interval) = &metric.interval {
            object[format!("{}_interval", metric.key)] = interval.clone();
        }
    }
    let lines: Vec<&str> = metrics.iter().map(|metric| metric.text.as_str()).collect();
    batch.finish(object, |object| console.result(object, &lines.join("\n")))
}

impl ArraysArgs {
    /// The arrays that were given.
    fn groups(&self) -> Vec<Group<'_>> {
        fn pair<'a>(
            first: &'a Option<PathBuf>,
            second: &'a Option<PathBuf>,
        ) -> Option<[&'a Path; 2]> {
            Some([first.as_deref()?, second.as_deref()?])
        }
        let probabilities = pair(&self.probabilities, &self.masked_probabilities);
        let groups = [
            probabilities.map(Group::Probabilities),
            pair(&self.embeddings, &self.masked_embeddings).map(Group::Embeddings),
            pair(&self.maps, &self.masks).map(Group::Maps),
            self.insertion.as_deref().map(Group::Insertion),
            self.deletion.as_deref().map(Group::Deletion),
        ];
        groups.into_iter().flatten().collect()
    }
}

/// Fails if arrays need more memory than the limit. The arrays are in memory with their own scalar,
/// in `f64`, and, for maps, resized to the masks.
fn check_memory(files: &[&Path], arrays: &ArrayOptions, memory: &Memory) -> Outcome {
    let mut need = 0u64;
    for path in files {
        let file = arrays.open_again(path)?;
        let entries = file.shape().iter().product::<usize>() as u64;
        need = need
            .saturating_add(file.memory())
            .saturating_add(24 * entries);
        memory.check(path, need)?;
    }
    Ok(())
}

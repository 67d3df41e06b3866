//! The records of a run, read from `RUN/records.jsonl`.
//!
//! A run may have any number of photographs. The values of the maps are most of the file, and only
//! the few maps that are drawn need them. [`Run::read`] drops these values; [`Run::sample`] reads the
//! file again and keeps the records of the drawn photographs whole.

use std::path::{Path, PathBuf};

use super::method::Method;
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;
use crate::records::{FILE, MapRecord, Record, Records, Settings};

/// A run: its settings, and its records without the values of the maps.
pub(super) struct Run {
    folder: PathBuf,
    pub(super) settings: Settings,
    pub(super) methods: Vec<Method>,
    /// The network's name in the report. It is distinct from the names of the other runs.
    pub(super) name: String,
    /// The photographs with results.
    pub(super) records: Vec<Record>,
    /// The photographs without results, each with the reason.
    pub(super) failures: Vec<(String, String)>,
}

impl Run {
    /// Reads the records of the run in `folder`.
    pub(super) fn read(folder: &Path, memory: &Memory) -> Outcome<Self> {
        // 1. The settings.
        let path = folder.join(FILE);
        let file = path.metadata().ok().filter(std::fs::Metadata::is_file);
        let Some(file) = file else {
            return Err(Failure::usage(format!(
                "{}: there is no file {FILE} in it, the folder of a run of tenfold evaluate \
                 --onnx was expected",
                folder.display()
            )));
        };
        // Without the values of the maps, the records need less memory than the file has bytes.
        memory.check(&path, file.len())?;
        let failure = |text: String| Failure::usage(format!("{}: {text}", path.display()));
        let (settings, records) = Records::open(&path)?;
        let methods = settings.methods.iter().map(|name| {
            Method::parse(name).ok_or_else(|| failure(format!("{name:?} is no method")))
        });
        let methods = methods.collect::<Outcome<Vec<Method>>>()?;
        // 2. The records.
        let mut run = Self {
            folder: folder.to_path_buf(),
            name: settings.name.clone(),
            settings,
            methods,
            records: Vec::new(),
            failures: Vec::new(),
        };
        for record in records {
            let mut record = record?;
            if let Some(reason) = record.failure {
                run.failures.push((record.image, reason));
                continue;
            }
            for map in &mut record.maps {
                let problem = |text| failure(format!("the record of {}: {text}", record.image));
                check(map).map_err(problem)?;
                map.values = Vec::new();
            }
            run.records.push(record);
        }
        if run.records.is_empty() && run.failures.is_empty() {
            return Err(failure("the run has no records yet".into()));
        }
        Ok(run)
    }

    /// Up to `count` of the records that `is_wanted` accepts, with the values of their maps. They
    /// are chosen evenly.
    pub(super) fn sample(
        &self,
        count: usize,
        is_wanted: impl Fn(&Record) -> bool,
    ) -> Outcome<Vec<Record>> {
        // 1. The positions among the records with results.
        let wanted = self.records.iter().enumerate();
        let wanted: Vec<usize> = wanted
            .filter(|(_, record)| is_wanted(record))
            .map(|(position, _)| position)
            .collect();
        let count = count.min(wanted.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut chosen = (0..count)
            .map(|i| wanted[i * wanted.len() / count])
            .peekable();
        // 2. The records at these positions.
        let (_, records) = Records::open(&self.file())?;
        let has_results =
            |record: &Outcome<Record>| record.as_ref().map_or(true, |r| r.failure.is_none());
        records
            .filter(has_results)
            .enumerate()
            .filter(|(position, _)| chosen.next_if_eq(position).is_some())
            .map(|(_, record)| record)
            .take(count)
            .collect()
    }

    /// The path of a photograph. A relative folder of photographs is relative to the run.
    pub(super) fn photograph(&self, record: &Record) -> PathBuf {
        self.folder.join(&self.settings.images).join(&record.image)
    }

    /// The path of the mask of a photograph, if it has one.
    pub(super) fn mask(&self, record: &Record) -> Option<PathBuf> {
        let masks = self.folder.join(self.settings.masks.as_ref()?);
        Some(masks.join(record.mask.as_ref()?))
    }

    /// The file of the records.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// The methods with full ranks. If there are none, all methods.
    pub(super) fn main_methods(&self) -> Vec<&Method> {
        let full: Vec<&Method> = self.methods.iter().filter(|m| m.is_full()).collect();
        if full.is_empty() {
            self.methods.iter().collect()
        } else {
            full
        }
    }

    /// A value of a method for each photograph that has it.
    pub(super) fn values(
        &self,
        method: &Method,
        value: impl Fn(&Record, &MapRecord) -> Option<f64>,
    ) -> Vec<f64> {
        let of_record = |record| value(record, map_of(record, method)?);
        self.records.iter().filter_map(of_record).collect()
    }
}

/// The map of a method.
pub(super) fn map_of<'a>(record: &'a Record, method: &Method) -> Option<&'a MapRecord> {
    record.maps.iter().find(|map| map.method == method.name)
}

/// Fails if the values of a map do not fit its shape or are not between 0 and 1.
fn check(map: &MapRecord) -> Result<(), String> {
    let [height, width] = map.shape;
    if map.values.is_empty() || height.checked_mul(width) != Some(map.values.len()) {
        return Err(format!(
            "the map of {} has {} values, {height}×{width} were expected",
            map.method,
            map.values.len()
        ));
    }
    match map
        .values
        .iter()
        .find(|value| !(0.0..=1.0).contains(*value))
    {
        None => Ok(()),
        Some(value) => Err(format!(
            "the map of {} has the value {value}, a value between 0 and 1 was expected",
            map.method
        )),
    }
}

/// Gives each run a name of its own: the network's name, and where runs share it the layer or the
/// folder.
pub(super) fn name(runs: &mut [Run]) {
    let layer = |run: &Run| format!("{}, {}", run.settings.name, run.settings.layer);
    let folder = |run: &Run| format!("{}, {}", run.settings.name, run.folder.display());
    let distinguish: [&dyn Fn(&Run) -> String; 2] = [&layer, &folder];
    for longer in distinguish {
        let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
        for run in &mut *runs {
            if names.iter().filter(|&name| *name == run.name).count() > 1 {
                run.name = longer(run);
            }
        }
    }
}

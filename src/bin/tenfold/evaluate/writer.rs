//! Writes the records of an evaluation, and continues an interrupted run.
//!
//! Each record is appended as one line and flushed at once. If the run is interrupted, the file ends
//! after a whole line or within a line. The next run cuts off a line that is not whole:
//!
//! ```text
//!   {"format":"tenfold-evaluation-1", …}⏎      settings: equal, or the run is refused
//!   {"image":"a.jpg", …}⏎                      done
//!   {"image":"b.jpg", …}⏎                      done
//!   {"image":"c.jp                             cut off; the run continues with c.jpg
//! ```

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::records::{Record, Records, Settings, unreadable};

/// Appends records to a file.
pub(crate) struct Writer {
    path: PathBuf,
    file: File,
    /// The photographs with a record.
    done: HashSet<String>,
}

impl Writer {
    /// Opens the file `path` of a run with `settings`. If the file exists, its records are kept,
    /// unless `restart`. Fails if the existing file has other settings.
    pub(crate) fn open(path: &Path, settings: &Settings, restart: bool) -> Outcome<Self> {
        if !restart && is_begun(path)? {
            return Self::resume(path, settings);
        }
        let file = File::create(path).map_err(|error| unwritable(path, &error))?;
        let mut writer = Self {
            path: path.to_owned(),
            file,
            done: HashSet::new(),
        };
        writer.write_line(settings)?;
        Ok(writer)
    }

    fn resume(path: &Path, settings: &Settings) -> Outcome<Self> {
        // 1. The records of the file.
        let (before, mut records) = Records::open(path)?;
        if let Some(difference) = first_difference(&before, settings)? {
            return Err(Failure::usage(format!(
                "{}: the run has other settings: {difference}; --restart begins it anew",
                path.display()
            )));
        }
        let mut done = HashSet::new();
        for record in &mut records {
            done.insert(record?.image);
        }

        // 2. The file without a line that is not whole.
        let open = OpenOptions::new().write(true).open(path);
        let open = open.and_then(|mut file| {
            file.set_len(records.end())?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        });
        let file = open.map_err(|error| unwritable(path, &error))?;
        let path = path.to_owned();
        Ok(Self { path, file, done })
    }

    /// Whether the file has a record of a photograph.
    pub(crate) fn has(&self, image: &str) -> bool {
        self.done.contains(image)
    }

    /// The number of records.
    pub(crate) fn count(&self) -> usize {
        self.done.len()
    }

    /// Appends a record.
    pub(crate) fn append(&mut self, record: &Record) -> Outcome {
        self.write_line(record)?;
        self.done.insert(record.image.clone());
        Ok(())
    }

    fn write_line(&mut self, line: &impl Serialize) -> Outcome {
        let text = serde_json::to_string(line)
            .map_err(|error| Failure::other(format!("{}: {error}", self.path.display())))?;
        // One call, so that another process that reads the file sees whole lines.
        let written = self.file.write_all(format!("{text}\n").as_bytes());
        let written = written.and_then(|()| self.file.flush());
        written.map_err(|error| unwritable(&self.path, &error))
    }
}

/// Whether the file exists and has at least one whole line. Without a whole first line
/// there are no records.
fn is_begun(path: &Path) -> Outcome<bool> {
    use std::io::{BufRead, BufReader};
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let mut first = Vec::new();
    let read = BufReader::new(file).read_until(b'\n', &mut first);
    read.map_err(|error| unreadable(path, &error))?;
    Ok(first.last() == Some(&b'\n'))
}

/// The first setting that differs, with both values.
fn first_difference(before: &Settings, now: &Settings) -> Outcome<Option<String>> {
    let object = |settings: &Settings| {
        serde_json::to_value(settings)
            .map_err(|error| Failure::other(format!("the settings cannot be written: {error}")))
    };
    let (before, now) = (object(before)?, object(now)?);
    let difference = NAMES.iter().find(|(key, _)| before[key] != now[key]);
    Ok(difference.map(|(key, name)| {
        let text = |value: &Value| match value {
            Value::Null => "none".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!(
            "{name} was {}, now it is {}",
            text(&before[key]),
            text(&now[key])
        )
    }))
}

/// The settings, the most important first, and their names in messages.
const NAMES: [(&str, &str); 20] = [
    ("format", "the format"),
    ("network", "the network"),
    ("checksum", "the checksum of the network"),
    ("judge", "the judge"),
    ("judge_checksum", "the checksum of the judge"),
    ("images", "the folder of the photographs"),
    ("masks", "the folder of the masks"),
    ("layer", "the layer"),
    ("embedding", "the embedding"),
    ("classes", "the source of the classes"),
    ("labels_checksum", "the checksum of the labels"),
    ("class_scores", "the kind of class scores"),
    ("methods", "the list of methods"),
    ("thresholds", "the list of thresholds"),
    ("curve_steps", "the number of steps of the curves"),
    ("masking", "the masking"),
    ("preprocessing", "the preprocessing"),
    ("resize", "the resizing"),
    ("input", "the size of the input"),
    ("feature_map", "the shape of the feature map"),
];

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("{} cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::records::{MapRecord, sample_settings};

    fn settings() -> Settings {
        sample_settings(&["mtsm"], &[0.5])
    }

    fn record(image: &str) -> Record {
        Record {
            image: image.to_owned(),
            class: Some(1),
            probability: Some(0.1),
            maps: vec![MapRecord {
                method: "mtsm".to_owned(),
                shape: [1, 2],
                values: vec![0.1, 1.0],
                seconds: 0.25,
                masked_probability: Some(1.0 / 3.0),
                embedding_error: None,
                iou: Vec::new(),
                insertion: Vec::new(),
                deletion: Vec::new(),
            }],
            ..Record::default()
        }
    }

    fn open(path: &Path, settings: &Settings, restart: bool) -> Result<Writer, String> {
        Writer::open(path, settings, restart).map_err(|failure| failure.to_string())
    }

    fn read(path: &Path) -> Result<(Settings, Vec<Record>), String> {
        let records = Records::open(path).and_then(|(settings, records)| {
            let records = records.collect::<Outcome<Vec<Record>>>()?;
            Ok((settings, records))
        });
        records.map_err(|failure| failure.to_string())
    }

    fn append(writer: &mut Writer, image: &str) {
        let outcome = writer.append(&record(image));
        assert!(outcome.is_ok());
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let mut writer = open(&path, &settings(), false).unwrap();
        append(&mut writer, "a.png");
        let failed = Record {
            image: "b.png".to_owned(),
            failure: Some("the file is cut off".to_owned()),
            ..Record::default()
        };
        assert!(writer.append(&failed).is_ok());
        let expected = (settings(), vec![record("a.png"), failed]);
        assert_eq!(read(&path).unwrap(), expected);
    }

    #[test]
    fn a_run_continues_after_the_last_whole_line_wherever_it_was_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let mut writer = open(&path, &settings(), false).unwrap();
        append(&mut writer, "a.png");
        let first = fs::read(&path).unwrap().len();
        append(&mut writer, "b.png");
        let whole = fs::read(&path).unwrap();
        for end in 0..=whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            let mut writer = open(&path, &settings(), false).unwrap();
            assert_eq!(writer.has("a.png"), end >= first, "{end}");
            assert_eq!(writer.has("b.png"), end == whole.len(), "{end}");
            for image in ["a.png", "b.png"] {
                if !writer.has(image) {
                    append(&mut writer, image);
                }
            }
            assert_eq!(writer.count(), 2);
            assert_eq!(fs::read(&path).unwrap(), whole, "{end}");
        }
    }

    #[test]
    fn other_settings_are_refused_and_the_difference_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        let mut writer = open(&path, &settings(), false).unwrap();
        append(&mut writer, "a.png");
        let other = Settings {
            layer: "stem".to_owned(),
            masks: Some("/masks".to_owned()),
            ..settings()
        };
        let message = open(&path, &other, false).err().unwrap();
        assert!(
            message.ends_with(
                "the run has other settings: the folder of the masks was none, now it is /masks; \
                 --restart begins it anew"
            ),
            "{message}"
        );
        let other = Settings {
            curve_steps: 10,
            ..settings()
        };
        let message = open(&path, &other, false).err().unwrap();
        let expected = "the number of steps of the curves was 0, now it is 10";
        assert!(message.contains(expected), "{message}");
        // The refused runs left the file as it was.
        assert_eq!(read(&path).unwrap().1.len(), 1);
        let writer = open(&path, &other, true).unwrap();
        assert_eq!(writer.count(), 0);
        assert_eq!(read(&path).unwrap(), (other, Vec::new()));
    }

    #[test]
    fn every_setting_is_compared() {
        let object = serde_json::to_value(settings()).unwrap();
        let keys = object.as_object().unwrap().keys();
        // The name follows from the network.
        let mut expected: Vec<&str> = keys.map(String::as_str).filter(|&k| k != "name").collect();
        let mut compared: Vec<&str> = NAMES.iter().map(|(key, _)| *key).collect();
        expected.sort_unstable();
        compared.sort_unstable();
        assert_eq!(compared, expected);
    }

    #[test]
    fn files_that_are_no_records_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.jsonl");
        for (text, problem) in [
            ("", "line 1: there are no settings"),
            ("image,class\n", "line 1: "),
            ("{\"format\":\"other-2\"}\n", "the format is \"other-2\""),
        ] {
            fs::write(&path, text).unwrap();
            let message = read(&path).err().unwrap();
            assert!(message.contains(problem), "{text}: {message}");
        }
        drop(open(&path, &settings(), true).unwrap());
        let mut text = fs::read_to_string(&path).unwrap();
        text += "{\"image\":3}\n";
        fs::write(&path, text).unwrap();
        let message = read(&path).err().unwrap();
        assert!(message.contains("line 2: invalid type"), "{message}");
        assert!(open(&path, &settings(), false).is_err());
    }
}

//! The records of an evaluation: one line of JSON for each photograph.
//!
//! `tenfold evaluate --onnx … -o RUN` writes the file `RUN/records.jsonl`, and `tenfold report RUN`
//! reads it. The first line holds the [`Settings`] of the run, each further line a [`Record`]:
//!
//! ```text
//!   {"format":"tenfold-evaluation-1","network":"resnet50.onnx","layer":"/layer4/Relu", …}
//!   {"image":"n01440764_tench.JPEG","class":0,"probability":0.93,"maps":[{"method":"mtsm", …}, …]}
//!   {"image":"broken.jpg","failure":"broken.jpg: the file is cut off"}
//! ```
//!
//! [`Records`] reads the file, one record at a time. A run that was interrupted continues after the
//! last whole line, if the settings are the same (`evaluate::writer`).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Outcome};

/// The name of the file in the folder of a run.
pub(crate) const FILE: &str = "records.jsonl";

/// The version of the format.
pub(crate) const FORMAT: &str = "tenfold-evaluation-1";

/// What a run computes. A run continues only with equal settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// [`FORMAT`].
    pub(crate) format: String,
    /// The path of the network, and the name for tables: the file's name without its extension.
    pub(crate) network: String,
    pub(crate) name: String,
    /// The CRC-32 of the network's bytes.
    pub(crate) checksum: u32,
    /// The layer of the feature maps, and the shape of one feature map (C×H×W, C×L).
    pub(crate) layer: String,
    pub(crate) feature_map: Vec<usize>,
    /// The network that classifies, if it is another one (`--judge`).
    pub(crate) judge: Option<String>,
    pub(crate) judge_checksum: Option<u32>,
    /// The layer of the embeddings, if there is one.
    pub(crate) embedding: Option<String>,
    /// The folders of the photographs and of the masks, as absolute paths.
    pub(crate) images: String,
    pub(crate) masks: Option<String>,
    /// The height and the width of the network's input, in pixels.
    pub(crate) input: [usize; 2],
    /// The preprocessing as one line of text, such as "resize 224, crop 224×224, mean …, std …".
    pub(crate) preprocessing: String,
    /// The height that the shorter side of a photograph is resized to before the crop to `input`.
    pub(crate) resize: usize,
    /// Where the class of a photograph is from: "labels" or "prediction".
    pub(crate) classes: String,
    /// The CRC-32 of the file of the labels.
    #[serde(default)]
    pub(crate) labels_checksum: Option<u32>,
    /// What the class scores are: "probabilities" or "logits".
    #[serde(default)]
    pub(crate) class_scores: Option<String>,
    /// The methods, in the order of the tables: see [`MapRecord::method`].
    pub(crate) methods: Vec<String>,
    /// The thresholds of the intersection over union.
    pub(crate) thresholds: Vec<f64>,
    /// The number of steps of the insertion and deletion curves; 0 without curves.
    pub(crate) curve_steps: usize,
    /// How a map masks an image: "map" (the pixels are multiplied by the map), "normalised" (the
    /// input of the network is multiplied by the map) or "upper-half" (the upper half of the map's
    /// pixels is kept).
    pub(crate) masking: String,
}

/// The results for one photograph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The path of the photograph below the folder `images`.
    pub(crate) image: String,
    /// Why the photograph has no results (`--keep-going`); then all other fields are empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    /// The class, and its probability for the unmasked image; none without a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    /// The path of the mask below the folder `masks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mask: Option<String>,
    /// The singular values of the channel mode by the SVD (centred) and by Tucker: the first five,
    /// and the sum of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) svd: Option<Spectrum>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tucker: Option<Spectrum>,
    /// The time that the network took for the unmasked image, in seconds.
    #[serde(default)]
    pub(crate) network_seconds: f64,
    /// One entry for each method, in the order of [`Settings::methods`].
    #[serde(default)]
    pub(crate) maps: Vec<MapRecord>,
}

/// The leading singular values of a feature map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spectrum {
    /// σ₁ ≥ … ≥ σ₅, fewer if there are fewer.
    pub(crate) leading: Vec<f64>,
    /// Σσ, over all singular values.
    pub(crate) sum: f64,
}

/// The map of one method, and its metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MapRecord {
    /// The weighting's name, with the ranks if they are truncated: "mtsm", "mtsm@64,3,3".
    pub(crate) method: String,
    /// Height and width of the map, at the resolution of the feature map.
    pub(crate) shape: [usize; 2],
    /// The values of the map, row by row, between 0 and 1.
    pub(crate) values: Vec<f32>,
    /// The time that the map took, in seconds, without resizing.
    pub(crate) seconds: f64,
    /// The probability of the class for the masked image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) masked_probability: Option<f64>,
    /// ‖z − z̄‖² of the embeddings of the image and of the masked image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) embedding_error: Option<f64>,
    /// The intersection over union at each threshold; empty without a mask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) iou: Vec<f64>,
    /// The class probability before the first step of insertion and deletion, and after each step;
    /// empty without curves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) insertion: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) deletion: Vec<f64>,
}

/// The records of a file, read one at a time.
///
/// A last line without a line break was not written to its end. It is not read.
pub(crate) struct Records {
    path: PathBuf,
    lines: BufReader<File>,
    /// The number of the last line that was read, from 1.
    line: usize,
    /// The end of the last whole line in the file, in bytes.
    end: u64,
}

impl Records {
    /// Opens the file `path` and reads the settings.
    pub(crate) fn open(path: &Path) -> Outcome<(Settings, Self)> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let mut records = Self {
            path: path.to_owned(),
            lines: BufReader::new(file),
            line: 0,
            end: 0,
        };
        let Some(first) = records.next_line()? else {
            return Err(records.bad("there are no settings, the file is no evaluation"));
        };
        let Format { format } = records.parse(&first)?;
        if format != FORMAT {
            return Err(records.bad(format!(
                "the format is {format:?}, this version of tenfold reads {FORMAT:?}"
            )));
        }
        let settings = records.parse(&first)?;
        Ok((settings, records))
    }

    /// The end of the last whole line that was read, in bytes.
    #[cfg(any(feature = "onnx", test))]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The next whole line. `None` at the end of the file.
    fn next_line(&mut self) -> Outcome<Option<String>> {
        let mut line = Vec::new();
        let read = self.lines.read_until(b'\n', &mut line);
        let count = read.map_err(|error| unreadable(&self.path, &error))?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        self.line += 1;
        self.end += count as u64;
        let line = String::from_utf8(line).map_err(|_| self.bad("the line is not UTF-8"))?;
        Ok(Some(line))
    }

    fn parse<T: DeserializeOwned>(&self, line: &str) -> Outcome<T> {
        serde_json::from_str(line).map_err(|error| self.bad(error.to_string()))
    }

    /// The failure that the last line that was read is wrong.
    fn bad(&self, problem: impl AsRef<str>) -> Failure {
        Failure::usage(format!(
            "{}: line {}: {}",
            self.path.display(),
            self.line.max(1),
            problem.as_ref()
        ))
    }
}

impl Iterator for Records {
    type Item = Outcome<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.next_line().transpose()?;
        Some(line.and_then(|line| self.parse(&line)))
    }
}

/// The format in the first line of a file.
#[derive(Deserialize)]
struct Format {
    format: String,
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {error}", path.display()))
}

/// The settings of a small run, for tests.
#[cfg(test)]
pub(crate) fn sample_settings(methods: &[&str], thresholds: &[f64]) -> Settings {
    Settings {
        format: FORMAT.to_owned(),
        network: "/networks/small.onnx".to_owned(),
        name: "small".to_owned(),
        checksum: 1,
        layer: "features".to_owned(),
        feature_map: vec![8, 2, 2],
        judge: None,
        judge_checksum: None,
        embedding: None,
        images: "/photographs".to_owned(),
        masks: None,
        input: [8, 8],
        preprocessing: "resize 8, crop 8×8".to_owned(),
        resize: 8,
        classes: "prediction".to_owned(),
        labels_checksum: None,
        class_scores: Some("logits".to_owned()),
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        thresholds: thresholds.to_vec(),
        curve_steps: 0,
        masking: "map".to_owned(),
    }
}

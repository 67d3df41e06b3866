//! Descriptions of arrays and decompositions.

use std::fs::File;
use std::path::Path;

use serde_json::{Value, json};
use tenfold::cam::Reading;
use tenfold::io::{
    AnyTensor, AnyTucker, Contents, Member, Meta, contents, contents_from, members_from,
    members_with,
};
use tenfold::{Hosvd, Scalar, Stop, Tensor, TradeOff, Truncation, Tucker, mode_spectrum};

use super::estimates::{Array, Estimates};
use super::members::describe_members;
use super::plot::{self, Plot};
use crate::arrays::{ArrayOptions, is_dash, source};
use crate::cam::layout::LayoutArgs;
use crate::console::{Console, times};
use crate::decomposition::DecompositionFile;
use crate::failure::{Failure, Outcome};
use crate::memory::{Memory, readable};
use crate::plotting;
use crate::progress::{Bar, Steps};
use crate::sizes::{Sizes, array_bytes};

/// The maximum number of singular values of a mode in the text.
const SHOWN: usize = 8;

/// Describes files as JSON and as text.
pub(super) struct Describer<'a> {
    pub(super) arrays: &'a ArrayOptions,
    /// The layout of feature maps.
    pub(super) layout: &'a LayoutArgs,
    /// The estimated times of calls for arrays, if requested.
    pub(super) estimates: Option<&'a Estimates>,
    /// The chart to draw.
    pub(super) plot: Option<&'a Path>,
    pub(super) console: &'a Console,
    pub(super) memory: &'a Memory,
}

impl Describer<'_> {
    /// The description of a file.
    pub(super) fn describe(&self, path: &Path) -> Outcome<(Value, String)> {
        match self.kind(path)? {
            Contents::Decomposition => {
                self.note_no_layout(path, "a decomposition");
                self.describe_decomposition(path)
            }
            Contents::Members => {
                let members = self.members(path)?;
                if members.len() == 1 {
                    return self.describe_array(path);
                }
                self.note_no_layout(path, "several arrays");
                Ok(describe_members(path, &members))
            }
            _ => self.describe_array(path),
        }
    }

    /// Prints a note if a layout was given, for a file that is `what`.
    fn note_no_layout(&self, path: &Path, what: &str) {
        if self.layout.is_given() {
            self.console.note(format!(
                "{}: --layout describes an array of feature maps, the file is {what}",
                path.display()
            ));
        }
    }

    /// What an argument names. Raw numbers and a member of a file are arrays.
    fn kind(&self, path: &Path) -> Outcome<Contents> {
        if self.arrays.is_raw() || source(path).member.is_some() {
            return Ok(Contents::Array);
        }
        let kind = match self.stream(path)? {
            Some(stream) => contents_from(stream),
            None => contents(path),
        };
        kind.map_err(|error| Failure::in_file(path, error))
    }

    /// The copy of standard input, if the argument names it.
    fn stream(&self, path: &Path) -> Outcome<Option<File>> {
        let copy = || {
            let _bar = self.console.progress("reading", Steps::Unknown);
            self.arrays.standard_input()
        };
        is_dash(path).then(copy).transpose()
    }

    fn members(&self, path: &Path) -> Outcome<Vec<Member>> {
        let options = self.arrays.to_library();
        let members = match self.stream(path)? {
            Some(stream) => members_from(stream, &options),
            None => members_with(path, &options),
        };
        members.map_err(|error| Failure::in_file(path, error))
    }

    fn describe_decomposition(&self, path: &Path) -> Outcome<(Value, String)> {
        let file = DecompositionFile::open(path, self.stream(path)?)?;
        self.memory.check(path, file.memory())?;
        let (read, bytes) = (file.memory(), file.bytes());
        let (tucker, mut meta) = file.read(self.console)?;
        let allows = |more: u64| self.memory.check(path, read.saturating_add(more));
        let compression = match &tucker {
            AnyTucker::F32(tucker) => tucker.compression(),
            AnyTucker::F64(tucker) => tucker.compression(),
        };
        let found = match tucker {
            AnyTucker::F32(tucker) => Found::of(tucker, &mut meta, self.plot.is_some(), &allows)?,
            AnyTucker::F64(tucker) => Found::of(tucker, &mut meta, self.plot.is_some(), &allows)?,
        };
        let found = found.map_err(|error| Failure::in_file(path, error))?;
        if let Some(chart) = self.plot {
            let plot = Plot {
                path,
                shape: &meta.shape,
                reference: if meta.relative_error.is_some() {
                    "the array"
                } else {
                    "the decomposition"
                },
                spectra: &meta.spectra,
                curve: &found.curve,
            };
            plotting::write(chart, plot.svg())?;
        }
        let sizes = Sizes {
            compression,
            input_bytes: meta.input_bytes,
            output_bytes: bytes,
        };
        if let Some(note) = sizes.note() {
            self.console.note(format!("{}: {note}", path.display()));
        }
        Ok(describe_tucker(path, &sizes, &found, &meta))
    }

    fn describe_array(&self, path: &Path) -> Outcome<(Value, String)> {
        let file = self.arrays.open_again(path)?;
        let spectra = spectra_memory(file.shape(), self.plot.is_some());
        self.memory
            .check(path, file.memory().saturating_add(spectra))?;
        let stored = file.stored_dtype().to_owned();
        let (shape, dtype) = (file.shape().to_vec(), file.dtype());
        let reading = self.reading(path, &shape)?;
        if let Some(note) = file.note() {
            self.console.note(note);
        }
        let x = self.console.read(file, path)?;
        let bar = self
            .console
            .progress("spectra", Steps::Unequal(shape.len()));
        bar.about(path.display());
        let described = match x {
            AnyTensor::F32(x) => self.describe_tensor(path, &stored, &x, &bar),
            AnyTensor::F64(x) => self.describe_tensor(path, &stored, &x, &bar),
        };
        drop(bar);
        let (mut object, mut text) = described?;
        if let Some(reading) = &reading {
            object["read_as"] = reading.to_string().into();
            text += &format!("  read as {reading}\n");
        }
        if let Some(estimates) = self.estimates {
            let array = Array {
                shape: &shape,
                dtype,
                reading: reading.as_ref(),
            };
            estimates.add_to(&array, &mut object, &mut text);
        }
        Ok((object, text))
    }

    fn describe_tensor<T: Scalar>(
        &self,
        path: &Path,
        stored: &str,
        x: &Tensor<T>,
        bar: &Bar,
    ) -> Outcome<(Value, String)> {
        let in_file = |error| Failure::in_file(path, error);
        let mut spectra = Vec::new();
        for mode in 0..x.order() {
            spectra.push(Some(mode_spectrum(x, mode).map_err(in_file)?));
            bar.step();
        }
        if let Some(chart) = self.plot {
            let full = Truncation::at_most(x.shape(), x.shape(), None).map_err(in_file)?;
            let full = Hosvd::new(full).decompose(x).map_err(in_file)?;
            let plot = Plot {
                path,
                shape: x.shape(),
                reference: "the array",
                spectra: &spectra,
                curve: &plot::curve(full, 0.0).map_err(in_file)?,
            };
            plotting::write(chart, plot.svg())?;
        }
        Ok(tensor_text(path, stored, x, &spectra))
    }

    /// How an array is read as feature maps, if an option describes it or its times are estimated.
    fn reading(&self, path: &Path, shape: &[usize]) -> Outcome<Option<Reading>> {
        if self.estimates.is_none() && !self.layout.is_given() {
            return Ok(None);
        }
        let reading = self.layout.read_if_features(path, shape)?;
        if let Some(reading) = &reading {
            self.layout.note(path, shape, reading, self.console);
        }
        Ok(reading)
    }
}

/// The memory for the singular values of an array of this shape, estimated as for HOSVD. A chart needs
/// HOSVD at full ranks. It is 0 for a shape that HOSVD does not accept.
fn spectra_memory(shape: &[usize], plot: bool) -> u64 {
    let ranks = if plot {
        Truncation::RelativeError(0.0)
    } else {
        Truncation::Ranks(vec![1; shape.len()])
    };
    Hosvd::new(ranks).memory::<f64>(shape).unwrap_or(0)
}

/// The description of a tensor with these singular values.
fn tensor_text<T: Scalar>(
    path: &Path,
    stored: &str,
    x: &Tensor<T>,
    spectra: &[Option<Vec<f64>>],
) -> (Value, String) {
    let norm = x.norm();
    let bytes = array_bytes(x.shape(), stored);
    let object = json!({
        "file": path.display().to_string(),
        "kind": "tensor",
        "shape": x.shape(),
        "dtype": T::NAME,
        "stored_dtype": stored,
        "entries": x.data().len(),
        "bytes": bytes,
        "norm": norm,
        "spectra": spectra,
    });
    let size = bytes.map_or_else(String::new, |bytes| format!(" in {}", readable(bytes)));
    let text = format!(
        "{}: tensor {} {stored}, {} entries{size}, norm {norm:.6e}\n{}",
        path.display(),
        times(x.shape()),
        x.data().len(),
        spectra_text(spectra)
    );
    (object, text)
}

/// What is computed from the core and the factors of a decomposition.
struct Found {
    orthonormal: bool,
    norm: f64,
    /// The errors of lower ranks, for a chart.
    curve: Vec<TradeOff>,
}

impl Found {
    /// Adds the spectra to `meta` if another program wrote the file, or if a `plot` needs them. `allows`
    /// fails if this number of additional bytes is above the limit.
    fn of<T: Scalar>(
        tucker: Tucker<T>,
        meta: &mut Meta,
        plot: bool,
        allows: &dyn Fn(u64) -> Outcome,
    ) -> Outcome<tenfold::Result<Self>> {
        let orthonormal = tucker.has_orthonormal_factors();
        let unknown = meta.method == Meta::UNKNOWN_METHOD || (plot && meta.spectra.is_empty());
        if unknown || !orthonormal || plot {
            allows(tucker.spectra_memory())?;
        }
        if plot {
            let core = Hosvd::new(Truncation::RelativeError(0.0));
            allows(core.memory::<T>(tucker.ranks()).unwrap_or(0))?;
        }
        let find = || {
            let tucker = tucker.orthonormalised()?;
            if unknown {
                let modes = 0..tucker.shape().len();
                let spectra = modes.map(|mode| tucker.mode_spectrum(mode).map(Some));
                meta.spectra = spectra.collect::<tenfold::Result<_>>()?;
            }
            let norm = tucker.norm()?;
            let curve = if plot {
                plot::curve(tucker, meta.relative_error.unwrap_or_default())?
            } else {
                Vec::new()
            };
            Ok(Self {
                orthonormal,
                norm,
                curve,
            })
        };
        Ok(find())
    }
}

fn describe_tucker(path: &Path, sizes: &Sizes, found: &Found, meta: &Meta) -> (Value, String) {
    let mut object = json!({
        "file": path.display().to_string(),
        "kind": "tucker",
        "method": meta.method,
        "shape": meta.shape,
        "dtype": meta.dtype,
        "ranks": meta.ranks,
        "modes": meta.modes,
        "relative_error": meta.relative_error,
        "sweeps": meta.sweeps,
        "stop": meta.stop.map(Stop::name),
        "norm": found.norm,
        "orthonormal": found.orthonormal,
        "spectra": meta.spectra,
        "fibres": meta.fibres,
    });
    sizes.add_to(&mut object);
    let error = meta
        .relative_error
        .map_or_else(|| "unknown".to_owned(), |error| format!("{error:.6e}"));
    let method = match meta.method.as_str() {
        Meta::UNKNOWN_METHOD => "decomposition",
        method => method,
    };
    let factors = if found.orthonormal {
        ""
    } else {
        "  the factors are not orthonormal\n"
    };
    let text = format!(
        "{}: {method} of {} {}, ranks {}, {}, relative error {error}\n{factors}{}",
        path.display(),
        times(&meta.shape),
        meta.dtype,
        times(&meta.ranks),
        sizes.text(),
        spectra_text(&meta.spectra)
    ) + &fibres_text(meta);
    (object, text)
}

/// A line for each mode with the first fibres of its factor, each by the indices of the tensor.
fn fibres_text(meta: &Meta) -> String {
    let mut text = String::new();
    for (mode, columns) in meta.fibres.iter().enumerate() {
        let Some(columns) = columns else { continue };
        let shown = columns.iter().take(SHOWN);
        let shown: Vec<String> = shown
            .map(|&column| fibre(&meta.shape, mode, column))
            .collect();
        let rest = match columns.len().saturating_sub(SHOWN) {
            0 => String::new(),
            rest => format!(" … {rest} more"),
        };
        text += &format!("  mode {mode}, fibres: {}{rest}\n", shown.join(" "));
    }
    text
}

/// Column `column` of the mode-n unfolding as a fibre of a tensor of extents `shape`: `3,:,5`.
fn fibre(shape: &[usize], mode: usize, mut column: usize) -> String {
    let mut words = vec![":".to_owned(); shape.len()];
    for (other, &extent) in shape.iter().enumerate().rev() {
        if other != mode {
            words[other] = (column % extent.max(1)).to_string();
            column /= extent.max(1);
        }
    }
    words.join(",")
}

/// A line for each mode with its leading singular values.
fn spectra_text(spectra: &[Option<Vec<f64>>]) -> String {
    let mut text = String::new();
    for (mode, values) in spectra.iter().enumerate() {
        let Some(values) = values else { continue };
        let shown: Vec<String> = values
            .iter()
            .take(SHOWN)
            .map(|value| format!("{value:.4e}"))
            .collect();
        let rest = match values.len().saturating_sub(SHOWN) {
            0 => String::new(),
            rest => format!(" … {rest} more"),
        };
        text += &format!(
            "  mode {mode}, singular values: {}{rest}\n",
            shown.join(" ")
        );
    }
    text
}

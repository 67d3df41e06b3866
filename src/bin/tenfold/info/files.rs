//! Descriptions of arrays and decompositions.

use std::path::Path;

use serde_json::{Value, json};
use tenfold::io::{
    AnyTensor, AnyTucker, Contents, Meta, contents, members_with, read_tucker, tucker_memory,
};
use tenfold::{Hosvd, Scalar, Stop, Tensor, Tucker, mode_spectrum};

use super::estimates::Estimates;
use super::members::describe_members;
use crate::arrays::{ArrayOptions, is_dash, source};
use crate::console::{Console, times};
use crate::failure::{Failure, Outcome};
use crate::memory::{Memory, readable};
use crate::progress::{Bar, Steps};
use crate::sizes::{Sizes, array_bytes, file_bytes};

/// The maximum number of singular values of a mode in the text.
const SHOWN: usize = 8;

/// The description of a file as JSON and as text. `estimates` describes calls for an array of a
/// shape and a type.
pub(super) fn describe(
    path: &Path,
    arrays: &ArrayOptions,
    estimates: Option<&Estimates>,
    console: &Console,
    memory: &Memory,
) -> Outcome<(Value, String)> {
    match kind(path, arrays)? {
        Contents::Decomposition => {
            memory.check(path, tucker_memory(path)?)?;
            let bar = console.progress("reading", Steps::Unknown);
            bar.about(path.display());
            let (tucker, meta) = read_tucker(path)?;
            drop(bar);
            Ok(match tucker {
                AnyTucker::F32(tucker) => describe_tucker(path, &tucker, &meta, console),
                AnyTucker::F64(tucker) => describe_tucker(path, &tucker, &meta, console),
            })
        }
        Contents::Members => {
            let members = members_with(path, &arrays.to_library())?;
            if members.len() == 1 {
                return describe_array(path, arrays, estimates, console, memory);
            }
            Ok(describe_members(path, &members))
        }
        _ => describe_array(path, arrays, estimates, console, memory),
    }
}

/// What an argument names. Raw numbers, a member of a file and standard input are arrays.
fn kind(path: &Path, arrays: &ArrayOptions) -> Outcome<Contents> {
    if arrays.is_raw() || is_dash(path) || source(path).member.is_some() {
        return Ok(Contents::Array);
    }
    Ok(contents(path)?)
}

fn describe_array(
    path: &Path,
    arrays: &ArrayOptions,
    estimates: Option<&Estimates>,
    console: &Console,
    memory: &Memory,
) -> Outcome<(Value, String)> {
    let file = arrays.open(path)?;
    memory.check(
        path,
        file.memory().saturating_add(spectra_memory(file.shape())),
    )?;
    let stored = file.stored_dtype().to_owned();
    let (shape, dtype) = (file.shape().to_vec(), file.dtype());
    if let Some(note) = file.note() {
        console.note(note);
    }
    let x = console.read(file, path)?;
    let bar = console.progress("spectra", Steps::Unequal(shape.len()));
    bar.about(path.display());
    let described = match x {
        AnyTensor::F32(x) => describe_tensor(path, &stored, &x, &bar),
        AnyTensor::F64(x) => describe_tensor(path, &stored, &x, &bar),
    };
    drop(bar);
    let (mut object, mut text) = described.map_err(|error| Failure::in_file(path, error))?;
    if let Some(estimates) = estimates {
        estimates.add_to(&shape, dtype, &mut object, &mut text);
    }
    Ok((object, text))
}

/// The memory for the singular values of an array of this shape, estimated as for HOSVD. It is 0
/// for a shape that HOSVD does not accept.
fn spectra_memory(shape: &[usize]) -> u64 {
    let spectra = Hosvd::new(vec![1; shape.len()]);
    spectra.memory::<f64>(shape).unwrap_or(0)
}

fn describe_tensor<T: Scalar>(
    path: &Path,
    stored: &str,
    x: &Tensor<T>,
    bar: &Bar,
) -> tenfold::Result<(Value, String)> {
    let mut spectra = Vec::new();
    for mode in 0..x.order() {
        spectra.push(Some(mode_spectrum(x, mode)?));
        bar.step();
    }
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
        spectra_text(&spectra)
    );
    Ok((object, text))
}

fn describe_tucker<T: Scalar>(
    path: &Path,
    tucker: &Tucker<T>,
    meta: &Meta,
    console: &Console,
) -> (Value, String) {
    let sizes = Sizes {
        compression: tucker.compression(),
        input_bytes: meta.input_bytes,
        output_bytes: file_bytes(path),
    };
    if let Some(note) = sizes.note() {
        console.note(format!("{}: {note}", path.display()));
    }
    let norm = tucker.core().norm();
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
        "norm": norm,
        "spectra": meta.spectra,
    });
    sizes.add_to(&mut object);
    let error = meta
        .relative_error
        .map_or_else(|| "unknown".to_owned(), |error| format!("{error:.6e}"));
    let text = format!(
        "{}: {} of {} {}, ranks {}, {}, relative error {error}\n{}",
        path.display(),
        meta.method,
        times(&meta.shape),
        meta.dtype,
        times(&meta.ranks),
        sizes.text(),
        spectra_text(&meta.spectra)
    );
    (object, text)
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

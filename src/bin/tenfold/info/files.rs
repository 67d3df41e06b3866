//! Descriptions of arrays and decompositions.

use std::path::Path;

use serde_json::{Value, json};
use tenfold::io::{
    AnyTensor, AnyTucker, Contents, Meta, contents, members_with, read_tucker, tucker_memory,
};
use tenfold::{Hosvd, Scalar, Stop, Tensor, Tucker, mode_spectrum};

use super::estimates::Estimates;
use super::members::describe_members;
use crate::arrays::{ArrayOptions, is_dash, note_missing, source};
use crate::console::{Console, times};
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;

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
            let (tucker, meta) = read_tucker(path)?;
            Ok(match tucker {
                AnyTucker::F32(tucker) => describe_tucker(path, &tucker, &meta),
                AnyTucker::F64(tucker) => describe_tucker(path, &tucker, &meta),
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
    let spinner = console.progress(None, &path.display().to_string());
    let missing = file.missing().to_vec();
    let x = file.read()?;
    note_missing(path, &missing, &x, console);
    let described = match x {
        AnyTensor::F32(x) => describe_tensor(path, &stored, &x),
        AnyTensor::F64(x) => describe_tensor(path, &stored, &x),
    };
    spinner.finish_and_clear();
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
) -> tenfold::Result<(Value, String)> {
    let spectra: Vec<Option<Vec<f64>>> = (0..x.order())
        .map(|mode| mode_spectrum(x, mode).map(Some))
        .collect::<tenfold::Result<_>>()?;
    let norm = x.norm();
    let object = json!({
        "file": path.display().to_string(),
        "kind": "tensor",
        "shape": x.shape(),
        "dtype": T::NAME,
        "stored_dtype": stored,
        "norm": norm,
        "spectra": spectra,
    });
    let text = format!(
        "{}: tensor {} {stored}, norm {norm:.6e}\n{}",
        path.display(),
        times(x.shape()),
        spectra_text(&spectra)
    );
    Ok((object, text))
}

fn describe_tucker<T: Scalar>(path: &Path, tucker: &Tucker<T>, meta: &Meta) -> (Value, String) {
    let norm = tucker.core().norm();
    let object = json!({
        "file": path.display().to_string(),
        "kind": "tucker",
        "method": meta.method,
        "shape": meta.shape,
        "dtype": meta.dtype,
        "ranks": meta.ranks,
        "modes": meta.modes,
        "relative_error": meta.relative_error,
        "compression": tucker.compression(),
        "sweeps": meta.sweeps,
        "stop": meta.stop.map(Stop::name),
        "norm": norm,
        "spectra": meta.spectra,
    });
    let error = meta
        .relative_error
        .map_or_else(|| "unknown".to_owned(), |error| format!("{error:.6e}"));
    let text = format!(
        "{}: {} of {} {}, ranks {}, compression {:.1}, relative error {error}\n{}",
        path.display(),
        meta.method,
        times(&meta.shape),
        meta.dtype,
        times(&meta.ranks),
        tucker.compression(),
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

//! `tenfold reconstruct`: the array of a decomposition, or a part of it.

use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::Instant;

use serde_json::json;
use tenfold::io::AnyTucker;
use tenfold::{Scalar, Slice, Tucker};

use crate::arrays::{copy_of_standard_input, is_dash};
use crate::console::{Console, times};
use crate::decomposition::DecompositionFile;
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;
use crate::output;
use crate::progress::Steps;

/// Compute the array that a decomposition approximates, or a part of it
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The decomposition; - for standard input
    #[arg(value_name = "X.tucker.npz")]
    input: PathBuf,
    /// Compute only this part: for each mode a range (0:10, -3:, :) or an index (3). As in
    /// NumPy, a mode with an index is not in the result
    #[arg(long, value_name = "0:10,:,3", allow_hyphen_values = true)]
    slice: Option<Slice>,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "Y.npy")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    let is_stream = is_dash(&args.input);
    let inputs = if is_stream {
        &[][..]
    } else {
        from_ref(&args.input)
    };
    output::check(from_ref(&args.output), inputs)?;
    output::check_format(&args.output, "npz", "an array is written as .npy")?;
    let bar = console.progress("reading", Steps::Unknown);
    let copy = is_stream.then(copy_of_standard_input).transpose()?;
    drop(bar);
    let file = DecompositionFile::open(&args.input, copy)?;
    let read = file.memory();
    memory.check(&args.input, read)?;
    let allows = |more: u64| memory.check(&args.input, read.saturating_add(more));
    let (tucker, _) = file.read(console)?;
    match tucker {
        AnyTucker::F32(tucker) => reconstruct(args, &tucker, console, &allows),
        AnyTucker::F64(tucker) => reconstruct(args, &tucker, console, &allows),
    }
}

/// Computes the array or its part, writes the file, and prints the summary. `allows` fails if so
/// many further bytes are above the limit.
fn reconstruct<T: Scalar>(
    args: &Args,
    tucker: &Tucker<T>,
    console: &Console,
    allows: &dyn Fn(u64) -> Outcome,
) -> Outcome {
    let shape = match &args.slice {
        None => tucker.shape().to_vec(),
        Some(slice) => sliced_shape(slice, tucker.shape(), &args.input)?,
    };
    allows(tucker.reconstruction_memory(args.slice.as_ref())?)?;
    let started = Instant::now();
    let bar = console.progress("reconstructing", Steps::Unknown);
    let y = match &args.slice {
        None => tucker.reconstruct(),
        Some(slice) => tucker.reconstruct_slice(slice),
    };
    let y = y.map_err(|error| Failure::in_file(&args.input, error))?;
    drop(bar);
    let seconds = started.elapsed().as_secs_f64();
    let bar = console.progress("writing", Steps::Unknown);
    bar.about(args.output.display());
    output::write_array(&args.output, &shape, y.data())?;
    drop(bar);
    let object = json!({
        "command": "reconstruct",
        "input": args.input.display().to_string(),
        "output": args.output.display().to_string(),
        "slice": args.slice.as_ref().map(Slice::to_string),
        "shape": shape,
        "dtype": T::NAME,
        "seconds": seconds,
    });
    let extents = match shape.len() {
        0 => "one entry".to_owned(),
        _ => times(&shape),
    };
    let text = format!(
        "{} → {extents} {}, {seconds:.3} s\nwritten: {}",
        args.input.display(),
        T::NAME,
        args.output.display()
    );
    console.summary(Some(&args.output), object, &text)
}

/// The shape of the part of the decomposition in `input`. Fails if the part has no entries.
fn sliced_shape(slice: &Slice, shape: &[usize], input: &Path) -> Outcome<Vec<usize>> {
    let sliced = slice.sliced_shape(shape);
    let sliced = sliced.map_err(|error| Failure::in_file(input, error))?;
    if sliced.contains(&0) {
        let shape = times(shape);
        return Err(Failure::usage(format!(
            "{}: --slice {slice} selects no entries of the shape {shape}",
            input.display()
        )));
    }
    Ok(sliced)
}

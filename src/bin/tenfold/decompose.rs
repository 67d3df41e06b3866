//! `tenfold decompose`: an array into a core and factors.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use tenfold::io::{AnyTensor, Meta};
use tenfold::linalg::Rung;
use tenfold::{
    Hooi, Hosvd, Method, Monitor, Randomized, Scalar, Solver, StHosvd, Start, Stop, Tensor,
    Truncation, Tucker,
};

use crate::arrays::{self, ArrayOptions};
use crate::console::{Console, times};
use crate::explanation::{self, Explanation};
use crate::failure::{Failure, Outcome};
use crate::interruption::cancellable;
use crate::list;
use crate::memory::Memory;
use crate::names;
use crate::output;
use crate::progress::Steps;
use crate::sizes::{Sizes, array_bytes, file_bytes};
use crate::truncation::TruncationArgs;

/// Decompose an array into a core and factors
///
/// One of --ranks, --tolerance, --max-size and --compression is needed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The array, of floats, integers or bool, with 1 to 16 modes: a file (.npy, .npz,
    /// .safetensors, .nii, .mat; .h5 and .nc with the feature hdf5), file:name for one of
    /// several arrays, or - for one array on standard input
    #[arg(value_name = "X.npy")]
    input: PathBuf,
    #[command(flatten)]
    truncation: TruncationArgs,
    /// Print why these ranks were chosen: the errors of lower ranks, and what other ranks store
    #[arg(long)]
    explain: bool,
    /// The solver: st-hosvd, hosvd, hooi or randomized
    #[arg(long, value_name = "NAME", default_value_t = Method::StHosvd, hide_possible_values = true,
          value_parser = names::of(Method::ALL, Method::name))]
    method: Method,
    /// Decompose only these modes, counted from 0 [default: all]
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = list::whole_number,
          allow_hyphen_values = true)]
    modes: Option<Vec<usize>>,
    /// The solver that HOOI starts from: st-hosvd or hosvd [default: st-hosvd]
    #[arg(long, value_name = "NAME", hide_possible_values = true,
          value_parser = names::of(Start::ALL, Start::name))]
    start: Option<Start>,
    /// Maximum number of sweeps of HOOI [default: 100]
    #[arg(long, value_name = "N")]
    sweeps: Option<usize>,
    /// HOOI ends when a sweep changes the relative error by less than this number [default: 1e-8]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    sweep_tolerance: Option<f64>,
    /// Seed of the random numbers (randomized) [default: 0]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Number of columns of a random sketch in addition to the rank (randomized) [default: 8]
    #[arg(long, value_name = "P")]
    oversampling: Option<usize>,
    /// Number of power iterations, which make sketches more accurate (randomized) [default: 0]
    #[arg(long, value_name = "Q")]
    power_iterations: Option<usize>,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "X.tucker.npz")]
    output: PathBuf,
    #[command(flatten)]
    arrays: ArrayOptions,
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    // 1. Checks of the options, the output and the memory, before any entries are read.
    let file = args.arrays.open(&args.input)?;
    let in_input = |error| Failure::in_file(&args.input, error);
    if args.method == Method::Randomized && args.truncation.chooses_ranks() {
        return Err(Failure::usage(
            "--method randomized needs --ranks: it does not choose ranks for --tolerance, \
             --max-size or --compression",
        ));
    }
    let modes = args.modes.as_deref();
    let bytes = if file.dtype() == f32::NAME {
        size_of::<f32>()
    } else {
        size_of::<f64>()
    };
    let of_shape = args.truncation.of(file.shape(), modes, bytes);
    let (truncation, ranks) = of_shape.map_err(|failure| failure.of_file(&args.input))?;
    truncation.check(file.shape(), modes).map_err(in_input)?;
    args.check_options()?;
    let inputs = arrays::files([args.input.as_path()])?;
    output::check(std::slice::from_ref(&args.output), &inputs)?;
    output::check_format(&args.output, "npy", "a decomposition is an archive (.npz)")?;
    let solving = if file.dtype() == f32::NAME {
        args.solver::<f32>(&truncation, Monitor::new())
            .memory(file.shape())
    } else {
        args.solver::<f64>(&truncation, Monitor::new())
            .memory(file.shape())
    };
    let mut need = file.memory().saturating_add(solving.map_err(in_input)?);
    if args.explain {
        need = need.saturating_add(explanation::memory(file.shape(), file.dtype()));
    }
    if args.truncation.chooses_ranks() {
        // The ranks and the memory are known only after the spectra.
        memory.check_between(&args.input, file.memory(), need)?;
    } else {
        memory.check(&args.input, need)?;
    }

    // 2. The notes and the tensor.
    if let Some(ranks) = &ranks {
        ranks.note(&path(&args.input), console);
    }
    args.note_unused_options(console);
    let note = file.note();
    let bytes = array_bytes(file.shape(), file.stored_dtype());
    let x = console.read(file, &args.input)?;
    if let Some(note) = note {
        console.note(note);
    }
    // 3. The decomposition.
    match x {
        AnyTensor::F32(x) => decompose(args, &truncation, &Array { x, bytes }, console),
        AnyTensor::F64(x) => decompose(args, &truncation, &Array { x, bytes }, console),
    }
}

impl Args {
    /// The solver with the given options.
    fn solver<T: Scalar>(&self, truncation: &Truncation, monitor: Monitor) -> Box<dyn Solver<T>> {
        let (modes, truncation) = (self.modes.clone(), truncation.clone());
        match self.method {
            Method::StHosvd => Box::new(StHosvd {
                modes,
                monitor,
                ..StHosvd::new(truncation)
            }),
            Method::Hosvd => Box::new(Hosvd {
                modes,
                monitor,
                ..Hosvd::new(truncation)
            }),
            Method::Hooi => {
                let defaults = Hooi::new(truncation);
                Box::new(Hooi {
                    modes,
                    start: self.start.unwrap_or(defaults.start),
                    max_sweeps: self.sweeps.unwrap_or(defaults.max_sweeps),
                    sweep_tolerance: self.sweep_tolerance.unwrap_or(defaults.sweep_tolerance),
                    monitor,
                    ..defaults
                })
            }
            Method::Randomized => {
                let ranks = match truncation {
                    Truncation::Ranks(ranks) => ranks,
                    // Not reached: `run` fails for them.
                    Truncation::RelativeError(_) | Truncation::MaxEntries(_) => Vec::new(),
                };
                let defaults = Randomized::new(ranks);
                Box::new(Randomized {
                    modes,
                    oversampling: self.oversampling.unwrap_or(defaults.oversampling),
                    power_iterations: self.power_iterations.unwrap_or(defaults.power_iterations),
                    seed: self.seed.unwrap_or(defaults.seed),
                    monitor,
                    ..defaults
                })
            }
        }
    }

    /// The steps of the solver, for a tensor with `order` modes.
    fn steps(&self, order: usize) -> Steps {
        match self.method {
            Method::Hooi => {
                let default = Hooi::new(Vec::new()).max_sweeps;
                Steps::AtMost(self.sweeps.unwrap_or(default))
            }
            _ => Steps::Unequal(self.modes.as_ref().map_or(order, Vec::len)),
        }
    }

    /// Fails if an option of HOOI is out of range.
    fn check_options(&self) -> Outcome {
        if let Some(tolerance) = self.sweep_tolerance
            && !(0.0..1.0).contains(&tolerance)
        {
            let what = "--sweep-tolerance";
            return Err(tenfold::Error::ToleranceOutOfRange {
                what,
                value: tolerance,
            }
            .into());
        }
        if self.sweeps == Some(0) {
            return Err(tenfold::Error::NotPositive { what: "--sweeps" }.into());
        }
        Ok(())
    }

    /// Prints notes about options that the method does not use.
    fn note_unused_options(&self, console: &Console) {
        let sweeps =
            self.start.is_some() || self.sweeps.is_some() || self.sweep_tolerance.is_some();
        if sweeps && self.method != Method::Hooi {
            console.note(format!("{} makes no sweeps", self.method.name()));
        }
        let random =
            self.seed.is_some() || self.oversampling.is_some() || self.power_iterations.is_some();
        if random && self.method != Method::Randomized {
            console.note(format!("{} draws no random numbers", self.method.name()));
        }
    }
}

/// The array that is decomposed.
struct Array<T> {
    x: Tensor<T>,
    /// The bytes of the array where it is stored, if known.
    bytes: Option<u64>,
}

/// Decomposes the tensor, writes the file, and prints the summary.
fn decompose<T: Scalar>(
    args: &Args,
    truncation: &Truncation,
    array: &Array<T>,
    console: &Console,
) -> Outcome {
    let x = &array.x;
    let in_input = |error| Failure::in_file(&args.input, error);
    let started = Instant::now();
    let bar = console.progress("decomposing", args.steps(x.order()));
    let tucker = cancellable(|monitor| {
        let solver = args.solver(truncation, bar.monitor(monitor));
        solver.decompose(x.view())
    });
    drop(bar);
    let tucker = tucker.map_err(in_input)?;
    let seconds = started.elapsed().as_secs_f64();

    let bar = console.progress("measuring the error", Steps::Unknown);
    let relative_error = relative_error(&tucker, x).map_err(in_input)?;
    drop(bar);
    let meta = Meta {
        relative_error: Some(relative_error),
        input_bytes: array.bytes,
        ..Meta::new(&tucker, args.method.name())
    };
    let explanation = if args.explain {
        let _bar = console.progress("other ranks", Steps::Unknown);
        let found = Explanation::of(x, &tucker, relative_error, truncation);
        Some(found.map_err(in_input)?)
    } else {
        None
    };
    let bar = console.progress("writing", Steps::Unknown);
    bar.about(args.output.display());
    output::write_tucker(&args.output, &tucker, &meta)?;
    drop(bar);
    let sizes = Sizes {
        compression: tucker.compression(),
        input_bytes: meta.input_bytes,
        output_bytes: file_bytes(&args.output),
    };
    let done = Done {
        tucker,
        sizes,
        meta,
        seconds,
        explanation,
    };
    done.report(args, console)
}

/// ‖X − X̂‖/‖X‖. The estimate of the solver is used if it is large compared to rounding. Otherwise the
/// error is measured.
fn relative_error<T: Scalar>(tucker: &Tucker<T>, x: &Tensor<T>) -> tenfold::Result<f64> {
    match tucker.estimated_error() {
        Some(known) if known > 1e4 * T::EPSILON => Ok(known),
        _ => tucker.relative_error(x),
    }
}

/// A decomposition that was written.
struct Done<T> {
    tucker: Tucker<T>,
    sizes: Sizes,
    meta: Meta,
    seconds: f64,
    explanation: Option<Explanation>,
}

impl<T: Scalar> Done<T> {
    /// Prints notes and the summary.
    fn report(&self, args: &Args, console: &Console) -> Outcome {
        let Self {
            tucker,
            sizes,
            meta,
            seconds,
            explanation,
        } = self;
        let error = meta.relative_error.unwrap_or_default();
        if let Some(shortfall) = tucker.shortfall() {
            console.note(format!(
                "the relative error {:e} was requested, {} reaches {:.3e}",
                shortfall.requested,
                T::NAME,
                shortfall.reached
            ));
        }
        if tucker.rung() > Rung::DivideAndConquer {
            console.note(format!(
                "a factorization converged only with {}",
                tucker.rung().name()
            ));
        }
        if let Some(note) = sizes.note() {
            console.note(note);
        }
        let mut text = format!(
            "{} {} {} → core {}, relative error {error:.6e}, {}, {seconds:.3} s\n",
            args.input.display(),
            times(&meta.shape),
            meta.dtype,
            times(&meta.ranks),
            sizes.text(),
        );
        if let Some(convergence) = tucker.convergence() {
            text += &format!(
                "{}: {} sweeps, {}\n",
                meta.method, convergence.sweeps, convergence.stop
            );
        }
        if let Some(explanation) = explanation {
            text += &format!("{}\n", explanation.text());
        }
        text += &format!("written: {}", args.output.display());
        let mut object = json!({
            "command": "decompose",
            "input": path(&args.input),
            "output": path(&args.output),
            "shape": meta.shape,
            "dtype": meta.dtype,
            "method": meta.method,
            "modes": meta.modes,
            "ranks": meta.ranks,
            "relative_error": error,
            "seconds": seconds,
            "sweeps": meta.sweeps,
            "stop": meta.stop.map(Stop::name),
            "rung": tucker.rung().name(),
            "shortfall": tucker.shortfall().map(|s| json!({
                "requested": s.requested,
                "reached": s.reached,
            })),
        });
        if let Some(explanation) = explanation {
            object["explanation"] = explanation.json();
        }
        sizes.add_to(&mut object);
        console.summary(Some(&args.output), object, &text)
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

//! `tenfold decompose`: an array into a core and factors.

mod hooi;
mod missing;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use tenfold::io::{AnyTensor, Meta};
use tenfold::linalg::Rung;
use tenfold::{
    Coverage, Hooi, Hosvd, Interpolatory, Method, Monitor, NonNegative, Observed, Randomized,
    Scalar, Solver, StHosvd, Stop, Tensor, Truncation, Tucker,
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
    /// The solver: st-hosvd, hosvd, hooi, randomized, non-negative or interpolatory (fibres
    /// of the array as factors)
    #[arg(long, value_name = "NAME", default_value_t = Method::StHosvd, hide_possible_values = true,
          value_parser = names::of(Method::ALL, Method::name))]
    method: Method,
    /// Decompose only these modes, counted from 0 [default: all]
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = list::whole_number,
          allow_hyphen_values = true)]
    modes: Option<Vec<usize>>,
    #[command(flatten)]
    hooi: hooi::HooiOptions,
    #[command(flatten)]
    missing: missing::MissingOptions,
    /// Seed of the random numbers (randomized; random starts of hooi) [default: 0]
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
    if args.method == Method::NonNegative && args.truncation.chooses_ranks() {
        return Err(Failure::usage(
            "--method non-negative needs --ranks: it does not choose ranks",
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
    args.hooi.check()?;
    if args.method == Method::Hooi {
        args.hooi.given::<f64>(file.shape(), modes, &truncation)?;
    }
    let of_mask = args.missing.check(args, file.shape())?;
    let inputs = arrays::files(std::iter::once(args.input.as_path()).chain(args.missing.file()))?;
    output::check(std::slice::from_ref(&args.output), &inputs)?;
    output::check_format(&args.output, "npy", "a decomposition is an archive (.npz)")?;
    let solving = if file.dtype() == f32::NAME {
        args.memory::<f32>(&truncation, file.shape())
    } else {
        args.memory::<f64>(&truncation, file.shape())
    };
    let mut need = file.memory().saturating_add(solving.map_err(in_input)?);
    need = need.saturating_add(of_mask);
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
    let observed = args.missing.observed(args, &x, console)?;
    match x {
        AnyTensor::F32(x) => decompose(args, &truncation, &Array { x, bytes, observed }, console),
        AnyTensor::F64(x) => decompose(args, &truncation, &Array { x, bytes, observed }, console),
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
            Method::Hooi => Box::new(self.hooi(&truncation, monitor)),
            Method::NonNegative => {
                let ranks = match truncation {
                    Truncation::Ranks(ranks) => ranks,
                    // Not reached: `run` fails for them.
                    Truncation::RelativeError(_) | Truncation::MaxEntries(_) => Vec::new(),
                };
                let defaults = NonNegative::new(ranks);
                let (max_sweeps, sweep_tolerance) = self.hooi.ending();
                Box::new(NonNegative {
                    modes,
                    max_sweeps: max_sweeps.unwrap_or(defaults.max_sweeps),
                    sweep_tolerance: sweep_tolerance.unwrap_or(defaults.sweep_tolerance),
                    monitor,
                    ..defaults
                })
            }
            Method::Interpolatory => Box::new(Interpolatory {
                modes,
                monitor,
                ..Interpolatory::new(truncation)
            }),
            Method::Randomized => {
                let defaults = Randomized::new(truncation);
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

    /// The name of the method in the file and in reports.
    fn method_name(&self) -> &'static str {
        if self.missing.is_given() {
            "completion"
        } else {
            self.method.name()
        }
    }

    /// The maximum number of bytes that the solver allocates for a tensor of these extents.
    fn memory<T: Scalar>(&self, truncation: &Truncation, shape: &[usize]) -> tenfold::Result<u64> {
        match truncation {
            Truncation::Ranks(ranks) if self.missing.is_given() => {
                missing::MissingOptions::solver(self, ranks, Monitor::new()).memory::<T>(shape)
            }
            _ => self.solver::<T>(truncation, Monitor::new()).memory(shape),
        }
    }

    /// HOOI with the given options.
    fn hooi(&self, truncation: &Truncation, monitor: Monitor) -> Hooi {
        let modes = self.modes.clone();
        self.hooi
            .solver(truncation.clone(), modes, self.seed, monitor)
    }

    /// The steps of the solver, for a tensor with `order` modes.
    fn steps(&self, order: usize) -> Steps {
        match self.method {
            _ if self.missing.is_given() => {
                Steps::AtMost(missing::MissingOptions::solver(self, &[], Monitor::new()).max_sweeps)
            }
            Method::Hooi => Steps::AtMost(self.hooi.steps()),
            Method::NonNegative => {
                let default = NonNegative::new(Vec::new()).max_sweeps;
                Steps::AtMost(self.hooi.ending().0.unwrap_or(default))
            }
            Method::Randomized | Method::Interpolatory => Steps::Unequal(2),
            _ => Steps::Unequal(self.modes.as_ref().map_or(order, Vec::len)),
        }
    }

    /// Prints notes about options that the method does not use.
    fn note_unused_options(&self, console: &Console) {
        let unused = match self.method {
            _ if self.missing.is_given() => false,
            Method::Hooi => false,
            Method::NonNegative => self.hooi.has_start_or_constraints(),
            _ => self.hooi.any(),
        };
        if unused {
            let why = match self.method {
                Method::NonNegative => "has a start of its own and no constraints",
                _ => "makes no sweeps",
            };
            console.note(format!("{} {why}", self.method.name()));
        }
        let random =
            self.seed.is_some() || self.oversampling.is_some() || self.power_iterations.is_some();
        let draws = match self.method {
            Method::Randomized => true,
            Method::Hooi => self.hooi.is_random(),
            _ => false,
        };
        if random && !draws {
            console.note(format!("{} draws no random numbers", self.method.name()));
        }
    }
}

/// The array that is decomposed.
struct Array<T> {
    x: Tensor<T>,
    /// The bytes of the array where it is stored, if known.
    bytes: Option<u64>,
    /// The observed entries, if some are missing.
    observed: Option<Observed>,
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
    let given = match args.method {
        Method::Hooi => args
            .hooi
            .given(x.shape(), args.modes.as_deref(), truncation)?,
        _ => None,
    };
    let bar = console.progress("decomposing", args.steps(x.order()));
    let tucker = cancellable(|monitor| {
        let monitor = bar.monitor(monitor);
        match (&array.observed, truncation, given) {
            (Some(observed), Truncation::Ranks(ranks), _) => {
                missing::MissingOptions::solver(args, ranks, monitor).decompose(x, observed)
            }
            (_, _, Some(factors)) => args.hooi(truncation, monitor).decompose_from(x, factors),
            _ => args.solver(truncation, monitor).decompose(x.view()),
        }
    });
    drop(bar);
    let tucker = tucker.map_err(in_input)?;
    let seconds = started.elapsed().as_secs_f64();

    let bar = console.progress("measuring the error", Steps::Unknown);
    let relative_error = match (&array.observed, tucker.estimated_error()) {
        (Some(_), Some(over_observed)) => over_observed,
        _ => relative_error(&tucker, x).map_err(in_input)?,
    };
    let coverage = array.observed.as_ref();
    let coverage = coverage.map(|observed| observed.coverage(tucker.ranks()));
    let coverage = coverage.transpose().map_err(in_input)?;
    drop(bar);
    let meta = Meta {
        relative_error: Some(relative_error),
        input_bytes: array.bytes,
        ..Meta::new(&tucker, args.method_name())
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
        coverage,
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
    /// What is observed, if entries are missing.
    coverage: Option<Coverage>,
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
            coverage,
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
        if let Some(note) = coverage.as_ref().and_then(missing::note) {
            console.note(note);
        }
        if let Some(note) = sizes.note() {
            console.note(note);
        }
        let mut text = format!(
            "{} {} {} → core {}, relative error {error:.6e}{}, {}, {seconds:.3} s\n",
            args.input.display(),
            times(&meta.shape),
            meta.dtype,
            times(&meta.ranks),
            coverage.as_ref().map_or(String::new(), |c| format!(
                " over {} observed entries",
                c.observed
            )),
            sizes.text(),
        );
        if let Some(convergence) = tucker.convergence() {
            text += &format!(
                "{}: {} {}, {}\n",
                meta.method,
                convergence.sweeps,
                if convergence.sweeps == 1 {
                    "sweep"
                } else {
                    "sweeps"
                },
                convergence.stop
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
        if let Some(coverage) = coverage {
            object["observed"] = json!(coverage.observed);
            object["unknowns"] = json!(coverage.unknowns);
            object["scarce_slices"] = json!(coverage.scarce_slices);
        }
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

//! The options of HOOI: what it starts from, what its sweeps update, and when they end.

use std::path::PathBuf;

use faer::Mat;
use tenfold::io::{AnyTucker, read_tucker};
use tenfold::{Error, Hooi, Monitor, Scalar, Start, Truncation, Tucker};

use crate::failure::{Failure, Outcome};
use crate::list;

/// A factor or none for each mode.
pub(super) type Factors<T> = Vec<Option<Mat<T>>>;

#[derive(clap::Args)]
pub(super) struct HooiOptions {
    /// What HOOI starts from: st-hosvd, hosvd, random, or a decomposition of the same modes and
    /// ranks (X.tucker.npz) [default: st-hosvd]
    #[arg(long, value_name = "NAME|FILE", value_parser = origin)]
    start: Option<Origin>,
    /// Number of starts of HOOI. The starts after the first are random, and the decomposition of
    /// the smallest error is kept [default: 1]
    #[arg(long, value_name = "N")]
    starts: Option<usize>,
    /// Modes in which HOOI keeps the factors of its start
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = list::whole_number,
          allow_hyphen_values = true)]
    fixed_modes: Option<Vec<usize>>,
    /// The order in which a sweep of HOOI updates the modes [default: ascending]
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = list::whole_number,
          allow_hyphen_values = true)]
    mode_order: Option<Vec<usize>>,
    /// Maximum number of sweeps of HOOI [default: 100]
    #[arg(long, value_name = "N")]
    sweeps: Option<usize>,
    /// HOOI ends when a sweep changes the relative error by less than this number [default: 1e-8]
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    sweep_tolerance: Option<f64>,
}

/// What HOOI starts from.
#[derive(Clone)]
enum Origin {
    Start(Start),
    /// A file of a decomposition.
    File(PathBuf),
}

/// A start of the library by its name, or a file.
fn origin(text: &str) -> Result<Origin, Error> {
    match text.parse() {
        Ok(start) => Ok(Origin::Start(start)),
        Err(_) if text.contains('.') => Ok(Origin::File(text.into())),
        Err(unknown) => Err(unknown),
    }
}

impl HooiOptions {
    /// The solver.
    pub(super) fn solver(
        &self,
        truncation: Truncation,
        modes: Option<Vec<usize>>,
        seed: Option<u64>,
        monitor: Monitor,
    ) -> Hooi {
        let defaults = Hooi::new(truncation);
        let start = match self.start {
            Some(Origin::Start(start)) => start,
            Some(Origin::File(_)) | None => defaults.start,
        };
        Hooi {
            modes,
            start,
            starts: self.starts.unwrap_or(defaults.starts),
            seed: seed.unwrap_or(defaults.seed),
            fixed: self.fixed_modes.clone().unwrap_or_default(),
            order: self.mode_order.clone(),
            max_sweeps: self.sweeps.unwrap_or(defaults.max_sweeps),
            sweep_tolerance: self.sweep_tolerance.unwrap_or(defaults.sweep_tolerance),
            monitor,
            ..defaults
        }
    }

    /// The maximum number of sweeps, of all starts together.
    pub(super) fn steps(&self) -> usize {
        let default = Hooi::new(Vec::new());
        let sweeps = self.sweeps.unwrap_or(default.max_sweeps);
        sweeps.saturating_mul(self.starts.unwrap_or(default.starts))
    }

    /// Fails if a number is out of range, or if a file is given with several starts.
    pub(super) fn check(&self) -> Outcome {
        if let Some(tolerance) = self.sweep_tolerance
            && !(0.0..1.0).contains(&tolerance)
        {
            let what = "--sweep-tolerance";
            return Err(Error::ToleranceOutOfRange {
                what,
                value: tolerance,
            }
            .into());
        }
        for (count, what) in [(self.sweeps, "--sweeps"), (self.starts, "--starts")] {
            if count == Some(0) {
                return Err(Error::NotPositive { what }.into());
            }
        }
        if matches!(self.start, Some(Origin::File(_))) && self.starts.is_some_and(|count| count > 1)
        {
            return Err(Failure::usage(
                "--starts needs a named --start: a file is a single start",
            ));
        }
        Ok(())
    }

    /// Whether any of the options is given.
    pub(super) fn any(&self) -> bool {
        self.has_start_or_constraints() || self.sweeps.is_some() || self.sweep_tolerance.is_some()
    }

    /// Whether an option is given that does not concern the end of the iteration.
    pub(super) fn has_start_or_constraints(&self) -> bool {
        self.start.is_some()
            || self.starts.is_some()
            || self.fixed_modes.is_some()
            || self.mode_order.is_some()
    }

    /// The maximum number of sweeps and the sweep tolerance, where they are given.
    pub(super) fn ending(&self) -> (Option<usize>, Option<f64>) {
        (self.sweeps, self.sweep_tolerance)
    }

    /// Whether a start is random.
    pub(super) fn is_random(&self) -> bool {
        matches!(self.start, Some(Origin::Start(Start::Random)))
            || self.starts.is_some_and(|count| count > 1)
    }

    /// The factors of the file in `--start`; `None` without a file.
    ///
    /// Fails unless the file is a decomposition of a tensor of extents `shape`, in the same modes
    /// and at the same ranks.
    pub(super) fn given<T: Scalar>(
        &self,
        shape: &[usize],
        modes: Option<&[usize]>,
        truncation: &Truncation,
    ) -> Outcome<Option<Factors<T>>> {
        let Some(Origin::File(path)) = &self.start else {
            return Ok(None);
        };
        let Truncation::Ranks(ranks) = truncation else {
            return Err(Failure::usage("--start with a file needs --ranks"));
        };
        let in_file = |error| Failure::in_file(path, error);
        let (tucker, _) = read_tucker(path).map_err(in_file)?;
        let (start, factors) = match &tucker {
            AnyTucker::F32(tucker) => ((tucker.shape(), tucker.ranks()), converted(tucker)),
            AnyTucker::F64(tucker) => ((tucker.shape(), tucker.ranks()), converted(tucker)),
        };
        let mut core = shape.to_vec();
        let all: Vec<usize> = (0..shape.len()).collect();
        let modes = modes.unwrap_or(&all);
        for (&mode, &rank) in modes.iter().zip(ranks) {
            core[mode] = rank;
        }
        for (what, expected, actual) in [
            ("the shape of the start", shape, start.0),
            ("the core of the start", &core, start.1),
        ] {
            if expected != actual {
                return Err(in_file(Error::ShapeMismatch {
                    what,
                    expected: expected.to_vec(),
                    actual: actual.to_vec(),
                }));
            }
        }
        let differing = (0..shape.len()).find(|&n| factors[n].is_some() != modes.contains(&n));
        match differing {
            Some(mode) => Err(in_file(Error::ModeNotDecomposed { mode })),
            None => Ok(Some(factors)),
        }
    }
}

/// The factors in another scalar.
fn converted<S: Scalar, T: Scalar>(tucker: &Tucker<S>) -> Factors<T> {
    let of =
        |a: &Mat<S>| Mat::from_fn(a.nrows(), a.ncols(), |i, j| T::from_f64(a[(i, j)].as_f64()));
    let factors = tucker.factors().iter();
    factors.map(|factor| factor.as_ref().map(of)).collect()
}

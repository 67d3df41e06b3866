//! `--missing`: decompositions of arrays with missing entries.

use std::path::{Path, PathBuf};

use tenfold::io::AnyTensor;
use tenfold::{Completion, Coverage, Error, Method, Monitor, Observed, Scalar};

use super::Args;
use crate::arrays::is_dash;
use crate::console::Console;
use crate::failure::{Failure, Outcome};

/// The value of `--missing` for NaN entries.
const NAN: &str = "nan";

#[derive(clap::Args)]
pub(super) struct MissingOptions {
    /// Decompose the observed entries alone, by HOOI with imputation; needs --ranks. Missing are
    /// the NaN entries (nan), or those where an array of the same shape is 0 or false (MASK.npy)
    #[arg(long, value_name = "nan|MASK.npy")]
    missing: Option<PathBuf>,
}

impl MissingOptions {
    /// Whether the option is given.
    pub(super) fn is_given(&self) -> bool {
        self.missing.is_some()
    }

    /// The file of the mask, if there is one.
    pub(super) fn file(&self) -> Option<&Path> {
        self.missing
            .as_deref()
            .filter(|path| *path != Path::new(NAN))
    }

    /// Fails unless the other options support missing entries and the mask has this shape. Returns
    /// the maximum number of bytes for the mask.
    pub(super) fn check(&self, args: &Args, shape: &[usize]) -> Outcome<u64> {
        if !self.is_given() {
            return Ok(0);
        }
        let unsupported = [
            (args.truncation.chooses_ranks(), "--missing needs --ranks"),
            (
                !matches!(args.method, Method::StHosvd | Method::Hooi),
                "--missing needs --method hooi, which is its default",
            ),
            (
                args.modes.is_some(),
                "--missing decomposes all modes: leave out --modes",
            ),
            (
                args.hooi.has_start_or_constraints(),
                "--missing supports only --sweeps and --sweep-tolerance of the options of HOOI",
            ),
        ];
        if let Some(&(_, reason)) = unsupported.iter().find(|(wrong, _)| *wrong) {
            return Err(Failure::usage(reason));
        }
        let entries = shape.iter().product::<usize>() as u64;
        let Some(path) = self.file() else {
            return Ok(entries);
        };
        if is_dash(path) {
            return Err(Failure::usage("--missing: the mask must be a file"));
        }
        let file = args.arrays.open(path)?;
        if file.shape() != shape {
            return Err(Failure::in_file(
                path,
                Error::ShapeMismatch {
                    what: "the mask of observed entries",
                    expected: shape.to_vec(),
                    actual: file.shape().to_vec(),
                },
            ));
        }
        Ok(entries.saturating_add(file.memory()))
    }

    /// The observed entries of `x`; `None` without the option.
    pub(super) fn observed(
        &self,
        args: &Args,
        x: &AnyTensor,
        console: &Console,
    ) -> Outcome<Option<Observed>> {
        if !self.is_given() {
            return Ok(None);
        }
        let observed = match self.file() {
            None => match x {
                AnyTensor::F32(x) => Observed::without_nan(x),
                AnyTensor::F64(x) => Observed::without_nan(x),
            },
            Some(path) => {
                let file = args.arrays.open(path)?;
                let mask = match console.read(file, path)? {
                    AnyTensor::F32(mask) => differs_from_zero(mask.data()),
                    AnyTensor::F64(mask) => differs_from_zero(mask.data()),
                };
                Observed::new(x.shape(), mask)
            }
        };
        let file = self.file().unwrap_or(&args.input);
        Ok(Some(
            observed.map_err(|error| Failure::in_file(file, error))?,
        ))
    }

    /// The solver.
    pub(super) fn solver(args: &Args, ranks: &[usize], monitor: Monitor) -> Completion {
        let defaults = Completion::new(ranks);
        let (max_sweeps, sweep_tolerance) = args.hooi.ending();
        Completion {
            max_sweeps: max_sweeps.unwrap_or(defaults.max_sweeps),
            sweep_tolerance: sweep_tolerance.unwrap_or(defaults.sweep_tolerance),
            monitor,
            ..defaults
        }
    }
}

fn differs_from_zero<T: Scalar>(entries: &[T]) -> Vec<bool> {
    entries.iter().map(|&entry| entry != T::zero()).collect()
}

/// A note if the observed entries do not determine a decomposition.
pub(super) fn note(coverage: &Coverage) -> Option<String> {
    let Coverage {
        observed,
        unknowns,
        scarce_slices,
        empty_fibres,
    } = coverage;
    if observed < unknowns {
        return Some(format!(
            "{observed} entries are observed and the decomposition has {unknowns} unknowns: \
             estimates of missing entries are arbitrary"
        ));
    }
    let (mode, index) = *scarce_slices.first()?;
    let fibres = empty_fibres[mode];
    Some(format!(
        "{} slices have fewer observed entries than the rank of their mode, the first is index \
         {index} of mode {mode} ({fibres} fibres of this mode have none): estimates of missing \
         entries there are arbitrary",
        scarce_slices.len()
    ))
}

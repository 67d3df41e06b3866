//! The options of the solvers, as the package passes them: a dictionary.

use std::num::NonZero;

use pyo3::prelude::*;
use tenfold::{
    Completion, Error, Hooi, Hosvd, Interpolatory, ModeOrder, Monitor, NonNegative, Randomized,
    Result, Route, StHosvd, Start, Truncation,
};

use crate::execution::Call;

/// All options. An option that is missing has the default of the library;
/// `threads` is not missing.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    /// Upper limits of the ranks of the decomposed modes.
    #[pyo3(default)]
    ranks: Option<Vec<usize>>,
    #[pyo3(default)]
    tolerance: Option<f64>,
    #[pyo3(default)]
    max_entries: Option<usize>,
    #[pyo3(default)]
    modes: Option<Vec<usize>>,
    /// The order of the modes in a sweep of HOOI, or in ST-HOSVD.
    #[pyo3(default)]
    order: Option<Vec<usize>>,
    #[pyo3(default)]
    route: Option<String>,
    #[pyo3(default)]
    start: Option<String>,
    #[pyo3(default)]
    starts: Option<usize>,
    #[pyo3(default)]
    fixed: Option<Vec<usize>>,
    #[pyo3(default)]
    seed: Option<u64>,
    #[pyo3(default)]
    sweep_tolerance: Option<f64>,
    #[pyo3(default)]
    max_sweeps: Option<usize>,
    #[pyo3(default)]
    oversampling: Option<usize>,
    #[pyo3(default)]
    power_iterations: Option<usize>,
    threads: Option<NonZero<usize>>,
    #[pyo3(default)]
    progress: Option<Py<PyAny>>,
}

/// The flops that take as long as a sweep of a tensor of a few entries.
const SMALL_SWEEP: f64 = 5e4;

impl Options {
    /// How a solver runs on a tensor of extents `shape`. `sweeps` is the number of sweeps if the options
    /// do not limit it.
    pub(crate) fn call(&self, py: Python<'_>, shape: &[usize], sweeps: usize) -> Call {
        let entries: f64 = shape.iter().map(|&extent| extent as f64).product();
        // Gram matrices of all unfoldings, on their smaller sides.
        let sides = shape
            .iter()
            .map(|&extent| (extent as f64).min(entries / extent.max(1) as f64));
        let sweeps = self.max_sweeps.unwrap_or(sweeps) as f64 * self.starts.unwrap_or(1) as f64;
        // A power iteration costs about as much as a sweep.
        let sweeps = sweeps + self.power_iterations.unwrap_or(0) as f64;
        Call {
            threads: self.threads,
            progress: self.progress.as_ref().map(|it| it.clone_ref(py)),
            flops: (entries * sides.sum::<f64>() + SMALL_SWEEP) * sweeps.max(1.0),
        }
    }

    /// The truncation of a tensor of extents `shape`. The package gives one of ranks, tolerance and
    /// number of entries.
    fn truncation(&self, shape: &[usize]) -> Result<Truncation> {
        if let Some(tolerance) = self.tolerance {
            return Ok(Truncation::RelativeError(tolerance));
        }
        if let Some(entries) = self.max_entries {
            return Ok(Truncation::MaxEntries(entries));
        }
        Ok(Truncation::Ranks(self.ranks(shape)?))
    }

    /// The largest possible ranks within the limits.
    fn ranks(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let what = "this solver";
        let ranks = self.ranks.as_deref().ok_or(Error::RanksNeeded { what })?;
        match Truncation::at_most(ranks, shape, self.modes.as_deref())? {
            Truncation::Ranks(ranks) => Ok(ranks),
            _ => Ok(ranks.to_vec()),
        }
    }

    fn route(&self) -> Result<Route> {
        let route = self.route.as_deref().map(str::parse).transpose()?;
        Ok(route.unwrap_or_default())
    }

    pub(crate) fn st_hosvd(&self, shape: &[usize], monitor: Monitor) -> Result<StHosvd> {
        let order = self.order.clone();
        Ok(StHosvd {
            modes: self.modes.clone(),
            mode_order: order.map_or_else(ModeOrder::default, ModeOrder::Given),
            route: self.route()?,
            monitor,
            ..StHosvd::new(self.truncation(shape)?)
        })
    }

    pub(crate) fn hosvd(&self, shape: &[usize], monitor: Monitor) -> Result<Hosvd> {
        Ok(Hosvd {
            modes: self.modes.clone(),
            route: self.route()?,
            monitor,
            ..Hosvd::new(self.truncation(shape)?)
        })
    }

    pub(crate) fn hooi(&self, shape: &[usize], monitor: Monitor) -> Result<Hooi> {
        let default = Hooi::new(self.truncation(shape)?);
        let start: Option<Start> = self.start.as_deref().map(str::parse).transpose()?;
        Ok(Hooi {
            modes: self.modes.clone(),
            start: start.unwrap_or(default.start),
            starts: self.starts.unwrap_or(default.starts),
            seed: self.seed.unwrap_or(default.seed),
            fixed: self.fixed.clone().unwrap_or_default(),
            order: self.order.clone(),
            sweep_tolerance: self.sweep_tolerance.unwrap_or(default.sweep_tolerance),
            max_sweeps: self.max_sweeps.unwrap_or(default.max_sweeps),
            route: self.route()?,
            monitor,
            ..default
        })
    }

    pub(crate) fn randomized(&self, shape: &[usize], monitor: Monitor) -> Result<Randomized> {
        let default = Randomized::new(self.truncation(shape)?);
        Ok(Randomized {
            modes: self.modes.clone(),
            oversampling: self.oversampling.unwrap_or(default.oversampling),
            power_iterations: self.power_iterations.unwrap_or(default.power_iterations),
            seed: self.seed.unwrap_or(default.seed),
            monitor,
            ..default
        })
    }

    pub(crate) fn interpolatory(&self, shape: &[usize], monitor: Monitor) -> Result<Interpolatory> {
        Ok(Interpolatory {
            modes: self.modes.clone(),
            monitor,
            ..Interpolatory::new(self.truncation(shape)?)
        })
    }

    pub(crate) fn non_negative(&self, shape: &[usize], monitor: Monitor) -> Result<NonNegative> {
        let default = NonNegative::new(self.ranks(shape)?);
        Ok(NonNegative {
            modes: self.modes.clone(),
            sweep_tolerance: self.sweep_tolerance.unwrap_or(default.sweep_tolerance),
            max_sweeps: self.max_sweeps.unwrap_or(default.max_sweeps),
            monitor,
            ..default
        })
    }

    pub(crate) fn completion(&self, shape: &[usize], monitor: Monitor) -> Result<Completion> {
        let default = Completion::new(self.ranks(shape)?);
        Ok(Completion {
            sweep_tolerance: self.sweep_tolerance.unwrap_or(default.sweep_tolerance),
            max_sweeps: self.max_sweeps.unwrap_or(default.max_sweeps),
            route: self.route()?,
            monitor,
            ..default
        })
    }
}

//! The checked options of a call.

use std::cell::Cell;

use super::iteration::Sweeping;
use super::shapes::Shapes;
use crate::cuda::launch::Stopping;
use crate::cuda::limits::check_countable;
use crate::cuda::scalar::DeviceScalar;
use crate::error::{CudaError, Error, Result};
use crate::linalg::Route;
use crate::monitor::{Monitor, Progress};
use crate::tucker::{Hooi, StHosvd, Start, Truncation};

/// The options of a call and the shape of its batch.
pub(super) struct Options<'a> {
    pub(super) start: Start,
    pub(super) sweeping: Sweeping<'a>,
    /// The tolerance; `None` for given ranks.
    pub(super) tolerance: Option<f64>,
    pub(super) route: Route,
    /// The shapes of the decompositions. With a tolerance, the ranks are their upper bounds, the
    /// extents.
    pub(super) shapes: Shapes,
    monitor: Monitor,
    done: Cell<usize>,
}

impl<'a> Options<'a> {
    /// The options of ST-HOSVD of a batch of these extents.
    pub(super) fn of_st_hosvd(st_hosvd: &'a StHosvd, batch: &[usize]) -> Result<Self> {
        let sweeping = Sweeping::none(st_hosvd.monitor.cancellation());
        Self::new(st_hosvd, Start::StHosvd, sweeping, batch)
    }

    /// The options of HOOI of tensors of `T`.
    pub(super) fn of_hooi<T: DeviceScalar>(hooi: &'a Hooi, batch: &[usize]) -> Result<Self> {
        hooi.check()?;
        check_supported(hooi)?;
        let start = StHosvd {
            modes: hooi.modes.clone(),
            route: hooi.route,
            monitor: hooi.monitor.clone(),
            ..StHosvd::new(hooi.truncation.clone())
        };
        let starts_at_optimum = hooi.starts_at_optimum(batch.get(1..).unwrap_or_default());
        let sweeping = Sweeping {
            stopping: Stopping {
                tolerance: hooi.sweep_tolerance,
                rounding: 4.0 * T::EPSILON,
                energy_tolerance: 0.0,
            },
            max_sweeps: if starts_at_optimum {
                0
            } else {
                hooi.max_sweeps
            },
            starts_at_optimum,
            cancellation: hooi.monitor.cancellation(),
        };
        Self::new(&start, hooi.start, sweeping, batch)
    }

    /// Checks the options of the start against the batch.
    fn new(
        truncated: &StHosvd,
        start: Start,
        sweeping: Sweeping<'a>,
        batch: &[usize],
    ) -> Result<Self> {
        let &[items, ref tensor @ ..] = batch else {
            return Err(Error::OrderOutOfRange { order: 0 });
        };
        if items == 0 || tensor.is_empty() {
            return Err(Error::Empty {
                shape: batch.to_vec(),
            });
        }
        let order = truncated.resolved_order(tensor)?;
        let tolerance = match truncated.truncation {
            Truncation::RelativeError(tolerance) => Some(tolerance),
            Truncation::Ranks(_) => None,
            Truncation::MaxEntries(_) => {
                let what = "a maximum number of entries";
                return Err(CudaError::OnlyOnCpu { what }.into());
            }
        };
        let shapes = Shapes {
            items,
            tensor: tensor.to_vec(),
            core: truncated.largest_core(tensor),
            order,
        };
        check_countable(shapes.size())?;
        check_countable(shapes.largest_order().pow(2))?;
        Ok(Self {
            start,
            sweeping,
            tolerance,
            route: truncated.route,
            shapes,
            monitor: truncated.monitor.clone(),
            done: Cell::new(0),
        })
    }

    /// The shapes of a chunk of `items` tensors.
    pub(super) fn chunk(&self, items: usize) -> Shapes {
        Shapes {
            items,
            ..self.shapes.clone()
        }
    }

    /// Bytes on the device for each tensor, without the tensor itself.
    pub(super) fn bytes(&self) -> u64 {
        // The second pass of a mode takes a tensor in `f64`. With a tolerance, the tensor before a
        // product and the product exist at once, and the measured reconstruction after it.
        let tensors = match (self.tolerance, self.route) {
            (None, Route::Auto | Route::Gram) => 1,
            (None, Route::Qr) => 2,
            (Some(_), _) => 4,
        };
        self.shapes.bytes() + (tensors * 8 * self.shapes.size()) as u64
    }

    /// Adds tensors that are done, and reports the sum.
    pub(super) fn report(&self, tensors: usize) -> Result<()> {
        self.done.set(self.done.get() + tensors);
        self.monitor
            .step(Progress::new(self.done.get(), self.shapes.items))
    }
}

/// Fails for options of HOOI that only the CPU supports.
fn check_supported(hooi: &Hooi) -> Result<()> {
    let only_on_cpu = [
        (hooi.start == Start::Random, "a random start of HOOI"),
        (hooi.starts > 1, "several starts of HOOI"),
        (!hooi.fixed.is_empty(), "fixed modes of HOOI"),
        (
            hooi.order.is_some(),
            "an order of the modes in the sweeps of HOOI",
        ),
    ];
    match only_on_cpu.iter().find(|(given, _)| *given) {
        Some(&(_, what)) => Err(CudaError::OnlyOnCpu { what }.into()),
        None => Ok(()),
    }
}

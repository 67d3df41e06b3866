//! HOOI and ST-HOSVD of batches: the methods of [`Device`].

use super::iteration::Sweeping;
use super::shapes::Shapes;
use super::solver::{Solver, Source, Tally};
use super::tolerance::{Batch, WithinTolerance};
use crate::cuda::device::Device;
use crate::cuda::launch::Stopping;
use crate::cuda::limits::check_countable;
use crate::cuda::scalar::DeviceScalar;
use crate::error::{CudaError, Error, Result};
use crate::linalg::Route;
use crate::monitor::Progress;
use crate::tensor::{TensorRef, first_non_finite};
use crate::tucker::{Hooi, StHosvd, Start, Truncation, Tucker};

impl Device {
    /// The decompositions of the N tensors of a batch N×(the shape of a tensor), as
    /// [`Hooi::decompose`] computes them. This method is meant for many small tensors.
    ///
    /// The iteration runs in `f64` on Gram matrices, for `f32` too, and the results are
    /// rounded at the end. A tensor that has converged is skipped while others continue. The
    /// modes in the options are the modes of a tensor, without the leading mode of the batch.
    /// The bits of a decomposition do not depend on the other tensors of the batch. The monitor
    /// gets the number of finished tensors after each chunk, and its cancellation flag is read
    /// before each chunk and sweep.
    ///
    /// With a tolerance, each tensor gets ranks of its own. The device decomposes tensors of
    /// equal ranks together, mode by mode, and the host holds a copy of the batch in `f64`.
    ///
    /// # Errors
    /// The errors of [`Hooi::decompose`], where an index starts with the number of the tensor, and
    /// [`Error::Cuda`] with
    /// - [`CudaError::OnlyOnCpu`] for [`Route::Qr`], and for tensors of 2³¹ entries or more;
    /// - [`CudaError::OutOfMemory`] if the device has too little free memory for one tensor;
    /// - [`CudaError::DeviceFailed`].
    ///
    /// ```no_run
    /// # use tenfold::{Hooi, Tensor, Truncation, cuda::Device};
    /// let batch = Tensor::<f64>::from_fn(&[100, 8, 8, 8], |i| 1.0 / (1 + i[0] + i[1] * i[2] + i[3]) as f64)?;
    /// let device = Device::open(0)?;
    /// let decompositions = device.hooi(&Hooi::new([2, 2, 2]), &batch)?;
    /// assert_eq!(decompositions[99].ranks(), [2, 2, 2]);
    /// let close = device.hooi(&Hooi::new(Truncation::RelativeError(1e-3)), &batch)?;
    /// assert!(close.iter().all(|tucker| tucker.shortfall().is_none()));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn hooi<'a, T: DeviceScalar>(
        &self,
        hooi: &Hooi,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<Tucker<T>>> {
        hooi.check()?;
        let start = StHosvd {
            modes: hooi.modes.clone(),
            route: hooi.route,
            monitor: hooi.monitor.clone(),
            ..StHosvd::new(hooi.truncation.clone())
        };
        let sweeping = Sweeping {
            stopping: Stopping {
                tolerance: hooi.sweep_tolerance,
                rounding: 4.0 * T::EPSILON,
                energy_tolerance: 0.0,
            },
            max_sweeps: hooi.max_sweeps,
            cancellation: hooi.monitor.cancellation(),
        };
        self.decompose(sweeping, &start, hooi.start, batch.into())
    }

    /// The decompositions of the tensors of a batch, as [`StHosvd::decompose`] computes them. The
    /// properties of [`Device::hooi`] hold here too.
    ///
    /// # Errors
    /// The errors of [`Device::hooi`].
    ///
    /// ```no_run
    /// # use tenfold::{StHosvd, Tensor, cuda::Device};
    /// let batch = Tensor::<f32>::from_fn(&[9, 4, 5], |i| (i[0] + i[1] * i[2]) as f32)?;
    /// let decompositions = Device::open(0)?.st_hosvd(&StHosvd::new([2, 2]), &batch)?;
    /// assert_eq!(decompositions.len(), 9);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn st_hosvd<'a, T: DeviceScalar>(
        &self,
        st_hosvd: &StHosvd,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<Tucker<T>>> {
        let sweeping = Sweeping::none(st_hosvd.monitor.cancellation());
        self.decompose(sweeping, st_hosvd, Start::StHosvd, batch.into())
    }

    /// Computes the start with the options of `truncated`, and then the sweeps.
    fn decompose<T: DeviceScalar>(
        &self,
        sweeping: Sweeping<'_>,
        truncated: &StHosvd,
        start: Start,
        batch: TensorRef<'_, T>,
    ) -> Result<Vec<Tucker<T>>> {
        let shapes = shapes(truncated, batch.shape())?;
        if let Some(error) = first_non_finite(batch) {
            return Err(error);
        }
        let batch = Batch::new(batch, &shapes);
        let monitor = &truncated.monitor;
        let solver = Solver {
            device: self,
            sweeping,
            tally: Some(Tally::new(monitor, shapes.items)),
        };
        match truncated.truncation {
            Truncation::Ranks(_) => {
                let source = Source::Truncated(start);
                let found = solver.decompose(&shapes, &source, batch.entries())?;
                let found = found.into_iter().enumerate();
                found
                    .map(|(item, decomposition)| decomposition.tucker(batch.item(item)?))
                    .collect()
            }
            Truncation::RelativeError(tolerance) => {
                let within = WithinTolerance {
                    device: self,
                    shapes: &shapes,
                    start,
                    tolerance,
                    cancellation: monitor.cancellation(),
                };
                let starts = within.truncate(&batch)?;
                if sweeping.max_sweeps == 0 {
                    monitor.step(Progress::new(shapes.items, shapes.items))?;
                    return Ok(starts);
                }
                within.sweep(&solver, &starts, &batch)
            }
        }
    }
}

/// Checks the options against the batch. Returns the shapes of the decompositions. With a
/// tolerance, the ranks in the shapes are their upper bounds, the extents.
fn shapes(truncated: &StHosvd, batch: &[usize]) -> Result<Shapes> {
    let &[items, ref tensor @ ..] = batch else {
        return Err(Error::OrderOutOfRange { order: 0 });
    };
    if items == 0 || tensor.is_empty() {
        return Err(Error::Empty {
            shape: batch.to_vec(),
        });
    }
    let order = truncated.resolved_order(tensor)?;
    if truncated.route == Route::Qr {
        return Err(CudaError::OnlyOnCpu {
            what: "the QR route",
        }
        .into());
    }
    let shapes = Shapes {
        items,
        tensor: tensor.to_vec(),
        core: truncated.largest_core(tensor),
        order,
    };
    check_countable(shapes.size())?;
    check_countable(shapes.largest_order().pow(2))?;
    Ok(shapes)
}

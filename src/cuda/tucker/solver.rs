//! Decompositions of tensors of equal shape at equal ranks, chunk by chunk.

use std::cell::Cell;

use faer::Mat;

use super::iteration::{Iteration, Origin, Sweeping};
use super::shapes::Shapes;
use crate::cuda::buffers::{Upload, download, zeros};
use crate::cuda::device::Device;
use crate::cuda::launch::{Prepared, Unfoldings};
use crate::cuda::limits::items_that_fit;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::monitor::{Cancellation, Monitor, Progress};
use crate::scalar::scale;
use crate::tensor::{Tensor, TensorRef};
use crate::tucker::{Components, Convergence, Start, Stop, Tucker, check_finite};

/// The factors of a tensor: for each mode a factor or `None`.
pub(super) type Factors<T> = [Option<Mat<T>>];

/// What the decompositions of a batch start from.
#[derive(Debug)]
pub(super) enum Source<'a, T> {
    /// A truncated decomposition of each tensor.
    Truncated(Start),
    /// Given factors for each tensor.
    Factors(&'a [&'a Factors<T>]),
}

impl<T: DeviceScalar> Source<'_, T> {
    /// The start of a chunk of `shapes.items` items, from item `first` on.
    fn origin(&self, first: usize, shapes: &Shapes) -> Origin {
        match *self {
            Self::Truncated(start) => Origin::Truncated(start),
            Self::Factors(all) => {
                let chunk = &all[first..first + shapes.items];
                let modes = 0..shapes.tensor.len();
                Origin::Factors(modes.map(|mode| column_by_column(chunk, mode)).collect())
            }
        }
    }
}

/// The factors of a mode, one after the other, column by column. Empty if the mode has no factor.
fn column_by_column<T: DeviceScalar>(chunk: &[&Factors<T>], mode: usize) -> Vec<f64> {
    let factors = chunk.iter().filter_map(|factors| factors[mode].as_ref());
    let columns = factors.flat_map(|factor| (0..factor.ncols()).map(move |j| factor.col(j)));
    columns
        .flat_map(|column| column.iter().map(|entry| entry.as_f64()))
        .collect()
}

/// The decomposition of one tensor.
#[derive(Debug)]
pub(super) struct Decomposition<T> {
    pub(super) core: Tensor<T>,
    pub(super) factors: Vec<Option<Mat<T>>>,
    pub(super) spectra: Vec<Option<Vec<f64>>>,
    convergence: Option<Convergence>,
    /// The relative error, computed from ‖X‖² and ‖G‖².
    error: f64,
}

impl<T: DeviceScalar> Decomposition<T> {
    /// The decomposition of `x`. Its error is measured if ‖X‖² and ‖G‖² do not resolve it.
    pub(super) fn tucker(self, x: TensorRef<'_, T>) -> Result<Tucker<T>> {
        let Self {
            core,
            factors,
            spectra,
            convergence,
            error,
        } = self;
        check_finite(&core, "the core")?;
        let mut tucker = Tucker::from_components(Components {
            spectra,
            convergence,
            ..Components::new(core, factors)
        })?;
        tucker.estimate_error(x, error)?;
        Ok(tucker)
    }
}

/// Decomposes batches on a device.
#[derive(Debug)]
pub(super) struct Solver<'a> {
    pub(super) device: &'a Device,
    pub(super) sweeping: Sweeping<'a>,
    /// Reports the tensors that are done. `None` if the decompositions are intermediate results.
    pub(super) tally: Option<Tally<'a>>,
}

/// The number of tensors that are done, of all tensors of a batch.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    monitor: &'a Monitor,
    done: Cell<usize>,
    total: usize,
}

impl<'a> Tally<'a> {
    pub(super) fn new(monitor: &'a Monitor, total: usize) -> Self {
        Self {
            monitor,
            done: Cell::new(0),
            total,
        }
    }

    /// Adds tensors and reports the sum.
    pub(super) fn add(&self, tensors: usize) -> Result<()> {
        self.done.set(self.done.get() + tensors);
        self.monitor
            .step(Progress::new(self.done.get(), self.total))
    }
}

impl<'a> Solver<'a> {
    /// Computes the start alone, without reports.
    pub(super) fn without_sweeps(device: &'a Device, cancellation: Cancellation<'a>) -> Self {
        Self {
            device,
            sweeping: Sweeping::none(cancellation),
            tally: None,
        }
    }

    /// Decomposes finite tensors of these shapes. `entries` holds the tensors one after the other.
    pub(super) fn decompose<T: DeviceScalar>(
        &self,
        shapes: &Shapes,
        source: &Source<'_, T>,
        entries: &[T],
    ) -> Result<Vec<Decomposition<T>>> {
        // 1. Two streams, each with memory for a chunk.
        let size = shapes.size();
        let bytes = 2 * (shapes.bytes() + (size * (8 + size_of::<T>())) as u64);
        let count = items_that_fit(self.device, "a decomposition", shapes.items, bytes)?;
        let queues = [self.device.queue()?, self.device.queue()?];
        let mut uploads = [
            Upload::<T>::new(&queues[0], count * size)?,
            Upload::<T>::new(&queues[1], count * size)?,
        ];
        // 2. The device copies the next chunk while it decomposes this one.
        let chunks: Vec<&[T]> = entries.chunks(count * size).collect();
        uploads[0].start(&queues[0], chunks[0])?;
        let mut found = Vec::new();
        for (turn, entries) in chunks.iter().enumerate() {
            self.sweeping.cancellation.check()?;
            let next = (turn + 1) % 2;
            if let Some(following) = chunks.get(turn + 1) {
                uploads[next].start(&queues[next], following)?;
            }
            let shapes = Shapes {
                items: entries.len() / size,
                ..shapes.clone()
            };
            let origin = source.origin(turn * count, &shapes);
            let (queue, upload) = (&queues[turn % 2], &uploads[turn % 2]);
            let of_chunk = self.decompose_chunk(queue, upload, shapes, origin)?;
            if let Some(tally) = &self.tally {
                tally.add(of_chunk.len())?;
            }
            found.extend(of_chunk);
        }
        Ok(found)
    }

    /// Decomposes the tensors of a chunk, which `upload` holds.
    fn decompose_chunk<T: DeviceScalar>(
        &self,
        queue: &Queue,
        upload: &Upload<T>,
        shapes: Shapes,
        origin: Origin,
    ) -> Result<Vec<Decomposition<T>>> {
        // 1. Copies in f64, each divided by a power of two.
        let items = shapes.items;
        let len = items * shapes.size();
        let mut tensors = zeros::<f64>(queue, len)?;
        let mut exponents = zeros::<i32>(queue, items)?;
        let mut outcomes = zeros::<i32>(queue, items)?;
        let prepared = Prepared {
            entries: &mut tensors,
            exponents: &mut exponents,
            outcomes: &mut outcomes,
        };
        let view = upload.device().slice(..len);
        queue.prepare(&view, shapes.unfoldings(0), false, prepared)?;
        // 2. Their decompositions.
        let mut iteration = Iteration::new(queue, shapes.clone())?;
        iteration.run(queue, &tensors, origin, self.sweeping)?;
        iteration.check_convergence(queue)?;
        // 3. The results, in the host's memory.
        let modes = 0..shapes.tensor.len();
        let factors = modes.clone().map(|mode| iteration.factor(mode));
        let squares = modes.map(|mode| iteration.squares(mode));
        let states = iteration.states();
        let found = Found {
            cores: download(queue, iteration.cores())?,
            factors: factors
                .map(|memory| download(queue, memory))
                .collect::<Result<_>>()?,
            squares: squares
                .map(|memory| download(queue, memory))
                .collect::<Result<_>>()?,
            exponents: download(queue, &exponents)?,
            errors: download(queue, &states.errors)?,
            sweeps: download(queue, &states.sweeps)?,
            active: download(queue, &states.active)?,
            shapes,
        };
        (0..items)
            .map(|item| found.item(item, self.sweeping.max_sweeps))
            .collect()
    }
}

/// The results of a chunk in the host's memory.
struct Found {
    shapes: Shapes,
    cores: Vec<f64>,
    factors: Vec<Vec<f64>>,
    squares: Vec<Vec<f64>>,
    exponents: Vec<i32>,
    errors: Vec<f64>,
    sweeps: Vec<i32>,
    active: Vec<i32>,
}

impl Found {
    /// The decomposition of tensor `item`. The core and the spectra are multiplied by the power of
    /// two by which the tensor was divided.
    fn item<T: DeviceScalar>(&self, item: usize, max_sweeps: usize) -> Result<Decomposition<T>> {
        let shapes = &self.shapes;
        let exponent = self.exponents[item];
        let core = &self.cores[item * shapes.core_size()..][..shapes.core_size()];
        let core = core
            .iter()
            .map(|&entry| T::from_f64(scale(entry, exponent)));
        let core = Tensor::new(&shapes.core, core.collect())?;
        let factors = (0..shapes.tensor.len()).map(|mode| {
            let (rows, rank) = (shapes.tensor[mode], shapes.core[mode]);
            shapes.has_factor(mode).then(|| {
                let factor = &self.factors[mode][item * rows * rank..];
                Mat::from_fn(rows, rank, |i, j| T::from_f64(factor[i + j * rows]))
            })
        });
        let spectra = (0..shapes.tensor.len()).map(|mode| {
            shapes.has_factor(mode).then(|| {
                let n = spectrum_len(shapes, mode, max_sweeps);
                let squares = self.squares[mode][item * n..][..n].iter();
                let roots = squares.map(|square| scale(square.max(0.0).sqrt(), exponent));
                roots.collect::<Vec<f64>>()
            })
        });
        let convergence = (max_sweeps > 0).then(|| Convergence {
            sweeps: usize::try_from(self.sweeps[item]).unwrap_or(0),
            stop: if self.active[item] == 0 {
                Stop::Converged
            } else {
                Stop::SweepLimit
            },
        });
        Ok(Decomposition {
            core,
            factors: factors.collect(),
            spectra: spectra.collect(),
            convergence,
            error: self.errors[item],
        })
    }
}

/// The number of singular values of the last factorization of a mode. Before this factorization,
/// HOOI has projected all other modes, and ST-HOSVD the modes that come earlier in the order.
fn spectrum_len(shapes: &Shapes, mode: usize, max_sweeps: usize) -> usize {
    let sequential = max_sweeps == 0;
    let mut shape = shapes.tensor.clone();
    let before = |&&other: &&usize| !sequential || other != mode;
    for &other in shapes.order.iter().take_while(before) {
        if other != mode {
            shape[other] = shapes.core[other];
        }
    }
    Unfoldings::of(1, &shape, mode).order()
}

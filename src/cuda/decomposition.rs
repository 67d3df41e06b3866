//! Tucker decompositions of equal ranks of a batch, part by part.

use faer::Mat;

use super::buffers::{Upload, download, zeros};
use super::device::{Device, DeviceScalar};
use super::iteration::{Iteration, Origin, Shapes};
use super::launch::{Around, Queue, Stopping};
use super::limits::most_items;
use crate::error::Result;
use crate::scalar::scale;
use crate::tensor::{Tensor, TensorRef};
use crate::tucker::{Components, Convergence, Start, Stop, Tucker, check_finite};

/// The factors of a tensor, one or none for each mode.
pub(super) type FactorsOf<T> = [Option<Mat<T>>];

/// What the decompositions of a batch start from.
#[derive(Debug)]
pub(super) enum Source<'a, T> {
    Truncated(Start),
    /// Factors for each tensor.
    Factors(&'a [&'a FactorsOf<T>]),
}

impl<T: DeviceScalar> Source<'_, T> {
    /// The same for a part of the batch, from its item `first` on.
    fn origin(&self, first: usize, shapes: &Shapes) -> Origin {
        match *self {
            Self::Truncated(start) => Origin::Truncated(start),
            Self::Factors(all) => {
                let part = &all[first..first + shapes.items];
                let modes = 0..shapes.tensor.len();
                Origin::Factors(modes.map(|mode| column_by_column(part, mode)).collect())
            }
        }
    }
}

/// The sweeps after the start.
#[derive(Debug)]
pub(super) struct Solver {
    pub(super) stopping: Stopping,
    /// None for the start alone.
    pub(super) max_sweeps: usize,
}

/// What one tensor came to.
#[derive(Debug)]
pub(super) struct Decomposition<T> {
    pub(super) core: Tensor<T>,
    pub(super) factors: Vec<Option<Mat<T>>>,
    pub(super) spectra: Vec<Option<Vec<f64>>>,
    convergence: Option<Convergence>,
    /// The relative error that norms tell.
    error: f64,
}

impl<T: DeviceScalar> Decomposition<T> {
    /// With its error: that of the decomposition of `x`.
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

impl Solver {
    /// A start without sweeps.
    pub(super) const START: Self = Self {
        stopping: Stopping {
            tolerance: 0.0,
            rounding: 0.0,
            energy_tolerance: -1.0,
        },
        max_sweeps: 0,
    };

    /// Decomposes finite tensors of these shapes, one after the other in `entries`.
    pub(super) fn decompose<T: DeviceScalar>(
        &self,
        device: &Device,
        shapes: &Shapes,
        source: &Source<'_, T>,
        entries: &[T],
    ) -> Result<Vec<Decomposition<T>>> {
        let size = shapes.size();
        let bytes = 2 * (shapes.bytes() + (size * (8 + size_of::<T>())) as u64);
        let part = most_items(device, "a decomposition", shapes.items, bytes)?;
        // One part is copied while the other is worked on.
        let queues = [device.queue()?, device.queue()?];
        let mut uploads = [
            Upload::<T>::new(&queues[0], part * size)?,
            Upload::<T>::new(&queues[1], part * size)?,
        ];
        let parts: Vec<&[T]> = entries.chunks(part * size).collect();
        uploads[0].start(&queues[0], parts[0])?;
        let mut found = Vec::new();
        for (turn, entries) in parts.iter().enumerate() {
            let next = (turn + 1) % 2;
            if let Some(following) = parts.get(turn + 1) {
                uploads[next].start(&queues[next], following)?;
            }
            let shapes = Shapes {
                items: entries.len() / size,
                ..shapes.clone()
            };
            let origin = source.origin(turn * part, &shapes);
            let (queue, upload) = (&queues[turn % 2], &uploads[turn % 2]);
            found.extend(self.decompose_part(queue, upload, shapes, origin)?);
        }
        Ok(found)
    }

    fn decompose_part<T: DeviceScalar>(
        &self,
        queue: &Queue,
        upload: &Upload<T>,
        shapes: Shapes,
        origin: Origin,
    ) -> Result<Vec<Decomposition<T>>> {
        let items = shapes.items;
        let len = items * shapes.size();
        let around = Around::mode(items, &shapes.tensor, 0);
        let mut prepared = zeros::<f64>(&queue.stream, len)?;
        let mut exponents = zeros::<i32>(&queue.stream, items)?;
        let mut outcomes = zeros::<i32>(&queue.stream, items)?;
        let view = upload.device.slice(..len);
        let scaled = (&mut exponents, &mut outcomes);
        queue.prepare(&view, around, false, &mut prepared, scaled)?;
        let mut iteration = Iteration::new(queue, shapes.clone())?;
        iteration.run(queue, &prepared, origin, self.stopping, self.max_sweeps)?;
        iteration.check_convergence(queue)?;
        let all = |of_modes: &[_]| -> Result<Vec<Vec<f64>>> {
            of_modes
                .iter()
                .map(|memory| download(queue, memory))
                .collect()
        };
        let found = Found {
            cores: download(queue, &iteration.cores)?,
            factors: all(&iteration.factors)?,
            squares: all(&iteration.squares)?,
            exponents: download(queue, &exponents)?,
            errors: download(queue, &iteration.states.errors)?,
            sweeps: download(queue, &iteration.states.sweeps)?,
            active: download(queue, &iteration.states.active)?,
            shapes,
        };
        (0..items).map(|item| self.item(&found, item)).collect()
    }

    /// The decomposition of one tensor.
    fn item<T: DeviceScalar>(&self, found: &Found, item: usize) -> Result<Decomposition<T>> {
        let shapes = &found.shapes;
        let exponent = found.exponents[item];
        let core = &found.cores[item * shapes.core_size()..][..shapes.core_size()];
        let core = core
            .iter()
            .map(|&entry| T::from_f64(scale(entry, exponent)));
        let core = Tensor::new(&shapes.core, core.collect())?;
        let factors = (0..shapes.tensor.len()).map(|mode| {
            let (rows, rank) = (shapes.tensor[mode], shapes.core[mode]);
            shapes.has_factor(mode).then(|| {
                let factor = &found.factors[mode][item * rows * rank..];
                Mat::from_fn(rows, rank, |i, j| T::from_f64(factor[i + j * rows]))
            })
        });
        let spectra = (0..shapes.tensor.len()).map(|mode| {
            shapes.has_factor(mode).then(|| {
                let n = self.spectrum_len(shapes, mode);
                let squares = found.squares[mode][item * n..][..n].iter();
                let roots = squares.map(|square| scale(square.max(0.0).sqrt(), exponent));
                roots.collect::<Vec<f64>>()
            })
        });
        let convergence = (self.max_sweeps > 0).then(|| Convergence {
            sweeps: usize::try_from(found.sweeps[item]).unwrap_or(0),
            stop: if found.active[item] == 0 {
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
            error: found.errors[item],
        })
    }

    /// The singular values that the last factorization of a mode had: that of a tensor
    /// whose other modes were projected, in ST-HOSVD alone those before it.
    fn spectrum_len(&self, shapes: &Shapes, mode: usize) -> usize {
        let sequential = self.max_sweeps == 0;
        let mut shape = shapes.tensor.clone();
        let before = |&&other: &&usize| !sequential || other != mode;
        for &other in shapes.order.iter().take_while(before) {
            if other != mode {
                shape[other] = shapes.core[other];
            }
        }
        Around::mode(1, &shape, mode).order()
    }
}

/// The factors of a mode one after the other, column by column; nothing where there is
/// none.
fn column_by_column<T: DeviceScalar>(all: &[&FactorsOf<T>], mode: usize) -> Vec<f64> {
    let factors = all.iter().filter_map(|factors| factors[mode].as_ref());
    let columns = factors.flat_map(|factor| (0..factor.ncols()).map(move |j| factor.col(j)));
    columns
        .flat_map(|column| column.iter().map(|entry| entry.as_f64()))
        .collect()
}

/// What a part of a batch came to, in the host's memory.
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

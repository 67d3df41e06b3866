//! Tucker decompositions of batches.

use faer::Mat;

use super::buffers::{Upload, download, zeros};
use super::device::{Device, DeviceScalar};
use super::iteration::{Iteration, Shapes};
use super::launch::{Around, Queue, Stopping};
use super::limits::{in_range, most_items};
use crate::error::{Error, Result};
use crate::linalg::Route;
use crate::scalar::scale;
use crate::tensor::{Tensor, TensorRef, first_non_finite};
use crate::tucker::{Convergence, Hooi, StHosvd, Start, Stop, Truncation, Tucker};

impl Device {
    /// The decompositions of a batch N×(the shape of a tensor), as
    /// [`Hooi::decompose`] makes each: meant for many small tensors.
    ///
    /// The iteration runs in `f64`, on Gram matrices, for `f32` too; the results are
    /// rounded at the end. A tensor that has converged rests while others go on. Modes count within a
    /// tensor, not in the batch.
    ///
    /// # Errors
    /// Those of [`Hooi::decompose`], an index being that in the batch;
    /// [`Error::OnlyOnCpu`] for a tolerance in place of ranks and for [`Route::Qr`];
    /// [`Error::Device`], [`Error::DeviceMemory`].
    ///
    /// ```no_run
    /// # use tenfold::{Hooi, Tensor, cuda::Device};
    /// let batch = Tensor::<f64>::from_fn(&[100, 8, 8, 8], |i| 1.0 / (1 + i[0] + i[1] * i[2] + i[3]) as f64)?;
    /// let decompositions = Device::open(0)?.hooi(&Hooi::new([2, 2, 2]), &batch)?;
    /// assert_eq!(decompositions[99].ranks(), [2, 2, 2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn hooi<'a, T: DeviceScalar>(
        &self,
        hooi: &Hooi,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<Tucker<T>>> {
        hooi.check()?;
        let stopping = Stopping {
            tolerance: hooi.tolerance,
            rounding: 4.0 * T::EPSILON,
            energy_tolerance: -1.0,
        };
        let solver = Solver {
            start: hooi.start,
            stopping,
            max_sweeps: hooi.max_sweeps,
        };
        let start = StHosvd {
            modes: hooi.modes.clone(),
            route: hooi.route,
            ..StHosvd::new(hooi.truncation.clone())
        };
        self.decompose(solver, &start, batch.into())
    }

    /// The decompositions of a batch by ST-HOSVD, as [`StHosvd::decompose`] makes each;
    /// otherwise as [`Device::hooi`].
    ///
    /// # Errors
    /// Those of [`Device::hooi`].
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
        let solver = Solver {
            start: Start::StHosvd,
            stopping: Stopping {
                tolerance: 0.0,
                rounding: 0.0,
                energy_tolerance: -1.0,
            },
            max_sweeps: 0,
        };
        self.decompose(solver, st_hosvd, batch.into())
    }

    fn decompose<T: DeviceScalar>(
        &self,
        solver: Solver,
        truncated: &StHosvd,
        batch: TensorRef<'_, T>,
    ) -> Result<Vec<Tucker<T>>> {
        let shapes = shapes(truncated, batch.shape())?;
        if let Some(error) = first_non_finite(batch) {
            return Err(error);
        }
        let size = shapes.size();
        let bytes = 2 * (shapes.bytes() + (size * (8 + size_of::<T>())) as u64);
        let part = most_items(self, "a decomposition", shapes.items, bytes)?;
        // One part is copied while the other is worked on.
        let queues = [self.queue()?, self.queue()?];
        let mut uploads = [
            Upload::<T>::new(&queues[0], part * size)?,
            Upload::<T>::new(&queues[1], part * size)?,
        ];
        let parts: Vec<&[T]> = batch.data().chunks(part * size).collect();
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
            let queue = &queues[turn % 2];
            let of_part = solver.solve(queue, &uploads[turn % 2], shapes, entries);
            found.extend(of_part?);
        }
        Ok(found)
    }
}

/// The shapes of the decompositions that are asked for.
fn shapes(truncated: &StHosvd, batch: &[usize]) -> Result<Shapes> {
    let &[items, ref tensor @ ..] = batch else {
        return Err(Error::Order { order: 0 });
    };
    if items == 0 || tensor.is_empty() {
        return Err(Error::Empty {
            shape: batch.to_vec(),
        });
    }
    let order = truncated.resolved_order(tensor)?;
    let Truncation::Ranks(ranks) = &truncated.truncation else {
        return Err(Error::OnlyOnCpu {
            what: "a tolerance in place of ranks, which may differ within a batch",
        });
    };
    if truncated.route == Route::Qr {
        return Err(Error::OnlyOnCpu {
            what: "the QR route",
        });
    }
    let mut core = tensor.to_vec();
    let all: Vec<usize> = (0..tensor.len()).collect();
    let named = truncated.modes.as_ref().unwrap_or(&all);
    for (&mode, &rank) in named.iter().zip(ranks) {
        core[mode] = rank;
    }
    let shapes = Shapes {
        items,
        tensor: tensor.to_vec(),
        core,
        order,
    };
    in_range(shapes.size())?;
    in_range(shapes.largest_order().pow(2))?;
    Ok(shapes)
}

/// How the parts of a batch are decomposed.
struct Solver {
    start: Start,
    stopping: Stopping,
    /// None for the start alone.
    max_sweeps: usize,
}

impl Solver {
    fn solve<T: DeviceScalar>(
        &self,
        queue: &Queue,
        upload: &Upload<T>,
        shapes: Shapes,
        entries: &[T],
    ) -> Result<Vec<Tucker<T>>> {
        let items = shapes.items;
        let around = Around::mode(items, &shapes.tensor, 0);
        let mut prepared = zeros::<f64>(&queue.stream, entries.len())?;
        let mut exponents = zeros::<i32>(&queue.stream, items)?;
        let mut outcomes = zeros::<i32>(&queue.stream, items)?;
        let view = upload.device.slice(..entries.len());
        let scaled = (&mut exponents, &mut outcomes);
        queue.prepare(&view, around, false, &mut prepared, scaled)?;
        let mut iteration = Iteration::new(queue, shapes.clone())?;
        iteration.run(queue, &prepared, self.start, self.stopping, self.max_sweeps)?;
        iteration.check_convergence(queue)?;
        let found = Found {
            cores: download(queue, &iteration.cores)?,
            factors: iteration
                .factors
                .iter()
                .map(|factor| download(queue, factor))
                .collect::<Result<_>>()?,
            squares: iteration
                .squares
                .iter()
                .map(|squares| download(queue, squares))
                .collect::<Result<_>>()?,
            exponents: download(queue, &exponents)?,
            errors: download(queue, &iteration.states.errors)?,
            sweeps: download(queue, &iteration.states.sweeps)?,
            active: download(queue, &iteration.states.active)?,
            shapes,
        };
        let tensors = entries.chunks(found.shapes.size()).enumerate();
        tensors
            .map(|(item, entries)| self.tucker(&found, item, entries))
            .collect()
    }

    /// The decomposition of one tensor.
    fn tucker<T: DeviceScalar>(
        &self,
        found: &Found,
        item: usize,
        entries: &[T],
    ) -> Result<Tucker<T>> {
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
        let (factors, spectra) = (factors.collect(), spectra.collect());
        let x = TensorRef::new(&shapes.tensor, entries)?;
        Tucker::found(core, factors, spectra, convergence, x, found.errors[item])
    }

    /// The singular values that the last factorization of a mode had: that of a tensor
    /// whose other modes were projected, in ST-HOSVD alone those before it.
    fn spectrum_len(&self, shapes: &Shapes, mode: usize) -> usize {
        let sequential = self.max_sweeps == 0 && self.start == Start::StHosvd;
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

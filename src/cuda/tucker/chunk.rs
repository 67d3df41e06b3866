//! The decompositions of the tensors of a chunk, which are on the device.

use std::collections::BTreeMap;

use bytemuck::Pod;
use cudarc::driver::CudaView;

use super::entries::Entries;
use super::found::{Basis, Found, rounded};
use super::iteration::{Given, Iteration, Origin, Results, Sweeping};
use super::options::Options;
use super::result::DeviceTucker;
use super::shapes::Shapes;
use super::tensors::Tensors;
use super::units::Units;
use crate::cuda::buffers::{Buffer, Pinned, copy, uninitialised};
use crate::cuda::launch::Unfoldings;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::linalg::Route;
use crate::tucker::{Convergence, Start, Stop, Tucker, is_known_from_norms};

/// The tensors of a chunk, and how they are decomposed.
pub(super) struct Chunk<'a, T> {
    pub(super) queue: &'a Queue,
    pub(super) options: &'a Options<'a>,
    pub(super) shapes: Shapes,
    pub(super) units: Units<'a, T>,
    /// Measures the relative error of the decomposition of a tensor of the chunk.
    pub(super) measure: &'a Measure<'a, T>,
}

/// Measures the relative error of the decomposition of tensor `item`.
pub(super) type Measure<'a, T> = dyn Fn(&Units<'_, T>, usize, &Tucker<T>) -> Result<f64> + 'a;

impl<T: DeviceScalar> Chunk<'_, T> {
    /// The decompositions at the ranks of the options.
    pub(super) fn by_ranks(&self) -> Result<Vec<Found>> {
        let origin = Origin::Truncated(self.options.start);
        let items: Vec<usize> = (0..self.shapes.items).collect();
        let given = Given {
            tensors: &self.units.tensors(),
            energies: self.units.energies(),
            origin,
        };
        self.iterate(&self.shapes, &items, given, self.options.sweeping)
    }

    /// Projects tensors on their given factors, and sweeps. Tensors of equal ranks are decomposed
    /// together.
    pub(super) fn by_equal_ranks(
        &self,
        bases: &[Basis<'_>],
        sweeping: Sweeping<'_>,
    ) -> Result<Vec<Found>> {
        let mut groups: BTreeMap<&[usize], Vec<&Basis<'_>>> = BTreeMap::new();
        for basis in bases {
            groups.entry(basis.ranks).or_default().push(basis);
        }
        let mut all = Vec::with_capacity(bases.len());
        for (ranks, group) in groups {
            let items: Vec<usize> = group.iter().map(|basis| basis.item).collect();
            let shapes = Shapes {
                items: items.len(),
                core: ranks.to_vec(),
                ..self.shapes.clone()
            };
            let modes = 0..ranks.len();
            let factors = modes.map(|mode| {
                let factors = group.iter().map(|basis| basis.factors[mode].clone());
                factors.flatten().collect()
            });
            let origin = Origin::Factors(factors.collect());
            // A group of some tensors gets copies, so that they lie one after the other.
            let of_group = if items.len() == self.shapes.items {
                None
            } else {
                Some(self.selection(&items)?)
            };
            let whole = self.units.tensors();
            let (tensors, energies) = match &of_group {
                None => (whole, self.units.energies()),
                Some((tensors, energies)) => (tensors.view(), &**energies),
            };
            let given = Given {
                tensors: &tensors,
                energies,
                origin,
            };
            all.extend(self.iterate(&shapes, &items, given, sweeping)?);
        }
        all.sort_by_key(|found| found.item);
        Ok(all)
    }

    /// Copies of the tensors `items` and of their energies.
    fn selection(&self, items: &[usize]) -> Result<(Selection<T>, Buffer<f64>)> {
        let size = self.shapes.size();
        let tensors = match self.units.tensors() {
            Tensors::Own(view) => Selection::Own(select(self.queue, &view, items, size)?),
            Tensors::Double(view) => Selection::Double(select(self.queue, &view, items, size)?),
        };
        let energies = self.units.energies().as_view();
        Ok((tensors, select(self.queue, &energies, items, 1)?))
    }

    /// Runs an iteration, and splits its results. `items` are the numbers of its tensors.
    fn iterate(
        &self,
        shapes: &Shapes,
        items: &[usize],
        given: Given<'_, T>,
        sweeping: Sweeping<'_>,
    ) -> Result<Vec<Found>> {
        let queue = self.queue;
        let refined = self.options.route == Route::Qr;
        let started = matches!(given.origin, Origin::Truncated(_));
        let mut iteration = Iteration::by_route(queue, shapes.clone(), refined)?;
        iteration.run(queue, given, sweeping)?;
        iteration.check_convergence(queue)?;
        let Results {
            cores,
            factors,
            squares,
            states,
        } = iteration.into_results();
        let count = items.len();
        // The copies to the host are started together, so that it waits once.
        let errors = Pinned::of(queue, &states.errors)?;
        let sweeps = Pinned::of(queue, &states.sweeps)?;
        let active = Pinned::of(queue, &states.active)?;
        // Without a start and without sweeps there are no spectra.
        let squares = squares.iter().enumerate().map(|(mode, squares)| {
            if !shapes.has_factor(mode) || !started && sweeping.max_sweeps == 0 {
                return Ok(None);
            }
            let len = spectrum_len(shapes, mode, sweeping.max_sweeps == 0, self.options);
            let squares = Pinned::of(queue, &squares.slice(..count * len))?;
            Ok(Some((len, squares)))
        });
        let squares: Vec<_> = squares.collect::<Result<_>>()?;
        let (errors, sweeps, active) = (errors.entries()?, sweeps.entries()?, active.entries()?);
        let spectra = squares.iter().map(|squares| {
            let Some((len, squares)) = squares else {
                return Ok(None);
            };
            let roots = squares.entries()?.iter();
            let roots = roots.map(|square| square.max(0.0).sqrt());
            Ok(Some((*len, roots.collect::<Vec<f64>>())))
        });
        let spectra: Vec<_> = spectra.collect::<Result<_>>()?;
        let cores = Entries::split(cores, count, shapes.core_size());
        let factors = factors.into_iter().enumerate().map(|(mode, factors)| {
            let size = shapes.tensor[mode] * shapes.core[mode];
            shapes
                .has_factor(mode)
                .then(|| Entries::split(factors, count, size))
        });
        let factors: Vec<_> = factors.collect();
        let convergence = |sweeps: i32, active: i32| {
            let is_converged = sweeping.starts_at_optimum || active == 0;
            let is_iteration = sweeping.starts_at_optimum || sweeping.max_sweeps > 0;
            is_iteration.then(|| Convergence {
                sweeps: usize::try_from(sweeps).unwrap_or(0),
                stop: if is_converged {
                    Stop::Converged
                } else {
                    Stop::SweepLimit
                },
            })
        };
        let split = items.iter().enumerate().map(|(place, &item)| {
            let factors = factors.iter();
            let spectra = spectra.iter().map(|spectrum| {
                let (len, values) = spectrum.as_ref()?;
                Some(values[place * len..(place + 1) * len].to_vec())
            });
            Found {
                item,
                core: cores[place].clone(),
                ranks: shapes.core.clone(),
                factors: factors
                    .map(|of_mode| Some(of_mode.as_ref()?[place].clone()))
                    .collect(),
                spectra: spectra.collect(),
                error: errors[place],
                convergence: convergence(sweeps[place], active[place]),
            }
        });
        Ok(split.collect())
    }

    /// The results in the scalar of the tensors. An error that norms do not resolve is measured. If
    /// it is above `requested`, a shortfall is noted.
    pub(super) fn with_errors(
        &self,
        found: &[Found],
        requested: Option<f64>,
    ) -> Result<Vec<DeviceTucker<T>>> {
        let mut results = self.rounded(found)?;
        for (item, result) in results.iter_mut().enumerate() {
            let error = if is_known_from_norms::<T>(result.error) {
                result.error
            } else {
                self.measured(item, result)?
            };
            result.set_error(error, requested);
        }
        Ok(results)
    }

    /// The results in the scalar of the tensors.
    pub(super) fn rounded(&self, found: &[Found]) -> Result<Vec<DeviceTucker<T>>> {
        rounded(self.queue, &self.units, &self.shapes.tensor, found)
    }

    /// The relative error of the decomposition of a tensor.
    pub(super) fn measured(&self, item: usize, tucker: &DeviceTucker<T>) -> Result<f64> {
        (self.measure)(&self.units, item, &tucker.fetch()?)
    }
}

/// Copies of some tensors.
enum Selection<T> {
    Own(Buffer<T>),
    Double(Buffer<f64>),
}

impl<T: DeviceScalar> Selection<T> {
    fn view(&self) -> Tensors<'_, T> {
        match self {
            Self::Own(buffer) => Tensors::Own(buffer.as_view()),
            Self::Double(buffer) => Tensors::Double(buffer.as_view()),
        }
    }
}

/// A copy of the tensors `items` of `size` entries each. Neighbouring tensors are copied together.
fn select<S: Pod>(
    queue: &Queue,
    tensors: &CudaView<'_, S>,
    items: &[usize],
    size: usize,
) -> Result<Buffer<S>> {
    let mut selection = uninitialised(queue, items.len() * size)?;
    let mut to = 0;
    for run in items.chunk_by(|&item, &next| item + 1 == next) {
        let len = run.len() * size;
        let source = tensors.slice(run[0] * size..run[0] * size + len);
        copy(queue, &source, &mut selection.slice_mut(to..to + len))?;
        to += len;
    }
    Ok(selection)
}

/// The number of singular values of the last factorization of a mode. HOOI projects all other modes
/// before it, ST-HOSVD the modes that come earlier in the order, and HOSVD none.
fn spectrum_len(shapes: &Shapes, mode: usize, no_sweeps: bool, options: &Options<'_>) -> usize {
    let mut shape = shapes.tensor.clone();
    let sequential = options.start == Start::StHosvd;
    let before = |&&other: &&usize| !no_sweeps || sequential && other != mode;
    for &other in shapes.order.iter().take_while(before) {
        if other != mode {
            shape[other] = shapes.core[other];
        }
    }
    Unfoldings::of(1, &shape, mode).order()
}

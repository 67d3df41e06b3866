//! Decompositions on the device in `f64`, and their results in the scalar of the tensors.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::slice;
use std::sync::Arc;

use faer::Mat;

use super::entries::Entries;
use super::result::DeviceTucker;
use super::units::Units;
use crate::cuda::buffers::{Buffer, download, uninitialised, upload, zeros};
use crate::cuda::launch::Results;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::scalar::scale;
use crate::tensor::Tensor;
use crate::tucker::{Components, Convergence, Tucker, obey_rank_law, out_of_range};

/// The decomposition of a tensor of a chunk, in the units of the chunk.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The number of the tensor in the chunk.
    pub(super) item: usize,
    pub(super) core: Entries<f64>,
    /// The extents of the core.
    pub(super) ranks: Vec<usize>,
    /// Column by column.
    pub(super) factors: Vec<Option<Entries<f64>>>,
    pub(super) spectra: Vec<Option<Vec<f64>>>,
    /// The relative error, from ‖X‖² and ‖G‖², or from the discarded singular values.
    pub(super) error: f64,
    pub(super) convergence: Option<Convergence>,
}

/// The factors of a tensor, on which it is projected.
#[derive(Clone, Copy)]
pub(super) struct Basis<'a> {
    /// The number of the tensor in the chunk.
    pub(super) item: usize,
    /// The extents of the projected tensor.
    pub(super) ranks: &'a [usize],
    pub(super) factors: &'a [Option<Entries<f64>>],
}

impl Found {
    /// Its factors.
    pub(super) fn basis(&self) -> Basis<'_> {
        Basis {
            item: self.item,
            ranks: &self.ranks,
            factors: &self.factors,
        }
    }

    /// The same tensor with ranks that obey the rank law. Nearly always these ranks are the same.
    pub(super) fn obeying_rank_law(self, queue: &Queue, tensor: &[usize]) -> Result<Self> {
        let lawful = (0..self.ranks.len()).all(|mode| {
            let others = self.ranks.iter().enumerate();
            let others = others.filter(|&(other, _)| other != mode);
            let product = others.fold(1usize, |product, (_, &rank)| product.saturating_mul(rank));
            self.factors[mode].is_none() || self.ranks[mode] <= product
        });
        if lawful {
            return Ok(self);
        }
        let on_host = on_host(queue, slice::from_ref(&self), tensor)?;
        let lawful = on_host.into_iter().map(obey_rank_law);
        let mut lawful = on_device(queue, vec![self], &lawful.collect::<Result<Vec<_>>>()?)?;
        Ok(lawful.swap_remove(0))
    }

    /// The leading block of the core with `ranks`, as a basis: the leading columns of the factors.
    pub(super) fn leading_factors(&self, ranks: &[usize]) -> Vec<Option<Entries<f64>>> {
        let modes = self.factors.iter().zip(&self.ranks).zip(ranks);
        let leading = modes.map(|((factor, &all), &rank)| {
            let factor = factor.as_ref()?;
            Some(Entries {
                len: factor.len / all * rank,
                ..factor.clone()
            })
        });
        leading.collect()
    }
}

/// Copies decompositions of tensors of extents `tensor` to the host, each buffer that they share
/// once.
pub(super) fn on_host(
    queue: &Queue,
    found: &[Found],
    tensor: &[usize],
) -> Result<Vec<Tucker<f64>>> {
    // 1. The buffers.
    let mut buffers: HashMap<Key, Vec<f64>> = HashMap::new();
    for tucker in found {
        for Entries { buffer, .. } in tucker.factors.iter().flatten().chain([&tucker.core]) {
            if let Entry::Vacant(place) = buffers.entry(key(buffer)) {
                place.insert(download(queue, &**buffer)?);
            }
        }
    }
    // 2. The decompositions.
    let entries = |range: &Entries<f64>| &buffers[&key(&range.buffer)][range.first..][..range.len];
    let tuckers = found.iter().map(|tucker| {
        let core = Tensor::new(&tucker.ranks, entries(&tucker.core).to_vec())?;
        let factors = tucker.factors.iter().zip(tensor).zip(&tucker.ranks);
        let factors = factors.map(|((factor, &rows), &rank)| {
            let entries = entries(factor.as_ref()?);
            Some(Mat::from_fn(rows, rank, |i, j| entries[i + j * rows]))
        });
        Tucker::from_components(Components {
            spectra: tucker.spectra.clone(),
            ..Components::new(core, factors.collect())
        })
    });
    tuckers.collect()
}

/// Copies decompositions to the device. The other fields are those of `found`, one for each
/// decomposition. Cores of equal size share a buffer, and so do factors.
pub(super) fn on_device(
    queue: &Queue,
    found: Vec<Found>,
    tuckers: &[Tucker<f64>],
) -> Result<Vec<Found>> {
    let (mut cores, mut factors) = (Upload::default(), Upload::default());
    // 1. The places in the buffers.
    let places = tuckers.iter().map(|tucker| {
        let core = cores.add(tucker.core().data().iter().copied());
        let factors = tucker.factors().iter().map(|factor| {
            let factor = factor.as_ref()?;
            let columns = (0..factor.ncols()).map(|j| factor.col(j));
            Some(factors.add(columns.flat_map(|column| column.iter().copied())))
        });
        (core, factors.collect::<Vec<_>>())
    });
    let places: Vec<_> = places.collect();
    // 2. The buffers.
    let (cores, factors) = (cores.to_device(queue)?, factors.to_device(queue)?);
    let all = found.into_iter().zip(tuckers).zip(places);
    let all = all.map(|((found, tucker), (core, of_modes))| Found {
        core: cores[&core.1][core.0].clone(),
        ranks: tucker.ranks().to_vec(),
        factors: of_modes
            .iter()
            .map(|place| place.map(|(place, len)| factors[&len][place].clone()))
            .collect(),
        ..found
    });
    Ok(all.collect())
}

/// Entries to copy to the device, in a buffer for each length.
#[derive(Default)]
struct Upload {
    by_len: HashMap<usize, Vec<f64>>,
}

impl Upload {
    /// Adds a range. Returns its place among the ranges of its length, and this length.
    fn add(&mut self, entries: impl Iterator<Item = f64>) -> (usize, usize) {
        let entries: Vec<f64> = entries.collect();
        let of_len = self.by_len.entry(entries.len()).or_default();
        let place = of_len.len() / entries.len().max(1);
        of_len.extend(&entries);
        (place, entries.len())
    }

    /// The ranges on the device, by their length.
    fn to_device(&self, queue: &Queue) -> Result<HashMap<usize, Vec<Entries<f64>>>> {
        let buffers = self.by_len.iter().map(|(&len, entries)| {
            let mut buffer = uninitialised(queue, entries.len())?;
            upload(queue, entries, &mut buffer)?;
            let count = entries.len() / len.max(1);
            Ok((len, Entries::split(buffer, count, len)))
        });
        buffers.collect()
    }
}

/// Rounds decompositions to the scalar of the tensors, multiplied by the powers of two by which the
/// tensors were divided. Waits for the device.
///
/// # Errors
/// [`Error::ResultOutOfRange`](crate::Error::ResultOutOfRange) if an entry of a core is above the
/// largest scalar.
pub(super) fn rounded<T: DeviceScalar>(
    queue: &Queue,
    units: &Units<'_, T>,
    tensor: &[usize],
    found: &[Found],
) -> Result<Vec<DeviceTucker<T>>> {
    // 1. The cores, buffer by buffer. The exponents are those of the tensors in the buffer.
    let mut cores = Rounding::<T>::new(queue);
    let mut exponents: HashMap<Key, Vec<i32>> = HashMap::new();
    for tucker in found {
        let core = &tucker.core;
        let of_buffer = exponents.entry(key(&core.buffer)).or_default();
        of_buffer.resize(of_buffer.len().max(core.place() + 1), 0);
        of_buffer[core.place()] = units.exponent(tucker.item);
    }
    for tucker in found {
        let of_buffer = &exponents[&key(&tucker.core.buffer)];
        cores.round(&tucker.core, units.are_scaled().then_some(of_buffer))?;
    }
    if !cores.are_finite()? {
        return Err(out_of_range::<T>("the core"));
    }
    // 2. The factors.
    let mut factors = Rounding::<T>::new(queue);
    let mut results = Vec::with_capacity(found.len());
    for tucker in found {
        let exponent = units.exponent(tucker.item);
        let of_tucker = tucker.factors.iter().map(|factor| {
            let rounded = factor.as_ref().map(|factor| factors.round(factor, None));
            rounded.transpose()
        });
        let spectra = tucker.spectra.iter().map(|values| {
            let values = values.as_ref()?.iter();
            Some(values.map(|&value| scale(value, exponent)).collect())
        });
        results.push(DeviceTucker {
            queue: queue.clone(),
            core: cores.round(&tucker.core, None)?,
            ranks: tucker.ranks.clone(),
            shape: tensor.to_vec(),
            factors: of_tucker.collect::<Result<_>>()?,
            spectra: spectra.collect(),
            error: tucker.error,
            convergence: tucker.convergence,
            shortfall: None,
        });
    }
    queue.wait()?;
    Ok(results)
}

/// A buffer, by its address on the host.
type Key = usize;

fn key(buffer: &Arc<Buffer<f64>>) -> Key {
    Arc::as_ptr(buffer).addr()
}

/// Rounds buffers, each once.
struct Rounding<'a, T> {
    queue: &'a Queue,
    rounded: HashMap<Key, Arc<Buffer<T>>>,
    flags: Vec<Buffer<i32>>,
}

impl<'a, T: DeviceScalar> Rounding<'a, T> {
    fn new(queue: &'a Queue) -> Self {
        Self {
            queue,
            rounded: HashMap::new(),
            flags: Vec::new(),
        }
    }

    /// The range in the scalar. `exponents` holds one for each range of the buffer.
    fn round(
        &mut self,
        entries: &Entries<f64>,
        exponents: Option<&Vec<i32>>,
    ) -> Result<Entries<T>> {
        let queue = self.queue;
        let at = key(&entries.buffer);
        if !self.rounded.contains_key(&at) {
            let size = entries.len;
            let items = entries.buffer.len() / size.max(1);
            let mut results = uninitialised(queue, entries.buffer.len())?;
            let mut flags = zeros(queue, items)?;
            let exponents = match exponents {
                None => None,
                Some(exponents) => {
                    let mut all = exponents.clone();
                    all.resize(items, 0);
                    let mut of_buffer = uninitialised(queue, items)?;
                    upload(queue, &all, &mut of_buffer)?;
                    Some(of_buffer)
                }
            };
            queue.round(Results {
                items,
                size,
                entries: &entries.buffer,
                exponents: exponents.as_deref(),
                results: &mut *results,
                flags: &mut flags,
            })?;
            self.flags.push(flags);
            self.rounded.insert(at, Arc::new(results));
        }
        Ok(Entries {
            buffer: Arc::clone(&self.rounded[&at]),
            first: entries.first,
            len: entries.len,
        })
    }

    /// Whether all rounded entries are finite. Waits for the device.
    fn are_finite(&self) -> Result<bool> {
        for flags in &self.flags {
            if download(self.queue, flags)?.iter().any(|&flag| flag != 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

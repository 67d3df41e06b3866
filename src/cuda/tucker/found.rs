//! Decompositions on the device in `f64`, and their results in the scalar of the tensors.

use std::collections::HashMap;
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
        // 1. The decomposition on the host, with lawful ranks.
        let core = Tensor::new(&self.ranks, download(queue, &self.core.view())?)?;
        let factors = self.factors.iter().zip(tensor).zip(&self.ranks);
        let factors = factors.map(|((factor, &rows), &rank)| {
            let factor = factor.as_ref().map(|factor| {
                let entries = download(queue, &factor.view())?;
                Ok(Mat::from_fn(rows, rank, |i, j| entries[i + j * rows]))
            });
            factor.transpose()
        });
        let components = Components::new(core, factors.collect::<Result<_>>()?);
        let lawful = obey_rank_law(Tucker::from_components(components)?)?;
        // 2. Back to the device.
        let factors = lawful.factors().iter().map(|factor| {
            let factor = factor.as_ref().map(|factor| {
                let columns = (0..factor.ncols()).map(|j| factor.col(j));
                let entries = columns.flat_map(|column| column.iter().copied());
                on_device(queue, &entries.collect::<Vec<f64>>())
            });
            factor.transpose()
        });
        Ok(Self {
            core: on_device(queue, lawful.core().data())?,
            ranks: lawful.ranks().to_vec(),
            factors: factors.collect::<Result<_>>()?,
            ..self
        })
    }
}

/// The entries in a buffer of their own.
fn on_device(queue: &Queue, entries: &[f64]) -> Result<Entries<f64>> {
    let mut buffer = uninitialised(queue, entries.len())?;
    upload(queue, entries, &mut buffer)?;
    Ok(Entries {
        buffer: Arc::new(buffer),
        first: 0,
        len: entries.len(),
    })
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

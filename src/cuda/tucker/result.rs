//! A decomposition whose core and factors are on the device.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use faer::Mat;

use super::entries::Entries;
use crate::cuda::buffers::download;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::tensor::Tensor;
use crate::tucker::{Components, Convergence, Shortfall, Tucker};

/// A Tucker decomposition on the device: core and factors stay there, until they are fetched.
///
/// The core is row-major. The Iₙ×Rₙ factors are stored column by column. The memory is freed when the
/// value is dropped; decompositions of a batch share memory, which is freed with the last of them.
///
/// ```no_run
/// # use tenfold::{StHosvd, cuda::Device};
/// # let tensors = 0u64;
/// let device = Device::open(0)?;
/// // SAFETY: the address holds 100 tensors of these extents, and nothing writes to it.
/// let found = unsafe { device.st_hosvd_at::<f32>(&StHosvd::new([8, 8, 8]), tensors, &[100, 64, 64, 64])? };
/// let core = found[0].core_pointer();
/// let tucker = found[0].fetch()?;
/// assert_eq!(tucker.ranks(), [8, 8, 8]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DeviceTucker<T> {
    pub(super) queue: Queue,
    pub(super) core: Entries<T>,
    pub(super) ranks: Vec<usize>,
    pub(super) shape: Vec<usize>,
    pub(super) factors: Vec<Option<Entries<T>>>,
    pub(super) spectra: Vec<Option<Vec<f64>>>,
    pub(super) error: f64,
    pub(super) convergence: Option<Convergence>,
    pub(super) shortfall: Option<Shortfall>,
}

impl<T: DeviceScalar> DeviceTucker<T> {
    /// The extents of the tensor.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The extents of the core.
    pub fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// The address of the core on the device.
    pub fn core_pointer(&self) -> u64 {
        self.core.pointer(&self.queue)
    }

    /// The address of the factor of a mode on the device; `None` if the mode has no factor.
    pub fn factor_pointer(&self, mode: usize) -> Option<u64> {
        let factor = self.factors.get(mode)?.as_ref()?;
        Some(factor.pointer(&self.queue))
    }

    /// The singular values of a mode, as [`Tucker::spectrum`] describes them.
    pub fn spectrum(&self, mode: usize) -> Option<&[f64]> {
        self.spectra.get(mode)?.as_deref()
    }

    /// The relative error ‖X − X̂‖/‖X‖, as [`Tucker::estimated_error`] describes it.
    pub fn estimated_error(&self) -> f64 {
        self.error
    }

    /// The tolerance that was missed; `None` if there was none, or if it was met.
    pub fn shortfall(&self) -> Option<Shortfall> {
        self.shortfall
    }

    /// How the sweeps of HOOI ended; `None` for other methods.
    pub fn convergence(&self) -> Option<Convergence> {
        self.convergence
    }

    /// Copies the decomposition to the host.
    ///
    /// # Errors
    /// [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed).
    pub fn fetch(&self) -> Result<Tucker<T>> {
        let core = download(&self.queue, &self.core.view())?;
        let factors = self.factors.iter().map(|factor| {
            let entries = factor.as_ref().map(|it| download(&self.queue, &it.view()));
            entries.transpose()
        });
        let factors: Vec<Option<Vec<T>>> = factors.collect::<Result<_>>()?;
        self.assemble(&core, factors.iter().map(Option::as_deref))
    }

    /// The decomposition with this core and these factors.
    fn assemble<'e>(
        &self,
        core: &[T],
        factors: impl Iterator<Item = Option<&'e [T]>>,
    ) -> Result<Tucker<T>> {
        let core = Tensor::new(&self.ranks, core.to_vec())?;
        let extents = self.shape.iter().zip(&self.ranks);
        let factors = factors.zip(extents).map(|(entries, (&rows, &rank))| {
            let entries = entries?;
            Some(Mat::from_fn(rows, rank, |i, j| entries[i + j * rows]))
        });
        let mut tucker = Tucker::from_components(Components {
            spectra: self.spectra.clone(),
            convergence: self.convergence,
            ..Components::new(core, factors.collect())
        })?;
        tucker.set_estimated_error(self.error);
        if let Some(Shortfall { requested, reached }) = self.shortfall {
            tucker.note_shortfall(requested, reached);
        }
        Ok(tucker)
    }

    /// Sets the relative error, and notes a shortfall if it is above a requested one.
    pub(super) fn set_error(&mut self, error: f64, requested: Option<f64>) {
        self.error = error;
        self.shortfall = requested
            .filter(|&requested| error > requested)
            .map(|requested| Shortfall {
                requested,
                reached: error,
            });
    }
}

/// Copies decompositions to the host, each buffer that they share once.
pub(super) fn fetch_all<T: DeviceScalar>(found: &[DeviceTucker<T>]) -> Result<Vec<Tucker<T>>> {
    // 1. The buffers.
    let mut buffers = HashMap::new();
    for tucker in found {
        let factors = tucker.factors.iter().flatten();
        for Entries { buffer, .. } in factors.chain([&tucker.core]) {
            let key = Arc::as_ptr(buffer).addr();
            if let Entry::Vacant(place) = buffers.entry(key) {
                place.insert(download(&tucker.queue, &**buffer)?);
            }
        }
    }
    // 2. The decompositions.
    let entries = |range: &Entries<T>| {
        let buffer = &buffers[&Arc::as_ptr(&range.buffer).addr()];
        &buffer[range.first..range.first + range.len]
    };
    found
        .iter()
        .map(|tucker| {
            let factors = tucker.factors.iter();
            let factors = factors.map(|factor| factor.as_ref().map(entries));
            tucker.assemble(entries(&tucker.core), factors)
        })
        .collect()
}

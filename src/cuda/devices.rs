//! Several GPUs that share batches.

use std::panic::resume_unwind;
use std::thread;

use super::device::Device;
use super::scalar::DeviceScalar;
use crate::cam::{Cam, SaliencyMap};
use crate::error::{CudaError, Error, Result};
use crate::monitor::Monitor;
use crate::tensor::TensorRef;
use crate::tucker::{Hooi, StHosvd, Tucker};

/// Several open GPUs. A batch is split into contiguous shares of equal size, one for each GPU.
///
/// The results are in the order of the batch. They have the bits that a single GPU of the same kind
/// computes.
///
/// ```no_run
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Weighting};
/// use tenfold::cuda::Devices;
/// let devices = Devices::open(&[0, 1])?;
/// let batch = Tensor::<f32>::from_fn(&[1000, 512, 7, 7], |i| (i[0] * i[1] % 7) as f32)?;
/// let maps = devices.saliency_maps(&Cam::new(Weighting::Mtsm), &batch)?;
/// assert_eq!(maps.len(), 1000);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Devices {
    devices: Vec<Device>,
}

/// The part of a batch for one GPU.
struct Share<'a, T> {
    device: &'a Device,
    /// The number of its first item.
    first: usize,
    shape: Vec<usize>,
    entries: &'a [T],
    monitor: Monitor,
}

impl Devices {
    /// Opens the devices of these numbers, counted from 0 in the driver's order, at the same time.
    ///
    /// # Errors
    /// The errors of [`Device::open`]. [`CudaError::NoDevice`] if the list is empty.
    pub fn open(ordinals: &[usize]) -> Result<Self> {
        if ordinals.is_empty() {
            return Err(CudaError::NoDevice {
                reason: "the list of devices is empty".to_owned(),
            }
            .into());
        }
        let devices = in_parallel(ordinals, |&ordinal| Device::open(ordinal));
        Ok(Self {
            devices: devices.into_iter().collect::<Result<_>>()?,
        })
    }

    /// Opens all devices.
    ///
    /// # Errors
    /// The errors of [`Device::open`].
    pub fn open_all() -> Result<Self> {
        let all: Vec<usize> = (0..Device::count()?).collect();
        Self::open(&all)
    }

    /// The devices, in the order in which they were opened.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The saliency maps of a batch, as [`Device::saliency_maps`] computes them. The monitor gets
    /// the number of maps that all devices have finished.
    ///
    /// # Errors
    /// The errors of [`Device::saliency_maps`], for the first share with an error.
    pub fn saliency_maps<'a, T: DeviceScalar>(
        &self,
        cam: &Cam,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<SaliencyMap<T>>> {
        self.share(&cam.monitor, batch.into(), |device, monitor, batch| {
            let cam = Cam {
                monitor,
                ..cam.clone()
            };
            device.saliency_maps(&cam, batch)
        })
    }

    /// The decompositions of the tensors of a batch, as [`Device::hooi`] computes them. The monitor
    /// gets the number of tensors that all devices have finished.
    ///
    /// # Errors
    /// The errors of [`Device::hooi`], for the first share with an error.
    pub fn hooi<'a, T: DeviceScalar>(
        &self,
        hooi: &Hooi,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<Tucker<T>>> {
        self.share(&hooi.monitor, batch.into(), |device, monitor, batch| {
            let hooi = Hooi {
                monitor,
                ..hooi.clone()
            };
            device.hooi(&hooi, batch)
        })
    }

    /// The decompositions of the tensors of a batch, as [`Device::st_hosvd`] computes them. The
    /// monitor gets the number of tensors that all devices have finished.
    ///
    /// # Errors
    /// The errors of [`Device::st_hosvd`], for the first share with an error.
    pub fn st_hosvd<'a, T: DeviceScalar>(
        &self,
        st_hosvd: &StHosvd,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<Tucker<T>>> {
        self.share(&st_hosvd.monitor, batch.into(), |device, monitor, batch| {
            let st_hosvd = StHosvd {
                monitor,
                ..st_hosvd.clone()
            };
            device.st_hosvd(&st_hosvd, batch)
        })
    }

    /// Computes the shares of a batch at the same time, and joins their results.
    fn share<T: DeviceScalar, R: Send>(
        &self,
        monitor: &Monitor,
        batch: TensorRef<'_, T>,
        compute: impl Fn(&Device, Monitor, TensorRef<'_, T>) -> Result<Vec<R>> + Sync,
    ) -> Result<Vec<R>> {
        let shares = self.shares(monitor, batch);
        let results = in_parallel(&shares, |share| {
            let batch = TensorRef::new(&share.shape, share.entries)?;
            let results = compute(share.device, share.monitor.clone(), batch);
            results.map_err(|error| in_whole_batch(error, share.first))
        });
        let mut joined = Vec::new();
        for of_share in results {
            joined.extend(of_share?);
        }
        Ok(joined)
    }

    /// The shares of a batch, at most one for each device. A batch with fewer items than devices has
    /// fewer shares.
    fn shares<'a, T>(&'a self, monitor: &Monitor, batch: TensorRef<'a, T>) -> Vec<Share<'a, T>> {
        let items = batch.shape()[0];
        let size = batch.data().len() / items.max(1);
        let count = self.devices.len().min(items).max(1);
        let monitors = monitor.parts(count, items).into_iter();
        let shares = self.devices.iter().zip(monitors).enumerate();
        shares
            .map(|(share, (device, monitor))| {
                let (first, end) = (share * items / count, (share + 1) * items / count);
                let mut shape = batch.shape().to_vec();
                shape[0] = end - first;
                Share {
                    device,
                    first,
                    shape,
                    entries: &batch.data()[first * size..end * size],
                    monitor,
                }
            })
            .collect()
    }
}

/// The error of a share that starts with item `first`, with the index in the whole batch.
fn in_whole_batch(error: Error, first: usize) -> Error {
    match error {
        Error::NonFinite { mut index, value } => {
            index[0] += first;
            Error::NonFinite { index, value }
        }
        error => error,
    }
}

/// The results of a function for each input, each computed by its own thread. They are not tasks
/// of the thread pool: most of the time they wait for a device.
fn in_parallel<I: Sync, R: Send>(inputs: &[I], compute: impl Fn(&I) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let compute = &compute;
        let threads: Vec<_> = inputs
            .iter()
            .map(|input| scope.spawn(move || compute(input)))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results
            .map(|result| result.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

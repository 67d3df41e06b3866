//! Maps of a batch in the host's memory.

use super::job::Job;
use super::lane::{Chunk, Lane};
use super::recompute::{recompute, status};
use crate::cam::{Cam, SaliencyMap};
use crate::cuda::buffers::{Buffer, Pinned, Upload, uninitialised};
use crate::cuda::device::Device;
use crate::cuda::limits::{items_that_fit, uploaded_items};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::{Error, Result};
use crate::tensor::{Tensor, TensorRef};

/// The maps of a chunk take at most this fraction, 1/16, of the bytes that a chunk may have. So the
/// pinned memory for maps with few channels stays small.
const MAPS_SHARE: usize = 16;

/// The maps of a batch, and the outcome of each.
struct Computed<T> {
    maps: Vec<SaliencyMap<T>>,
    outcomes: Vec<i32>,
}

/// A lane with the memory to bring a chunk to the device and its maps back. `'a` is the lifetime of
/// the batch.
struct HostLane<'a, T> {
    lane: Lane,
    upload: Upload<'a, T>,
    maps: Buffer<T>,
    /// The maps in the host's memory.
    fetched: Pinned<T>,
}

impl<'a, T: DeviceScalar> HostLane<'a, T> {
    /// Bytes on the device for each item.
    fn bytes(queue: &Queue, job: &Job<'_>) -> Result<u64> {
        let entries = job.size() + job.positions();
        Ok(Lane::bytes(queue, job)? + (entries * size_of::<T>()) as u64)
    }

    /// Memory for `items` items.
    fn new(queue: &Queue, job: &Job<'_>, items: usize) -> Result<Self> {
        Ok(Self {
            upload: Upload::new(queue, items * job.size())?,
            maps: uninitialised(queue, items * job.positions())?,
            fetched: Pinned::new(queue, items * job.positions())?,
            lane: Lane::new(queue, job, items)?,
        })
    }

    /// Enqueues all work on a chunk.
    fn start(&mut self, job: &Job<'_>, entries: &'a [T]) -> Result<()> {
        let items = entries.len() / job.size();
        self.upload.start(self.lane.queue(), entries)?;
        let chunk = Chunk {
            items,
            features: &self.upload.device().slice(..entries.len()),
            maps: &mut self.maps,
        };
        self.lane.enqueue(job, chunk)?;
        self.fetched
            .fetch(&self.maps.slice(..items * job.positions()))
    }

    /// Waits for the chunk that was started last, and adds its results.
    fn collect(&self, job: &Job<'_>, computed: &mut Computed<T>) -> Result<()> {
        let outcomes = self.lane.outcomes()?;
        let maps = self.fetched.entries()?.chunks(job.positions());
        for (values, &outcome) in maps.zip(outcomes) {
            let values = Tensor::new(job.map_shape(), values.to_vec())?;
            let map = SaliencyMap::new(values, status(outcome));
            computed.maps.push(map);
        }
        computed.outcomes.extend(outcomes);
        job.report(computed.outcomes.len())
    }
}

impl Device {
    /// The saliency map of one feature map, as [`Cam::saliency_map`] computes it.
    ///
    /// # Errors
    /// As [`Device::saliency_maps`]. An index is an index in the feature map.
    ///
    /// ```no_run
    /// # use tenfold::{Tensor, cam::{Cam, Weighting}, cuda::Device};
    /// let features = Tensor::<f32>::from_fn(&[64, 7, 7], |i| (i[0] * i[1] % 7) as f32)?;
    /// let map = Device::open(0)?.saliency_map(&Cam::new(Weighting::Tsm), &features)?;
    /// assert_eq!(map.values().shape(), [7, 7]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn saliency_map<'a, T: DeviceScalar>(
        &self,
        cam: &Cam,
        features: impl Into<TensorRef<'a, T>>,
    ) -> Result<SaliencyMap<T>> {
        let features = features.into();
        let batch = [&[1], features.shape()].concat();
        let maps = self.saliency_maps(cam, TensorRef::new(&batch, features.data())?);
        match maps {
            Ok(mut maps) => Ok(maps.remove(0)),
            Err(Error::NonFinite { mut index, value }) => {
                index.remove(0);
                Err(Error::NonFinite { index, value })
            }
            Err(error) => Err(error),
        }
    }

    /// The saliency maps of a batch N×C×H×W, or N×C×(any trailing shape), as
    /// [`Cam::saliency_maps`] computes them.
    ///
    /// The device processes the batch in chunks that fit in its memory, and copies one chunk
    /// while it computes on another. All cores copy a pageable batch to pinned memory, from which
    /// the device reads it. A batch in pinned memory is read as it is.
    ///
    /// With more channels than positions, a kernel reads each feature map once. P ≤ 54 positions take
    /// |F|·P flops in `f64`, and 20·P² more for the first vector or 33·P³ for all vectors, on a device
    /// of compute capability 8.0 or newer. P ≤ 88 positions take |F|·P + 36·P³ flops on others. The bits
    /// of a map do not depend on the chunks.
    /// After each chunk the monitor of `cam` gets the number of finished maps, and before each
    /// chunk its cancellation flag is read.
    ///
    /// # Errors
    /// As [`Cam::saliency_maps`], and [`Error::Cuda`] with
    /// - [`CudaError::DeviceFailed`](crate::CudaError::DeviceFailed);
    /// - [`CudaError::OutOfMemory`](crate::CudaError::OutOfMemory) if the device has too
    ///   little free memory for one map;
    /// - [`CudaError::OnlyOnCpu`](crate::CudaError::OnlyOnCpu) for feature maps of 2³¹
    ///   entries or more.
    ///
    /// ```no_run
    /// # use tenfold::{Tensor, cam::{Cam, Weighting}, cuda::Device};
    /// let batch = Tensor::<f32>::from_fn(&[50, 64, 7, 7], |i| (i[0] * i[1] % 7) as f32)?;
    /// let cam = Cam::new(Weighting::Tsm);
    /// let on_device = Device::open(0)?.saliency_maps(&cam, &batch)?;
    /// let on_cpu = cam.saliency_maps(&batch)?;
    /// assert_eq!(on_device[0].status(), on_cpu[0].status());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn saliency_maps<'a, T: DeviceScalar>(
        &self,
        cam: &Cam,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<SaliencyMap<T>>> {
        let batch = batch.into();
        let job = Job::new(cam, batch.shape())?;
        let Computed { mut maps, outcomes } = compute(self, &job, batch.data())?;
        let item = |item: usize| Ok(batch.data()[item * job.size()..][..job.size()].to_vec());
        for (item, map) in recompute(self, &job, &outcomes, item)? {
            maps[item] = map;
        }
        Ok(maps)
    }
}

/// The maps of a batch, chunk by chunk on two lanes in turn.
///
/// ```text
/// turn       0        1        2                   3          4
/// lane 0     start 0           collect 0, start 2             collect 2
/// lane 1              start 1                      collect 1
/// ```
fn compute<T: DeviceScalar>(device: &Device, job: &Job<'_>, batch: &[T]) -> Result<Computed<T>> {
    // 1. Two lanes, or one lane if the batch has one chunk.
    let queue = device.queue()?;
    let bytes = 2 * HostLane::<T>::bytes(&queue, job)?;
    let fit = items_that_fit(device, "a saliency map", job.items(), bytes)?;
    let entries = job.size().max(MAPS_SHARE * job.positions());
    let count = uploaded_items(job.items(), fit, entries * size_of::<T>());
    let mut lanes = vec![HostLane::new(&queue, job, count)?];
    if count < job.items() {
        lanes.push(HostLane::new(&device.queue()?, job, count)?);
    }
    // 2. In each turn: collect the maps of the chunk that was started last on the lane, and
    // start the next chunk on it. The two extra turns collect the last maps.
    let mut computed = Computed {
        maps: Vec::with_capacity(job.items()),
        outcomes: Vec::with_capacity(job.items()),
    };
    let mut started = [false; 2];
    let chunks = batch.chunks(count * job.size()).map(Some);
    for (turn, chunk) in chunks.chain([None, None]).enumerate() {
        let at = turn % lanes.len();
        let lane = &mut lanes[at];
        if std::mem::take(&mut started[at]) {
            lane.collect(job, &mut computed)?;
        }
        if let Some(entries) = chunk {
            lane.start(job, entries)?;
            started[at] = true;
        }
    }
    Ok(computed)
}

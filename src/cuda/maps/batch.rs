//! Maps of a batch in the host's memory.

use super::job::Job;
use super::lane::{Lane, chunk_items};
use super::recompute::{recompute, status};
use crate::cam::{Cam, SaliencyMap};
use crate::cuda::buffers::{Upload, download};
use crate::cuda::device::Device;
use crate::cuda::scalar::DeviceScalar;
use crate::error::{Error, Result};
use crate::tensor::{Tensor, TensorRef};

/// The maps of a batch, one after the other, and the outcome of each.
struct Computed<T> {
    maps: Vec<T>,
    outcomes: Vec<i32>,
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
    /// while it computes on another. With P ≤ 88 positions and more channels than positions,
    /// one block computes each map and reads the feature map once: |F|·P + 36·P³ flops in
    /// `f64`, if a block has enough shared memory. The bits of a map do not depend on the chunks.
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
        let Computed { maps, outcomes } = compute(self, &job, batch.data())?;
        let item = |item: usize| Ok(batch.data()[item * job.size()..][..job.size()].to_vec());
        let recomputed = recompute(self, &job, &outcomes, item)?;
        let mut recomputed = recomputed.into_iter().peekable();
        let all = maps.chunks(job.positions()).zip(outcomes).enumerate();
        all.map(|(item, (values, outcome))| {
            if let Some((_, map)) = recomputed.next_if(|(other, _)| *other == item) {
                return Ok(map);
            }
            let values = Tensor::new(job.map_shape(), values.to_vec())?;
            Ok(SaliencyMap::new(values, status(outcome)))
        })
        .collect()
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
    let queues = [device.queue()?, device.queue()?];
    let staged = job.size() * size_of::<T>();
    let count = chunk_items(device, &queues[0], job, 2 * staged as u64)?;
    let mut lanes = Vec::new();
    for queue in queues.iter().take(job.items().div_ceil(count)) {
        let upload = Upload::<T>::new(queue, count * job.size())?;
        lanes.push((Lane::new(queue, job, count)?, upload));
    }
    // 2. In each turn: collect the maps of the chunk that was started last on the lane, and
    // start the next chunk on it. The two extra turns collect the last maps.
    let mut computed = Computed {
        maps: Vec::new(),
        outcomes: Vec::new(),
    };
    let mut started: [Option<usize>; 2] = [None; 2];
    let chunks = batch.chunks(count * job.size()).map(Some);
    for (turn, chunk) in chunks.chain([None, None]).enumerate() {
        let at = turn % lanes.len();
        let (lane, upload) = &mut lanes[at];
        if let Some(items) = started[at].take() {
            let maps = download(lane.queue(), &lane.maps(job, items))?;
            computed.maps.extend(maps);
            computed.outcomes.extend(lane.outcomes(job, items)?);
            job.report(computed.outcomes.len())?;
        }
        if let Some(entries) = chunk {
            let items = entries.len() / job.size();
            upload.start(lane.queue(), entries)?;
            lane.enqueue(job, &upload.device().slice(..entries.len()), items)?;
            started[at] = Some(items);
        }
    }
    Ok(computed)
}

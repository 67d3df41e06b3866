//! Saliency maps of batches.

use super::buffers::{Borrowed, Upload, download, zeros};
use super::device::{Device, DeviceScalar};
use super::driver::failed;
use super::iteration::{Shapes, no_convergence};
use super::lane::Lane;
use super::launch::{Around, Queue};
use super::limits::{in_range, most_items};
use super::maps::{Maps, Request};
use crate::cam::{Cam, SaliencyMap, Status, Vectors, check_resize, in_batch};
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor, TensorRef, first_non_finite};

/// What the kernels say of an item, the numbers of `kernels/block.cuh`.
pub(super) mod outcome {
    pub(in crate::cuda) const CONSTANT: i32 = 1;
    pub(in crate::cuda) const DEGENERATE: i32 = 2;
    pub(in crate::cuda) const OUT_OF_RANGE: i32 = 3;
    pub(in crate::cuda) const CANCELLED: i32 = 4;
    pub(in crate::cuda) const NO_CONVERGENCE: i32 = 5;
}

/// The maps of a part of a batch, one after the other, and the outcome of each.
type Made<T> = (Vec<T>, Vec<i32>);

impl Device {
    /// The saliency map of one feature map, as [`Cam::saliency_map`] makes it.
    ///
    /// # Errors
    /// Those of [`Device::saliency_maps`], an index being that in the feature map.
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
        let of_one = [&[1], features.shape()].concat();
        let maps = self.saliency_maps(cam, TensorRef::new(&of_one, features.data())?);
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
    /// [`Cam::saliency_maps`] makes them.
    ///
    /// The batch goes through the device in parts that its memory holds, one being
    /// copied while another is worked on. With no more than 88 positions and more channels
    /// than positions a map is one block's work, which reads the feature map once:
    /// |F|·n + 36·n³ flops in `f64`, n the positions. Bits do not depend on
    /// the parts.
    ///
    /// # Errors
    /// Those of [`Cam::saliency_maps`]; [`CudaError::DeviceFailed`], [`CudaError::OutOfMemory`];
    /// [`CudaError::OnlyOnCpu`] for feature maps of 2³¹ entries.
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
        let (maps, outcomes) = self.stream(&job, batch.data())?;
        let item = |item: usize| Ok(batch.data()[item * job.size()..][..job.size()].to_vec());
        job.finish(self, maps, outcomes, item)
    }

    /// [`Device::saliency_maps`], each map brought to another height and width on the
    /// device, as [`resize`](crate::cam::resize()) does.
    ///
    /// # Errors
    /// Those of [`Device::saliency_maps`] and of [`resize`](crate::cam::resize()).
    ///
    /// ```no_run
    /// # use tenfold::{Tensor, cam::{Cam, Weighting}, cuda::Device};
    /// let batch = Tensor::<f32>::from_fn(&[50, 64, 7, 7], |i| (i[0] * i[1] % 7) as f32)?;
    /// let maps = Device::open(0)?.resized_maps(&Cam::new(Weighting::Tsm), &batch, [224, 224])?;
    /// assert_eq!(maps.shape(), [50, 224, 224]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn resized_maps<'a, T: DeviceScalar>(
        &self,
        cam: &Cam,
        batch: impl Into<TensorRef<'a, T>>,
        [height, width]: [usize; 2],
    ) -> Result<Tensor<T>> {
        let batch = batch.into();
        let job = Job::new(cam, batch.shape())?;
        let &[old_height, old_width] = &job.shape[1..] else {
            return Err(Error::TooFewModes {
                what: "a map to resize",
                expected: 2,
                shape: job.shape[1..].to_vec(),
            });
        };
        check_resize(height, width)?;
        let maps = self.saliency_maps(cam, batch)?;
        let mut resized = Tensor::zeros(&[maps.len(), height, width])?;
        let queue = self.queue()?;
        let (from, to) = (old_height * old_width, height * width);
        in_range(to)?;
        let bytes = ((from + to) * size_of::<T>()) as u64;
        let part = most_items(self, "resizing a map", maps.len(), bytes)?;
        let mut source = Upload::new(&queue, part * from)?;
        let mut target = zeros(&queue.stream, part * to)?;
        for (maps, resized) in maps
            .chunks(part)
            .zip(resized.data_mut().chunks_mut(part * to))
        {
            let entries: Vec<T> = maps
                .iter()
                .flat_map(|map| map.values().data().iter().copied())
                .collect();
            source.start(&queue, &entries)?;
            queue.resize(
                maps.len(),
                &source.device,
                [old_height, old_width],
                [height, width],
                &mut target,
            )?;
            let pixels = download(&queue, &target)?;
            resized.copy_from_slice(&pixels[..resized.len()]);
        }
        Ok(resized)
    }

    /// The saliency maps of a batch that is on the device: `features` points to N×C×…
    /// entries of extents `shape`, row-major, `maps` to room for the N maps. Returns what
    /// each map is worth, when the maps are there.
    ///
    /// # Errors
    /// Those of [`Device::saliency_maps`].
    ///
    /// # Safety
    /// Both are addresses of the device that was opened, of as many entries, and what
    /// was enqueued to write `features` is done. Nothing else writes to either.
    ///
    /// ```no_run
    /// # use tenfold::{cam::{Cam, Weighting}, cuda::Device};
    /// # let (features, maps) = (0u64, 0u64);
    /// // features and maps: CUdeviceptr of a framework's own tensors.
    /// let shape = [1000, 2048, 7, 7];
    /// let cam = Cam::new(Weighting::Mtsm);
    /// let device = Device::open(0)?;
    /// // SAFETY: both are of that shape, and the framework has been synchronised.
    /// let statuses = unsafe { device.saliency_maps_at::<f32>(&cam, features, &shape, maps)? };
    /// assert_eq!(statuses.len(), 1000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[allow(unsafe_code)]
    pub unsafe fn saliency_maps_at<T: DeviceScalar>(
        &self,
        cam: &Cam,
        features: u64,
        shape: &[usize],
        maps: u64,
    ) -> Result<Vec<Status>> {
        let job = Job::new(cam, shape)?;
        let queue = self.queue()?;
        let (size, positions) = (job.size(), job.positions());
        // SAFETY: the caller promises it.
        let features = unsafe { Borrowed::<T>::new(&queue, features, job.items * size) };
        // SAFETY: the caller promises it.
        let mut target = unsafe { Borrowed::<T>::new(&queue, maps, job.items * positions) };
        let copying = || failed("copying maps");
        let part = self.part(&job, &queue, 0)?;
        let mut lane = Lane::<T>::new(&queue, &job, part)?;
        let mut outcomes = Vec::new();
        for first in (0..job.items).step_by(part) {
            let count = part.min(job.items - first);
            let view = features.slice().slice(first * size..(first + count) * size);
            lane.enqueue(&job, &view, count)?;
            let made = lane.maps.slice(..count * positions);
            let mut room = target
                .slice_mut()
                .slice_mut(first * positions..(first + count) * positions);
            let copied = queue.stream.memcpy_dtod(&made, &mut room);
            copied.map_err(copying())?;
            outcomes.extend(lane.outcomes(&job, count)?);
        }
        let item = |item: usize| {
            let entries = features.slice().slice(item * size..(item + 1) * size);
            queue.stream.clone_dtoh(&entries).map_err(copying())
        };
        let again = job.again(self, &outcomes, item)?;
        for (item, map) in &again {
            let start = item * positions;
            let mut room = target.slice_mut().slice_mut(start..start + positions);
            let copied = queue.stream.memcpy_htod(map.values().data(), &mut room);
            copied.map_err(copying())?;
        }
        queue.stream.synchronize().map_err(copying())?;
        let mut statuses: Vec<Status> = outcomes.into_iter().map(status).collect();
        for (item, map) in again {
            statuses[item] = map.status();
        }
        Ok(statuses)
    }

    /// The maps of a batch in the host's memory, by parts on two streams in turn.
    fn stream<T: DeviceScalar>(&self, job: &Job<'_>, batch: &[T]) -> Result<Made<T>> {
        let queues = [self.queue()?, self.queue()?];
        let staged = job.size() * size_of::<T>();
        let part = self.part(job, &queues[0], 2 * staged as u64)?;
        let mut lanes = Vec::new();
        for queue in queues.iter().take(job.items.div_ceil(part)) {
            let upload = Upload::<T>::new(queue, part * job.size())?;
            lanes.push((Lane::new(queue, job, part)?, upload));
        }
        let mut made: Made<T> = Default::default();
        let mut waiting: [Option<usize>; 2] = [None; 2];
        let parts = batch.chunks(part * job.size()).map(Some);
        // Two rounds more, in which the last parts are taken.
        for (turn, entries) in parts.chain([None, None]).enumerate() {
            let at = turn % lanes.len();
            let (lane, upload) = &mut lanes[at];
            if let Some(count) = waiting[at].take() {
                let maps = download(&lane.queue, &lane.maps)?;
                made.0.extend_from_slice(&maps[..count * job.positions()]);
                made.1.extend(lane.outcomes(job, count)?);
            }
            if let Some(entries) = entries {
                let count = entries.len() / job.size();
                upload.start(&lane.queue, entries)?;
                lane.enqueue(job, &upload.device.slice(..entries.len()), count)?;
                waiting[at] = Some(count);
            }
        }
        Ok(made)
    }

    /// The items that a part of the batch has, with `staged` bytes more for each.
    fn part(&self, job: &Job<'_>, queue: &Queue, staged: u64) -> Result<usize> {
        let lane = Lane::<f64>::bytes(queue, job);
        most_items(self, "a saliency map", job.items, 2 * lane + staged)
    }
}

/// What is to be made of a batch.
pub(super) struct Job<'a> {
    cam: &'a Cam,
    items: usize,
    /// The extents of a feature map.
    shape: &'a [usize],
    pub(super) request: Request,
}

impl<'a> Job<'a> {
    fn new(cam: &'a Cam, batch: &'a [usize]) -> Result<Self> {
        let &[items, ref shape @ ..] = batch else {
            return Err(Error::NotAFeatureMap {
                shape: batch.to_vec(),
            });
        };
        if items == 0 {
            return Err(Error::Empty {
                shape: batch.to_vec(),
            });
        }
        cam.check(shape)?;
        Shape::new(batch)?;
        let job = Self {
            cam,
            items,
            shape,
            request: Request {
                all_vectors: cam.weighting.vectors() == Vectors::All,
                centring: cam.centring.unwrap_or(cam.weighting.centring()),
                sign: cam.sign.unwrap_or(cam.weighting.sign()),
            },
        };
        in_range(job.size())?;
        in_range(job.positions().min(shape[0]).pow(2))?;
        if let Some(ranks) = &cam.ranks {
            crate::Truncation::Ranks(ranks.clone()).check(shape, None)?;
        }
        Ok(job)
    }

    /// Entries of a feature map.
    pub(super) fn size(&self) -> usize {
        self.shape.iter().product()
    }

    pub(super) fn positions(&self) -> usize {
        self.size() / self.shape[0]
    }

    pub(super) fn around(&self, items: usize) -> Around {
        Around {
            items,
            left: 1,
            rows: self.shape[0],
            right: self.positions(),
        }
    }

    /// The decompositions at truncated ranks, where they are asked for.
    pub(super) fn shapes(&self, items: usize) -> Option<Shapes> {
        let ranks = self.cam.ranks.as_ref()?;
        Some(Shapes {
            items,
            tensor: self.shape.to_vec(),
            core: ranks.clone(),
            order: (0..self.shape.len()).collect(),
        })
    }

    /// The maps with their statuses, those made again that double precision alone did
    /// not bring; `item` fetches a feature map.
    fn finish<T: DeviceScalar>(
        &self,
        device: &Device,
        maps: Vec<T>,
        outcomes: Vec<i32>,
        item: impl Fn(usize) -> Result<Vec<T>>,
    ) -> Result<Vec<SaliencyMap<T>>> {
        let mut again = self.again(device, &outcomes, item)?.into_iter().peekable();
        let all = maps.chunks(self.positions()).zip(outcomes).enumerate();
        all.map(|(item, (values, outcome))| {
            if let Some((_, map)) = again.next_if(|(other, _)| *other == item) {
                return Ok(map);
            }
            let values = Tensor::new(&self.shape[1..], values.to_vec())?;
            Ok(SaliencyMap::new(values, status(outcome)))
        })
        .collect()
    }

    /// The maps of those items whose squares left the range of `f64`, or of which centring
    /// or a flat map left too few digits: from scaled, centred copies in `f64`.
    fn again<T: DeviceScalar>(
        &self,
        device: &Device,
        outcomes: &[i32],
        fetch: impl Fn(usize) -> Result<Vec<T>>,
    ) -> Result<Vec<(usize, SaliencyMap<T>)>> {
        if outcomes.contains(&outcome::NO_CONVERGENCE) {
            return Err(no_convergence());
        }
        let again = |code: i32| code == outcome::OUT_OF_RANGE || code == outcome::CANCELLED;
        let mut maps = Vec::new();
        for item in (0..outcomes.len()).filter(|&item| again(outcomes[item])) {
            let entries = fetch(item)?;
            if let Some(error) = first_non_finite(TensorRef::new(self.shape, &entries)?) {
                return Err(in_batch(error, item));
            }
            maps.push((item, self.prepared_map(device, &entries)?));
        }
        Ok(maps)
    }

    /// The map of one feature map, finite, from its scaled copy.
    fn prepared_map<T: DeviceScalar>(
        &self,
        device: &Device,
        entries: &[T],
    ) -> Result<SaliencyMap<T>> {
        let queue = device.queue()?;
        let around = self.around(1);
        let request = Request {
            centring: false,
            ..self.request
        };
        let mut upload = Upload::new(&queue, self.size())?;
        let mut prepared = zeros::<f64>(&queue.stream, self.size())?;
        let mut exponents = zeros(&queue.stream, 1)?;
        let mut outcomes = zeros(&queue.stream, 1)?;
        let mut maps = zeros::<f64>(&queue.stream, self.positions())?;
        upload.start(&queue, entries)?;
        queue.prepare(
            &upload.device.as_view(),
            around,
            self.request.centring,
            &mut prepared,
            (&mut exponents, &mut outcomes),
        )?;
        let mut work = Maps::new(&queue, around, request)?;
        let prepared = prepared.as_view();
        work.enqueue(&queue, &prepared, around, request, &mut maps, &mut outcomes)?;
        let code = download(&queue, &outcomes)?[0];
        // A zero feature map, or one that centring makes zero, has a zero map.
        let zero = code == outcome::OUT_OF_RANGE;
        let values = download(&queue, &maps)?;
        let values = values.iter().take(self.positions());
        let values = values.map(|&value| T::from_f64(if zero { 0.0 } else { value }));
        let values = Tensor::new(&self.shape[1..], values.collect())?;
        match code {
            outcome::NO_CONVERGENCE => Err(no_convergence()),
            outcome::OUT_OF_RANGE => Ok(SaliencyMap::new(values, Status::Constant)),
            _ => Ok(SaliencyMap::new(values, status(code))),
        }
    }
}

/// What an outcome says of a map.
fn status(outcome: i32) -> Status {
    match outcome {
        outcome::CONSTANT => Status::Constant,
        outcome::DEGENERATE => Status::Degenerate,
        _ => Status::Fine,
    }
}

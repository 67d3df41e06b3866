//! The checked options of a call.

use crate::cam::{Cam, Vectors};
use crate::cuda::launch::{Request, Unfoldings};
use crate::cuda::limits::check_countable;
use crate::cuda::tucker::Shapes;
use crate::error::{Error, Result};
use crate::monitor::{Cancellation, Monitor, Progress};
use crate::tensor::Shape;
use crate::tucker::Truncation;

/// The options of a call and the shape of its batch.
pub(super) struct Job<'a> {
    monitor: &'a Monitor,
    ranks: Option<&'a [usize]>,
    items: usize,
    /// The extents of a feature map.
    shape: &'a [usize],
    request: Request,
}

impl<'a> Job<'a> {
    /// Checks the options against a batch of extents N×C×….
    pub(super) fn new(cam: &'a Cam, batch: &'a [usize]) -> Result<Self> {
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
            monitor: &cam.monitor,
            ranks: cam.ranks.as_deref(),
            items,
            shape,
            request: Request {
                all_vectors: cam.weighting.vectors() == Vectors::All,
                centring: cam.centring.unwrap_or(cam.weighting.centring()),
                sign: cam.sign.unwrap_or(cam.weighting.sign()),
            },
        };
        check_countable(job.size())?;
        check_countable(job.unfoldings(1).order().pow(2))?;
        if let Some(ranks) = job.ranks {
            Truncation::Ranks(ranks.to_vec()).check(shape, None)?;
        }
        Ok(job)
    }

    /// The cancellation flag of the call.
    pub(super) fn cancellation(&self) -> Cancellation<'a> {
        self.monitor.cancellation()
    }

    /// Reports the number of items that are done.
    pub(super) fn report(&self, done: usize) -> Result<()> {
        self.monitor.step(Progress::new(done, self.items))
    }

    /// The number of items of the batch.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The extents of a feature map.
    pub(super) fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The extents of a map.
    pub(super) fn map_shape(&self) -> &'a [usize] {
        &self.shape[1..]
    }

    pub(super) fn request(&self) -> Request {
        self.request
    }

    /// The number of entries of a feature map.
    pub(super) fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of entries of a map.
    pub(super) fn positions(&self) -> usize {
        self.map_shape().iter().product()
    }

    /// The C×P unfoldings of `items` feature maps.
    pub(super) fn unfoldings(&self, items: usize) -> Unfoldings {
        Unfoldings::of(items, self.shape, 0)
    }

    /// The shapes of the decompositions of `items` feature maps. `None` at full ranks.
    pub(super) fn shapes(&self, items: usize) -> Option<Shapes> {
        let ranks = self.ranks?;
        Some(Shapes {
            items,
            tensor: self.shape.to_vec(),
            core: ranks.to_vec(),
            order: (0..self.shape.len()).collect(),
        })
    }
}

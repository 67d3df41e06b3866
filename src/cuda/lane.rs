//! A stream with what the maps of a part of a batch need, at full or truncated ranks.

use cudarc::driver::{CudaSlice, CudaView};

use super::buffers::{download, zeros};
use super::device::DeviceScalar;
use super::iteration::{Iteration, Origin};
use super::launch::{Combination, Queue, Stopping};
use super::maps::Maps;
use super::saliency::Job;
use crate::cam::{ENERGY_TOLERANCE, MAX_SWEEPS};
use crate::error::Result;
use crate::tucker::Start;

/// A stream with the memory for a part of a batch.
pub(super) struct Lane<T> {
    pub(super) queue: Queue,
    pub(super) maps: CudaSlice<T>,
    pub(super) outcomes: CudaSlice<i32>,
    steps: Steps,
}

/// What a part of a batch goes through.
enum Steps {
    /// Full ranks.
    Closed(Box<Maps>),
    /// Truncated ranks: scaled copies, and HOOI on them.
    Tucker(Box<Tucker>),
}

struct Tucker {
    prepared: CudaSlice<f64>,
    exponents: CudaSlice<i32>,
    iteration: Iteration,
    projected: CudaSlice<f64>,
    squares: CudaSlice<f64>,
    sums: CudaSlice<f64>,
}

impl<T: DeviceScalar> Lane<T> {
    /// Bytes that an item takes.
    pub(super) fn bytes(queue: &Queue, job: &Job<'_>) -> u64 {
        let of_map = (job.positions() * size_of::<T>() + 4) as u64;
        let steps = match job.shapes(1) {
            None => Maps::bytes(queue, job.around(1), job.request),
            Some(shapes) => {
                let rank = shapes.core[0];
                let maps = rank * (job.positions() + 1) + job.positions() + 1;
                shapes.bytes() + 8 * (job.size() + maps) as u64
            }
        };
        of_map + steps
    }

    pub(super) fn new(queue: &Queue, job: &Job<'_>, items: usize) -> Result<Self> {
        let stream = &queue.stream;
        let steps = match job.shapes(items) {
            None => Steps::Closed(Box::new(Maps::new(queue, job.around(items), job.request)?)),
            Some(shapes) => {
                let rank = shapes.core[0];
                Steps::Tucker(Box::new(Tucker {
                    prepared: zeros(stream, items * job.size())?,
                    exponents: zeros(stream, items)?,
                    projected: zeros(stream, items * rank * job.positions())?,
                    squares: zeros(stream, items * rank)?,
                    sums: zeros(stream, items * job.positions())?,
                    iteration: Iteration::new(queue, shapes)?,
                }))
            }
        };
        Ok(Self {
            queue: queue.clone(),
            maps: zeros(stream, items * job.positions())?,
            outcomes: zeros(stream, items)?,
            steps,
        })
    }

    /// What became of the `count` feature maps of the last call of [`Lane::enqueue`].
    pub(super) fn outcomes(&self, job: &Job<'_>, count: usize) -> Result<Vec<i32>> {
        let mut outcomes = download(&self.queue, &self.outcomes)?;
        outcomes.truncate(count);
        if let Steps::Closed(maps) = &self.steps {
            let around = job.around(count);
            maps.cancel_flat::<T>(&self.queue, around, job.request, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    /// Enqueues the maps of `count` feature maps; at truncated ranks it waits for HOOI.
    pub(super) fn enqueue(
        &mut self,
        job: &Job<'_>,
        features: &CudaView<'_, T>,
        count: usize,
    ) -> Result<()> {
        let (queue, around) = (&self.queue, job.around(count));
        let (maps, outcomes) = (&mut self.maps, &mut self.outcomes);
        let tucker = match &mut self.steps {
            Steps::Closed(steps) => {
                return steps.enqueue(queue, features, around, job.request, maps, outcomes);
            }
            Steps::Tucker(tucker) => tucker,
        };
        let scaled = (&mut tucker.exponents, &mut *outcomes);
        let centring = job.request.centring;
        queue.prepare(features, around, centring, &mut tucker.prepared, scaled)?;
        tucker.iterate(queue, count)?;
        let rank = tucker.iteration.core_extent(0);
        let vectors = if job.request.all_vectors { rank } else { 1 };
        let squares = (count, rank, tucker.iteration.core_size() / rank);
        queue.energy(squares, &tucker.iteration.cores, &mut tucker.squares)?;
        queue.project(
            &tucker.prepared.as_view(),
            around,
            &tucker.iteration.factors[0],
            (rank, vectors),
            &mut tucker.projected,
        )?;
        let how = Combination {
            items: count,
            values: rank,
            vectors,
            positions: job.positions(),
            apart: vectors * job.positions(),
            unit: false,
            sign: job.request.sign,
        };
        let (squares, projected) = (&tucker.squares, &tucker.projected);
        queue.combine(how, squares, projected, &mut tucker.sums, maps, outcomes)
    }
}

impl Tucker {
    /// HOOI as the maps of the CPU have it.
    fn iterate(&mut self, queue: &Queue, count: usize) -> Result<()> {
        let stopping = Stopping {
            tolerance: 0.0,
            rounding: 0.0,
            energy_tolerance: ENERGY_TOLERANCE,
        };
        self.iteration.take(count);
        let tensors = &self.prepared;
        self.iteration.run(
            queue,
            tensors,
            Origin::Truncated(Start::Hosvd),
            stopping,
            MAX_SWEEPS,
        )?;
        self.iteration.check_convergence(queue)
    }
}

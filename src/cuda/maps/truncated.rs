//! Maps at truncated ranks: HOOI decomposes scaled copies of the features, and the copies are
//! projected on the channel factor.

use super::full_rank::adds_maps;
use super::job::Job;
use crate::cam::{ENERGY_TOLERANCE, MAX_SWEEPS};
use crate::cuda::buffers::{Buffer, uninitialised};
use crate::cuda::launch::{
    Combination, MapChunk, Prepared, Projection, Slices, Stopping, TileProjection, parts, work_len,
};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::cuda::tucker::{Energies, Given, Iteration, Origin, Shapes, Sweeping, Tensors};
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::tucker::Start;

/// When HOOI stops for a map, as on the CPU.
const STOPPING: Stopping = Stopping {
    tolerance: 0.0,
    rounding: 0.0,
    energy_tolerance: ENERGY_TOLERANCE,
};

/// Memory for the steps of a chunk.
pub(super) struct Truncated {
    prepared: Buffer<f64>,
    magnitudes: Buffer<f64>,
    exponents: Buffer<i32>,
    energies: Energies,
    iteration: Iteration,
    projected: Buffer<f64>,
    squares: Buffer<f64>,
    square_work: Buffer<f64>,
    sums: Buffer<f64>,
}

impl Truncated {
    /// Bytes for each item.
    pub(super) fn bytes(job: &Job<'_>, shapes: &Shapes) -> u64 {
        let (rank, positions) = (shapes.core[0], job.positions());
        let of_maps = rank * (positions + 1) + positions + 2;
        shapes.bytes() + 8 * (job.size() + of_maps) as u64
    }

    /// Memory for all items of `shapes`.
    pub(super) fn new(queue: &Queue, job: &Job<'_>, shapes: Shapes) -> Result<Self> {
        let (items, rank, positions) = (shapes.items, shapes.core[0], job.positions());
        Ok(Self {
            prepared: uninitialised(queue, items * job.size())?,
            magnitudes: uninitialised(queue, items * parts(job.size()))?,
            exponents: uninitialised(queue, items)?,
            energies: Energies::new(queue, items, job.size())?,
            projected: uninitialised(queue, items * rank * positions)?,
            squares: uninitialised(queue, items * rank)?,
            square_work: uninitialised(queue, work_len(items * rank, shapes.slice_size()))?,
            sums: uninitialised(queue, items * positions)?,
            iteration: Iteration::new(queue, shapes)?,
        })
    }

    /// Enqueues the maps of a chunk, and waits for HOOI.
    pub(super) fn enqueue<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        chunk: MapChunk<'_, T>,
        cancellation: Cancellation<'_>,
    ) -> Result<()> {
        let MapChunk {
            features,
            unfoldings,
            request,
            maps,
            outcomes,
        } = chunk;
        let (items, positions) = (unfoldings.items, unfoldings.columns());
        // 1. Scaled copies, centred if requested.
        let prepared = Prepared {
            magnitudes: &mut self.magnitudes,
            entries: &mut self.prepared,
            exponents: &mut self.exponents,
            outcomes,
        };
        queue.prepare(features, unfoldings, request.centring, prepared)?;
        // 2. HOOI.
        self.iteration.set_items(items);
        let tensors = Tensors::<f64>::Double(self.prepared.as_view());
        let given = Given {
            tensors: &tensors,
            energies: self.energies.measure(queue, &tensors, items, None)?,
            origin: Origin::Truncated(Start::Hosvd),
        };
        let sweeping = Sweeping {
            stopping: STOPPING,
            max_sweeps: MAX_SWEEPS,
            starts_at_optimum: false,
            cancellation,
        };
        self.iteration.run(queue, given, sweeping)?;
        self.iteration.check_convergence(queue)?;
        // 3. σᵢ²: the energy of slice i of the core in the channel mode.
        let shapes = self.iteration.shapes();
        let rank = shapes.core[0];
        let slices = Slices {
            items,
            slices: rank,
            size: shapes.slice_size(),
            tensors: &self.iteration.cores().as_view(),
            others: None,
        };
        queue.energy(slices, &mut self.square_work, &mut self.squares)?;
        // 4. Projected maps, or their sum, and the map.
        let vectors = if request.all_vectors { rank } else { 1 };
        let tiles = queue.projection_kernels()?;
        let added = adds_maps(queue, request)?;
        if let Some(kernels) = &tiles {
            let projection = TileProjection {
                features: &self.prepared.as_view(),
                unfoldings,
                matrices: self.iteration.factor(0),
                columns: rank,
                vectors,
                offsets: None,
                squares: (&self.squares, rank),
                sum: added,
                target: &mut self.projected,
                outcomes,
            };
            queue.project_tiles(kernels, projection)?;
        } else {
            queue.project(Projection {
                features: &self.prepared.as_view(),
                unfoldings,
                matrices: self.iteration.factor(0),
                columns: rank,
                vectors,
                projected: &mut self.projected,
            })?;
        }
        let maps_each = if added { 1 } else { vectors };
        queue.combine(Combination {
            items,
            values: rank,
            vectors: maps_each,
            positions,
            stride: maps_each * positions,
            unit: false,
            sign: request.sign,
            squares: &self.squares,
            projected: &self.projected,
            single: None,
            sums: &mut self.sums,
            maps,
            outcomes,
        })
    }
}

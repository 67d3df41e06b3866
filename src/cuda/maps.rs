//! Saliency maps of one part of a batch, on the device.

use cudarc::driver::{CudaSlice, CudaView};

use super::buffers::{download, zeros};
use super::device::DeviceScalar;
use super::launch::{Around, Combination, Queue};
use super::saliency::outcome;
use crate::cam::{MAP_TOLERANCE, SAFE_SINGLE_LENGTH, Sign};
use crate::error::Result;

/// What is asked of feature maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// All vectors, or the first alone.
    pub(super) all_vectors: bool,
    pub(super) centring: bool,
    pub(super) sign: Sign,
}

/// The error of a projected map from products in `f32` that are summed by 32, relative
/// to the length of the features at a position: √32 roundings, and that of the vector.
const PROJECTION_ROUNDING: f64 = 6.66 * 0.5 * f32::EPSILON as f64;

/// The way from features to maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// A block does all of a map, from the P×P Gram matrix.
    Block,
    /// By steps, from the P×P Gram matrix: P < C.
    Rest,
    /// By steps, from the C×C Gram matrix, whose eigenvectors the features are then
    /// projected on.
    Mode,
}

impl Path {
    fn of(queue: &Queue, around: Around) -> Self {
        if !around.of_rest() {
            Self::Mode
        } else if queue.fits_a_block(around.columns()) {
            Self::Block
        } else {
            Self::Rest
        }
    }
}

/// Memory for the steps of a part of a batch.
#[derive(Debug)]
pub(super) struct Maps {
    path: Path,
    grams: CudaSlice<f64>,
    work: CudaSlice<f64>,
    values: CudaSlice<f64>,
    vectors: CudaSlice<f64>,
    energies: CudaSlice<f64>,
    channel_sums: CudaSlice<f64>,
    projected: CudaSlice<f64>,
    sums: CudaSlice<f64>,
}

/// The entries of each buffer of [`Maps`] for one item.
struct Lengths {
    matrix: usize,
    work: usize,
    order: usize,
    projected: usize,
    positions: usize,
}

impl Lengths {
    fn of(queue: &Queue, around: Around, request: Request) -> Self {
        let path = Path::of(queue, around);
        let order = if path == Path::Block {
            0
        } else {
            around.order()
        };
        let vectors = if request.all_vectors { order } else { 1 };
        Self {
            matrix: order * order,
            work: if queue.eigen_is_shared(order) {
                0
            } else {
                order * order
            },
            order,
            projected: if path == Path::Mode {
                vectors * around.columns()
            } else {
                0
            },
            positions: if path == Path::Block {
                0
            } else {
                around.columns()
            },
        }
    }
}

impl Maps {
    /// Bytes that an item takes.
    pub(super) fn bytes(queue: &Queue, around: Around, request: Request) -> u64 {
        let lengths = Lengths::of(queue, around, request);
        let entries = 2 * lengths.matrix
            + lengths.work
            + 2 * lengths.order
            + lengths.projected
            + lengths.positions
            + 1;
        8 * entries as u64
    }

    /// Memory for `around.items` items.
    pub(super) fn new(queue: &Queue, around: Around, request: Request) -> Result<Self> {
        let lengths = Lengths::of(queue, around, request);
        let of = |len: usize| zeros::<f64>(&queue.stream, around.items * len);
        Ok(Self {
            path: Path::of(queue, around),
            grams: of(lengths.matrix)?,
            work: of(lengths.work)?,
            values: of(lengths.order)?,
            vectors: of(lengths.matrix)?,
            energies: of(1)?,
            channel_sums: of(lengths.order)?,
            projected: of(lengths.projected)?,
            sums: of(lengths.positions)?,
        })
    }

    /// Enqueues the maps of the items of `features`, C×P each.
    pub(super) fn enqueue<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        features: &CudaView<'_, T>,
        around: Around,
        request: Request,
        maps: &mut CudaSlice<T>,
        outcomes: &mut CudaSlice<i32>,
    ) -> Result<()> {
        let Request {
            all_vectors,
            centring,
            sign,
        } = request;
        if self.path == Path::Block {
            let how = (centring, all_vectors, sign);
            return queue.saliency(features, around, how, maps, outcomes);
        }
        let (items, n) = (around.items, around.order());
        let vectors = if all_vectors { n } else { 1 };
        queue.gram(features, around, &mut self.grams, None)?;
        queue.check_gram((items, n), &mut self.grams, &mut self.energies, outcomes)?;
        if centring {
            self.centre(queue, features, around, outcomes)?;
        }
        queue.eigen(
            (items, n),
            &mut self.grams,
            &mut self.work,
            (&mut self.values, &mut self.vectors),
            outcomes,
            None,
        )?;
        if self.path == Path::Mode {
            let columns = (n, vectors);
            queue.project(
                features,
                around,
                &self.vectors,
                columns,
                &mut self.projected,
            )?;
            if centring {
                let rows = (items, vectors, around.columns());
                queue.centre_rows(rows, &mut self.projected)?;
            }
        }
        let unit = self.path == Path::Rest;
        let how = Combination {
            items,
            values: n,
            vectors,
            positions: around.columns(),
            apart: if unit {
                n * n
            } else {
                vectors * around.columns()
            },
            unit,
            sign,
        };
        let projected = if unit { &self.vectors } else { &self.projected };
        queue.combine(how, &self.values, projected, &mut self.sums, maps, outcomes)
    }

    /// Marks as cancelled those of `outcomes` whose map is too flat for the products in
    /// `f32` that it was projected with. Waits for what was enqueued.
    pub(super) fn cancel_flat<T: DeviceScalar>(
        &self,
        queue: &Queue,
        around: Around,
        request: Request,
        outcomes: &mut [i32],
    ) -> Result<()> {
        if self.path != Path::Mode || T::EPSILON <= f64::EPSILON {
            return Ok(());
        }
        let (n, positions) = (around.order(), around.columns());
        let squares = download(queue, &self.values)?;
        let sums = download(queue, &self.sums)?;
        let energies = download(queue, &self.energies)?;
        let items = squares.chunks(n).zip(sums.chunks(positions)).zip(energies);
        for (((squares, sum), energy), outcome) in items.zip(outcomes) {
            let relative = squares.iter().map(|square| square / squares[0]);
            let weights = relative.map(|square| square.max(0.0).sqrt());
            let vectors = if request.all_vectors { n } else { 1 };
            let length = (energy / positions as f64).sqrt();
            let error = PROJECTION_ROUNDING * weights.take(vectors).sum::<f64>() * length;
            let min = sum.iter().copied().fold(f64::INFINITY, f64::min);
            let max = sum.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let resolved = SAFE_SINGLE_LENGTH.contains(&length)
                && sum.iter().all(|entry| entry.is_finite())
                && 2.0 * error <= MAP_TOLERANCE * (max - min);
            if *outcome < outcome::OUT_OF_RANGE && !resolved {
                *outcome = outcome::CANCELLED;
            }
        }
        Ok(())
    }

    /// Takes the channels' means out of the Gram matrices.
    fn centre<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        features: &CudaView<'_, T>,
        around: Around,
        outcomes: &mut CudaSlice<i32>,
    ) -> Result<()> {
        let sums = &mut self.channel_sums;
        if self.path == Path::Rest {
            let size = (around.items, around.order());
            return queue.centre_rest(size, &mut self.grams, sums, &self.energies, outcomes);
        }
        queue.row_sums(features, around, sums)?;
        queue.centre_mode(around, &mut self.grams, sums, &self.energies, outcomes)
    }
}

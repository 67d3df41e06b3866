//! Maps at full ranks: the singular value decomposition of each unfolding, from the Gram
//! matrix of its smaller side.

use crate::cuda::buffers::{Buffer, uninitialised};
use std::sync::Arc;

use crate::cam::Sign;
use crate::cuda::launch::{
    Combination, Eigenproblems, FirstVectors, Grams, MapChunk, MapKernels, Projection, RUN,
    Request, Rows, SinglePrecision, SumProjection, TileProjection, Unfoldings,
};
use crate::cuda::program::Sized;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::linalg::Side;

/// The rounding error of a projected map in `f32`, relative to the norm of the features at a
/// position: √[`RUN`] unit roundoffs for the sum of a run, and one for the rounded vector.
fn projection_error() -> f64 {
    let unit_roundoff = 0.5 * f64::from(f32::EPSILON);
    ((RUN as f64).sqrt() + 1.0) * unit_roundoff
}

/// The way from the features to the map, at full ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Two kernels, from the P×P Gram matrix: one warp computes a map from it.
    Warp,
    /// One block computes the whole map from the P×P Gram matrix.
    Block,
    /// Several kernels, from the P×P Gram matrix with P < C. Its eigenvectors are the projected
    /// maps, divided by their singular values.
    Positions,
    /// Several kernels, from the C×C Gram matrix with C ≤ P. The features are projected on its
    /// eigenvectors.
    Channels,
}

impl Path {
    fn of(queue: &Queue, unfoldings: Unfoldings) -> Result<Self> {
        let positions = unfoldings.columns();
        Ok(match unfoldings.side() {
            Side::Mode => Self::Channels,
            Side::Rest if queue.map_kernels(positions)?.is_some() => Self::Warp,
            Side::Rest if queue.tile_kernels()?.is_none() && queue.map_fits_block(positions) => {
                Self::Block
            }
            Side::Rest => Self::Positions,
        })
    }
}

/// Memory for the steps of a chunk.
#[derive(Debug)]
pub(super) struct FullRank {
    path: Path,
    /// The kernels of [`Path::Warp`].
    kernels: Option<MapKernels>,
    /// Whether the request needs first vectors alone, and the device has kernels for them.
    first: bool,
    /// The kernels of projections on tensor cores.
    tiles: Option<Arc<Sized>>,
    grams: Buffer<f64>,
    work: Buffer<f64>,
    values: Buffer<f64>,
    vectors: Buffer<f64>,
    energies: Buffer<f64>,
    channel_sums: Buffer<f64>,
    /// The projections of the channel sums, where tiles subtract them.
    offsets: Buffer<f64>,
    projected: Buffer<f64>,
    sums: Buffer<f64>,
    /// First vectors, and whether each needs the full eigenproblem.
    firsts: Buffer<f64>,
    unsure: Buffer<i32>,
}

/// Whether first vectors are computed without the others.
fn first_alone(
    queue: &Queue,
    path: Path,
    unfoldings: Unfoldings,
    request: Request,
) -> Result<bool> {
    let alone = !request.all_vectors && matches!(path, Path::Positions | Path::Channels);
    Ok(alone && queue.has_first_vectors(unfoldings.order())?)
}

/// Whether the kernel that projects on all vectors also adds the projected maps. It does not find the
/// signs of the maps.
pub(super) fn adds_maps(queue: &Queue, request: Request) -> Result<bool> {
    Ok(request.sign == Sign::Absolute && queue.projection_kernels()?.is_some())
}

/// The entries of each buffer of [`FullRank`] for one item.
#[derive(Default)]
struct Lengths {
    matrix: usize,
    vectors: usize,
    work: usize,
    order: usize,
    offsets: usize,
    projected: usize,
    positions: usize,
    firsts: usize,
}

impl Lengths {
    fn of(queue: &Queue, path: Path, unfoldings: Unfoldings, request: Request) -> Result<Self> {
        let first = first_alone(queue, path, unfoldings, request)?;
        let (order, positions) = (unfoldings.order(), unfoldings.columns());
        let matrix = order * order;
        let vectors = if request.all_vectors { order } else { 1 };
        Ok(match path {
            Path::Block => Self::default(),
            Path::Warp => Self {
                matrix,
                ..Self::default()
            },
            Path::Positions | Path::Channels => Self {
                matrix,
                vectors: matrix,
                work: if first || !queue.eigen_fits_block(order) {
                    matrix
                } else {
                    0
                },
                order,
                offsets: vectors,
                projected: match (path, adds_maps(queue, request)?) {
                    (Path::Channels, true) => positions,
                    (Path::Channels, false) => vectors * positions,
                    _ => 0,
                },
                positions,
                firsts: if first { order } else { 0 },
            },
        })
    }
}

impl FullRank {
    /// Bytes for each item.
    pub(super) fn bytes(queue: &Queue, unfoldings: Unfoldings, request: Request) -> Result<u64> {
        let path = Path::of(queue, unfoldings)?;
        let lengths = Lengths::of(queue, path, unfoldings, request)?;
        let entries = lengths.matrix
            + lengths.vectors
            + lengths.work
            + 2 * lengths.order
            + lengths.offsets
            + lengths.projected
            + lengths.positions
            + lengths.firsts
            + 2;
        Ok(8 * entries as u64)
    }

    /// Memory for all items of `unfoldings`.
    pub(super) fn new(queue: &Queue, unfoldings: Unfoldings, request: Request) -> Result<Self> {
        let path = Path::of(queue, unfoldings)?;
        let kernels = match path {
            Path::Warp => queue.map_kernels(unfoldings.columns())?,
            Path::Block | Path::Positions | Path::Channels => None,
        };
        let lengths = Lengths::of(queue, path, unfoldings, request)?;
        let of = |len: usize| uninitialised::<f64>(queue, unfoldings.items * len);
        Ok(Self {
            path,
            kernels,
            first: first_alone(queue, path, unfoldings, request)?,
            tiles: match path {
                Path::Channels => queue.projection_kernels()?,
                Path::Warp | Path::Block | Path::Positions => None,
            },
            grams: of(lengths.matrix)?,
            work: of(lengths.work)?,
            values: of(lengths.order)?,
            vectors: of(lengths.vectors)?,
            energies: of(1)?,
            channel_sums: of(lengths.order)?,
            offsets: of(lengths.offsets)?,
            projected: of(lengths.projected)?,
            sums: of(lengths.positions)?,
            firsts: of(lengths.firsts)?,
            unsure: uninitialised(queue, unfoldings.items)?,
        })
    }

    /// Enqueues the maps of a chunk.
    pub(super) fn enqueue<T: DeviceScalar>(
        &mut self,
        queue: &Queue,
        chunk: MapChunk<'_, T>,
    ) -> Result<()> {
        if let Some(kernels) = &self.kernels {
            return queue.small_maps(kernels, chunk, &mut self.grams);
        }
        if self.path == Path::Block {
            return queue.saliency(chunk);
        }
        let MapChunk {
            features,
            unfoldings,
            request,
            maps,
            outcomes,
        } = chunk;
        let (items, n, positions) = (unfoldings.items, unfoldings.order(), unfoldings.columns());
        let vectors = if request.all_vectors { n } else { 1 };
        // 1. Gram matrices, centred.
        queue.gram(features, unfoldings, &mut self.grams, None)?;
        let mut grams = Grams {
            items,
            order: n,
            matrices: &mut self.grams,
            energies: &mut self.energies,
            outcomes,
        };
        queue.check_gram(&mut grams)?;
        if request.centring && self.path == Path::Positions {
            queue.centre_rest(&mut grams, &mut self.channel_sums)?;
        } else if request.centring {
            queue.row_sums(features, unfoldings, &mut self.channel_sums)?;
            queue.centre_mode(&mut grams, positions, &self.channel_sums)?;
        }
        // 2. Squares of the singular values, and vectors of the smaller side.
        if self.first {
            queue.first_vectors(FirstVectors {
                items,
                order: n,
                grams: &mut self.grams,
                work: &mut self.work,
                vectors: &mut self.vectors,
                values: &mut self.values,
                firsts: &mut self.firsts,
                unsure: &mut self.unsure,
                outcomes,
            })?;
        } else {
            queue.eigen(Eigenproblems {
                items,
                order: n,
                grams: &mut self.grams,
                work: &mut self.work,
                values: &mut self.values,
                vectors: &mut self.vectors,
                outcomes,
                active: None,
            })?;
        }
        let (basis, columns) = match self.first {
            true => (&self.firsts, 1),
            false => (&self.vectors, n),
        };
        // 3. Projected maps: the vectors themselves if their entries belong to positions, or the
        // features projected on the vectors if the entries belong to channels. Tiles may add them.
        let unit = self.path == Path::Positions;
        let added = self.tiles.is_some() && adds_maps(queue, request)?;
        if let Some(kernels) = &self.tiles {
            let centring = request.centring;
            if centring {
                // P oᵢ = uᵢᵀ F 1, the projection of the channel sums.
                queue.project_sums(SumProjection {
                    items,
                    channels: n,
                    sums: &self.channel_sums,
                    matrices: basis,
                    columns,
                    vectors,
                    projected: &mut self.offsets,
                })?;
            }
            queue.project_tiles(
                kernels,
                TileProjection {
                    features,
                    unfoldings,
                    matrices: basis,
                    columns,
                    vectors,
                    offsets: centring.then_some(&*self.offsets),
                    squares: (&self.values, n),
                    sum: added,
                    target: &mut self.projected,
                    outcomes,
                },
            )?;
        } else if !unit {
            queue.project(Projection {
                features,
                unfoldings,
                matrices: basis,
                columns,
                vectors,
                projected: &mut self.projected,
            })?;
            if request.centring {
                queue.centre_rows(Rows {
                    items,
                    rows: vectors,
                    columns: positions,
                    entries: &mut self.projected,
                })?;
            }
        }
        // 4. The maps. A sum of projected maps counts as one map, with a weight of 1.
        let maps_each = if added { 1 } else { vectors };
        let single = self.tiles.is_none() && !unit && T::EPSILON > f64::EPSILON;
        queue.combine(Combination {
            items,
            values: n,
            vectors: maps_each,
            positions,
            stride: if unit {
                n * columns
            } else {
                maps_each * positions
            },
            unit,
            sign: request.sign,
            squares: &self.values,
            projected: if unit { basis } else { &self.projected },
            single: single.then(|| SinglePrecision {
                relative_error: projection_error(),
                energies: &self.energies,
            }),
            sums: &mut self.sums,
            maps,
            outcomes,
        })
    }
}

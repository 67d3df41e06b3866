//! Projections in tiles on double tensor cores (`kernels/sized/project_tiles.cu`).

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaView, DevicePtr};

use super::blocks::{int, launch};
use super::gram_tiles::{COPY_BYTES, PANEL_DEPTH, TILE_THREADS, TILE_WIDTH};
use super::unfoldings::Unfoldings;
use crate::cuda::program::Sized;
use crate::cuda::program::families::PROJECT_TILES;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// Projections zᵢ = uᵢᵀF − oᵢ of features F on the leading `vectors` columns uᵢ of a C×`columns`
/// matrix for each item, or their sum ∑ᵢ (σᵢ/σ₁)|zᵢ|.
pub(in crate::cuda) struct TileProjection<'a, T> {
    pub(in crate::cuda) features: &'a CudaView<'a, T>,
    pub(in crate::cuda) unfoldings: Unfoldings,
    pub(in crate::cuda) matrices: &'a CudaSlice<f64>,
    pub(in crate::cuda) columns: usize,
    pub(in crate::cuda) vectors: usize,
    /// P oᵢ for each vector of each item; zeros if absent.
    pub(in crate::cuda) offsets: Option<&'a CudaSlice<f64>>,
    /// Squares of singular values, and their number for each item.
    pub(in crate::cuda) squares: (&'a CudaSlice<f64>, usize),
    /// Whether `target` gets the sum, P entries for each item, instead of the zᵢ.
    pub(in crate::cuda) sum: bool,
    pub(in crate::cuda) target: &'a mut CudaSlice<f64>,
    pub(in crate::cuda) outcomes: &'a CudaSlice<i32>,
}

/// Bytes of the panels of a block in shared memory: two stages of a panel of vectors and a panel of
/// features.
fn shared<T>() -> usize {
    let size = size_of::<T>();
    let pitch = TILE_WIDTH + if size == 4 { 8 } else { 4 };
    2 * (8 * TILE_WIDTH * (PANEL_DEPTH + 4) + size * PANEL_DEPTH * pitch)
}

impl Queue {
    /// The kernels of [`project_tiles`](Self::project_tiles), if the device has tensor cores for doubles.
    pub(in crate::cuda) fn projection_kernels(&self) -> Result<Option<Arc<Sized>>> {
        if shared::<f64>() > self.program().shared_limit() {
            return Ok(None);
        }
        self.sized(&PROJECT_TILES, TILE_WIDTH)
    }

    /// Projects features on vectors. Items already marked as failed are skipped.
    pub(in crate::cuda) fn project_tiles<T: DeviceScalar>(
        &self,
        kernels: &Sized,
        projection: TileProjection<'_, T>,
    ) -> Result<()> {
        let TileProjection {
            features,
            unfoldings,
            matrices,
            columns,
            vectors,
            offsets,
            squares: (squares, values),
            sum,
            target,
            outcomes,
        } = projection;
        let (items, positions) = (unfoldings.items, unfoldings.columns());
        let channels = unfoldings.rows();
        // 1. The kernel: by what 16 bytes at a time can copy.
        let (address, _) = features.device_ptr(self.stream());
        let lengths = [positions * size_of::<T>(), channels * size_of::<f64>()];
        let aligned = (address as usize).is_multiple_of(COPY_BYTES)
            && lengths.iter().all(|bytes| bytes.is_multiple_of(COPY_BYTES));
        let [each, each16, summed, summed16] = T::KERNELS.project_tiles;
        let name = match (sum, aligned) {
            (false, false) => each,
            (false, true) => each16,
            (true, false) => summed,
            (true, true) => summed16,
        };
        // 2. Tiles of positions, and of vectors unless a block adds them.
        let (down, maps) = match sum {
            true => (1, 1),
            false => (vectors.div_ceil(TILE_WIDTH), vectors),
        };
        assert!(offsets.is_none_or(|offsets| offsets.len() >= items * vectors));
        let [c, p, of_matrix, count, of_squares] =
            [channels, positions, columns, vectors, values].map(int);
        launch!(
            self, function: kernels.function(name), threads: TILE_THREADS,
            grid: (positions.div_ceil(TILE_WIDTH), down, items), shared: shared::<T>(),
            holds: [
                features => items * unfoldings.size(),
                matrices => items * channels * columns,
                squares => items * values,
                target => items * maps * positions,
                outcomes => items,
            ],
            arguments: [
                features, &c, &p, matrices, &of_matrix, &count, squares, &of_squares, target, outcomes,
            ],
            // The last argument may be null, as `active` may be.
            active: offsets,
        )
    }
}

//! Gram matrices in tiles on double tensor cores (`kernels/sized/gram_tiles.cu`).

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaView, DevicePtr};

use super::blocks::{int, launch};
use super::unfoldings::Unfoldings;
use crate::cuda::buffers::uninitialised;
use crate::cuda::program::Sized;
use crate::cuda::program::families::GRAM_TILES;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;
use crate::linalg::Side;

/// The side of a tile: the order of the family.
pub(super) const TILE_WIDTH: usize = 64;

/// The number of entries of the depth that a block multiplies at a time.
pub(super) const PANEL_DEPTH: usize = 32;

/// The threads of a block that computes a tile, and of a block that adds parts.
pub(super) const TILE_THREADS: usize = 128;
const SUM_THREADS: usize = 256;

/// The rows of a tile that one block adds.
const SUM_ROWS: usize = 8;

/// The bytes of an asynchronous copy.
pub(super) const COPY_BYTES: usize = 16;

/// Sums are split until there are about this many blocks, if a part keeps this depth. Measured on an
/// H100: 66 parts for 200×40,000, 132 for 200×160,000 and 66 for 400×160,000 entries were best.
const FEW_BLOCKS: (usize, usize) = (660, 256);
const MANY_BLOCKS: (usize, usize) = (1848, 1200);

/// Whether deep sums are split into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    Whole,
    Parts,
}

/// The tiles of the Gram matrices of the smaller side of unfoldings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    pub(super) unfoldings: Unfoldings,
    /// The tiles of the lower triangle of a Gram matrix.
    count: usize,
    /// The number of products in an entry.
    depth: usize,
    parts: usize,
    part_depth: usize,
}

/// Where the vectors lie in memory: the head of `kernels/sized/gram_tiles.cu` explains the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Whether neighbours in memory belong to different vectors.
    columns: bool,
    run: usize,
    apart: usize,
    pitch: usize,
}

impl Tiles {
    pub(super) fn of(unfoldings: Unfoldings, split: Depth) -> Self {
        let side = unfoldings.order().div_ceil(TILE_WIDTH);
        let count = side * (side + 1) / 2;
        let depth = unfoldings.rows().max(unfoldings.columns());
        let limit = |(blocks, least): (usize, usize)| (blocks / count).min(depth / least);
        let wanted = match split {
            Depth::Whole => 1,
            Depth::Parts => limit(FEW_BLOCKS).max(limit(MANY_BLOCKS)).max(1),
        };
        let part_depth = depth.div_ceil(wanted).next_multiple_of(PANEL_DEPTH);
        Self {
            unfoldings,
            count,
            depth,
            parts: depth.div_ceil(part_depth),
            part_depth,
        }
    }

    fn place(self) -> Place {
        let extents = self.unfoldings.extents;
        let (rows, right) = (extents.extent, extents.right);
        let along_right = right > 1;
        Place {
            columns: along_right == (self.unfoldings.side() == Side::Rest),
            run: if along_right { right } else { rows },
            apart: rows * right,
            pitch: if along_right { right } else { rows },
        }
    }

    /// Bytes of the panels of a block in shared memory: two stages of two panels.
    fn shared<T>(columns: bool) -> usize {
        let size = size_of::<T>();
        let entries = match (columns, size) {
            (true, 4) => PANEL_DEPTH * (TILE_WIDTH + 8),
            (true, _) => PANEL_DEPTH * (TILE_WIDTH + 4),
            (false, _) => TILE_WIDTH * (PANEL_DEPTH + 4),
        };
        4 * entries * size
    }
}

impl Queue {
    /// The kernels of tiles, if the device has tensor cores for doubles, and room for the panels of all
    /// of them.
    pub(in crate::cuda) fn tile_kernels(&self) -> Result<Option<Arc<Sized>>> {
        let needed = Tiles::shared::<f64>(false).max(Tiles::shared::<f64>(true));
        if needed > self.program().shared_limit() {
            return Ok(None);
        }
        self.sized(&GRAM_TILES, TILE_WIDTH)
    }

    /// Computes Gram matrices, for the items that are not idle.
    pub(super) fn gram_tiles<T: DeviceScalar>(
        &self,
        kernels: &Sized,
        tiles: Tiles,
        tensors: &CudaView<'_, T>,
        (grams, active): (&mut CudaSlice<f64>, Option<&CudaSlice<i32>>),
    ) -> Result<()> {
        let unfoldings = tiles.unfoldings;
        let (items, n, place) = (unfoldings.items, unfoldings.order(), tiles.place());
        // 1. The kernel: by the direction of the runs, and by what 16 bytes at a time can copy.
        let (address, _) = tensors.device_ptr(self.stream());
        let aligned = (address as usize).is_multiple_of(COPY_BYTES)
            && (place.run * size_of::<T>()).is_multiple_of(COPY_BYTES);
        let [rows, rows16, columns, columns16] = T::KERNELS.gram_tiles;
        let name = match (place.columns, aligned) {
            (false, false) => rows,
            (false, true) => rows16,
            (true, false) => columns,
            (true, true) => columns16,
        };
        // 2. The tiles, as parts if there are several.
        let whole = tiles.parts == 1;
        let entries = tiles.count * TILE_WIDTH * TILE_WIDTH;
        let mut sums = match whole {
            true => None,
            false => Some(uninitialised::<f64>(self, items * tiles.parts * entries)?),
        };
        let target: &mut CudaSlice<f64> = match &mut sums {
            Some(sums) => sums,
            None => &mut *grams,
        };
        let (order, depth, part_depth) = (int(n), int(tiles.depth), int(tiles.part_depth));
        let [run, apart, pitch] = [place.run, place.apart, place.pitch].map(int);
        let needed = if whole { n * n } else { tiles.parts * entries };
        launch!(
            self, function: kernels.function(name), threads: TILE_THREADS,
            grid: (tiles.count, tiles.parts, items), shared: Tiles::shared::<T>(place.columns),
            holds: [tensors => items * unfoldings.size(), target => items * needed],
            arguments: [tensors, &order, &depth, &run, &apart, &pitch, &part_depth, &mut *target],
            active: active,
        )?;
        // 3. Their sums.
        let Some(sums) = sums else {
            return Ok(());
        };
        let parts = int(tiles.parts);
        launch!(
            self, function: kernels.function("gram_sum"), threads: SUM_THREADS,
            grid: (tiles.count, TILE_WIDTH / SUM_ROWS, items), shared: 0,
            holds: [sums => items * needed, grams => items * n * n],
            arguments: [&*sums, &order, &parts, grams],
            active: active,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_depend_on_the_shape_alone() {
        let parts = |shape: &[usize]| {
            [1, 500].map(|items| Tiles::of(Unfoldings::of(items, shape, 0), Depth::Parts).parts)
        };
        assert_eq!(parts(&[200, 40_000]), [66, 66]);
        assert_eq!(parts(&[200, 160_000]), [132, 132]);
        assert_eq!(parts(&[400, 160_000]), [66, 66]);
        assert_eq!(parts(&[20, 400]), [1, 1]);
        let whole = Tiles::of(Unfoldings::of(1, &[200, 40_000], 0), Depth::Whole);
        assert_eq!(whole.parts, 1);
    }

    #[test]
    fn runs_follow_the_contiguous_direction() {
        let place =
            |shape: &[usize], mode| Tiles::of(Unfoldings::of(1, shape, mode), Depth::Whole).place();
        let of = |columns, run, apart, pitch| Place {
            columns,
            run,
            apart,
            pitch,
        };
        assert_eq!(place(&[20, 400], 0), of(false, 400, 8_000, 400));
        assert_eq!(place(&[400, 20], 1), of(true, 20, 20, 20));
        assert_eq!(place(&[5, 20, 30], 1), of(false, 30, 600, 30));
        assert_eq!(place(&[400, 20], 0), of(true, 20, 8_000, 20));
        assert_eq!(place(&[20, 400], 1), of(false, 400, 400, 400));
        assert_eq!(place(&[5, 90, 3], 1), of(true, 3, 270, 3));
    }
}

//! Sized kernels that give a small matrix to one warp: maps of few positions.
//!
//! ```text
//! gram_small   G = FᵀF on tensor cores            128 threads a map
//! map_lane     map_first, map_all: G to the map    32 threads a map
//! ```

use std::sync::Arc;

use cudarc::driver::CudaSlice;

use super::blocks::{int, launch};
use super::constants::sign_code;
use super::maps::{MapChunk, Request};
use crate::cuda::program::Sized;
use crate::cuda::program::families::{GRAM_SMALL, MAP_LANE};
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// The least order for which the kernels of a warp are compiled. They pad a smaller matrix.
pub(super) const LEAST_ORDER: usize = 2;

/// The threads of a block of `gram_small`, and of a warp.
const GRAM_THREADS: usize = 128;
pub(super) const WARP_THREADS: usize = 32;

/// The kernels for maps of few positions.
#[derive(Clone, Debug)]
pub(in crate::cuda) struct MapKernels {
    grams: Arc<Sized>,
    maps: Arc<Sized>,
}

/// The order of the Gram kernel for `n` positions: whole blocks of eight vectors, or one vector more
/// for the maps of 3×3, 5×5 and 7×7 positions.
fn gram_order(n: usize) -> usize {
    match n {
        9 | 25 | 49 => n,
        _ => n.next_multiple_of(8),
    }
}

/// Bytes of shared memory of `gram_small`: for each of 4 warps two stages of 128 bytes a vector.
const fn gram_bytes(order: usize) -> usize {
    1024 * order
}

/// Bytes of shared memory of `eigen_lane`: a factor and its pivots.
pub(super) const fn eigen_bytes(order: usize) -> usize {
    8 * order * (order + 3)
}

/// Bytes of shared memory of `map_lane`: as for eigenproblems, the vectors of 32 Lanczos steps and
/// their start, or a column of each lane.
fn map_bytes(order: usize) -> usize {
    eigen_bytes(order).max(8 * (34 * order + 132))
}

impl Queue {
    /// The kernels for maps of `positions` positions, fewer than channels. `None` if there are too
    /// many positions, or if the device has no such kernels.
    pub(in crate::cuda) fn map_kernels(&self, positions: usize) -> Result<Option<MapKernels>> {
        let order = gram_order(positions);
        if gram_bytes(order) > self.program().shared_limit() {
            return Ok(None);
        }
        let maps = self.sized(&MAP_LANE, positions.max(LEAST_ORDER))?;
        let grams = self.sized(&GRAM_SMALL, order)?;
        Ok(match (grams, maps) {
            (Some(grams), Some(maps)) if grams.order() == order => Some(MapKernels { grams, maps }),
            _ => None,
        })
    }

    /// Computes maps of few positions. `grams` holds a Gram matrix for each item.
    pub(in crate::cuda) fn small_maps<T: DeviceScalar>(
        &self,
        kernels: &MapKernels,
        chunk: MapChunk<'_, T>,
        grams: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let MapChunk {
            features,
            unfoldings,
            request,
            maps,
            outcomes,
        } = chunk;
        let Request {
            all_vectors,
            centring,
            sign,
        } = request;
        let (items, n) = (unfoldings.items, unfoldings.columns());
        let (channels, positions) = (int(unfoldings.rows()), int(n));
        // 1. Gram matrices.
        launch!(
            self, function: kernels.grams.function(T::KERNELS.gram_small), threads: GRAM_THREADS,
            grid: (items, 1), shared: gram_bytes(kernels.grams.order()),
            holds: [features => items * unfoldings.size(), grams => items * n * n],
            arguments: [features, &channels, &positions, &mut *grams],
        )?;
        // 2. Maps of the first vector, where it has a certificate.
        let shared = map_bytes(kernels.maps.order());
        let [centring, every, single] = [centring, all_vectors, size_of::<T>() == 4].map(i32::from);
        let sign = sign_code(sign);
        if !all_vectors {
            launch!(
                self, function: kernels.maps.function("map_first"), threads: WARP_THREADS,
                grid: (items, 1), shared: shared,
                holds: [grams => items * n * n, maps => items * n, outcomes => items],
                arguments: [
                    &*grams, &positions, &centring, &sign, &mut *maps, &single, &mut *outcomes,
                ],
            )?;
        }
        // 3. The other maps.
        launch!(
            self, function: kernels.maps.function("map_all"), threads: WARP_THREADS,
            grid: (items, 1), shared: shared,
            holds: [grams => items * n * n, maps => items * n, outcomes => items],
            arguments: [&*grams, &positions, &centring, &every, &sign, maps, &single, outcomes],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gram_kernels_cover_every_number_of_positions() {
        for n in 1..=54 {
            let order = gram_order(n);
            assert!(order >= n && order < n + 8 && order % 8 < 2, "{n}");
        }
    }
}

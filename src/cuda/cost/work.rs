//! The arithmetic of a call, counted the same way for CPU and GPU.

use crate::cam::{Cam, Vectors};

/// The number of HOOI sweeps that the model assumes. The true number depends on the entries.
const SWEEPS: usize = 10;

/// The part of an extent that the model assumes as the rank within a tolerance: a quarter. The true
/// ranks depend on the entries.
pub(super) const SHARE_OF_EXTENT: usize = 4;

/// Eigenproblems of equal order, solved one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Eigenproblem {
    pub(super) order: f64,
    /// Whether only the first eigenvector is needed.
    pub(super) first_only: bool,
    pub(super) count: f64,
}

/// The arithmetic of one item of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Work {
    /// The number of entries that are read.
    pub(super) entries: f64,
    /// Flops of Gram matrices. A Gram matrix is symmetric, so that half of it is computed.
    pub(super) gram_flops: f64,
    /// Flops of mode products and projections.
    pub(super) product_flops: f64,
    pub(super) eigenproblems: Vec<Eigenproblem>,
}

impl Work {
    /// The saliency map of a feature map.
    pub(super) fn saliency_map(cam: &Cam, shape: &[usize]) -> Self {
        let all = cam.weighting.vectors() == Vectors::All;
        let (channels, positions) = (shape[0] as f64, product(&shape[1..]));
        if let Some(ranks) = &cam.ranks {
            let modes: Vec<usize> = (0..shape.len()).collect();
            let mut work = Self::hooi(shape, ranks, &modes, SWEEPS);
            let vectors = if all { ranks[0] as f64 } else { 1.0 };
            work.product_flops += 2.0 * channels * positions * vectors;
            return work;
        }
        let order = channels.min(positions);
        let mut work = Self {
            entries: channels * positions,
            ..Self::default()
        };
        work.add_gram(channels * positions, order);
        work.add_eigenproblem(order, !all, 1.0);
        if channels <= positions {
            // The right singular vectors are products of the left ones with the features.
            let vectors = if all { order } else { 1.0 };
            work.product_flops += 2.0 * channels * positions * vectors;
        }
        work
    }

    /// ST-HOSVD of a tensor with the ranks of its core. `order` holds the modes that get a factor.
    pub(super) fn st_hosvd(tensor: &[usize], core: &[usize], order: &[usize]) -> Self {
        let mut work = Self {
            entries: product(tensor),
            ..Self::default()
        };
        let mut shape = tensor.to_vec();
        for &mode in order {
            work.add_factor(&shape, mode, 1.0);
            work.product_flops += 2.0 * product(&shape) * core[mode] as f64;
            shape[mode] = core[mode];
        }
        work
    }

    /// HOOI of a tensor: ST-HOSVD, then sweeps. `order` holds the modes that get a factor.
    pub(super) fn hooi(
        tensor: &[usize],
        core: &[usize],
        order: &[usize],
        max_sweeps: usize,
    ) -> Self {
        let mut work = Self::st_hosvd(tensor, core, order);
        let sweeps = max_sweeps.min(SWEEPS) as f64;
        let mut longest_chain = 0.0f64;
        for &mode in order {
            // 1. The tensor is projected on the factors of the other modes.
            let mut shape = tensor.to_vec();
            let mut chain = 0.0;
            for &other in order.iter().filter(|&&other| other != mode) {
                chain += 2.0 * product(&shape) * core[other] as f64;
                shape[other] = core[other];
            }
            longest_chain = longest_chain.max(chain);
            // 2. The factor comes from the projected tensor.
            work.add_factor(&shape, mode, sweeps);
        }
        // Projections share their first products, so that a sweep takes about two of them.
        work.product_flops += sweeps * 2.0 * longest_chain;
        work
    }

    /// The Gram matrix of the smaller side of an unfolding, and its eigenvectors.
    fn add_factor(&mut self, shape: &[usize], mode: usize, count: f64) {
        let entries = product(shape);
        let extent = shape[mode] as f64;
        let order = extent.min(entries / extent);
        self.add_gram(count * entries, order);
        self.add_eigenproblem(order, false, count);
    }

    fn add_gram(&mut self, entries: f64, order: f64) {
        self.gram_flops += entries * (order + 1.0);
    }

    fn add_eigenproblem(&mut self, order: f64, first_only: bool, count: f64) {
        self.eigenproblems.push(Eigenproblem {
            order,
            first_only,
            count,
        });
    }
}

/// The product of extents, which may exceed the range of an integer.
fn product(extents: &[usize]) -> f64 {
    extents.iter().map(|&extent| extent as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cam::Weighting;

    #[test]
    fn flops_of_a_map() {
        // 2048·49·50 flops for the Gram matrix of the 49 positions, and no projection.
        let work = Work::saliency_map(&Cam::new(Weighting::Mtsm), &[2048, 7, 7]);
        assert_eq!(work.gram_flops, 5_017_600.0);
        assert_eq!(work.product_flops, 0.0);
        assert_eq!(work.eigenproblems[0].order, 49.0);
        // 256 channels are fewer than 3136 positions: the vectors are projected.
        let work = Work::saliency_map(&Cam::new(Weighting::Mtsm), &[256, 56, 56]);
        assert_eq!(work.product_flops, 2.0 * 256.0 * 256.0 * 3136.0);
        assert_eq!(work.eigenproblems[0].order, 256.0);
    }

    #[test]
    fn flops_of_st_hosvd() {
        let work = Work::st_hosvd(&[4, 5], &[2, 3], &[0, 1]);
        // Mode 0: a 4×5 unfolding, order 4. Mode 1: a 5×2 unfolding, order 2.
        assert_eq!(work.gram_flops, 20.0 * 5.0 + 10.0 * 3.0);
        assert_eq!(work.product_flops, 2.0 * 20.0 * 2.0 + 2.0 * 10.0 * 3.0);
        let orders: Vec<f64> = work.eigenproblems.iter().map(|e| e.order).collect();
        assert_eq!(orders, [4.0, 2.0]);
    }

    #[test]
    fn a_sweep_solves_one_eigenproblem_for_each_mode() {
        let work = Work::hooi(&[9, 9, 9], &[3, 3, 3], &[0, 1, 2], 4);
        let counts: Vec<f64> = work.eigenproblems.iter().map(|e| e.count).collect();
        assert_eq!(counts, [1.0, 1.0, 1.0, 4.0, 4.0, 4.0]);
    }
}

//! The extents of the tensors and cores of a batch.

use crate::cuda::launch::{Unfoldings, work_len};

/// The number of tensors to decompose, their extents and their ranks.
#[derive(Clone, Debug)]
pub(in crate::cuda) struct Shapes {
    pub(in crate::cuda) items: usize,
    /// The extents of a tensor.
    pub(in crate::cuda) tensor: Vec<usize>,
    /// The extents of its core.
    pub(in crate::cuda) core: Vec<usize>,
    /// The modes that get a factor, in the order of ST-HOSVD.
    pub(in crate::cuda) order: Vec<usize>,
}

impl Shapes {
    /// Whether a mode gets a factor.
    pub(super) fn has_factor(&self, mode: usize) -> bool {
        self.order.contains(&mode)
    }

    /// The modes that get a factor, in ascending order.
    pub(super) fn modes(&self) -> Vec<usize> {
        let modes = 0..self.tensor.len();
        modes.filter(|&mode| self.has_factor(mode)).collect()
    }

    /// The mode-`mode` unfoldings of the tensors.
    pub(super) fn unfoldings(&self, mode: usize) -> Unfoldings {
        Unfoldings::of(self.items, &self.tensor, mode)
    }

    /// The largest order of a Gram matrix.
    pub(super) fn largest_order(&self) -> usize {
        let modes = self.order.iter();
        let orders = modes.map(|&mode| self.unfoldings(mode).order());
        orders.max().unwrap_or(1)
    }

    /// The number of entries of a tensor.
    pub(super) fn size(&self) -> usize {
        self.tensor.iter().product()
    }

    /// The number of entries of a core.
    pub(super) fn core_size(&self) -> usize {
        self.core.iter().product()
    }

    /// The number of entries of a slice of a core in mode 0.
    pub(in crate::cuda) fn slice_size(&self) -> usize {
        self.core[1..].iter().product()
    }

    /// The number of entries of a tensor in the first and in the second buffer of chains of products
    /// ([`Chain`](super::chain::Chain)): of ST-HOSVD, and of HOOI for each mode.
    pub(super) fn chain_lens(&self) -> [usize; 2] {
        let mut lens = [1; 2];
        let skipped = self.order.iter().copied().map(Some).chain([None]);
        for skipped in skipped {
            let mut shape = self.tensor.clone();
            let modes = self.order.iter().filter(|&&mode| Some(mode) != skipped);
            for (step, &mode) in modes.enumerate() {
                shape[mode] = self.core[mode];
                let len = shape.iter().product();
                lens[step % 2] = lens[step % 2].max(len);
            }
        }
        lens
    }

    /// Bytes that [`Iteration`](super::Iteration) needs for each item.
    pub(in crate::cuda) fn bytes(&self) -> u64 {
        let n = self.largest_order();
        let extents = self.tensor.iter().zip(&self.core);
        let factors: usize = extents.map(|(extent, rank)| extent * (rank + 1)).sum();
        let [first, second] = self.chain_lens();
        let energies = 2 * work_len(1, self.size());
        let entries = first + second + energies + 3 * n * n + factors + self.core_size() + 8;
        8 * entries as u64
    }
}

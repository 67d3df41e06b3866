//! The leading block of a core that keeps the most energy with a limited number of entries.
//!
//! This is the search of [`sub_block`](super::sub_block) with budget and cost exchanged: among the
//! blocks that store at most a given number of entries, the one with the least energy outside. The
//! recursion over the modes and the tables are the same:
//!
//! ```text
//! search(E, outside)                       E: energies, summed over the modes already chosen
//!     for k = 1, 2, …, while the block can fit
//!         inside = E[0] + … + E[k−1]       one mode less
//!         outside + |E[k]| + |E[k+1]| + … below the best?  search(inside, this sum)
//! ```
//!
//! In the last mode, the largest k that fits has the least energy outside. The energies are sums of
//! positive numbers, so nothing cancels. The cost is a few additions for each entry of the core and
//! each mode.

use super::core_energies::{Block, Core, Energies, add, sum, sums_from};
use super::storage::Storage;
use crate::scalar::Scalar;

impl<T: Scalar> Core<'_, T> {
    /// The leading block with the least energy outside, of the blocks that store at most `limit`
    /// entries. Of equal energies, the block with the fewest entries. `None` if no block fits, or if
    /// the energies are not finite.
    pub(crate) fn closest_block(self, storage: &Storage, limit: usize) -> Option<Block> {
        let energies = Energies::new(self);
        let mut search = Search {
            storage,
            limit,
            ranks: energies.ranks.clone(),
            best: None,
        };
        let add_slice = |slice: usize, into: &mut [f64]| energies.add(slice, into);
        search.choose(&energies.of_slices, &add_slice, 0.0, &mut Vec::new());
        search.best.map(|(_, block)| block)
    }
}

/// The best block so far, and what the search needs to find a better one.
struct Search<'a> {
    storage: &'a Storage,
    limit: usize,
    /// The ranks of the whole core.
    ranks: Vec<usize>,
    /// The block, and the entries that it stores.
    best: Option<(usize, Block)>,
}

impl Search<'_> {
    /// Chooses the rank of the next mode, and of the modes after it. The ranks in `chosen` have the
    /// energy `outside` outside. `of_rows` are the energies of the slices of the next mode, summed
    /// over the chosen indices, and `add_row` adds a slice to energies of one mode less.
    fn choose(
        &mut self,
        of_rows: &[f64],
        add_row: &dyn Fn(usize, &mut [f64]),
        outside: f64,
        chosen: &mut Vec<usize>,
    ) {
        let mode = chosen.len();
        let beyond = sums_from(of_rows);
        // 1. The last mode: the largest rank that fits, and of equal energies the smallest.
        if mode + 1 == self.ranks.len() {
            let largest = self.largest_that_fits(chosen);
            let least = beyond[largest];
            if let Some(rank) = (1..=largest).find(|&rank| beyond[rank] <= least) {
                chosen.push(rank);
                self.consider(chosen, outside + least);
                chosen.pop();
            }
            return;
        }
        // 2. Each rank that can fit, unless the best block has less energy outside.
        let mut inside = vec![0.0; self.ranks[mode + 1..].iter().product()];
        for (rank, beyond) in beyond.iter().enumerate().skip(1) {
            add_row(rank - 1, &mut inside);
            chosen.push(rank);
            let fits = self.fewest_possible(chosen) <= self.limit;
            let outside = outside + beyond;
            let least = self
                .best
                .as_ref()
                .map_or(f64::INFINITY, |(_, best)| best.outside);
            if fits && outside <= least {
                let rows: Vec<&[f64]> = inside
                    .chunks_exact(inside.len() / self.ranks[mode + 1])
                    .collect();
                let of_rows: Vec<f64> = rows.iter().map(|row| sum(row, |&energy| energy)).collect();
                let add_row = |index: usize, into: &mut [f64]| add(rows[index], into);
                self.choose(&of_rows, &add_row, outside, chosen);
            }
            chosen.pop();
            if !fits {
                break;
            }
        }
    }

    /// The largest rank of the last mode with which a block fits, where `chosen` are the ranks of the
    /// other modes; 0 if none fits. The number of entries never decreases when the rank grows.
    fn largest_that_fits(&self, chosen: &mut Vec<usize>) -> usize {
        let (mut fits, mut too_large) = (0, self.ranks[chosen.len()] + 1);
        while too_large - fits > 1 {
            let middle = usize::midpoint(fits, too_large);
            chosen.push(middle);
            let entries = self.storage.entries(chosen);
            chosen.pop();
            if entries <= self.limit {
                fits = middle;
            } else {
                too_large = middle;
            }
        }
        fits
    }

    /// The fewest entries of a block with the ranks `chosen` in the first modes.
    fn fewest_possible(&self, chosen: &[usize]) -> usize {
        let mut ranks = vec![1; self.ranks.len()];
        ranks[..chosen.len()].copy_from_slice(chosen);
        self.storage.entries(&ranks)
    }

    /// Keeps the block `ranks` if it has less energy outside than the best one so far, or the same
    /// energy and fewer entries.
    fn consider(&mut self, ranks: &[usize], outside: f64) {
        let entries = self.storage.entries(ranks);
        let better = match &self.best {
            None => outside.is_finite(),
            Some((fewest, best)) => {
                outside < best.outside || (outside == best.outside && entries < *fewest)
            }
        };
        if better {
            let ranks = ranks.to_vec();
            self.best = Some((entries, Block { ranks, outside }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle::for_each_index;
    use crate::common::random::Random;
    use crate::tensor::Tensor;

    /// The least energy outside among all blocks that fit, and the fewest entries of such a block.
    fn by_brute_force(
        core: Core<'_, f64>,
        storage: &Storage,
        limit: usize,
    ) -> Option<(f64, usize)> {
        let shape = core.entries.shape().to_vec();
        let ranks: Vec<usize> = core.modes.iter().map(|&mode| shape[mode]).collect();
        let mut best: Option<(f64, usize)> = None;
        for_each_index(&ranks, |block| {
            let block: Vec<usize> = block.iter().map(|k| k + 1).collect();
            let entries = storage.entries(&block);
            if entries > limit {
                return;
            }
            let mut outside = 0.0;
            for_each_index(&shape, |index| {
                let mut modes = core.modes.iter().zip(&block);
                if modes.any(|(&mode, &k)| index[mode] >= k) {
                    outside += core.entries.get(index).unwrap().powi(2);
                }
            });
            let found = (outside / core.norm.powi(2), entries);
            if best.is_none_or(|best| found < best) {
                best = Some(found);
            }
        });
        best
    }

    #[test]
    fn the_closest_block_is_the_one_that_brute_force_finds() {
        for (seed, (shape, modes, extents)) in [
            (&[4, 5, 6][..], &[0, 1, 2][..], &[9, 9, 9][..]),
            (&[4, 5, 6], &[0, 1, 2], &[4, 50, 6]),
            (&[6, 2, 3, 4], &[0, 1, 2, 3], &[6, 7, 8, 9]),
            (&[6, 2, 3, 4], &[1, 3], &[6, 7, 3, 9]),
            (&[3, 2, 3, 2, 3], &[0, 2, 4], &[30, 2, 30, 2, 30]),
            (&[9], &[0], &[20]),
            (&[1, 9, 1], &[0, 1, 2], &[2, 20, 3]),
        ]
        .into_iter()
        .enumerate()
        {
            // Integers with zeros among them, so that all sums are exact and some are equal.
            let random: Tensor<f64> = Random::new(seed as u64).tensor(shape);
            let mut values = random.data().iter();
            let x = Tensor::from_fn(shape, |index| {
                let size = 9.0 / (1 + index.iter().sum::<usize>()) as f64;
                (values.next().unwrap() * size).round()
            })
            .unwrap();
            let storage = Storage::new(extents, modes);
            let core = Core {
                entries: x.view(),
                modes,
                norm: 64.0,
            };
            let most = storage.entries(&core.modes.iter().map(|&n| shape[n]).collect::<Vec<_>>());
            for limit in (0..=40).map(|part| most * part / 40) {
                let found = core.closest_block(&storage, limit);
                let found = found.map(|block| (block.outside, storage.entries(&block.ranks)));
                let expected = by_brute_force(core, &storage, limit);
                assert_eq!(found, expected, "{shape:?}, {modes:?}, {limit}");
            }
        }
    }
}

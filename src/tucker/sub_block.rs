//! The leading block of a core that stores the fewest entries within a budget.
//!
//! With orthonormal factors, the block of the first kₙ indices of each mode of a core G, and the
//! first kₙ columns of each factor, are again a decomposition. Its additional squared error is the
//! energy of the entries outside the block. These entries are counted once each, by the first mode
//! in which they are outside:
//!
//! ```text
//!        k₁                     T(k) = Σₘ Sₘ(k₀, …, kₘ)
//!    ┌───────┬──────┐
//!    │       │      │           Sₘ(k₀, …, kₘ) = Σ gᵢ²  over  iⱼ < kⱼ  for j < m,
//! k₀ │ block │  S₁  │                                      iₘ ≥ kₘ,
//!    │       │      │                                      any iⱼ    for j > m
//!    ├───────┴──────┤
//!    │      S₀      │
//!    └──────────────┘
//! ```
//!
//! All terms are positive, so nothing cancels: the relative rounding error of T is at most
//! (|G| + Σ Rₙ)·2⁻⁵³, also for energies far below ε‖G‖². ‖G‖² minus the energy of the block would
//! lose the digits of such energies.
//!
//! The search is a recursion over the modes. For k₀ = 1, 2, … the slices i₀ < k₀ are added up, and
//! the rest is the same problem for a tensor of one mode less:
//!
//! ```text
//! search(E, outside)                       E: energies, summed over the modes already chosen
//!     for k = 1, 2, …
//!         inside = E[0] + … + E[k−1]       one mode less
//!         outside + |E[k]| + |E[k+1]| + … within the budget?  search(inside, this sum)
//! ```
//!
//! In the last mode, the smallest k within the budget stores the fewest entries. A loop ends as soon
//! as its blocks store no less than the best one so far. The cost is a few additions for each entry
//! of G and each mode.

use super::core_energies::{Block, Core, Energies, add, sum, sums_from};
use super::storage::Storage;
use crate::scalar::Scalar;

impl<T: Scalar> Core<'_, T> {
    /// The leading block that stores the fewest entries, of the blocks with an energy of at most
    /// `budget`·‖X‖² outside. Of equal numbers, the block with the smallest ranks in the first
    /// modes. `None` for a negative budget.
    pub(crate) fn cheapest_block(self, storage: &Storage, budget: f64) -> Option<Block> {
        let energies = Energies::new(self);
        let mut search = Search {
            storage,
            budget,
            ranks: energies.ranks.clone(),
            smallest: energies.smallest_ranks(budget),
            fewest: usize::MAX,
            best: None,
        };
        let add_slice = |slice: usize, into: &mut [f64]| energies.add(slice, into);
        search.choose(&energies.of_slices, &add_slice, 0.0, &mut Vec::new());
        search.best
    }
}

/// The best block so far, and what the search needs to find a better one.
struct Search<'a> {
    storage: &'a Storage,
    budget: f64,
    /// The ranks of the whole core.
    ranks: Vec<usize>,
    /// For each mode a lower bound of its rank.
    smallest: Vec<usize>,
    /// The entries that `best` stores.
    fewest: usize,
    best: Option<Block>,
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
        // 1. The last mode: the smallest rank within the budget.
        if mode + 1 == self.ranks.len() {
            let within = |rank: &usize| outside + beyond[*rank] <= self.budget;
            if let Some(rank) = (self.smallest[mode]..=of_rows.len()).find(within) {
                chosen.push(rank);
                self.consider(chosen, outside + beyond[rank]);
                chosen.pop();
            }
            return;
        }
        // 2. Each rank, unless the best block stores fewer entries.
        let mut inside = vec![0.0; self.ranks[mode + 1..].iter().product()];
        for (rank, beyond) in beyond.iter().enumerate().skip(1) {
            add_row(rank - 1, &mut inside);
            let outside = outside + beyond;
            let within = outside <= self.budget;
            if rank < self.smallest[mode] || !within {
                continue;
            }
            chosen.push(rank);
            let worthwhile = self.fewest_possible(chosen) < self.fewest;
            if worthwhile {
                let rows: Vec<&[f64]> = inside
                    .chunks_exact(inside.len() / self.ranks[mode + 1])
                    .collect();
                let of_rows: Vec<f64> = rows.iter().map(|row| sum(row, |&energy| energy)).collect();
                self.choose(
                    &of_rows,
                    &|index, into| add(rows[index], into),
                    outside,
                    chosen,
                );
            }
            chosen.pop();
            if !worthwhile {
                break;
            }
        }
    }

    /// A lower bound of the entries that a block with the ranks `chosen` in the first modes stores.
    fn fewest_possible(&self, chosen: &[usize]) -> usize {
        let mut ranks = self.smallest.clone();
        ranks[..chosen.len()].copy_from_slice(chosen);
        self.storage.entries(&ranks)
    }

    /// Keeps the block `ranks` if it stores fewer entries than the best one so far.
    fn consider(&mut self, ranks: &[usize], outside: f64) {
        let entries = self.storage.entries(ranks);
        if entries < self.fewest {
            self.fewest = entries;
            self.best = Some(Block {
                ranks: ranks.to_vec(),
                outside,
            });
        }
    }
}

/// The maximum number of bytes that [`Core::cheapest_block`] allocates for a core with `ranks` in
/// the decomposed modes: the energies inside, for each number of chosen modes, and some numbers for
/// each index.
pub(super) fn search_memory(ranks: impl DoubleEndedIterator<Item = f64>) -> f64 {
    let (mut rest, mut numbers) = (1.0, 0.0);
    for rank in ranks.rev() {
        numbers += rest + 8.0 * rank;
        rest *= rank;
    }
    numbers * size_of::<f64>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle::for_each_index;
    use crate::common::random::Random;
    use crate::tensor::Tensor;

    /// The cheapest block among all, by sums over all entries.
    fn by_brute_force(core: Core<'_, f64>, storage: &Storage, budget: f64) -> Option<Block> {
        let shape = core.entries.shape().to_vec();
        let ranks: Vec<usize> = core.modes.iter().map(|&mode| shape[mode]).collect();
        let mut best: Option<(usize, Block)> = None;
        for_each_index(&ranks, |block| {
            let block: Vec<usize> = block.iter().map(|k| k + 1).collect();
            let mut outside = 0.0;
            for_each_index(&shape, |index| {
                let mut modes = core.modes.iter().zip(&block);
                if modes.any(|(&mode, &k)| index[mode] >= k) {
                    outside += core.entries.get(index).unwrap().powi(2);
                }
            });
            let outside = outside / core.norm.powi(2);
            let entries = storage.entries(&block);
            let fewer = best.as_ref().is_none_or(|(fewest, _)| entries < *fewest);
            if outside <= budget && fewer {
                best = Some((
                    entries,
                    Block {
                        ranks: block,
                        outside,
                    },
                ));
            }
        });
        best.map(|(_, block)| block)
    }

    /// Integers whose energies fall along each mode, so that all sums are exact.
    fn integers(shape: &[usize], seed: u64) -> Tensor<f64> {
        let random: Tensor<f64> = Random::new(seed).tensor(shape);
        let mut values = random.data().iter();
        Tensor::from_fn(shape, |index| {
            let size = 40.0 / (1 + index.iter().sum::<usize>()) as f64;
            (values.next().unwrap() * size).round()
        })
        .unwrap()
    }

    #[test]
    fn the_cheapest_block_is_the_one_that_brute_force_finds() {
        for (seed, (shape, modes, extents)) in [
            (&[4, 5, 6][..], &[0, 1, 2][..], &[9, 9, 9][..]),
            (&[4, 5, 6], &[0, 1, 2], &[4, 50, 6]),
            (&[6, 2, 3, 4], &[0, 1, 2, 3], &[6, 7, 8, 9]),
            (&[6, 2, 3, 4], &[1, 3], &[6, 7, 3, 9]),
            (&[6, 2, 3, 4], &[0, 1], &[16, 7, 3, 4]),
            (&[3, 2, 3, 4], &[2, 3], &[3, 2, 8, 9]),
            (&[3, 2, 3, 2, 3], &[0, 2, 4], &[30, 2, 30, 2, 30]),
            (&[9], &[0], &[20]),
            (&[1, 9, 1], &[0, 1, 2], &[2, 20, 3]),
            (&[1, 1], &[0, 1], &[5, 5]),
            (
                &[2, 1, 2, 1, 2, 1, 2],
                &[0, 1, 2, 3, 4, 5, 6],
                &[4, 4, 4, 4, 4, 4, 4],
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let x = integers(shape, seed as u64);
            let storage = Storage::new(extents, modes);
            // A power of two, so that shares are exact too.
            let core = Core {
                entries: x.view(),
                modes,
                norm: 64.0,
            };
            let total: f64 = x.data().iter().map(|x| x * x).sum::<f64>() / 64.0 / 64.0;
            for part in 0..=40 {
                let budget = total * f64::from(part).powi(2) / 1600.0;
                let found = core.cheapest_block(&storage, budget);
                let expected = by_brute_force(core, &storage, budget);
                assert_eq!(found, expected, "{shape:?}, {modes:?}, {budget}");
            }
        }
    }

    #[test]
    fn energies_far_below_the_largest_are_counted_exactly() {
        let x = Tensor::from_fn(&[4, 4], |i| 1e-9f64.powi((i[0] + i[1]) as i32)).unwrap();
        let storage = Storage::new(&[4, 4], &[0, 1]);
        let core = Core {
            entries: x.view(),
            modes: &[0, 1],
            norm: 1.0,
        };
        // The block 3×3 omits 2·(1e-54 + …); a total minus the inside would be 0.
        let block = core.cheapest_block(&storage, 2.1e-54).unwrap();
        assert_eq!(block.ranks, [3, 3]);
        assert!((block.outside / 2e-54 - 1.0).abs() < 1e-9);
        let ranks = |budget: f64| core.cheapest_block(&storage, budget).unwrap().ranks;
        assert_eq!(ranks(1.9e-54), [3, 4]);
        assert_eq!(ranks(0.9e-54), [4, 4]);
    }

    #[test]
    fn no_energy_that_is_not_finite_is_left_outside() {
        let x = Tensor::from_fn(&[2, 2], |_| f64::NAN).unwrap();
        let core = Core {
            entries: x.view(),
            modes: &[0, 1],
            norm: 1.0,
        };
        let storage = Storage::new(&[2, 2], &[0, 1]);
        assert_eq!(core.cheapest_block(&storage, 0.5).unwrap().ranks, [2, 2]);
        assert_eq!(core.cheapest_block(&storage, -0.5), None);
    }
}

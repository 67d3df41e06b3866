//! The energies of the entries of a core, for searches among its leading blocks.

use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// The ranks of a leading block, in the decomposed modes, and the energy outside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) ranks: Vec<usize>,
    /// The energy outside the block, as a share of ‖X‖².
    pub(crate) outside: f64,
}

/// A core with orthonormal factors in `modes`, which are in ascending order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Core<'a, T> {
    pub(crate) entries: TensorRef<'a, T>,
    pub(crate) modes: &'a [usize],
    /// ‖X‖.
    pub(crate) norm: f64,
}

/// The energies (g/‖X‖)² of the entries of a core, by the indices in the decomposed modes.
pub(super) struct Energies<'a, T> {
    core: TensorRef<'a, T>,
    /// 1/‖X‖.
    unit: f64,
    /// The first decomposed mode: the number of slabs, and its extent.
    slabs: usize,
    first: usize,
    /// The modes after it, as (extent, distance of neighbours in a slice of energies). The distance
    /// is 0 for a mode without a factor, because its energies are added.
    rest: Vec<(usize, usize)>,
    /// The ranks of the decomposed modes.
    pub(super) ranks: Vec<usize>,
    /// The energy of each slice of the first decomposed mode.
    pub(super) of_slices: Vec<f64>,
}

impl<'a, T: Scalar> Energies<'a, T> {
    pub(super) fn new(core: Core<'a, T>) -> Self {
        let Core {
            entries,
            modes,
            norm,
        } = core;
        let shape = entries.shape();
        let first = modes.first().copied().unwrap_or(0);
        // Neighbouring modes with factors are one mode here, and so are those without.
        let mut rest: Vec<(usize, usize)> = Vec::new();
        let mut distance = 1;
        for mode in (first + 1..shape.len()).rev() {
            let own = if modes.contains(&mode) { distance } else { 0 };
            match rest.last_mut() {
                Some((extent, step)) if (*step == 0) == (own == 0) => *extent *= shape[mode],
                _ => rest.push((shape[mode], own)),
            }
            if own > 0 {
                distance *= shape[mode];
            }
        }
        rest.reverse();
        let mut energies = Self {
            core: entries,
            unit: norm.recip(),
            slabs: shape[..first].iter().product(),
            first: shape[first],
            rest,
            ranks: modes.iter().map(|&mode| shape[mode]).collect(),
            of_slices: Vec::new(),
        };
        energies.of_slices = (0..energies.first)
            .map(|slice| energies.slice(slice))
            .collect();
        energies
    }

    /// The entries of slice `index` of the first decomposed mode, one piece for each slab.
    fn pieces(&self, index: usize) -> impl Iterator<Item = &'a [T]> {
        let len = self.core.data().len() / (self.slabs * self.first).max(1);
        let (data, first) = (self.core.data(), self.first);
        (0..self.slabs).map(move |slab| &data[(slab * first + index) * len..][..len])
    }

    fn energy(&self, entry: T) -> f64 {
        (entry.as_f64() * self.unit).powi(2)
    }

    /// The energy of slice `index`.
    fn slice(&self, index: usize) -> f64 {
        self.pieces(index)
            .map(|piece| sum(piece, |&entry| self.energy(entry)))
            .sum()
    }

    /// Adds the energies of slice `index` to `into`.
    pub(super) fn add(&self, index: usize, into: &mut [f64]) {
        for piece in self.pieces(index) {
            self.add_piece(piece, &self.rest, into);
        }
    }

    /// Adds the energies of a piece to `into`. Its modes are `modes`, as in [`Energies::rest`].
    fn add_piece(&self, piece: &[T], modes: &[(usize, usize)], into: &mut [f64]) {
        match modes {
            [] | [(_, 1)] => {
                for (energy, &entry) in into.iter_mut().zip(piece) {
                    *energy += self.energy(entry);
                }
            }
            [(_, 0)] => into[0] += sum(piece, |&entry| self.energy(entry)),
            [(extent, distance), rest @ ..] => {
                let parts = piece.chunks_exact((piece.len() / extent).max(1));
                for (index, part) in parts.enumerate() {
                    self.add_piece(part, rest, &mut into[index * distance..]);
                }
            }
        }
    }

    /// For each decomposed mode the smallest rank that alone is within the budget. A block within
    /// the budget has no smaller rank.
    pub(super) fn smallest_ranks(&self, budget: f64) -> Vec<usize> {
        let mut smallest = vec![smallest_rank(&self.of_slices, budget)];
        let rest = self.ranks.get(1..).unwrap_or_default();
        let mut energies = vec![0.0; rest.iter().product()];
        (0..self.first).for_each(|slice| self.add(slice, &mut energies));
        for rank in rest {
            let len = energies.len() / rank;
            let rows = energies.chunks_exact(len);
            let of_rows: Vec<f64> = rows.map(|row| sum(row, |&energy| energy)).collect();
            smallest.push(smallest_rank(&of_rows, budget));
            // The next mode: the sum of the rows.
            let (head, rows) = energies.split_at_mut(len);
            rows.chunks_exact(len).for_each(|row| add(row, head));
            energies.truncate(len);
        }
        smallest
    }
}

/// The smallest rank, at least 1, for which the energies from it on are within the budget.
fn smallest_rank(energies: &[f64], budget: f64) -> usize {
    let beyond = sums_from(energies);
    let within = |rank: &usize| beyond[*rank] <= budget;
    (1..energies.len()).find(within).unwrap_or(energies.len())
}

/// The sums of `energies[k..]` for each k up to the length.
pub(super) fn sums_from(energies: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; energies.len() + 1];
    for (k, energy) in energies.iter().enumerate().rev() {
        sums[k] = sums[k + 1] + energy;
    }
    sums
}

/// Adds `row` to `into`.
pub(super) fn add(row: &[f64], into: &mut [f64]) {
    into.iter_mut()
        .zip(row)
        .for_each(|(sum, energy)| *sum += energy);
}

/// Σ energy(entry), in eight sums that the processor computes at the same time.
pub(super) fn sum<A>(entries: &[A], energy: impl Fn(&A) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let chunks = entries.chunks_exact(sums.len());
    let rest: f64 = chunks.remainder().iter().map(&energy).sum();
    for chunk in chunks {
        for (sum, entry) in sums.iter_mut().zip(chunk) {
            *sum += energy(entry);
        }
    }
    sums.iter().sum::<f64>() + rest
}

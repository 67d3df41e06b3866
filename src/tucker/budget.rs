//! The rank that follows from a spectrum, and the part of ‖X‖² that each mode may discard.

use crate::linalg::Needed;

use super::truncation::Truncation;

/// What a mode, or all modes together, may discard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Budget {
    /// Keep this rank.
    Rank(usize),
    /// Discard at most this share of ‖X‖². HOSVD gives each mode such a budget. ST-HOSVD has one
    /// for all modes together, and [`Discarded::budget`] makes the budget of the next mode of it.
    Energy(f64),
}

impl Budget {
    /// The tail that singular values must resolve. An energy budget is compared with the tail.
    pub(super) fn needed(self) -> Needed {
        match self {
            Self::Rank(rank) => Needed::Rank(rank),
            Self::Energy(energy) => Needed::Tail(energy.sqrt()),
        }
    }

    /// The number of singular values to keep, at least 1, where ‖X‖ is `norm`.
    fn rank(self, values: &[f64], norm: f64) -> usize {
        match self {
            Self::Rank(rank) => rank.min(values.len()),
            Self::Energy(budget) => {
                let mut discarded = 0.0;
                let small = values.iter().rev();
                let count = small
                    .take_while(|&&value| {
                        discarded += share(value, norm);
                        discarded <= budget
                    })
                    .count();
                (values.len() - count).max(1)
            }
        }
    }
}

/// Each mode with its budget, in the order `order`. The ranks of `truncation` are in the order of
/// `modes`. For a tolerance ε each mode gets the energy budget `energy(ε)`: ε²/d for budgets of
/// single modes, ε² for a budget of all modes together.
pub(super) fn budgets(
    truncation: &Truncation,
    modes: &[usize],
    order: &[usize],
    energy: impl Fn(f64) -> f64,
) -> Vec<(usize, Budget)> {
    let budget = |mode: &usize| match (truncation.tolerance(), truncation.ranks()) {
        (Some(tolerance), _) => Budget::Energy(energy(tolerance)),
        (None, ranks) => {
            let place = modes.iter().position(|other| other == mode);
            let rank = place.and_then(|place| ranks?.get(place));
            Budget::Rank(rank.copied().unwrap_or(1))
        }
    };
    order.iter().map(|mode| (*mode, budget(mode))).collect()
}

/// σ²/‖X‖², and zero for σ = 0 whatever ‖X‖ is.
fn share(value: f64, norm: f64) -> f64 {
    if value == 0.0 {
        0.0
    } else {
        (value / norm).powi(2)
    }
}

/// Σ σᵢ²/‖X‖² over `values`, the smallest first.
fn energy(values: &[f64], norm: f64) -> f64 {
    values.iter().rev().map(|&value| share(value, norm)).sum()
}

/// √Σ σᵢ², computed relative to σ₁, so that squares do not leave the range of `f64`.
pub(super) fn spectral_norm(values: &[f64]) -> f64 {
    let largest = values.first().copied().unwrap_or(0.0);
    largest * energy(values, largest).sqrt()
}

/// The share of ‖X‖² that the truncated modes have discarded so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Discarded {
    share: f64,
    norm: Option<f64>,
}

impl Discarded {
    /// The share of ‖X‖² that a compressed tensor lacks, where ‖X‖ is `norm`.
    pub(super) fn of_compressed(share: f64, norm: f64) -> Self {
        Self {
            share,
            norm: Some(norm),
        }
    }

    /// The budget of the next mode, where `left` modes are not truncated yet, the next one
    /// included. `budget` is the budget of all modes together. The next mode gets an equal share
    /// of the energy that is not discarded yet. A rank stays the same.
    pub(crate) fn budget(self, budget: Budget, left: usize) -> Budget {
        match budget {
            Budget::Energy(total) => Budget::Energy(self.rest(total) / left as f64),
            rank => rank,
        }
    }

    /// The part of the budget `total` of all modes that is not discarded yet.
    pub(crate) fn rest(self, total: f64) -> f64 {
        (total - self.share).max(0.0)
    }

    /// ‖X‖, the norm of the first spectrum; 0 before the first mode.
    pub(crate) fn norm(self) -> f64 {
        self.norm.unwrap_or(0.0)
    }

    /// The same with another share of ‖X‖².
    pub(crate) fn with_share(self, share: f64) -> Self {
        Self { share, ..self }
    }

    /// The share of ‖X‖².
    pub(crate) fn share(self) -> f64 {
        self.share
    }

    /// The number of singular values to keep, where `budget` is the budget of this mode alone.
    /// ‖X‖ is the norm of the first spectrum, which must be a spectrum of X itself.
    pub(crate) fn rank(self, budget: Budget, values: &[f64]) -> usize {
        budget.rank(values, self.norm.unwrap_or_else(|| spectral_norm(values)))
    }

    /// Adds the energy of the singular values from `rank` on, which a mode discards.
    pub(crate) fn add(&mut self, values: &[f64], rank: usize) {
        let norm = *self.norm.get_or_insert_with(|| spectral_norm(values));
        self.share += energy(&values[rank..], norm);
    }

    /// The relative error: the square root of the discarded share.
    pub(crate) fn relative_error(self) -> f64 {
        self.share.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_budget_keeps_the_fewest_that_fit() {
        let values = [3.0, 2.0, 1.0, 0.5];
        assert_eq!(Budget::Energy(0.2).rank(&values, 1.0), 4);
        assert_eq!(Budget::Energy(0.25).rank(&values, 1.0), 3);
        assert_eq!(Budget::Energy(1.25).rank(&values, 1.0), 2);
        assert_eq!(Budget::Energy(100.0).rank(&values, 1.0), 1);
        assert_eq!(Budget::Energy(0.0).rank(&[1.0, 0.0, 0.0], 1.0), 1);
        assert_eq!(Budget::Energy(0.0).rank(&[0.0, 0.0], 0.0), 1);
    }

    #[test]
    fn an_energy_budget_is_spent_to_its_last_bit() {
        let values = [3.0, 2.0, 1.0, 0.5];
        for (tail, rank) in [(0.25, 3), (1.25, 2), (5.25, 1)] {
            let rank_for = |budget: f64| Budget::Energy(budget).rank(&values, 1.0);
            assert_eq!(rank_for(f64::next_down(tail)), rank + 1);
            assert_eq!(rank_for(tail), rank);
            assert_eq!(rank_for(f64::next_up(tail)), rank);
        }
    }

    #[test]
    fn each_mode_may_discard_an_even_share_of_what_is_left() {
        let mut discarded = Discarded::default();
        let share = |discarded: Discarded, left| match discarded.budget(Budget::Energy(0.3), left) {
            Budget::Energy(share) => share,
            Budget::Rank(_) => panic!("an energy stays an energy"),
        };
        assert_eq!(share(discarded, 3), 0.3 / 3.0);
        // ‖X‖² = 25 and the tail is 9: the share is exactly 0.36.
        assert_eq!(discarded.rank(Budget::Energy(0.36), &[4.0, 3.0]), 1);
        assert_eq!(discarded.rank(Budget::Energy(0.35), &[4.0, 3.0]), 2);
        discarded.add(&[4.0, 3.0, 0.0], 2);
        assert_eq!(
            (discarded.relative_error(), share(discarded, 2)),
            (0.0, 0.15)
        );
        discarded.add(&[5.0, 2.5], 1);
        assert_eq!(discarded.relative_error(), 0.5);
        assert_eq!(share(discarded, 1), 0.3 - 0.25);
        // The norm ‖X‖ remains the norm of the first spectrum.
        discarded.add(&[100.0, 5.0], 1);
        assert_eq!(discarded.relative_error(), 1.25f64.sqrt());
        assert_eq!(share(discarded, 1), 0.0);
    }
}

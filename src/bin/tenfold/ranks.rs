//! `--ranks`: one for each mode, or one for all of them.

use crate::console::Console;
use crate::failure::{Failure, Outcome};

/// The ranks that `--ranks` gives for one tensor.
pub(crate) struct Ranks {
    /// One for each mode that is decomposed.
    pub(crate) each: Vec<usize>,
    /// What one rank for all modes was lowered to, where it was.
    lowered: Option<String>,
}

impl Ranks {
    /// The ranks of the named `modes`, all for `None`, of a tensor of extents `shape`.
    ///
    /// A single rank is that of each mode, lowered to the extent of the mode and
    /// to the product of the other ranks: no core has a rank above it.
    pub(crate) fn of(given: &[usize], shape: &[usize], modes: Option<&[usize]>) -> Outcome<Self> {
        let all: Vec<usize> = (0..shape.len()).collect();
        let modes = modes.unwrap_or(&all);
        let each = match given {
            // The library's check of the modes follows.
            _ if modes.iter().any(|&mode| mode >= shape.len()) => given.to_vec(),
            &[rank] => one_for_all(rank, shape, modes),
            _ if given.len() == modes.len() => given.to_vec(),
            _ => return Err(wrong_count(given.len(), modes.len(), shape.len())),
        };
        let lowered: Vec<String> = modes
            .iter()
            .zip(&each)
            .filter(|&(_, rank)| given.len() == 1 && *rank < given[0])
            .map(|(mode, rank)| format!("{rank} in mode {mode}"))
            .collect();
        let lowered = (!lowered.is_empty()).then(|| {
            format!(
                "--ranks {} was lowered to {}: the extents and the other ranks allow no more",
                given[0],
                lowered.join(", ")
            )
        });
        Ok(Self { each, lowered })
    }

    /// Notes what was lowered, for the file or the like that `of` names.
    pub(crate) fn note(&self, of: &str, console: &Console) {
        if let Some(lowered) = &self.lowered {
            console.note(format!("{of}: {lowered}"));
        }
    }
}

fn one_for_all(rank: usize, shape: &[usize], modes: &[usize]) -> Vec<usize> {
    let mut core = shape.to_vec();
    for &mode in modes {
        core[mode] = rank.min(shape[mode]);
    }
    // A rank that is above the product of the others is the largest: once it is lowered,
    // no other can be above.
    for &mode in modes {
        let others = core.iter().enumerate().filter(|&(other, _)| other != mode);
        let product = others.fold(1usize, |product, (_, &rank)| product.saturating_mul(rank));
        core[mode] = core[mode].min(product);
    }
    modes.iter().map(|&mode| core[mode]).collect()
}

fn wrong_count(actual: usize, expected: usize, order: usize) -> Failure {
    let partial = expected < order;
    let error = tenfold::Error::RankCountMismatch {
        actual,
        expected,
        partial,
    };
    let each = if partial {
        "one for each of --modes"
    } else {
        "one for each mode"
    };
    Failure::usage(format!("{error}; --ranks takes {each}, or one for all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(rank: usize, shape: &[usize], modes: Option<&[usize]>) -> (Vec<usize>, bool) {
        let ranks = Ranks::of(&[rank], shape, modes);
        let ranks = ranks.unwrap_or_else(|failure| panic!("{failure}"));
        let truncation = tenfold::Truncation::Ranks(ranks.each.clone());
        truncation.check(shape, modes).unwrap();
        (ranks.each, ranks.lowered.is_some())
    }

    #[test]
    fn one_rank_for_all_modes_is_lowered_to_what_is_possible() {
        assert_eq!(lowered(3, &[5, 6, 7], None), (vec![3, 3, 3], false));
        assert_eq!(lowered(6, &[5, 6, 7], None), (vec![5, 6, 6], true));
        assert_eq!(lowered(10, &[1000, 2, 3], None), (vec![6, 2, 3], true));
        assert_eq!(lowered(10, &[40, 4], None), (vec![4, 4], true));
        assert_eq!(lowered(10, &[3, 1, 2], None), (vec![2, 1, 2], true));
        assert_eq!(lowered(9, &[1, 1, 50], None), (vec![1, 1, 1], true));
        assert_eq!(lowered(3, &[7], None), (vec![1], true));
        assert_eq!(lowered(9, &[5, 6, 7], Some(&[0])), (vec![5], true));
        // A mode that is left alone counts with its extent.
        assert_eq!(lowered(9, &[50, 3, 50], Some(&[2, 1])), (vec![9, 3], true));
        assert_eq!(lowered(usize::MAX, &[4; 16], None), (vec![4; 16], true));
    }

    #[test]
    fn other_counts_must_be_those_of_the_modes() {
        let refused = |given: &[usize], modes| {
            let ranks = Ranks::of(given, &[5, 6, 7], modes);
            ranks.err().map(|failure| failure.to_string())
        };
        assert_eq!(refused(&[1, 2, 3], None), None);
        assert_eq!(
            refused(&[1, 2], None).as_deref(),
            Some(
                "ranks has 2 entries, the tensor has 3 modes; \
                 --ranks takes one for each mode, or one for all"
            )
        );
        let message = refused(&[1, 2, 3], Some(&[0, 1])).unwrap();
        assert!(message.ends_with("one for each of --modes, or one for all"));
    }
}

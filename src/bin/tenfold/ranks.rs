//! `--ranks`: one rank for each mode, or one for all modes.

use crate::console::Console;
use crate::failure::{Failure, Outcome};

/// The ranks of one tensor.
pub(crate) struct Ranks {
    /// The rank of each decomposed mode.
    pub(crate) each: Vec<usize>,
    /// The note that one rank for all modes was lowered in some of them.
    lowered: Option<String>,
}

impl Ranks {
    /// The ranks of `modes` (`None` for all modes) of a tensor of extents `shape`.
    ///
    /// A single rank is used for every mode. It is lowered to the extent of the mode and to
    /// the product of the other ranks, since no core has a larger rank.
    pub(crate) fn of(given: &[usize], shape: &[usize], modes: Option<&[usize]>) -> Outcome<Self> {
        let all: Vec<usize> = (0..shape.len()).collect();
        let modes = modes.unwrap_or(&all);
        let each = match given {
            // Modes that do not exist are an error of the library later.
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
                "--ranks {} was lowered to {}, the maximum for the extents and the other ranks",
                given[0],
                lowered.join(", ")
            )
        });
        Ok(Self { each, lowered })
    }

    /// Prints a note if the rank was lowered for the file `name`.
    pub(crate) fn note(&self, name: &str, console: &Console) {
        if let Some(lowered) = &self.lowered {
            console.note(format!("{name}: {lowered}"));
        }
    }
}

/// One rank for all modes, lowered where no core has it.
fn one_for_all(rank: usize, shape: &[usize], modes: &[usize]) -> Vec<usize> {
    let mut core = shape.to_vec();
    for &mode in modes {
        core[mode] = rank.min(shape[mode]);
    }
    // A rank above the product of the others is the largest rank. Once it is lowered, no
    // other rank is above the product of the others.
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
    Failure::usage(format!("{error}; --ranks needs {each}, or one for all"))
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
                 --ranks needs one for each mode, or one for all"
            )
        );
        let message = refused(&[1, 2, 3], Some(&[0, 1])).unwrap();
        assert!(message.ends_with("one for each of --modes, or one for all"));
    }
}

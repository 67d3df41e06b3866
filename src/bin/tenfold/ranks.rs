//! `--ranks`: one rank for each mode, or one for all modes.

use tenfold::{Error, Truncation};

use crate::console::Console;
use crate::failure::{Failure, Outcome};

/// The ranks of one tensor.
pub(crate) struct Ranks {
    /// The rank of each decomposed mode.
    pub(crate) each: Vec<usize>,
    /// The note that ranks were lowered in some modes.
    lowered: Option<String>,
}

impl Ranks {
    /// The ranks of `modes` (`None` for all modes) of a tensor of extents `shape`.
    ///
    /// A single rank is used for every mode. Ranks are upper limits: each is lowered to the extent of
    /// the mode and to the product of the other ranks, since no core has a larger rank.
    pub(crate) fn of(given: &[usize], shape: &[usize], modes: Option<&[usize]>) -> Outcome<Self> {
        let all: Vec<usize> = (0..shape.len()).collect();
        let named = modes.unwrap_or(&all);
        let asked = match given {
            &[rank] => vec![rank; named.len()],
            _ => given.to_vec(),
        };
        let lowered = Truncation::at_most(&asked, shape, modes);
        let Truncation::Ranks(each) = lowered.map_err(refusal)? else {
            return Err(Failure::other("--ranks gave no ranks"));
        };
        let lowered: Vec<String> = named
            .iter()
            .zip(each.iter().zip(&asked))
            .filter(|(_, (rank, asked))| rank < asked)
            .map(|(mode, (rank, _))| format!("{rank} in mode {mode}"))
            .collect();
        let lowered = (!lowered.is_empty()).then(|| {
            let given: Vec<String> = given.iter().map(usize::to_string).collect();
            format!(
                "--ranks {} was lowered to {}, the maximum for the extents and the other ranks",
                given.join(","),
                lowered.join(", ")
            )
        });
        Ok(Self { each, lowered })
    }

    /// Prints a note if a rank was lowered for the file `name`.
    pub(crate) fn note(&self, name: &str, console: &Console) {
        if let Some(lowered) = &self.lowered {
            console.note(format!("{name}: {lowered}"));
        }
    }
}

/// The failure for ranks that cannot be lowered to valid ones.
fn refusal(error: Error) -> Failure {
    match error {
        Error::RankCountMismatch { partial, .. } => {
            let each = if partial {
                "one for each of --modes"
            } else {
                "one for each mode"
            };
            Failure::usage(format!("{error}; --ranks needs {each}, or one for all"))
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(rank: usize, shape: &[usize], modes: Option<&[usize]>) -> (Vec<usize>, bool) {
        let ranks = Ranks::of(&[rank], shape, modes);
        let ranks = ranks.unwrap_or_else(|failure| panic!("{failure}"));
        let truncation = Truncation::Ranks(ranks.each.clone());
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
    fn ranks_are_upper_limits() {
        let of = |given: &[usize], shape: &[usize]| {
            let ranks = Ranks::of(given, shape, None);
            let ranks = ranks.unwrap_or_else(|failure| panic!("{failure}"));
            (ranks.each, ranks.lowered.unwrap_or_default())
        };
        assert_eq!(of(&[2, 3, 2], &[3, 4, 3]), (vec![2, 3, 2], String::new()));
        let (each, note) = of(&[2, 3, 1], &[3, 4, 3]);
        assert_eq!(each, [2, 2, 1]);
        assert!(
            note.starts_with("--ranks 2,3,1 was lowered to 2 in mode 1, "),
            "{note}"
        );
        assert_eq!(of(&[6, 7], &[6, 7]).0, [6, 6]);
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

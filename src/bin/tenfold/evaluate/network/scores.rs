//! From the class scores of a network to class probabilities.

use clap::ValueEnum;
use tenfold::cam::metrics::check_fractions;
use tenfold::{Error, Result, TensorRef};

/// The value of `--class-scores`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ClassScores {
    /// Probabilities if they are at least 0 and their sum is 1, else logits
    Auto,
    Probabilities,
    /// The softmax of the logits are the probabilities
    Logits,
}

/// How class scores become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scores {
    Probabilities,
    Logits,
}

/// The maximum distance from 1 of the sum of probabilities.
const SUM_TOLERANCE: f64 = 1e-3;

impl Scores {
    /// Decides by the scores of a black image, so that all images are treated alike.
    pub(super) fn new(choice: ClassScores, of_black_image: &[f32]) -> Self {
        let sum: f64 = of_black_image.iter().map(|&score| f64::from(score)).sum();
        let are_probabilities =
            of_black_image.iter().all(|&score| score >= 0.0) && (sum - 1.0).abs() <= SUM_TOLERANCE;
        match choice {
            ClassScores::Probabilities => Self::Probabilities,
            ClassScores::Auto if are_probabilities => Self::Probabilities,
            ClassScores::Auto | ClassScores::Logits => Self::Logits,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Probabilities => "probabilities",
            Self::Logits => "logits",
        }
    }

    /// The probabilities. Fails if a score is not finite, and for a probability outside [0, 1].
    pub(super) fn probabilities(self, scores: &[f32]) -> Result<Vec<f64>> {
        if let Some(position) = scores.iter().position(|score| !score.is_finite()) {
            return Err(Error::NonFinite {
                index: vec![position],
                value: scores[position].into(),
            });
        }
        let scores: Vec<f64> = scores.iter().map(|&score| score.into()).collect();
        match self {
            Self::Probabilities => {
                check_fractions(
                    "a class probability",
                    TensorRef::new(&[scores.len()], &scores)?,
                )?;
                Ok(scores)
            }
            Self::Logits => {
                // The largest logit is subtracted, so that no exponential overflows.
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
                let sum: f64 = powers.iter().sum();
                Ok(powers.iter().map(|power| power / sum).collect())
            }
        }
    }
}

/// The class with the largest probability, the first on a tie.
pub(super) fn predicted(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_recognised() {
        let new = |scores: &[f32]| Scores::new(ClassScores::Auto, scores);
        assert_eq!(new(&[0.25, 0.7501, 0.0]), Scores::Probabilities);
        assert_eq!(new(&[0.5, 0.6]), Scores::Logits);
        assert_eq!(new(&[1.5, -0.5]), Scores::Logits);
        assert_eq!(new(&[f32::NAN, 1.0]), Scores::Logits);
        let logits = Scores::new(ClassScores::Logits, &[0.5, 0.5]);
        assert_eq!(logits, Scores::Logits);
    }

    #[test]
    fn the_softmax_of_large_logits_is_finite() {
        let of = |scores: &[f32]| Scores::Logits.probabilities(scores).unwrap();
        assert_eq!(of(&[3e38, 3e38]), [0.5, 0.5]);
        assert_eq!(of(&[0.0, -3e38]), [1.0, 0.0]);
        let halves = of(&[1.0, 1.0 + std::f32::consts::LN_2]);
        assert!((halves[1] - 2.0 / 3.0).abs() < 1e-7);
        assert_eq!(predicted(&halves), 1);
        assert_eq!(predicted(&[0.5, 0.5]), 0);
    }

    #[test]
    fn bad_scores_are_refused() {
        assert!(Scores::Logits.probabilities(&[0.0, f32::NAN]).is_err());
        assert!(Scores::Probabilities.probabilities(&[1.001, 0.0]).is_err());
        assert!(Scores::Probabilities.probabilities(&[-0.5, 1.5]).is_err());
    }
}

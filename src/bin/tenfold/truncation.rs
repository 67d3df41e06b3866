//! How far `decompose` truncates: ranks, a tolerance, a size or a compression ratio.

use tenfold::Truncation;

use crate::failure::{Failure, Outcome};
use crate::list;
use crate::memory::Size;
use crate::ranks::Ranks;

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TruncationArgs {
    /// The maximum ranks: one for each mode (or each of --modes), or one for all modes. A rank
    /// that no core has is lowered
    #[arg(long, value_delimiter = ',', value_name = "R,…", value_parser = list::whole_number,
          allow_hyphen_values = true)]
    pub(crate) ranks: Option<Vec<usize>>,
    /// The maximum relative error, at least 0 and below 1
    #[arg(long, value_name = "EPS", allow_hyphen_values = true)]
    pub(crate) tolerance: Option<f64>,
    /// The maximum size of core and factors, such as 5MB: the most accurate decomposition that
    /// fits
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<Size>,
    /// The minimum compression ratio, such as 100: the most accurate decomposition with at most
    /// 1/100 of the entries of the array
    #[arg(long, value_name = "RATIO", allow_hyphen_values = true)]
    pub(crate) compression: Option<f64>,
}

impl TruncationArgs {
    /// The truncation of `modes` (`None` for all modes) of an array of extents `shape` with entries of
    /// `bytes` bytes, and the ranks if they are given.
    pub(crate) fn of(
        &self,
        shape: &[usize],
        modes: Option<&[usize]>,
        bytes: usize,
    ) -> Outcome<(Truncation, Option<Ranks>)> {
        if let Some(given) = &self.ranks {
            let ranks = Ranks::of(given, shape, modes)?;
            return Ok((Truncation::Ranks(ranks.each.clone()), Some(ranks)));
        }
        let truncation = match (self.max_size, self.compression) {
            (Some(size), _) => Truncation::MaxEntries(entries(size.bytes() as f64 / bytes as f64)),
            (None, Some(ratio)) if ratio > 0.0 => {
                let all: f64 = shape.iter().map(|&extent| extent as f64).product();
                Truncation::MaxEntries(entries(all / ratio))
            }
            (None, Some(ratio)) => {
                let message = format!("--compression is {ratio}, a number above 0 was expected");
                return Err(Failure::usage(message));
            }
            (None, None) => Truncation::RelativeError(self.tolerance.unwrap_or_default()),
        };
        Ok((truncation, None))
    }

    /// Whether the ranks follow from the entries of the array.
    pub(crate) fn chooses_ranks(&self) -> bool {
        self.ranks.is_none()
    }
}

/// A number of entries, rounded down.
fn entries(number: f64) -> usize {
    // A number beyond the range becomes the largest one.
    number as usize
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        truncation: TruncationArgs,
    }

    fn of(arguments: &str) -> Result<Truncation, String> {
        let arguments = format!("tenfold {arguments}");
        let command = Command::try_parse_from(arguments.split_whitespace());
        let command = command.map_err(|error| error.to_string())?;
        let found = command.truncation.of(&[10, 20, 30], None, 4);
        found
            .map(|(truncation, _)| truncation)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn sizes_and_ratios_are_numbers_of_entries() {
        assert_eq!(of("--max-size 4kB"), Ok(Truncation::MaxEntries(1000)));
        assert_eq!(of("--max-size 4003"), Ok(Truncation::MaxEntries(1000)));
        assert_eq!(of("--compression 7"), Ok(Truncation::MaxEntries(857)));
        assert_eq!(of("--compression 0.5"), Ok(Truncation::MaxEntries(12_000)));
        assert_eq!(of("--tolerance 0.1"), Ok(Truncation::RelativeError(0.1)));
        assert_eq!(of("--ranks 99"), Ok(Truncation::Ranks(vec![10, 20, 30])));
    }

    #[test]
    fn one_of_the_options_is_needed_with_a_positive_number() {
        for arguments in [
            "",
            "--ranks 2 --max-size 1kB",
            "--tolerance 0.1 --compression 3",
        ] {
            assert!(of(arguments).is_err(), "{arguments}");
        }
        for ratio in ["0", "-1", "nan"] {
            let message = of(&format!("--compression {ratio}")).unwrap_err();
            assert!(
                message.contains("a number above 0 was expected"),
                "{message}"
            );
        }
    }
}

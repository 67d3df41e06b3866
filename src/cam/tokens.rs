//! Tokens: positions in a line that come from a grid, as in a Vision Transformer.
//!
//! A Vision Transformer cuts a picture into a grid of patches and puts the patches in a line, row by
//! row. Class and register tokens stand before them:
//!
//! ```text
//!   tokens                               grid of height 2 and width 3
//!
//!   class │ 0 1 2 3 4 5                  0 1 2
//!   prefix│                              3 4 5
//! ```

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, LayoutError, Result};

/// The grid from which tokens come.
///
/// ```
/// use tenfold::cam::Grid;
/// let grid: Grid = "14x16".parse()?;
/// assert_eq!(grid, Grid { height: 14, width: 16 });
/// assert_eq!(grid.to_string(), "14×16");
/// assert!("14".parse::<Grid>().is_err());
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
}

/// How the positions of the letter `l` of a [`Layout`](super::Layout) form a grid.
///
/// With a grid, feature maps are C×H×W. Without one they are C×L, unless `l` stands before `c` in
/// the layout. Such an array has the order of transformers, and the grid is guessed:
///
/// - The number of tokens after the prefix must be a square s², and the grid is s×s.
/// - If the number of prefix tokens is not given, it is 0 if the number of all tokens is a square,
///   and 1 if the number of all tokens is 1 above a square. The two cases exclude each other. The
///   197 tokens of a usual Vision Transformer are a class token and a grid of 14×14.
///
/// If a grid is given without a number of prefix tokens, this number is 0 or 1, as the number of
/// tokens requires. Any other number must be given.
///
/// ```
/// use tenfold::cam::{Grid, Layout, Tokens};
/// let layout: Layout = "nlc".parse()?;
/// let reading = layout.read(&[8, 197, 768], Tokens::default())?;
/// assert_eq!(reading.shape(), [8, 768, 14, 14]);
/// // A class token, four registers, and a grid that is not square.
/// let tokens = Tokens { grid: Some(Grid { height: 12, width: 16 }), prefix: Some(5) };
/// assert_eq!(layout.read(&[8, 197, 768], tokens)?.shape(), [8, 768, 12, 16]);
/// // A grid of one row: text, or a signal.
/// let line = Tokens { grid: Some(Grid { height: 1, width: 200 }), prefix: None };
/// assert_eq!(layout.read(&[8, 200, 768], line)?.shape(), [8, 768, 1, 200]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tokens {
    /// The grid, if it is known.
    pub grid: Option<Grid>,
    /// The number of tokens before the grid, if it is known. These tokens are dropped.
    pub prefix: Option<usize>,
}

/// The prefix and the grid of a number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// The number of tokens to drop.
    pub(super) prefix: usize,
    /// The grid. `None` for positions in a line.
    pub(super) grid: Option<Grid>,
    /// Whether the prefix or the grid was guessed.
    pub(super) is_guess: bool,
}

/// The numbers of prefix tokens that are tried if none is given.
const TRIED: [usize; 2] = [0, 1];

impl Tokens {
    /// Splits a number of tokens in prefix and positions. Without a given grid, the positions form a
    /// line, or a square grid if `is_square`.
    pub(super) fn split(&self, tokens: usize, is_square: bool) -> Result<Split> {
        if let Some(prefix) = self.prefix
            && prefix >= tokens
        {
            return Err(LayoutError::TooManyPrefixTokens { prefix, tokens }.into());
        }
        let given = self.prefix.map(|prefix| [prefix]);
        let prefixes = given.as_ref().map_or(&TRIED[..], |given| &given[..]);
        let mut prefixes = prefixes.iter().filter(|&&prefix| prefix < tokens);
        match self.grid {
            Some(grid) => {
                let fits = |prefix: usize| grid.positions() == Some(tokens - prefix);
                let prefix = prefixes.find(|&&prefix| fits(prefix));
                let &prefix = prefix.ok_or(LayoutError::GridMismatch {
                    height: grid.height,
                    width: grid.width,
                    prefix: self.prefix,
                    tokens,
                })?;
                Ok(Split {
                    prefix,
                    grid: Some(grid),
                    is_guess: self.prefix.is_none() && prefix > 0,
                })
            }
            None if is_square => {
                let mut grids =
                    prefixes.filter_map(|&prefix| Some((prefix, Grid::square(tokens - prefix)?)));
                let (prefix, grid) = grids.next().ok_or(LayoutError::NoSquareGrid {
                    tokens,
                    prefix: self.prefix,
                })?;
                Ok(Split {
                    prefix,
                    grid: Some(grid),
                    is_guess: true,
                })
            }
            None => Ok(Split {
                prefix: self.prefix.unwrap_or(0),
                grid: None,
                is_guess: false,
            }),
        }
    }
}

impl Grid {
    /// The number of positions, unless it is too large.
    fn positions(self) -> Option<usize> {
        self.height.checked_mul(self.width)
    }

    /// The square grid of this number of positions, if there is one.
    fn square(positions: usize) -> Option<Self> {
        let side = positions.isqrt();
        (side * side == positions).then_some(Self {
            height: side,
            width: side,
        })
    }
}

/// Parses a height and a width, such as `14x14` or `14×14`.
///
/// # Errors
/// [`Error::Layout`] with [`LayoutError::InvalidGrid`].
impl FromStr for Grid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let extent = |text: &str| text.trim().parse().ok().filter(|&extent| extent > 0);
        let grid = text
            .split_once(['x', 'X', '×'])
            .and_then(|(height, width)| {
                Some(Self {
                    height: extent(height)?,
                    width: extent(width)?,
                })
            });
        let invalid = || LayoutError::InvalidGrid {
            text: text.to_owned(),
        };
        Ok(grid.ok_or_else(invalid)?)
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}", self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(grid: Option<&str>, prefix: Option<usize>) -> Tokens {
        let grid = grid.map(|grid| grid.parse().unwrap());
        Tokens { grid, prefix }
    }

    #[test]
    fn a_square_grid_is_guessed_with_at_most_one_prefix_token() {
        for (count, prefix, side) in [(196, 0, 14), (197, 1, 14), (1, 0, 1), (2, 1, 1), (50, 1, 7)]
        {
            let split = tokens(None, None).split(count, true).unwrap();
            let grid = Some(Grid {
                height: side,
                width: side,
            });
            let is_guess = true;
            assert_eq!(
                split,
                Split {
                    prefix,
                    grid,
                    is_guess
                }
            );
        }
        let split = tokens(None, Some(5)).split(201, true).unwrap();
        assert_eq!((split.prefix, split.grid), (5, "14x14".parse().ok()));
        for count in [3, 195, 198, 201, usize::MAX] {
            assert!(tokens(None, None).split(count, true).is_err(), "{count}");
        }
    }

    #[test]
    fn a_given_grid_needs_the_number_of_prefix_tokens_above_one() {
        for (count, prefix, is_guess) in [(91, 0, false), (92, 1, true)] {
            let split = tokens(Some("7x13"), None).split(count, true).unwrap();
            assert_eq!((split.prefix, split.is_guess), (prefix, is_guess));
        }
        let split = tokens(Some("7×13"), Some(2)).split(93, true).unwrap();
        assert_eq!((split.prefix, split.is_guess), (2, false));
    }

    #[test]
    fn without_a_square_the_positions_are_a_line() {
        for prefix in [None, Some(0), Some(3)] {
            let split = tokens(None, prefix).split(49, false).unwrap();
            let expected = Split {
                prefix: prefix.unwrap_or(0),
                grid: None,
                is_guess: false,
            };
            assert_eq!(split, expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (grid, prefix, count, message) in [
            (
                None,
                None,
                201,
                "201 tokens are not a square grid with or without one prefix token: \
                 give the grid and the number of prefix tokens",
            ),
            (
                None,
                Some(1),
                196,
                "196 tokens are not a square grid after 1 prefix token: \
                 give the grid and the number of prefix tokens",
            ),
            (
                Some("14x14"),
                Some(5),
                197,
                "5 prefix tokens and the grid 14×14 do not add up to the 197 tokens of the array",
            ),
            (
                Some("14x14"),
                None,
                201,
                "the grid 14×14, with or without one prefix token, \
                 does not have the 201 tokens of the array",
            ),
            (None, Some(4), 4, "4 prefix tokens leave none of 4"),
        ] {
            let error = tokens(grid, prefix).split(count, true).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        let huge = Grid {
            height: usize::MAX,
            width: 2,
        };
        let huge = Tokens {
            grid: Some(huge),
            prefix: None,
        };
        assert!(huge.split(197, true).is_err());
    }

    #[test]
    fn grids_are_heights_and_widths() {
        for text in [
            "",
            "14",
            "x",
            "14x",
            "0x3",
            "3x0",
            "-1x2",
            "1x2x3",
            "99999999999999999999x1",
        ] {
            let error = text.parse::<Grid>().unwrap_err();
            let message =
                format!("{text:?} is not a grid: height x width was expected, such as 14x14");
            assert_eq!(error.to_string(), message);
        }
    }
}

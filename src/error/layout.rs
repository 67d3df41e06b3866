//! Errors of layouts of arrays of feature maps.

use super::{Times, plural};

/// What is wrong with a [`Layout`](crate::cam::Layout), or with a layout and the array that it
/// describes, in [`Error::Layout`](crate::Error::Layout).
///
/// ```
/// use tenfold::cam::{Layout, Tokens};
/// let layout: Layout = "hwc".parse()?;
/// let error = layout.read(&[512, 7, 7, 2], Tokens::default()).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "layout hwc has 3 letters, the array 512×7×7×2 has 4 modes"
/// );
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A letter without a meaning.
    #[error(
        "layout {word:?} has the letter {letter:?}, only n, c, t, h, w, l and x have a meaning"
    )]
    UnknownLetter {
        /// The layout.
        word: String,
        /// The letter.
        letter: char,
    },
    /// A letter other than x that occurs twice.
    #[error("layout {word:?} has the letter {letter} twice, only x may be repeated")]
    RepeatedLetter {
        /// The layout.
        word: String,
        /// The letter.
        letter: char,
    },
    /// A layout without a letter for the channels or for the positions.
    #[error("layout {word:?} needs {needed}")]
    MissingLetter {
        /// The layout.
        word: String,
        /// The letters that are needed, and what for.
        needed: &'static str,
    },
    /// A layout whose number of letters differs from the number of modes of the array.
    #[error(
        "layout {layout} has {} {}, the array {} has {} {}",
        layout.chars().count(), plural(layout.chars().count(), "letter", "letters"),
        Times(shape), shape.len(), plural(shape.len(), "mode", "modes")
    )]
    ModeCountMismatch {
        /// The layout.
        layout: String,
        /// The shape of the array.
        shape: Vec<usize>,
    },
    /// The letter x for a mode of extent above 1.
    #[error(
        "layout {layout} drops mode {mode} of the array {}, only a mode of extent 1 can be dropped",
        Times(shape)
    )]
    NotDroppable {
        /// The layout.
        layout: String,
        /// The mode.
        mode: usize,
        /// The shape of the array.
        shape: Vec<usize>,
    },
    /// A grid or prefix tokens for a layout without the letter l.
    #[error("layout {layout} has no letter l, a grid and prefix tokens need one, as in nlc")]
    NoTokens {
        /// The layout.
        layout: String,
    },
    /// At least as many prefix tokens as tokens.
    #[error("{prefix} prefix tokens leave none of {tokens}")]
    TooManyPrefixTokens {
        /// The number of prefix tokens.
        prefix: usize,
        /// The number of all tokens.
        tokens: usize,
    },
    /// Tokens without a given grid that do not form a square grid.
    #[error(
        "{tokens} tokens are not a square grid {}: give the grid and the number of prefix tokens",
        match prefix {
            Some(prefix) => format!("after {prefix} prefix {}", plural(*prefix, "token", "tokens")),
            None => "with or without one prefix token".to_owned(),
        }
    )]
    NoSquareGrid {
        /// The number of all tokens.
        tokens: usize,
        /// The number of prefix tokens, if it was given.
        prefix: Option<usize>,
    },
    /// A grid that does not have the number of tokens of the array.
    #[error(
        "{}the {tokens} tokens of the array",
        match prefix {
            Some(prefix) => format!(
                "{prefix} prefix {} and the grid {height}×{width} do not add up to ",
                plural(*prefix, "token", "tokens")
            ),
            None => format!(
                "the grid {height}×{width}, with or without one prefix token, does not have "
            ),
        }
    )]
    GridMismatch {
        /// The height of the grid.
        height: usize,
        /// The width of the grid.
        width: usize,
        /// The number of prefix tokens, if it was given.
        prefix: Option<usize>,
        /// The number of all tokens.
        tokens: usize,
    },
    /// A text that is not a height and a width.
    #[error("{text:?} is not a grid: height x width was expected, such as 14x14")]
    InvalidGrid {
        /// The text.
        text: String,
    },
}

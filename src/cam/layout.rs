//! Layouts: the meaning of each mode of an array of feature maps.
//!
//! Libraries store feature maps in different orders. A layout is a word with a letter for each
//! mode of the array:
//!
//! ```text
//!   letter  mode
//!   n       images of a batch
//!   t       frames of a video; each frame gets a map of its own, as an image of a batch does
//!   c       channels
//!   h, w    height and width of the positions
//!   l       positions in a line: the tokens of a transformer, or the points of a signal
//!   x       any mode of extent 1, which is dropped
//! ```

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, LayoutError};

/// The meaning of each mode of an array of feature maps, such as `nchw` or `hwc`.
///
/// | letter | mode |
/// | --- | --- |
/// | `n` | images of a batch |
/// | `t` | frames of a video: each frame gets a map of its own, as an image of a batch does |
/// | `c` | channels |
/// | `h`, `w` | height and width of the positions |
/// | `l` | positions in a line: the tokens of a transformer, or the points of a signal |
/// | `x` | any mode of extent 1, which is dropped |
///
/// A layout has the letter `c`, and either `h` and `w` or `l`. Each letter but `x` occurs at most
/// once. Capital letters are read as small ones.
///
/// [`Layout::read`] applies a layout to the shape of an array. The result, a
/// [`Reading`](super::Reading), rearranges the array to feature maps C×H×W, N×C×H×W, C×L or N×C×L.
///
/// A map over all frames of a video C×T×H×W needs no layout: [`Cam`](super::Cam) accepts this shape
/// as one feature map.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Layout, Tokens, Weighting};
/// let features = Tensor::from_fn(&[2, 3, 8], |i| (i[0] * i[1] + i[2] % 5) as f32)?;
/// let layout: Layout = "HWC".parse()?;
/// assert_eq!(layout.to_string(), "hwc");
/// let reading = layout.read(features.shape(), Tokens::default())?;
/// assert_eq!(reading.to_string(), "1 feature map of 8 channels × 2×3 positions");
/// let features = reading.feature_maps(features)?;
/// let map = Cam::new(Weighting::Mtsm).saliency_map(&features)?;
/// assert_eq!(map.values().shape(), [2, 3]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    letters: Vec<Letter>,
}

/// The meaning of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Letter {
    N,
    T,
    C,
    H,
    W,
    L,
    X,
}

impl Letter {
    const ALL: [Self; 7] = [
        Self::N,
        Self::T,
        Self::C,
        Self::H,
        Self::W,
        Self::L,
        Self::X,
    ];

    fn symbol(self) -> char {
        match self {
            Self::N => 'n',
            Self::T => 't',
            Self::C => 'c',
            Self::H => 'h',
            Self::W => 'w',
            Self::L => 'l',
            Self::X => 'x',
        }
    }
}

impl Layout {
    /// The layout that the number of modes suggests: C×L for two modes, C×H×W for three, N×C×H×W
    /// for four. `None` for any other number.
    ///
    /// ```
    /// use tenfold::cam::Layout;
    /// assert_eq!(Layout::of_order(3), "chw".parse().ok());
    /// assert_eq!(Layout::of_order(5), None);
    /// ```
    #[must_use]
    pub fn of_order(order: usize) -> Option<Self> {
        use Letter::{C, H, L, N, W};
        let letters = match order {
            2 => vec![C, L],
            3 => vec![C, H, W],
            4 => vec![N, C, H, W],
            _ => return None,
        };
        Some(Self { letters })
    }

    /// The letters, one for each mode.
    pub(super) fn letters(&self) -> &[Letter] {
        &self.letters
    }

    /// The mode with this letter. For x, the first such mode.
    pub(super) fn mode(&self, letter: Letter) -> Option<usize> {
        self.letters.iter().position(|&own| own == letter)
    }

    /// The modes with these letters, in the order of `letters`.
    pub(super) fn modes(&self, letters: &[Letter]) -> Vec<usize> {
        let modes = letters.iter().filter_map(|&letter| self.mode(letter));
        modes.collect()
    }
}

/// Parses a word such as `nhwc`.
///
/// # Errors
/// [`Error::Layout`] with [`LayoutError::UnknownLetter`], [`LayoutError::RepeatedLetter`] or
/// [`LayoutError::MissingLetter`].
impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let word = || text.to_owned();
        // 1. The letters, one by one.
        let mut letters = Vec::new();
        for symbol in text.chars() {
            let small = symbol.to_ascii_lowercase();
            let mut all = Letter::ALL.into_iter();
            let letter = all.find(|letter| letter.symbol() == small);
            let letter = letter.ok_or_else(|| LayoutError::UnknownLetter {
                word: word(),
                letter: symbol,
            })?;
            if letter != Letter::X && letters.contains(&letter) {
                return Err(LayoutError::RepeatedLetter {
                    word: word(),
                    letter: symbol,
                }
                .into());
            }
            letters.push(letter);
        }
        // 2. Channels and positions.
        let has = |letter| letters.contains(&letter);
        let needed = if !has(Letter::C) {
            Some("the letter c for the channels")
        } else if has(Letter::H) != has(Letter::W) || has(Letter::H) == has(Letter::L) {
            Some("either h and w or l for the positions")
        } else {
            None
        };
        match needed {
            Some(needed) => Err(LayoutError::MissingLetter {
                word: word(),
                needed,
            }
            .into()),
            None => Ok(Self { letters }),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word: String = self.letters.iter().map(|letter| letter.symbol()).collect();
        f.pad(&word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written() {
        for word in [
            "chw", "nhwc", "cthw", "ncthw", "cl", "nlc", "xxhxwcx", "tlc",
        ] {
            let layout: Layout = word.parse().unwrap();
            assert_eq!(layout.to_string(), word);
            assert_eq!(word.to_uppercase().parse::<Layout>().unwrap(), layout);
        }
    }

    #[test]
    fn the_word_and_the_rule_are_named() {
        for (word, message) in [
            (
                "hwd",
                "layout \"hwd\" has the letter 'd', only n, c, t, h, w, l and x have a meaning",
            ),
            (
                "n h w c",
                "layout \"n h w c\" has the letter ' ', only n, c, t, h, w, l and x have a meaning",
            ),
            (
                "hwcc",
                "layout \"hwcc\" has the letter c twice, only x may be repeated",
            ),
            ("nhw", "layout \"nhw\" needs the letter c for the channels"),
            ("", "layout \"\" needs the letter c for the channels"),
        ] {
            let error = word.parse::<Layout>().unwrap_err();
            assert_eq!(error.to_string(), message);
        }
        for word in ["c", "nc", "ch", "wc", "chwl", "chl"] {
            let error = word.parse::<Layout>().unwrap_err();
            let message = format!("layout {word:?} needs either h and w or l for the positions");
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn the_number_of_modes_suggests_a_layout() {
        for (order, word) in [(2, "cl"), (3, "chw"), (4, "nchw")] {
            assert_eq!(Layout::of_order(order), Some(word.parse().unwrap()));
        }
        for order in [0, 1, 5, 17] {
            assert_eq!(Layout::of_order(order), None);
        }
    }
}

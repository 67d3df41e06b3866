//! Readings: a layout applied to the shape of an array.
//!
//! The modes of the array move to the order of feature maps, and neighbours merge or split. The
//! example has images, frames, and a mode to drop:
//!
//! ```text
//!   layout                   x   t   n   h   w   c        extents of the array
//!   order of feature maps    x │ n   t │ c │ h   w        a permutation of the modes
//!                              └─┬───┘   │   │   │
//!   feature maps                 N       C   H   W        item n·T + t of the batch
//!
//!   layout                   n   l   c
//!   order of feature maps    n │ c │ l                    the prefix of l is left out
//!                            │   │   ├───┐
//!   feature maps             N   C   H   W                position h·W + w of the grid
//! ```
//!
//! If the permutation moves no mode of extent above 1 past another and there is no prefix, the
//! entries have the right order already, and the array only gets another shape. Otherwise they are
//! copied once.

use std::fmt;
use std::ops::Range;

use super::layout::{Layout, Letter};
use super::tokens::{Grid, Split, Tokens};
use crate::error::{Error, LayoutError, Result, Times, plural};
use crate::scalar::Scalar;
use crate::tensor::{Shape, Tensor, permute_part};

/// An array read by a [`Layout`]: the shape of its feature maps, and where their entries are.
///
/// [`Layout::read`] makes it from the shape alone, before any entry is read. It displays as a
/// sentence for a user.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Layout, Tokens};
/// let layout: Layout = "cthw".parse()?;
/// let reading = layout.read(&[512, 8, 7, 7], Tokens::default())?;
/// assert_eq!(reading.shape(), [8, 512, 7, 7]);
/// assert_eq!(reading.to_string(), "8 feature maps of 512 channels × 7×7 positions");
/// let maps = reading.feature_maps(Tensor::<f32>::zeros(&[512, 8, 7, 7])?)?;
/// assert_eq!(maps.shape(), [8, 512, 7, 7]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The shape of the array.
    array: Shape,
    /// The modes of the array in the order of feature maps.
    order: Vec<usize>,
    /// For each mode of the array, the indices that belong to feature maps.
    used: Vec<Range<usize>>,
    /// The shape of the feature maps.
    shape: Shape,
    is_batch: bool,
    /// The number of tokens that are dropped.
    prefix: usize,
    /// The grid, if it or the prefix was guessed.
    guess: Option<Grid>,
}

impl Layout {
    /// Applies the layout to the shape of an array. `tokens` is for layouts with the letter `l`;
    /// [`Tokens`] explains how a grid is guessed.
    ///
    /// # Errors
    /// [`Error::Layout`] with [`LayoutError::ModeCountMismatch`] unless the layout has one letter
    /// for each mode; [`LayoutError::NotDroppable`] for an `x` at a mode of extent above 1;
    /// [`LayoutError::NoTokens`], [`LayoutError::TooManyPrefixTokens`],
    /// [`LayoutError::NoSquareGrid`] and [`LayoutError::GridMismatch`] for tokens that do not fit.
    /// [`Error::Empty`], [`Error::OrderOutOfRange`], [`Error::ShapeOverflow`] for other shapes.
    ///
    /// ```
    /// use tenfold::cam::{Layout, Tokens};
    /// let nhwc: Layout = "nhwc".parse()?;
    /// assert_eq!(nhwc.read(&[8, 7, 9, 512], Tokens::default())?.shape(), [8, 512, 7, 9]);
    /// assert!(nhwc.read(&[7, 9, 512], Tokens::default()).is_err());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn read(&self, shape: &[usize], tokens: Tokens) -> Result<Reading> {
        use Letter::{C, H, L, N, T, W};
        // 1. One letter for each mode; x only for modes of extent 1.
        let array = self.check(shape)?;
        // 2. Tokens: the prefix and the grid.
        let split = self.split(shape, tokens)?;
        let mut used: Vec<Range<usize>> = shape.iter().map(|&extent| 0..extent).collect();
        if let Some(mode) = self.mode(L) {
            used[mode].start = split.prefix;
        }
        // 3. The order of the modes.
        let letters = self.letters().iter().enumerate();
        let dropped = letters.filter(|&(_, &letter)| letter == Letter::X);
        let dropped: Vec<usize> = dropped.map(|(mode, _)| mode).collect();
        let (batch, map) = (self.modes(&[N, T]), self.modes(&[C, H, W, L]));
        let order = [&dropped[..], &batch, &map].concat();
        // 4. The shape of the feature maps.
        let mut extents: Vec<usize> = map.iter().map(|&mode| used[mode].len()).collect();
        if let Some(Grid { height, width }) = split.grid {
            extents.pop();
            extents.extend([height, width]);
        }
        if !batch.is_empty() {
            extents.insert(0, batch.iter().map(|&mode| shape[mode]).product());
        }
        Ok(Reading {
            array,
            order,
            used,
            shape: Shape::new(&extents)?,
            is_batch: !batch.is_empty(),
            prefix: split.prefix,
            guess: split.grid.filter(|_| split.is_guess),
        })
    }

    /// Fails unless an array of this shape has the modes of the layout.
    fn check(&self, shape: &[usize]) -> Result<Shape> {
        let letters = self.letters();
        if letters.len() != shape.len() {
            return Err(LayoutError::ModeCountMismatch {
                layout: self.to_string(),
                shape: shape.to_vec(),
            }
            .into());
        }
        let array = Shape::new(shape)?;
        if array.contains(&0) {
            return Err(Error::Empty {
                shape: shape.to_vec(),
            });
        }
        let mut modes = letters.iter().zip(shape);
        match modes.position(|(&letter, &extent)| letter == Letter::X && extent > 1) {
            Some(mode) => Err(LayoutError::NotDroppable {
                layout: self.to_string(),
                mode,
                shape: shape.to_vec(),
            }
            .into()),
            None => Ok(array),
        }
    }

    /// Splits the mode with the letter l in prefix and positions. Tokens of a transformer, with l
    /// before c, form a square grid unless another one is given.
    fn split(&self, shape: &[usize], tokens: Tokens) -> Result<Split> {
        match self.mode(Letter::L) {
            Some(mode) => tokens.split(shape[mode], Some(mode) < self.mode(Letter::C)),
            None if tokens == Tokens::default() => Ok(Split {
                prefix: 0,
                grid: None,
                is_guess: false,
            }),
            None => Err(LayoutError::NoTokens {
                layout: self.to_string(),
            }
            .into()),
        }
    }
}

impl Reading {
    /// The shape of the feature maps: C×H×W or C×L, with N before it for a batch. For images and
    /// frames, item n·T + t of the batch is frame t of image n.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the feature maps are a batch: whether the layout has the letter n or t.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.is_batch
    }

    /// The number of feature maps.
    #[must_use]
    pub fn items(&self) -> usize {
        if self.is_batch { self.shape[0] } else { 1 }
    }

    /// The shape of one feature map: C×H×W or C×L.
    #[must_use]
    pub fn feature_map_shape(&self) -> &[usize] {
        &self.shape[usize::from(self.is_batch)..]
    }

    /// The number of tokens that are dropped, and the grid, if one of them was guessed.
    #[must_use]
    pub fn guess(&self) -> Option<(usize, Grid)> {
        self.guess.map(|grid| (self.prefix, grid))
    }

    /// Rearranges an array to feature maps of the shape [`Reading::shape`]. The entries are copied
    /// only if their order changes.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for an array of another shape; [`Error::OutOfMemory`].
    ///
    /// ```
    /// use tenfold::Tensor;
    /// use tenfold::cam::{Layout, Tokens};
    /// let x = Tensor::new(&[1, 2, 3], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0])?;
    /// let reading = "xcl".parse::<Layout>()?.read(x.shape(), Tokens::default())?;
    /// assert_eq!(reading.feature_maps(x.clone())?.data(), x.data());
    /// let reading = "hwc".parse::<Layout>()?.read(x.shape(), Tokens::default())?;
    /// assert_eq!(reading.feature_maps(x)?.data(), [1.0, 5.0, 4.0, 3.0, 2.0, 6.0]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn feature_maps<T: Scalar>(&self, x: Tensor<T>) -> Result<Tensor<T>> {
        if x.shape() != &self.array[..] {
            return Err(Error::ShapeMismatch {
                what: "the array of a layout",
                expected: self.array.to_vec(),
                actual: x.shape().to_vec(),
            });
        }
        let in_order = if self.is_copied() {
            permute_part(x.view(), &self.used, &self.order)?
        } else {
            x
        };
        in_order.reshape(&self.shape)
    }

    /// The number of bytes that [`Reading::feature_maps`] allocates: those of the feature maps, or 0
    /// if the entries have the right order.
    #[must_use]
    pub fn memory<T: Scalar>(&self) -> u64 {
        if self.is_copied() {
            (self.shape.entries() as u64).saturating_mul(size_of::<T>() as u64)
        } else {
            0
        }
    }

    /// The index in the array of the entry of the feature maps at `index`, for messages about that
    /// entry. `None` for an index outside the feature maps.
    ///
    /// ```
    /// use tenfold::cam::{Layout, Tokens};
    /// let reading = "nlc".parse::<Layout>()?.read(&[8, 197, 768], Tokens::default())?;
    /// // Channel 5, row 1 and column 3 of the grid 14×14, after the class token.
    /// assert_eq!(reading.index_in_array(&[7, 5, 1, 3]), Some(vec![7, 1 + 14 + 3, 5]));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn index_in_array(&self, index: &[usize]) -> Option<Vec<usize>> {
        // Merged and split modes have the same offset as the permuted modes.
        let permuted: Vec<usize> = self
            .order
            .iter()
            .map(|&mode| self.used[mode].len())
            .collect();
        let permuted = Shape::new(&permuted)
            .ok()?
            .index(self.shape.offset(index)?)?;
        let mut original = vec![0; self.array.order()];
        for (&mode, place) in self.order.iter().zip(permuted) {
            original[mode] = self.used[mode].start + place;
        }
        Some(original)
    }

    /// Whether the order of the entries changes, or a prefix is left out.
    fn is_copied(&self) -> bool {
        let extended = self.order.iter().filter(|&&mode| self.array[mode] > 1);
        self.prefix > 0 || !extended.is_sorted()
    }
}

/// A sentence such as "8 feature maps of 512 channels × 7×7 positions".
impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.items();
        let map = self.feature_map_shape();
        let (channels, positions) = (map[0], &map[1..]);
        let count = positions.iter().product();
        write!(
            f,
            "{items} feature {} of {channels} {} × {} {}",
            plural(items, "map", "maps"),
            plural(channels, "channel", "channels"),
            Times(positions),
            plural(count, "position", "positions"),
        )?;
        if self.prefix > 0 {
            let tokens = plural(self.prefix, "token", "tokens");
            write!(f, ", {} prefix {tokens} dropped", self.prefix)?;
        }
        Ok(())
    }
}

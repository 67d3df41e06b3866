//! Slices: a range of indices or a single index in each mode, written as in NumPy.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A part of a tensor: a range of indices or a single index in each mode.
///
/// | notation | indices of the mode |
/// | --- | --- |
/// | `2:5` | 2, 3 and 4 |
/// | `:` | all |
/// | `:4`, `4:` | those below 4, those from 4 on |
/// | `-3:` | the last three |
/// | `3`, `-1` | the fourth alone, the last alone |
///
/// Modes are separated by commas. There are no steps. A slice does not depend on a shape
/// until it is resolved ([`Slice::resolve`]).
///
/// ```
/// use tenfold::Slice;
/// let slice: Slice = "2:5, :, -1".parse()?;
/// assert_eq!(slice.resolve(&[10, 4, 6])?, [2..5, 0..4, 5..6]);
/// assert_eq!(slice.to_string(), "2:5,:,-1");
/// assert!(slice.resolve(&[4, 4, 6]).is_err());
///
/// let corner = Slice::from([0..2, 0..3]);
/// assert_eq!(corner.to_string(), "0:2,0:3");
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    modes: Vec<ModeSlice>,
}

/// The slice of one mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ModeSlice {
    Index(Place),
    /// `start:end`; `None` for a bound that is left out.
    Range(Option<Place>, Option<Place>),
}

/// A position in a mode, between 0 and the extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    FromStart(usize),
    /// The extent minus this number, which is at least 1.
    FromEnd(usize),
}

impl Slice {
    /// The range of indices in each mode of a tensor of extents `shape`. A single index is a
    /// range of one.
    ///
    /// # Errors
    /// [`Error::SliceCountMismatch`] unless the slice has as many modes as the shape;
    /// [`Error::SliceOutOfRange`] for an index or a range outside an extent;
    /// [`Error::SliceReversed`] for a range that ends before it starts. An empty range is no
    /// error.
    ///
    /// ```
    /// # use tenfold::Slice;
    /// let slice: Slice = "-3:, :-1, 0".parse()?;
    /// assert_eq!(slice.resolve(&[10, 4, 6])?, [7..10, 0..3, 0..1]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn resolve(&self, shape: &[usize]) -> Result<Vec<Range<usize>>> {
        if self.modes.len() != shape.len() {
            return Err(Error::SliceCountMismatch {
                actual: self.modes.len(),
                order: shape.len(),
            });
        }
        let modes = self.modes.iter().zip(shape).enumerate();
        modes
            .map(|(mode, (slice, &extent))| slice.resolve(mode, extent))
            .collect()
    }

    /// The shape of this part of a tensor of extents `shape`. As in NumPy, a mode with a single
    /// index is left out. If each mode has a single index, the shape is empty.
    ///
    /// # Errors
    /// Those of [`Slice::resolve`].
    ///
    /// ```
    /// # use tenfold::Slice;
    /// let slice: Slice = "2:5, :, -1".parse()?;
    /// assert_eq!(slice.sliced_shape(&[10, 4, 6])?, [3, 4]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn sliced_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let ranges = self.resolve(shape)?;
        let modes = self.modes.iter().zip(ranges);
        Ok(modes
            .filter(|(slice, _)| matches!(slice, ModeSlice::Range(..)))
            .map(|(_, range)| range.len())
            .collect())
    }
}

impl ModeSlice {
    fn resolve(self, mode: usize, extent: usize) -> Result<Range<usize>> {
        let out_of_range = || Error::SliceOutOfRange {
            mode,
            slice: self.to_string(),
            extent,
        };
        let place = |place: Place| place.resolve(extent).ok_or_else(out_of_range);
        match self {
            Self::Index(index) => match place(index)? {
                index if index < extent => Ok(index..index + 1),
                _ => Err(out_of_range()),
            },
            Self::Range(start, end) => {
                let start = start.map_or(Ok(0), place)?;
                let end = end.map_or(Ok(extent), place)?;
                if start > end {
                    return Err(Error::SliceReversed {
                        mode,
                        slice: self.to_string(),
                        extent,
                    });
                }
                Ok(start..end)
            }
        }
    }
}

impl Place {
    /// The position in a mode of this extent; `None` if it lies outside.
    fn resolve(self, extent: usize) -> Option<usize> {
        match self {
            Self::FromStart(place) => (place <= extent).then_some(place),
            Self::FromEnd(distance) => extent.checked_sub(distance),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let place: i128 = text.parse().ok()?;
        let distance = usize::try_from(place.unsigned_abs()).ok()?;
        Some(if place < 0 {
            Self::FromEnd(distance)
        } else {
            Self::FromStart(distance)
        })
    }
}

/// Parses the notation. White space around a comma or a colon is allowed.
///
/// # Errors
/// [`Error::InvalidSlice`].
impl FromStr for Slice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split(',').map(str::trim).enumerate();
        let modes = parts.map(|(mode, part)| {
            parse_mode(part).map_err(|problem| Error::InvalidSlice {
                mode,
                slice: part.to_owned(),
                problem,
            })
        });
        let modes = modes.collect::<Result<_>>()?;
        Ok(Self { modes })
    }
}

/// Parses the slice of one mode. The error describes what is wrong with it.
fn parse_mode(part: &str) -> Result<ModeSlice, &'static str> {
    const EXPECTED: &str = "is neither an index nor a range: 3, 0:10, -5: or : was expected";
    let place = |text: &str| Place::parse(text.trim()).ok_or(EXPECTED);
    let Some((start, end)) = part.split_once(':') else {
        return place(part).map(ModeSlice::Index);
    };
    if end.contains(':') {
        return Err("has a step: only start:end is supported");
    }
    let bound = |text: &str| match text.trim() {
        "" => Ok(None),
        text => place(text).map(Some),
    };
    Ok(ModeSlice::Range(bound(start)?, bound(end)?))
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mode, slice) in self.modes.iter().enumerate() {
            if mode > 0 {
                f.write_str(",")?;
            }
            slice.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for ModeSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => index.fmt(f),
            Self::Range(start, end) => {
                if let Some(start) = start {
                    start.fmt(f)?;
                }
                f.write_str(":")?;
                end.map_or(Ok(()), |end| end.fmt(f))
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromStart(place) => write!(f, "{place}"),
            Self::FromEnd(distance) => write!(f, "-{distance}"),
        }
    }
}

impl From<&[Range<usize>]> for Slice {
    fn from(ranges: &[Range<usize>]) -> Self {
        let place = |place| Some(Place::FromStart(place));
        let modes = ranges.iter();
        Self {
            modes: modes
                .map(|range| ModeSlice::Range(place(range.start), place(range.end)))
                .collect(),
        }
    }
}

impl From<Vec<Range<usize>>> for Slice {
    fn from(ranges: Vec<Range<usize>>) -> Self {
        Self::from(&ranges[..])
    }
}

impl<const N: usize> From<[Range<usize>; N]> for Slice {
    fn from(ranges: [Range<usize>; N]) -> Self {
        Self::from(&ranges[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 3] = [10, 4, 6];

    fn resolve(text: &str) -> Result<Vec<Range<usize>>> {
        text.parse::<Slice>()?.resolve(&SHAPE)
    }

    #[test]
    fn ranges_and_single_indices() {
        for (text, ranges, shape) in [
            ("2:5, :, -1", [2..5, 0..4, 5..6], &[3, 4][..]),
            ("-3:,:-1,0", [7..10, 0..3, 0..1], &[3, 3]),
            (" 0 : 10 , 4 : 4,-6:6", [0..10, 4..4, 0..6], &[10, 0, 6]),
            ("-0,+3,05", [0..1, 3..4, 5..6], &[]),
        ] {
            let slice: Slice = text.parse().unwrap();
            assert_eq!(slice.resolve(&SHAPE).unwrap(), ranges, "{text}");
            assert_eq!(slice.sliced_shape(&SHAPE).unwrap(), shape, "{text}");
            assert_eq!(slice.to_string().parse::<Slice>().unwrap(), slice, "{text}");
        }
    }

    #[test]
    fn the_fault_is_named() {
        for (text, message) in [
            (
                "x,:,:",
                "slice of mode 0: \"x\" is neither an index nor a range: \
                 3, 0:10, -5: or : was expected",
            ),
            (
                ":,::2,:",
                "slice of mode 1: \"::2\" has a step: only start:end is supported",
            ),
            (":,:", "the slice names 2 modes, the tensor has 3"),
            (
                "0:11,:,:",
                "slice of mode 0: 0:11 does not lie within the extent 10",
            ),
            (
                "-11,:,:",
                "slice of mode 0: -11 does not lie within the extent 10",
            ),
            (
                ":,4,:",
                "slice of mode 1: 4 does not lie within the extent 4",
            ),
            (
                ":,:,4:-3",
                "slice of mode 2: 4:-3 ends before it starts, for the extent 6",
            ),
        ] {
            assert_eq!(resolve(text).unwrap_err().to_string(), message);
        }
        for text in ["", ",,", "0:1e3,:,:", ":,:,:,:", ":,:,--1", "9\u{301},:,:"] {
            assert!(resolve(text).is_err(), "{text}");
        }
        let huge = u128::MAX.to_string();
        assert!(huge.parse::<Slice>().is_err());
    }

    #[test]
    fn ranges_of_any_size_become_slices() {
        let slice = Slice::from(vec![0..usize::MAX, usize::MAX..usize::MAX]);
        let text = format!("0:{0},{0}:{0}", usize::MAX);
        assert_eq!(slice.to_string(), text);
        assert_eq!(text.parse::<Slice>().unwrap(), slice);
        assert!(slice.resolve(&[7, 7]).is_err());
        assert_eq!(slice.resolve(&[usize::MAX; 2]).unwrap()[1].len(), 0);
    }
}

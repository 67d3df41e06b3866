//! The notation of `--slice`: `0:10,:,3`, as in NumPy but without steps.

use std::ops::Range;

use crate::failure::{Failure, Outcome};

/// A part of a tensor: a range of indices in each mode.
#[derive(Debug, PartialEq)]
pub(crate) struct Slice {
    /// The indices, within the extents.
    pub(crate) ranges: Vec<Range<usize>>,
    /// The extents of the part, without the modes given by a single index.
    pub(crate) shape: Vec<usize>,
}

impl Slice {
    /// Reads `text` as a slice of a tensor of extents `shape`.
    pub(crate) fn parse(text: &str, shape: &[usize]) -> Outcome<Self> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        if parts.len() != shape.len() {
            return Err(tenfold::Error::SliceCountMismatch {
                actual: parts.len(),
                order: shape.len(),
            }
            .into());
        }
        let mut slice = Self {
            ranges: Vec::new(),
            shape: Vec::new(),
        };
        for (mode, (part, &extent)) in parts.into_iter().zip(shape).enumerate() {
            let (range, kept) = parse_part(part, extent)
                .map_err(|problem| Failure::usage(format!("--slice, mode {mode}: {problem}")))?;
            if kept {
                slice.shape.push(range.len());
            }
            slice.ranges.push(range);
        }
        Ok(slice)
    }
}

/// One mode's range, and whether the mode stays.
fn parse_part(part: &str, extent: usize) -> Result<(Range<usize>, bool), String> {
    let Some((start, end)) = part.split_once(':') else {
        let index = place(part, extent)?;
        if index >= extent {
            return Err(format!("index {part} lies outside the extent {extent}"));
        }
        return Ok((index..index + 1, false));
    };
    if end.contains(':') {
        return Err(format!("{part}: steps are not supported, only start:end"));
    }
    let start = if start.is_empty() {
        0
    } else {
        place(start, extent)?
    };
    let end = if end.is_empty() {
        extent
    } else {
        place(end, extent)?
    };
    if start >= end {
        return Err(format!("{part} selects nothing of the extent {extent}"));
    }
    Ok((start..end, true))
}

/// An index from 0 to the extent; a negative one counts from the end.
fn place(text: &str, extent: usize) -> Result<usize, String> {
    let text = text.trim();
    let outside = || format!("{text} lies outside the extent {extent}");
    let index: i64 = text
        .parse()
        .map_err(|_| format!("\"{text}\" is no index; 3, 0:10, -5: or : was expected"))?;
    let size = i64::try_from(extent).map_err(|_| outside())?;
    let index = if index < 0 { index + size } else { index };
    match usize::try_from(index) {
        Ok(index) if index <= extent => Ok(index),
        _ => Err(outside()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Slice, ()> {
        Slice::parse(text, &[10, 4, 6]).map_err(|_| ())
    }

    #[test]
    fn ranges_and_single_indices() {
        let slice = parse("2:5, :, -1").unwrap();
        assert_eq!(slice.ranges, [2..5, 0..4, 5..6]);
        assert_eq!(slice.shape, [3, 4]);
        let slice = parse("-3:,:-1,0").unwrap();
        assert_eq!(slice.ranges, [7..10, 0..3, 0..1]);
        assert!(parse("0,0,0").unwrap().shape.is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let bad = [
            "0:11,:,:",
            ":,:",
            ":,:,:,:",
            "5:5,:,:",
            "6:2,:,:",
            "::2,:,:",
            "10,:,:",
            "-11,:,:",
            "x,:,:",
            ",,",
            "",
            "0:1e3,:,:",
            "99999999999999999999,:,:",
        ];
        for text in bad {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

//! The extents of a tensor. A product of extents is checked once, when a shape is made.

use std::ops::Deref;

use crate::error::{Error, MAX_ORDER, Result};

/// The extents of a tensor of order 1 to 16, stored inline.
///
/// No product of extents overflows: the product of all extents other than zero, times 16
/// bytes, is at most `isize::MAX`.
///
/// ```
/// use tenfold::tensor::Shape;
/// let shape = Shape::new(&[3, 4, 2])?;
/// assert_eq!(shape.entries(), 24);
/// assert_eq!(shape.offset(&[1, 0, 1]), Some(9));
/// assert!(Shape::new(&[usize::MAX, 2]).is_err());
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    extents: [usize; MAX_ORDER],
    order: usize,
}

/// Bytes counted for an entry: twice the size of an `f64`, so that sizes in bytes do not
/// overflow either.
const ENTRY_BYTES: usize = 16;

impl Shape {
    /// Checks and stores `extents`.
    ///
    /// # Errors
    /// [`Error::OrderOutOfRange`] unless there are 1 to 16 extents;
    /// [`Error::ShapeOverflow`] if their product is too large to address.
    ///
    /// ```
    /// # use tenfold::tensor::Shape;
    /// assert_eq!(&Shape::new(&[3, 0])?[..], [3, 0]);
    /// assert!(Shape::new(&[]).is_err());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn new(extents: &[usize]) -> Result<Self> {
        let order = extents.len();
        if !(1..=MAX_ORDER).contains(&order) {
            return Err(Error::OrderOutOfRange { order });
        }
        extents
            .iter()
            .filter(|&&extent| extent > 0)
            .try_fold(ENTRY_BYTES, |product, &extent| product.checked_mul(extent))
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or_else(|| Error::ShapeOverflow {
                shape: extents.to_vec(),
            })?;
        let mut inline = [0; MAX_ORDER];
        inline[..order].copy_from_slice(extents);
        Ok(Self {
            extents: inline,
            order,
        })
    }

    /// The number of modes.
    #[must_use]
    pub fn order(&self) -> usize {
        self.order
    }

    /// The number of entries: the product of the extents.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.iter().product()
    }

    /// The position of the entry at `index` in row-major order; `None` if the length of `index` is
    /// not the order of the shape, or if an index lies outside its extent.
    ///
    /// ```
    /// # use tenfold::tensor::Shape;
    /// let shape = Shape::new(&[3, 4])?;
    /// assert_eq!(shape.offset(&[1, 2]), Some(6));
    /// assert_eq!(shape.offset(&[1, 4]), None);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn offset(&self, index: &[usize]) -> Option<usize> {
        if index.len() != self.order {
            return None;
        }
        index
            .iter()
            .zip(self.iter())
            .try_fold(0, |offset, (&i, &extent)| {
                (i < extent).then(|| offset * extent + i)
            })
    }

    /// The index of the entry at position `offset` in row-major order: the inverse of
    /// [`Shape::offset`]. `None` unless `offset` is below [`Shape::entries`].
    ///
    /// ```
    /// # use tenfold::tensor::Shape;
    /// let shape = Shape::new(&[3, 4])?;
    /// assert_eq!(shape.index(6), Some(vec![1, 2]));
    /// assert_eq!(shape.index(12), None);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn index(&self, mut offset: usize) -> Option<Vec<usize>> {
        if offset >= self.entries() {
            return None;
        }
        let mut index = vec![0; self.order];
        for (mode, &extent) in self.iter().enumerate().rev() {
            index[mode] = offset % extent;
            offset /= extent;
        }
        Some(index)
    }

    /// For each mode, the distance in entries between neighbours along it.
    pub(crate) fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.order];
        for mode in (1..self.order).rev() {
            strides[mode - 1] = strides[mode] * self[mode];
        }
        strides
    }

    /// The shape with the extent of `mode` replaced.
    pub(crate) fn with(&self, mode: usize, extent: usize) -> Result<Self> {
        let mut extents = self.to_vec();
        extents[mode] = extent;
        Self::new(&extents)
    }

    /// Fails unless there are `actual` entries.
    pub(crate) fn check_length(&self, actual: usize) -> Result<()> {
        if self.entries() == actual {
            return Ok(());
        }
        Err(Error::DataLengthMismatch {
            shape: self.to_vec(),
            expected: self.entries(),
            actual,
        })
    }
}

impl Deref for Shape {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.extents[..self.order]
    }
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.deref().fmt(f)
    }
}

/// Fails unless a tensor of `order` modes has mode `mode`.
pub(crate) fn check_mode(mode: usize, order: usize) -> Result<()> {
    if mode < order {
        return Ok(());
    }
    Err(Error::ModeOutOfRange { mode, order })
}

/// Fails unless `modes` names modes of a tensor of `order` modes, each at most once.
pub(crate) fn check_modes(modes: &[usize], order: usize) -> Result<()> {
    let mut named = [false; MAX_ORDER];
    for &mode in modes {
        check_mode(mode, order)?;
        if std::mem::replace(&mut named[mode], true) {
            return Err(Error::RepeatedMode { mode });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_1_to_16() {
        assert!(matches!(
            Shape::new(&[]),
            Err(Error::OrderOutOfRange { order: 0 })
        ));
        assert!(Shape::new(&[1; 16]).is_ok());
        assert!(matches!(
            Shape::new(&[1; 17]),
            Err(Error::OrderOutOfRange { order: 17 })
        ));
    }

    #[test]
    fn a_zero_does_not_hide_an_overflow() {
        let huge = [0, 1 << 40, 1 << 40];
        assert!(matches!(
            Shape::new(&huge),
            Err(Error::ShapeOverflow { .. })
        ));
    }

    #[test]
    fn index_undoes_offset() {
        let shape = Shape::new(&[2, 3, 4]).unwrap();
        for offset in 0..24 {
            let index = shape.index(offset).unwrap();
            assert_eq!(shape.offset(&index), Some(offset));
        }
        assert_eq!(shape.index(24), None);
        assert_eq!(Shape::new(&[2, 0]).unwrap().index(0), None);
    }
}

//! Slices of the tensor that a decomposition stands for.

use std::ops::Range;

use faer::MatRef;

use super::Tucker;
use super::range::Parts;
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::{Tensor, crop};

impl<T: Scalar> Tucker<T> {
    /// The part of X̂ with indices in `ranges`, one per mode, without forming
    /// the rest: the factors' rows are cut first, and the core where a mode has no
    /// factor.
    ///
    /// # Errors
    /// [`Error::SliceCountMismatch`], [`Error::SliceOutOfRange`], and those of [`Tucker::reconstruct`].
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
    /// let tucker = StHosvd::new(Truncation::Ranks(vec![1, 1])).decompose(&x)?;
    /// let corner = tucker.reconstruct_slice(&[2..3, 0..2])?;
    /// assert_eq!(corner.shape(), [1, 2]);
    /// assert!((corner.data()[1] - 2.0).abs() < 1e-14);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reconstruct_slice(&self, ranges: &[Range<usize>]) -> Result<Tensor<T>> {
        self.check_slice(ranges)?;
        // 1. The core, cut in the modes without a factor.
        let cuts = self.core_ranges(ranges);
        let cut = if is_whole(&cuts, self.ranks()) {
            None
        } else {
            Some(crop(self.core.view(), &cuts)?)
        };
        // 2. The rows of the factors.
        let rows: Vec<(usize, MatRef<'_, T>)> = self
            .products()
            .into_iter()
            .map(|(mode, factor)| (mode, factor.get(ranges[mode].clone(), ..)))
            .collect();
        // 3. Their product.
        Parts::new(cut.as_ref().unwrap_or(&self.core).view(), rows)?.product()
    }

    /// Fails unless `ranges` lie within the extents, one per mode.
    pub(super) fn check_slice(&self, ranges: &[Range<usize>]) -> Result<()> {
        let shape = self.shape();
        if ranges.len() != shape.len() {
            return Err(Error::SliceCountMismatch {
                actual: ranges.len(),
                order: shape.len(),
            });
        }
        for (mode, (range, &extent)) in ranges.iter().zip(&shape).enumerate() {
            if range.start > range.end || range.end > extent {
                return Err(Error::SliceOutOfRange {
                    mode,
                    start: range.start,
                    end: range.end,
                    extent,
                });
            }
        }
        Ok(())
    }

    /// The ranges of the core that belong to `ranges` of the tensor: the same where a
    /// mode has no factor, and else all.
    pub(super) fn core_ranges(&self, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
        let modes = self.factors.iter().zip(self.ranks()).zip(ranges);
        modes
            .map(|((factor, &rank), range)| match factor {
                Some(_) => 0..rank,
                None => range.clone(),
            })
            .collect()
    }
}

/// Whether `ranges` are all of `extents`.
pub(super) fn is_whole(ranges: &[Range<usize>], extents: &[usize]) -> bool {
    let mut modes = ranges.iter().zip(extents);
    modes.all(|(range, &extent)| *range == (0..extent))
}

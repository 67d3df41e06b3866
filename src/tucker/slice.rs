//! Slices of the tensor that a decomposition represents.

use std::ops::Range;

use faer::MatRef;

use super::decomposition::Tucker;
use super::scaling::PartialProducts;
use crate::error::Result;
use crate::monitor::Monitor;
use crate::scalar::Scalar;
use crate::tensor::{Sizes, Slice, Tensor, crop, multi_mode_product_memory, whole_bytes};

impl<T: Scalar> Tucker<T> {
    /// The part `slice` of X̂. The rest of X̂ is not computed: first, the factors are cut to the
    /// rows of the slice, and the core is cut in modes without a factor. A mode with a single index
    /// has extent 1.
    ///
    /// # Errors
    /// Those of [`Slice::resolve`] and of [`Tucker::reconstruct`].
    ///
    /// ```
    /// # use tenfold::{StHosvd, Tensor, Truncation};
    /// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
    /// let tucker = StHosvd::new(Truncation::Ranks(vec![1, 1])).decompose(&x)?;
    /// let corner = tucker.reconstruct_slice(&"2, :2".parse()?)?;
    /// assert_eq!(corner.shape(), [1, 2]);
    /// assert!((corner.data()[1] - 2.0).abs() < 1e-14);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reconstruct_slice(&self, slice: &Slice) -> Result<Tensor<T>> {
        self.reconstruct_monitored(Some(slice), &Monitor::new())
    }

    /// Like [`Tucker::reconstruct_slice`], or [`Tucker::reconstruct`] for `None`. The flag of the monitor
    /// cancels the computation. There are no reports.
    ///
    /// # Errors
    /// Those of [`Tucker::reconstruct_slice`]; [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// ```
    /// # use tenfold::{Error, Monitor, StHosvd, Tensor};
    /// # use std::sync::{Arc, atomic::AtomicBool};
    /// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
    /// let tucker = StHosvd::new([1, 1]).decompose(&x)?;
    /// let monitor = Monitor::new().cancelled_by(Arc::new(AtomicBool::new(true)));
    /// let cancelled = tucker.reconstruct_monitored(None, &monitor);
    /// assert!(matches!(cancelled, Err(Error::Cancelled)));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reconstruct_monitored(
        &self,
        slice: Option<&Slice>,
        monitor: &Monitor,
    ) -> Result<Tensor<T>> {
        let cancellation = monitor.cancellation();
        let Some(slice) = slice else {
            return PartialProducts::new(self.core().view(), self.products())?
                .product(cancellation);
        };
        let ranges = slice.resolve(self.shape())?;
        // 1. The core, cut in the modes without a factor.
        let cuts = self.core_ranges(&ranges);
        let cut = if is_whole(&cuts, self.ranks()) {
            None
        } else {
            Some(crop(self.core().view(), &cuts)?)
        };
        // 2. The rows of the factors.
        let rows: Vec<(usize, MatRef<'_, T>)> = self
            .products()
            .into_iter()
            .map(|(mode, factor)| (mode, factor.get(ranges[mode].clone(), ..)))
            .collect();
        // 3. Their product.
        PartialProducts::new(cut.as_ref().unwrap_or(self.core()).view(), rows)?
            .product(cancellation)
    }

    /// The maximum number of bytes that [`Tucker::reconstruct_slice`] allocates for `slice`, the
    /// result included. For `None`, the maximum number of bytes that [`Tucker::reconstruct`]
    /// allocates.
    ///
    /// # Errors
    /// Those of [`Slice::resolve`].
    ///
    /// ```
    /// use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::<f64>::from_fn(&[50, 50], |i| (i[0] + i[1]) as f64)?;
    /// let tucker = StHosvd::new([2, 2]).decompose(&x)?;
    /// assert!(tucker.reconstruction_memory(None)? > 50 * 50 * 8);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reconstruction_memory(&self, slice: Option<&Slice>) -> Result<u64> {
        let ranges = match slice {
            Some(slice) => slice.resolve(self.shape())?,
            None => self.shape().iter().map(|&extent| 0..extent).collect(),
        };
        // 1. The core, cut in the modes without a factor.
        let cuts = self.core_ranges(&ranges);
        let extents: Vec<usize> = cuts.iter().map(ExactSizeIterator::len).collect();
        let core = Sizes::of::<T>(&extents);
        let cut = if is_whole(&cuts, self.ranks()) {
            0.0
        } else {
            core.bytes()
        };
        // 2. The rows of the factors are views.
        let products: Vec<(usize, f64)> = ranges
            .iter()
            .enumerate()
            .filter(|&(mode, _)| self.factor(mode).is_some())
            .map(|(mode, range)| (mode, range.len() as f64))
            .collect();
        // 3. Their product; without factors it is a copy of the core.
        let product = if products.is_empty() {
            core.bytes()
        } else {
            multi_mode_product_memory(&core, &products)
        };
        Ok(whole_bytes(cut + product))
    }

    /// The ranges of the core that belong to `ranges` of the tensor: the same range in a mode
    /// without a factor, the whole extent in a mode with a factor.
    fn core_ranges(&self, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
        let modes = self.factors().iter().zip(self.ranks()).zip(ranges);
        modes
            .map(|((factor, &rank), range)| match factor {
                Some(_) => 0..rank,
                None => range.clone(),
            })
            .collect()
    }
}

/// Whether `ranges` cover all of `extents`.
fn is_whole(ranges: &[Range<usize>], extents: &[usize]) -> bool {
    let mut modes = ranges.iter().zip(extents);
    modes.all(|(range, &extent)| *range == (0..extent))
}

//! Label-independent saliency maps of a convolutional network.
//!
//! A layer gives a feature map F of shape C×H×W. A decomposition D(F) gives
//! singular values σ₁ ≥ σ₂ ≥ … of its channel mode and unit vectors vᵢ of C
//! entries, and
//!
//! > map(F) = norm( Σᵢ (σᵢ/σ₁) · | Σ_c vᵢ\[c\]·F\[c\] | )
//!
//! is a map of H×W entries in \[0, 1\] that shows where the network sees
//! something. It needs no label and no gradient. Four weightings answer two
//! questions ([`Weighting`]):
//!
//! | weighting | D | vectors | centred | negative entries |
//! | --- | --- | --- | --- | --- |
//! | EigenCAM | SVD of the C×HW unfolding | first | yes | clipped |
//! | TSM | Tucker | first | no | absolute value |
//! | Multivec-EigenCAM | SVD | all | yes | absolute value |
//! | MTSM | Tucker | all | no | absolute value |
//!
//! With Tucker, vᵢ is column i of the channel factor A₀ and σᵢ the norm of
//! slice i of the core. The two columns on the right are the choices of the
//! published code, and options here ([`Cam`]). Where that code departs from the
//! equations by a slip (rows of A₀ for its columns, means for sums), the
//! equations hold here.
//!
//! # Full and truncated ranks
//! At full ranks, the default, the other factors are square and orthogonal and
//! A₀ is the left singular basis of the unfolding itself: TSM is then EigenCAM
//! without centring and clipping, and no iteration is needed. All four maps
//! come from the Gram matrix of the unfolding's smaller side, 49×49 for a layer
//! of 2048×7×7. Only truncated ranks ([`Cam::ranks`]) make HOOI a real
//! iteration that ties the positions' modes together.
//!
//! # From a map to a picture
//! [`resize()`] brings a map to the size of a photograph and [`normalize()`]
//! stretches it once more; `overlay` (feature `image`) colours it and
//! lays it over. [`metrics`] judges maps.
//!
//! Sources: Bouayed, Deslauriers-Gauthier, Iaccovelli & Naccache, *CNN
//! Interpretability with Multivector Tucker Saliency Maps for Self-Supervised
//! Models*, TMLR; Muhammad & Yeasin, *Eigen-CAM*, IJCNN 2020.

#[cfg(feature = "image")]
mod colormap;
mod fraction;
mod memory;
pub mod metrics;
mod normalize;
#[cfg(feature = "image")]
mod overlay;
mod projection;
mod resize;
mod saliency_map;
mod spectrum;
mod svd;
mod tucker;
mod weighting;

#[cfg(feature = "image")]
pub use colormap::Colormap;
pub use normalize::normalize;
#[cfg(feature = "image")]
pub use overlay::{Overlay, colorize};
pub use resize::resize;
pub use saliency_map::{SaliencyMap, Status};
pub use weighting::{Decomposition, Sign, Vectors, Weighting};

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::linalg::Precision;
use crate::monitor::{Monitor, Progress};
use crate::scalar::Scalar;
use crate::simd::Scratch;
use crate::tensor::{Tensor, TensorRef};
use normalize::MinMax;
#[cfg(feature = "cuda")]
pub(crate) use projection::MAP_TOLERANCE;
use projection::{ProjectionSum, Request};
#[cfg(feature = "cuda")]
pub(crate) use resize::check_resize;
use spectrum::spectrum;
use svd::DEGENERATE_RATIO;
#[cfg(feature = "cuda")]
pub(crate) use svd::SAFE_SINGLE_LENGTH;
#[cfg(feature = "cuda")]
pub(crate) use tucker::{ENERGY_TOLERANCE, MAX_SWEEPS};

/// A way to make saliency maps: a weighting and its options.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Weighting};
/// // Three channels of 2×2 positions.
/// let features = Tensor::new(
///     &[3, 2, 2],
///     vec![9.0f32, 1.0, 0.0, 0.0, 6.0, 1.0, 1.0, 0.0, 0.0, 2.0, 0.0, 1.0],
/// )?;
/// let map = Cam::new(Weighting::Mtsm).saliency_map(&features)?;
/// assert_eq!(map.values().shape(), [2, 2]);
/// assert_eq!(map.values().data()[0], 1.0);
///
/// let uncentred = Cam { centring: Some(false), ..Cam::new(Weighting::EigenCam) };
/// let tsm = Cam::new(Weighting::Tsm).saliency_map(&features)?;
/// assert_eq!(uncentred.saliency_map(&features)?, tsm);
/// # Ok::<(), tenfold::Error>(())
/// ```
///
/// # Precision
/// Let r be the range of the sum in the formula above, max less min, before it is
/// stretched to \[0, 1\], λᵢ = σᵢ² and n = min(C, number of positions).
///
/// - A map of `f32` features differs from the map of the same entries in `f64` by at
///   most 1e-4, whatever the offset or the scale of the entries, and has the same
///   [`Status`]. As a rule the difference is 1e-7. Products are formed in `f32` only
///   where an estimate of their rounding, relative to r, stays below 5e-5; elsewhere
///   the map is made again from products in `f64`, which takes up to three times as
///   long. The estimate takes the roundings of different products for independent.
/// - A map of `f64` features is right to 30·n·ε·(σ₁/r)·κ, with ε = 2.2e-16 and κ the
///   largest λᵢ/(λᵢ − λᵢ₊₁) of the vectors in use: 1e-12 for most layers.
/// - A centred map has the σᵢ of the centred features, and keeps this bound for
///   channels of any mean: where the mean outweighs the deviations, it is subtracted
///   from the features before any product is formed.
/// - A map that is not centred loses digits to an offset, since σ₁/r grows with it. A
///   mean of 10⁶ times the deviations leaves an error of some 1e-9, and a range r of less
///   than 1e-12 of the largest value counts as [`Status::Constant`].
///
/// ```
/// # use tenfold::Tensor;
/// # use tenfold::cam::{Cam, Weighting};
/// // Deviations of at most 3 from a mean of 70,000.
/// let entries = [2.0f32, 0.0, 1.0, 0.0, 3.0, 1.0, 1.0, 1.0, -2.0];
/// let features = Tensor::new(&[3, 1, 3], entries.map(|entry| entry + 70_000.0).to_vec())?;
/// let map = Cam::new(Weighting::EigenCam).saliency_map(&features)?;
/// assert_eq!(map.values().data(), [0.0, 1.0, 0.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cam {
    /// Which of the four maps.
    pub weighting: Weighting,
    /// The ranks of the Tucker decomposition, one for each mode of a feature
    /// map (channels first); full ranks for `None`. Not for the SVD pair.
    pub ranks: Option<Vec<usize>>,
    /// Whether each channel's mean over the positions is subtracted first;
    /// [`Weighting::centring`] for `None`.
    pub centring: Option<bool>,
    /// What becomes of the signs of projected maps; [`Weighting::sign`] for
    /// `None`.
    pub sign: Option<Sign>,
    /// Reports each map of a batch, and cancels the batch on request.
    pub monitor: Monitor,
}

/// A map whose values differ by no more than this, relative to the largest, is
/// constant up to the rounding of an eigenproblem of a few thousand rows.
const CONSTANT_TOLERANCE: f64 = 1e-12;

impl Cam {
    /// The map of the published code for this weighting, at full ranks.
    ///
    /// ```
    /// # use tenfold::cam::{Cam, Weighting};
    /// let cam = Cam::new(Weighting::EigenCam);
    /// assert_eq!((cam.ranks, cam.centring, cam.sign), (None, None, None));
    /// ```
    pub fn new(weighting: Weighting) -> Self {
        Self {
            weighting,
            ranks: None,
            centring: None,
            sign: None,
            monitor: Monitor::new(),
        }
    }

    /// The saliency map of a feature map: C×H×W, or C×(any trailing shape),
    /// such as C×T×H×W for video or C×L for tokens.
    ///
    /// The map does not change if the feature map is multiplied by a constant,
    /// nor with the order of the channels (both up to rounding). At full ranks
    /// it costs |F|·n + 9·n³ flops, n = min(C, number of positions).
    ///
    /// # Errors
    /// [`Error::NotAFeatureMap`] for a tensor of one mode, [`Error::Empty`],
    /// [`Error::NonFinite`]; [`Error::RanksWithoutTucker`], and for ranks those
    /// of [`crate::Hooi`]; [`Error::NoConvergence`].
    ///
    /// ```
    /// use tenfold::Tensor;
    /// use tenfold::cam::{Cam, Status, Weighting};
    /// let tokens = Tensor::from_fn(&[8, 5], |i| ((i[0] * i[1]) % 4) as f64)?;
    /// let map = Cam::new(Weighting::Tsm).saliency_map(&tokens)?;
    /// assert_eq!(map.values().shape(), [5]);
    /// assert_eq!(map.status(), Status::Fine);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn saliency_map<'a, T: Scalar>(
        &self,
        features: impl Into<TensorRef<'a, T>>,
    ) -> Result<SaliencyMap<T>> {
        let features = features.into();
        self.check(features.shape())?;
        let mut values = Tensor::zeros(&features.shape()[1..])?;
        let status = self.map_into(features, values.data_mut())?;
        Ok(SaliencyMap::new(values, status))
    }

    /// The saliency maps of a batch N×C×H×W, or N×C×(any trailing shape).
    ///
    /// The maps are made in parallel, and are the same to the last bit as those
    /// of the feature maps one by one, for any number of threads.
    ///
    /// # Errors
    /// Those of [`Cam::saliency_map`], for the first feature map that has one;
    /// an index is that in the batch.
    ///
    /// ```
    /// use tenfold::Tensor;
    /// use tenfold::cam::{Cam, Weighting};
    /// let batch = Tensor::from_fn(&[2, 6, 3, 3], |i| ((i[1] + i[2] * i[3] + i[0]) % 5) as f32)?;
    /// let maps = Cam::new(Weighting::Mtsm).saliency_maps(&batch)?;
    /// assert_eq!(maps.len(), 2);
    /// assert_eq!(maps[1].values().shape(), [3, 3]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn saliency_maps<'a, T: Scalar>(
        &self,
        batch: impl Into<TensorRef<'a, T>>,
    ) -> Result<Vec<SaliencyMap<T>>> {
        let batch = batch.into();
        self.check_batch(batch.shape())?;
        let mut values = (0..batch.shape()[0])
            .map(|_| Tensor::zeros(&batch.shape()[2..]))
            .collect::<Result<Vec<Tensor<T>>>>()?;
        let maps = values.par_iter_mut().map(|map| map.data_mut());
        let statuses = self.maps_into(batch, maps)?;
        let maps = values.into_iter().zip(statuses);
        Ok(maps
            .map(|(values, status)| SaliencyMap::new(values, status))
            .collect())
    }

    /// [`Cam::saliency_maps`] into `maps`, one after the other: N times as many
    /// entries as there are positions. Gives what each map is worth.
    ///
    /// At full ranks no memory is allocated for a map: what the first map of a
    /// thread needed serves those that follow, and later batches, as long as it
    /// is not more than 32 MiB.
    ///
    /// # Errors
    /// Those of [`Cam::saliency_maps`], and [`Error::DataLengthMismatch`] where `maps` has
    /// another length; the entries of `maps` are unspecified then.
    ///
    /// ```
    /// use tenfold::Tensor;
    /// use tenfold::cam::{Cam, Status, Weighting};
    /// let batch = Tensor::from_fn(&[2, 6, 3, 3], |i| ((i[1] + i[2] * i[3] + i[0]) % 5) as f32)?;
    /// let cam = Cam::new(Weighting::Mtsm);
    /// let mut maps = [0.0; 2 * 9];
    /// assert_eq!(cam.saliency_maps_into(&batch, &mut maps)?, [Status::Fine; 2]);
    /// assert_eq!(maps[9..], *cam.saliency_maps(&batch)?[1].values().data());
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn saliency_maps_into<'a, T: Scalar>(
        &self,
        batch: impl Into<TensorRef<'a, T>>,
        maps: &mut [T],
    ) -> Result<Vec<Status>> {
        let batch = batch.into();
        let positions = self.check_batch(batch.shape())?;
        let expected = batch.shape()[0] * positions;
        if maps.len() != expected {
            let mut shape = batch.shape().to_vec();
            shape.remove(1);
            return Err(Error::DataLengthMismatch {
                shape,
                expected,
                actual: maps.len(),
            });
        }
        self.maps_into(batch, maps.par_chunks_exact_mut(positions))
    }

    /// The maps of a batch that passed [`Cam::check_batch`], each into its own
    /// memory.
    fn maps_into<'a, T: Scalar>(
        &self,
        batch: TensorRef<'_, T>,
        maps: impl IndexedParallelIterator<Item = &'a mut [T]>,
    ) -> Result<Vec<Status>> {
        let shape = &batch.shape()[1..];
        let features = batch.data().par_chunks_exact(shape.iter().product());
        let (done, total) = (AtomicUsize::new(0), batch.shape()[0]);
        let outcomes: Vec<Result<Status>> = features
            .zip(maps)
            .map(|(features, map)| {
                self.monitor.cancellation().check()?;
                let status = self.map_into(TensorRef::new(shape, features)?, map)?;
                let done = 1 + done.fetch_add(1, Ordering::Relaxed);
                self.monitor.step(Progress::new(done, total))?;
                Ok(status)
            })
            .collect();
        // In order, so that the error is that of the first feature map.
        let mut statuses = Vec::with_capacity(outcomes.len());
        for (item, outcome) in outcomes.into_iter().enumerate() {
            statuses.push(outcome.map_err(|error| in_batch(error, item))?);
        }
        Ok(statuses)
    }

    /// The number of positions of each map of a batch of extents `shape`; fails
    /// where it is no batch or the options do not fit.
    fn check_batch(&self, shape: &[usize]) -> Result<usize> {
        if shape.len() < 3 {
            return Err(Error::NotAFeatureMap {
                shape: shape.iter().skip(1).copied().collect(),
            });
        }
        if shape.contains(&0) {
            return Err(Error::Empty {
                shape: shape.to_vec(),
            });
        }
        self.check(&shape[1..])?;
        Ok(shape[2..].iter().product())
    }

    /// Fails where the options do not fit a feature map of extents `shape`.
    pub(crate) fn check(&self, shape: &[usize]) -> Result<()> {
        if shape.len() < 2 {
            return Err(Error::NotAFeatureMap {
                shape: shape.to_vec(),
            });
        }
        if shape.contains(&0) {
            return Err(Error::Empty {
                shape: shape.to_vec(),
            });
        }
        if self.ranks.is_some() && self.weighting.decomposition() == Decomposition::Svd {
            return Err(Error::RanksWithoutTucker {
                weighting: self.weighting.name(),
            });
        }
        Ok(())
    }

    /// The saliency map of a feature map that passed [`Cam::check`].
    fn map_into<T: Scalar>(&self, features: TensorRef<'_, T>, to: &mut [T]) -> Result<Status> {
        let mut sum = ProjectionSum::new(to.len(), self.sign.unwrap_or(self.weighting.sign()));
        // 1. By products in the scalar of the features.
        let mut values = self.sum_projections(features, Precision::Native, &mut sum)?;
        let mut range = MinMax::of(&sum.map, CONSTANT_TOLERANCE);
        // 2. By products in f64, where the map is too flat for the rounding of f32.
        if !sum.is_resolved(range) {
            sum.clear();
            values = self.sum_projections(features, Precision::Double, &mut sum)?;
            range = MinMax::of(&sum.map, CONSTANT_TOLERANCE);
        }
        // 3. Min-max to [0, 1].
        for (to, &value) in to.iter_mut().zip(&sum.map) {
            let value = range.as_ref().map_or(0.0, |range| range.position(value));
            *to = T::from_f64(value);
        }
        Ok(match (&range, &*values) {
            (None, _) => Status::Constant,
            (Some(_), [first, second, ..]) if *second > DEGENERATE_RATIO * first => {
                Status::Degenerate
            }
            _ => Status::Fine,
        })
    }

    /// Adds the projected maps of a feature map to `sum`, and gives the singular values.
    fn sum_projections<T: Scalar>(
        &self,
        features: TensorRef<'_, T>,
        precision: Precision,
        sum: &mut ProjectionSum,
    ) -> Result<Scratch<f64>> {
        let request = Request {
            vectors: self.weighting.vectors(),
            centring: self.centring.unwrap_or(self.weighting.centring()),
            ranks: self.ranks.as_deref(),
            precision,
            cancellation: self.monitor.cancellation(),
        };
        spectrum(features, request, &mut |projection| sum.add(projection))
    }
}

/// The error of item `item` of a batch.
pub(crate) fn in_batch(error: Error, item: usize) -> Error {
    match error {
        Error::NonFinite { mut index, value } => {
            index.insert(0, item);
            Error::NonFinite { index, value }
        }
        error => error,
    }
}

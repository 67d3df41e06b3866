//! Label-independent saliency maps of a convolutional network.
//!
//! A layer of the network produces a feature map F of shape C×H×W: C channels at H·W positions. A
//! decomposition D of F has singular values σ₁ ≥ σ₂ ≥ … of the channel mode, and unit vectors vᵢ
//! of C entries. The saliency map has one value in \[0, 1\] for each position:
//!
//! > map(F) = norm( Σᵢ (σᵢ/σ₁) · | Σ_c vᵢ\[c\]·F\[c\] | ),   norm(s) = (s − min s)/(max s − min s)
//!
//! The inner sum is the *projected map* of vᵢ. The saliency map is close to 1 at the positions to
//! which the layer responds most. It needs neither a label nor a gradient.
//!
//! The four weightings ([`Weighting`]) differ in the decomposition and in the number of vectors:
//!
//! | weighting | D | vectors | centred | negative entries |
//! | --- | --- | --- | --- | --- |
//! | EigenCAM | SVD of the C×HW unfolding | first | yes | clipped |
//! | TSM | Tucker | first | no | absolute value |
//! | Multivec-EigenCAM | SVD | all | yes | absolute value |
//! | MTSM | Tucker | all | no | absolute value |
//!
//! With the SVD, vᵢ is left singular vector i of the unfolding. With Tucker, vᵢ is column i of the
//! channel factor A₀, and σᵢ is the norm of slice i of the core. The last two columns are the
//! choices of the published code and the defaults here; [`Cam`] has an option for each. The
//! published code deviates from the published equations in two places: it takes rows of A₀ in place
//! of columns, and means in place of sums. This module follows the equations.
//!
//! # Full and truncated ranks
//! By default, Tucker decompositions have full ranks. Then the factors of the other modes are
//! square and orthogonal, and the columns of A₀ are the left singular vectors of the unfolding. So
//! TSM is EigenCAM without centring and with absolute values in place of clipping, and HOOI has
//! nothing to iterate. Each of the four maps is computed from a Gram matrix of the smaller side of
//! the unfolding: 49×49 for a layer of 2048×7×7.
//! With truncated ranks ([`Cam::ranks`]) A₀ depends on the other factors, and HOOI iterates.
//!
//! # Arrays in another order
//! Libraries store feature maps in different orders, such as H×W×C. A [`Layout`] names the modes of
//! an array, and its [`Reading`] rearranges the array.
//!
//! # From a map to a picture
//! [`resize()`] interpolates a map to the size of a photograph, and [`normalize()`] stretches it to
//! \[0, 1\]. [`combine()`] makes one map of the maps of several layers. With the feature `image`,
//! `colorize` turns a map into a picture, and `Overlay` blends it with the photograph. [`metrics`]
//! measures the quality of maps.
//!
//! Sources: Bouayed, Deslauriers-Gauthier, Iaccovelli & Naccache, *CNN Interpretability with
//! Multivector Tucker Saliency Maps for Self-Supervised Models*, TMLR; Muhammad & Yeasin,
//! *Eigen-CAM*, IJCNN 2020.

#[cfg(feature = "image")]
mod colormap;
mod combine;
mod fraction;
mod layout;
mod memory;
pub mod metrics;
mod normalize;
#[cfg(feature = "image")]
mod overlay;
mod projection;
mod reading;
mod resize;
mod saliency_map;
mod spectrum;
mod svd;
mod tokens;
mod tucker;
mod weighting;

#[cfg(feature = "image")]
pub use colormap::Colormap;
pub use combine::{Combination, combine};
pub use layout::Layout;
pub use normalize::normalize;
#[cfg(feature = "image")]
pub use overlay::{Overlay, colorize};
pub use reading::Reading;
pub use resize::resize;
pub use saliency_map::{SaliencyMap, Status};
pub use tokens::{Grid, Tokens};
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
use projection::{ProjectionSum, Request};
#[cfg(feature = "cuda")]
pub(crate) use resize::check_resize;
use spectrum::spectrum;
use svd::DEGENERATE_RATIO;
#[cfg(feature = "cuda")]
pub(crate) use tucker::{ENERGY_TOLERANCE, MAX_SWEEPS};

/// The computation of saliency maps: a weighting and its options.
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
/// Let s be the sum in the formula of [`cam`](crate::cam) before normalisation, r = max s − min s,
/// λᵢ = σᵢ², and n = min(C, number of positions).
///
/// - **`f32` features.** The map differs by at most 1e-4 from the map of the same entries in
///   `f64`, for any offset or scale of the entries, and has the same [`Status`]. The typical
///   difference is 1e-7. Products are formed in `f32` if the estimated rounding error of s is
///   below 5e-5·r. Otherwise the map is recomputed with products in `f64`, which takes up to
///   three times as long. The estimate assumes that the rounding errors of different products are
///   independent.
/// - **`f64` features.** The error is at most 30·n·ε·(σ₁/r)·κ, with ε = 2.2e-16 and κ the maximum
///   of λᵢ/(λᵢ − λᵢ₊₁) over the vectors in use. For most layers this is 1e-12.
/// - **Centred maps** keep this bound for channels with any mean. In the bound σᵢ are then the
///   singular values of the centred features. If the means are large compared with the
///   deviations, they are subtracted from the features before any product is formed.
/// - **Maps without centring** lose digits to an offset, because σ₁/r grows with it. If the mean is
///   10⁶ times the deviations, the error is about 1e-9. If r is at most 1e-12 times the maximum
///   of s, the status is [`Status::Constant`].
///
/// ```
/// # use tenfold::Tensor;
/// # use tenfold::cam::{Cam, Weighting};
/// // Entries that differ from 70,000 by at most 3.
/// let entries = [2.0f32, 0.0, 1.0, 0.0, 3.0, 1.0, 1.0, 1.0, -2.0];
/// let features = Tensor::new(&[3, 1, 3], entries.map(|entry| entry + 70_000.0).to_vec())?;
/// let map = Cam::new(Weighting::EigenCam).saliency_map(&features)?;
/// assert_eq!(map.values().data(), [0.0, 1.0, 0.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cam {
    /// One of the four maps.
    pub weighting: Weighting,
    /// The ranks of the Tucker decomposition, one for each mode of a feature map, channels first.
    /// `None` means full ranks. Only for TSM and MTSM.
    pub ranks: Option<Vec<usize>>,
    /// Whether the mean of each channel over the positions is subtracted first. `None` means
    /// [`Weighting::centring`].
    pub centring: Option<bool>,
    /// The treatment of negative entries of projected maps. `None` means [`Weighting::sign`].
    pub sign: Option<Sign>,
    /// Reports each map of a batch, and cancels the batch on request.
    pub monitor: Monitor,
}

/// A map is constant if max − min is at most this number times the largest magnitude. The rounding
/// errors of an eigenproblem of a few thousand rows are below this number.
const CONSTANT_TOLERANCE: f64 = 1e-12;

impl Cam {
    /// The map of the published code for this weighting, at full ranks.
    pub fn new(weighting: Weighting) -> Self {
        Self {
            weighting,
            ranks: None,
            centring: None,
            sign: None,
            monitor: Monitor::new(),
        }
    }

    /// The saliency map of a feature map C×H×W, or C×(any trailing shape): for example C×T×H×W
    /// for video, or C×L for tokens.
    ///
    /// Multiplying the feature map by a nonzero constant or changing the order of its channels changes the
    /// map only by rounding.
    ///
    /// Cost at full ranks: |F|·n + 9·n³ flops for a feature map of |F| entries and P positions,
    /// with n = min(C, P). If C ≤ P, the weightings with all vectors take 2·|F|·n flops more.
    ///
    /// # Errors
    /// [`Error::NotAFeatureMap`] for a tensor of one mode, [`Error::Empty`], [`Error::NonFinite`],
    /// [`Error::NoConvergence`], [`Error::Cancelled`]; [`Error::RanksWithoutTucker`] for ranks
    /// with the SVD; the errors of [`crate::Hooi`] for other ranks.
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
    /// The maps are computed in parallel. Each has the same bits as the [`Cam::saliency_map`] of
    /// its feature map, on any number of threads.
    ///
    /// # Errors
    /// The errors of [`Cam::saliency_map`]. If several feature maps fail, the result is the error
    /// of the first of them. The index in an error starts with the number of the feature map.
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

    /// Writes the [`Cam::saliency_maps`] to `maps`, one after the other, and returns their
    /// statuses. For P positions, `maps` has N·P entries.
    ///
    /// At full ranks no memory is allocated for a map: each thread keeps the buffers of its first
    /// map, up to 32 MiB, and reuses them for its next maps and for later batches.
    ///
    /// # Errors
    /// The errors of [`Cam::saliency_maps`], and [`Error::DataLengthMismatch`] if `maps` has
    /// another length. After an error, the entries of `maps` are unspecified.
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

    /// Writes the saliency maps of a batch that passed [`Cam::check_batch`] to the items of
    /// `maps`, and returns their statuses.
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
        // In the order of the batch, so that the first error is returned.
        let mut statuses = Vec::with_capacity(outcomes.len());
        for (item, outcome) in outcomes.into_iter().enumerate() {
            statuses.push(outcome.map_err(|error| in_batch(error, item))?);
        }
        Ok(statuses)
    }

    /// The number of positions of each map of a batch of shape `shape`. Fails if `shape` is not the
    /// shape of a batch, or if the options do not fit the feature maps.
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

    /// Fails if the options do not fit a feature map of shape `shape`.
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

    /// Writes the saliency map of a feature map that passed [`Cam::check`] to `map`, and returns
    /// its status:
    ///
    /// ```text
    /// pᵢ  = Σ_c vᵢ[c]·F[c]                    the projected map of vᵢ
    /// s   = Σᵢ (σᵢ/σ₁)·φ(pᵢ)                  φ by the option `sign`
    /// map = (s − min s)/(max s − min s)       zeros if s is constant
    /// ```
    fn map_into<T: Scalar>(&self, features: TensorRef<'_, T>, map: &mut [T]) -> Result<Status> {
        let mut sum = ProjectionSum::new(map.len(), self.sign.unwrap_or(self.weighting.sign()));
        // 1. Compute s with products in the scalar of the features.
        let mut values = self.sum_projections(features, Precision::Native, &mut sum)?;
        let mut range = MinMax::of(&sum.map, CONSTANT_TOLERANCE);
        // 2. Recompute it with products in f64 if the rounding of f32 is too large for its range.
        if !sum.is_resolved(range) {
            sum.clear();
            values = self.sum_projections(features, Precision::Double, &mut sum)?;
            range = MinMax::of(&sum.map, CONSTANT_TOLERANCE);
        }
        // 3. Normalise it.
        for (entry, &value) in map.iter_mut().zip(&sum.map) {
            let value = range.as_ref().map_or(0.0, |range| range.position(value));
            *entry = T::from_f64(value);
        }
        // 4. Determine the status.
        Ok(match (&range, &*values) {
            (None, _) => Status::Constant,
            (Some(_), [first, second, ..]) if *second > DEGENERATE_RATIO * first => {
                Status::Degenerate
            }
            _ => Status::Fine,
        })
    }

    /// Adds the projected maps of a feature map to `sum`, and returns the singular values.
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

/// Converts an error of feature map `item` to an error of its batch: inserts `item` at the start of
/// the index.
pub(crate) fn in_batch(error: Error, item: usize) -> Error {
    match error {
        Error::NonFinite { mut index, value } => {
            index.insert(0, item);
            Error::NonFinite { index, value }
        }
        error => error,
    }
}

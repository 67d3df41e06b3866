//! A saliency map and its status.

use crate::names::named;
use crate::tensor::Tensor;

/// A saliency map: a value in \[0, 1\] for each position, and a [`Status`].
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Status, Weighting};
/// let features = Tensor::from_fn(&[2, 3], |i| (i[0] + i[1]) as f64)?;
/// let map = Cam::new(Weighting::Tsm).saliency_map(&features)?;
/// assert_eq!(map.values().data()[2], 1.0);
/// assert_eq!(map.status(), Status::Fine);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SaliencyMap<T> {
    values: Tensor<T>,
    status: Status,
}

/// Whether a saliency map is meaningful.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Status, Weighting};
/// let cam = Cam::new(Weighting::Tsm);
/// let zero = Tensor::<f32>::zeros(&[3, 2, 2])?;
/// assert_eq!(cam.saliency_map(&zero)?.status(), Status::Constant);
/// // Two orthogonal channels of the same norm: σ₁ = σ₂.
/// let features = Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0])?;
/// assert_eq!(cam.saliency_map(&features)?.status(), Status::Degenerate);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The map is neither constant nor degenerate.
    Fine,
    /// All positions have the same value before normalisation, up to rounding. The map is zero
    /// everywhere.
    Constant,
    /// σ₂ > 0.999·σ₁: the first singular vector is not well determined. A change of the feature
    /// map as small as the rounding of half precision can turn this vector to any direction in the
    /// plane of the first two singular vectors.
    Degenerate,
}

named!(Status, "status", Fine => "fine", Constant => "constant", Degenerate => "degenerate");

impl<T> SaliencyMap<T> {
    pub(crate) fn new(values: Tensor<T>, status: Status) -> Self {
        Self { values, status }
    }

    /// The values. Their shape is the shape of the feature map without the channels.
    pub fn values(&self) -> &Tensor<T> {
        &self.values
    }

    /// The values, without the status.
    pub fn into_values(self) -> Tensor<T> {
        self.values
    }

    /// Whether the map is meaningful.
    pub fn status(&self) -> Status {
        self.status
    }
}

//! What a saliency map is: values, and what they are worth.

use crate::names::named;
use crate::tensor::Tensor;

/// A saliency map: values in \[0, 1\], one for each position, and what they are
/// worth.
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

/// What a saliency map is worth.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Status, Weighting};
/// let blank = Tensor::<f32>::zeros(&[3, 2, 2])?;
/// let map = Cam::new(Weighting::Mtsm).saliency_map(&blank)?;
/// assert_eq!(map.status(), Status::Constant);
/// assert_eq!(map.values().data(), [0.0; 4]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Nothing is wrong.
    Fine,
    /// Every position came out the same: the map is zero everywhere.
    Constant,
    /// σ₂ > 0.999·σ₁: the direction of the first singular vector means little.
    /// A perturbation of the feature map as small as the rounding of a
    /// half-precision number can turn it anywhere among the first two.
    Degenerate,
}

named!(Status, "status", Fine => "fine", Constant => "constant", Degenerate => "degenerate");

impl<T> SaliencyMap<T> {
    pub(crate) fn new(values: Tensor<T>, status: Status) -> Self {
        Self { values, status }
    }

    /// The map: the shape of the feature map without its channels.
    ///
    /// ```
    /// # use tenfold::{Tensor, cam::{Cam, Weighting}};
    /// let features = Tensor::from_fn(&[2, 3], |i| (i[0] + i[1]) as f64)?;
    /// let map = Cam::new(Weighting::Tsm).saliency_map(&features)?;
    /// assert_eq!(map.values().shape(), [3]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn values(&self) -> &Tensor<T> {
        &self.values
    }

    /// The map, without its status.
    ///
    /// ```
    /// # use tenfold::{Tensor, cam::{Cam, Weighting}};
    /// let features = Tensor::from_fn(&[2, 3], |i| (i[0] + i[1]) as f64)?;
    /// let map = Cam::new(Weighting::Tsm).saliency_map(&features)?;
    /// assert_eq!(map.into_values().into_data()[0], 0.0);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn into_values(self) -> Tensor<T> {
        self.values
    }

    /// What the map is worth.
    ///
    /// ```
    /// # use tenfold::{Tensor, cam::{Cam, Status, Weighting}};
    /// // Two channels that are equally strong and have nothing in common.
    /// let features = Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 1.0])?;
    /// let map = Cam::new(Weighting::Tsm).saliency_map(&features)?;
    /// assert_eq!(map.status(), Status::Degenerate);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn status(&self) -> Status {
        self.status
    }
}

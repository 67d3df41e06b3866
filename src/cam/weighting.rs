//! The four weightings: a decomposition, and the vectors that are used.

use crate::names::named;

/// A kind of saliency map: the decomposition that gives the vectors over the channels, and the
/// number of vectors.
///
/// | | first vector | all vectors |
/// | --- | --- | --- |
/// | SVD of the C×HW unfolding | [`EigenCam`](Self::EigenCam) | [`MultivecEigenCam`](Self::MultivecEigenCam) |
/// | Tucker | [`Tsm`](Self::Tsm) | [`Mtsm`](Self::Mtsm) |
///
/// ```
/// use tenfold::cam::{Decomposition, Vectors, Weighting};
/// let weighting: Weighting = "mtsm".parse()?;
/// assert_eq!(weighting.decomposition(), Decomposition::Tucker);
/// assert_eq!(weighting.vectors(), Vectors::All);
/// assert_eq!(Weighting::MultivecEigenCam.to_string(), "multivec-eigen-cam");
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weighting {
    /// EigenCAM (Muhammad & Yeasin, IJCNN 2020): the first singular vector of the centred
    /// unfolding. Negative values are clipped.
    EigenCam,
    /// Tucker saliency map: the first column of the channel factor.
    Tsm,
    /// EigenCAM with all singular vectors. The weight of each is its singular value.
    MultivecEigenCam,
    /// Multivector Tucker saliency map: all columns of the channel factor. The weight of each is
    /// the norm of its slice of the core.
    Mtsm,
}

/// The decomposition that gives the singular values and vectors of the channel mode.
///
/// ```
/// use tenfold::cam::{Decomposition, Weighting};
/// assert_eq!(Weighting::EigenCam.decomposition(), Decomposition::Svd);
/// assert_eq!(Weighting::Tsm.decomposition(), Decomposition::Tucker);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decomposition {
    /// The singular value decomposition of the C×HW unfolding.
    Svd,
    /// The Tucker decomposition of the feature map.
    Tucker,
}

/// The number of vectors in a saliency map.
///
/// ```
/// use tenfold::cam::{Vectors, Weighting};
/// assert_eq!(Weighting::EigenCam.vectors(), Vectors::First);
/// assert_eq!(Weighting::Mtsm.vectors(), Vectors::All);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vectors {
    /// The vector of the largest singular value.
    First,
    /// All vectors.
    All,
}

/// The treatment of negative entries in a projected map p = Σ_c v\[c\]·F\[c\]. The sign of p is as
/// arbitrary as the sign of the singular vector v.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Cam, Sign, Weighting};
/// let features = Tensor::new(&[1, 3], vec![-1.0, 0.5, 2.0])?;
/// let signed = |sign| Cam { sign: Some(sign), ..Cam::new(Weighting::Tsm) };
/// let clipped = signed(Sign::Positive).saliency_map(&features)?;
/// assert_eq!(clipped.values().data(), [0.0, 0.25, 1.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// The absolute value |p|.
    Absolute,
    /// max(0, ±p), with the sign for which the entry of largest magnitude is positive: −p if
    /// |min p| > |max p|, else p (Chung & Ying, *Seg-Eigen-CAM*, Applied Sciences 2025).
    Positive,
    /// max(0, ±p), with the other sign.
    Negative,
}

impl Weighting {
    /// SVD or Tucker.
    pub fn decomposition(self) -> Decomposition {
        match self {
            Self::EigenCam | Self::MultivecEigenCam => Decomposition::Svd,
            Self::Tsm | Self::Mtsm => Decomposition::Tucker,
        }
    }

    /// The first vector or all vectors.
    pub fn vectors(self) -> Vectors {
        match self {
            Self::EigenCam | Self::Tsm => Vectors::First,
            Self::MultivecEigenCam | Self::Mtsm => Vectors::All,
        }
    }

    /// Whether the published code subtracts the mean of each channel first: yes for the SVD, no
    /// for Tucker.
    pub fn centring(self) -> bool {
        self.decomposition() == Decomposition::Svd
    }

    /// The treatment of negative entries in the published code: clipped for EigenCAM, absolute
    /// values for the others.
    pub fn sign(self) -> Sign {
        match self {
            Self::EigenCam => Sign::Positive,
            _ => Sign::Absolute,
        }
    }
}

named!(Weighting, "weighting",
    EigenCam => "eigen-cam",
    Tsm => "tsm",
    MultivecEigenCam => "multivec-eigen-cam",
    Mtsm => "mtsm",
);

named!(Decomposition, "decomposition", Svd => "svd", Tucker => "tucker");

named!(Vectors, "vectors", First => "first", All => "all");

named!(Sign, "sign", Absolute => "absolute", Positive => "positive", Negative => "negative");

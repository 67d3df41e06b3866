//! The four weightings, and the two questions in which they differ.

use crate::names::named;

/// Which saliency map: the decomposition and the vectors that weight the
/// channels.
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
    /// EigenCAM (Muhammad & Yeasin, IJCNN 2020): the first singular vector of
    /// the centred unfolding, negative parts clipped.
    EigenCam,
    /// Tucker saliency map: the first vector of the channel factor.
    Tsm,
    /// EigenCAM with every singular vector, each weighted by its singular
    /// value.
    MultivecEigenCam,
    /// Multivector Tucker saliency map: every vector of the channel factor,
    /// each weighted by the norm of its slice of the core.
    Mtsm,
}

/// Where the singular values and vectors of the channel mode come from.
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
    /// The Tucker decomposition of the feature map itself.
    Tucker,
}

/// How many of the vectors a map is made of.
///
/// ```
/// use tenfold::cam::{Vectors, Weighting};
/// assert_eq!(Weighting::EigenCam.vectors(), Vectors::First);
/// assert_eq!(Weighting::Mtsm.vectors(), Vectors::All);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vectors {
    /// The one that belongs to the largest singular value.
    First,
    /// All of them.
    All,
}

/// What becomes of the sign of a projected map Σ_c v\[c\]·F\[c\], which is as
/// arbitrary as that of the singular vector v.
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
    /// Dropped: the absolute value is taken.
    Absolute,
    /// Chosen so that the entry of largest magnitude is positive (flip where
    /// |min| > |max|; Chung & Ying, *Seg-Eigen-CAM*, Applied Sciences 2025),
    /// the negative entries then clipped to zero.
    Positive,
    /// Chosen the other way, the negative entries then clipped to zero.
    Negative,
}

impl Weighting {
    /// Which decomposition.
    ///
    /// ```
    /// # use tenfold::cam::{Decomposition, Weighting};
    /// assert_eq!(Weighting::Mtsm.decomposition(), Decomposition::Tucker);
    /// ```
    pub fn decomposition(self) -> Decomposition {
        match self {
            Self::EigenCam | Self::MultivecEigenCam => Decomposition::Svd,
            Self::Tsm | Self::Mtsm => Decomposition::Tucker,
        }
    }

    /// Which vectors.
    ///
    /// ```
    /// # use tenfold::cam::{Vectors, Weighting};
    /// assert_eq!(Weighting::MultivecEigenCam.vectors(), Vectors::All);
    /// ```
    pub fn vectors(self) -> Vectors {
        match self {
            Self::EigenCam | Self::Tsm => Vectors::First,
            Self::MultivecEigenCam | Self::Mtsm => Vectors::All,
        }
    }

    /// Whether the published code subtracts each channel's mean first: it does
    /// for the SVD, and does not for Tucker.
    ///
    /// ```
    /// # use tenfold::cam::Weighting;
    /// assert!(Weighting::EigenCam.centring() && !Weighting::Tsm.centring());
    /// ```
    pub fn centring(self) -> bool {
        self.decomposition() == Decomposition::Svd
    }

    /// What the published code does with signs: EigenCAM clips, the others
    /// take absolute values.
    ///
    /// ```
    /// # use tenfold::cam::{Sign, Weighting};
    /// assert_eq!(Weighting::EigenCam.sign(), Sign::Positive);
    /// assert_eq!(Weighting::MultivecEigenCam.sign(), Sign::Absolute);
    /// ```
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

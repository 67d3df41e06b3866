//! The description of a decomposition in its file: the entry `meta`, as JSON.
//!
//! | version | change |
//! | --- | --- |
//! | 0 | has no key `version` |
//! | 1 | has the key `version` |
//!
//! Every version up to the current one is read; the current one is written.

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::scalar::Scalar;
use crate::tucker::{Stop, Tucker};

/// The version of the format that is written, and the newest that is read.
const VERSION: u32 = 1;

/// If all spectra together have more singular values than this number, the file omits the spectra.
const MAX_SPECTRA: usize = if cfg!(test) { 12 } else { 10_000 };

/// The description of a decomposition in its file.
///
/// ```
/// use tenfold::io::Meta;
/// use tenfold::{Hooi, Stop, Tensor};
/// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
/// let meta = Meta::new(&Hooi::new([1, 1]).decompose(&x)?, "hooi");
/// assert_eq!(meta.stop, Some(Stop::Converged));
/// assert_eq!(meta.modes, [0, 1]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The version of the format of the file that the description was read from. A file is
    /// always written in the current version.
    #[serde(default)]
    pub version: u32,
    /// The method: "st-hosvd", "hosvd", "hooi", …
    pub method: String,
    /// The extents of the core.
    pub ranks: Vec<usize>,
    /// ‖X − X̂‖/‖X‖, if known.
    pub relative_error: Option<f64>,
    /// The extents of the tensor X.
    pub shape: Vec<usize>,
    /// The scalar: "f32" or "f64".
    pub dtype: String,
    /// The number of bytes of the entries of X in the type that they were stored in, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_bytes: Option<u64>,
    /// The modes with a factor.
    pub modes: Vec<usize>,
    /// The number of sweeps, if the method is an iteration.
    #[serde(default)]
    pub sweeps: Option<usize>,
    /// Why the iteration ended. The file holds the name of the [`Stop`].
    #[serde(default, with = "stop_name")]
    pub stop: Option<Stop>,
    /// [`Tucker::spectrum`] of each mode. Empty if all spectra together have more than 10 000
    /// singular values.
    #[serde(default)]
    pub spectra: Vec<Option<Vec<f64>>>,
    /// [`Tucker::fibres`] of each mode: the columns of X₍ₙ₎ that are the columns of the factor. Empty
    /// for other factors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fibres: Vec<Option<Vec<usize>>>,
}

impl Meta {
    /// The description of `tucker`, which was made by `method`.
    ///
    /// ```
    /// use tenfold::io::Meta;
    /// use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::from_fn(&[3, 4], |i| (i[0] * i[1]) as f64)?;
    /// let meta = Meta::new(&StHosvd::new([1, 1]).decompose(&x)?, "st-hosvd");
    /// assert_eq!((meta.ranks, meta.shape), (vec![1, 1], vec![3, 4]));
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn new<T: Scalar>(tucker: &Tucker<T>, method: &str) -> Self {
        let order = tucker.ranks().len();
        let spectra: Vec<_> = (0..order)
            .map(|mode| tucker.spectrum(mode).map(<[f64]>::to_vec))
            .collect();
        let values: usize = spectra.iter().flatten().map(Vec::len).sum();
        let convergence = tucker.convergence();
        Self {
            version: VERSION,
            method: method.to_owned(),
            ranks: tucker.ranks().to_vec(),
            relative_error: tucker.estimated_error(),
            shape: tucker.shape().to_vec(),
            dtype: T::NAME.to_owned(),
            input_bytes: None,
            modes: (0..order)
                .filter(|&mode| tucker.factor(mode).is_some())
                .collect(),
            sweeps: convergence.map(|c| c.sweeps),
            stop: convergence.map(|c| c.stop),
            spectra: if values <= MAX_SPECTRA {
                spectra
            } else {
                Vec::new()
            },
            fibres: fibres(tucker),
        }
    }

    /// The method of a decomposition in a file without a description.
    pub const UNKNOWN_METHOD: &str = "unknown";

    /// The description of a decomposition in a file without one.
    pub(super) fn of_arrays<T: Scalar>(tucker: &Tucker<T>) -> Self {
        Self {
            version: 0,
            ..Self::new(tucker, Self::UNKNOWN_METHOD)
        }
    }

    /// The description as JSON, in the current version.
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        let current = Self {
            version: VERSION,
            ..self.clone()
        };
        serde_json::to_string(&current)
    }

    /// Reads JSON of the current or an older version.
    pub(super) fn from_json(text: &str) -> Result<Self, Problem> {
        let invalid = |error| Problem::new(format!("the entry \"meta\" cannot be read: {error}"));
        // A newer version may have other keys: check the version alone first.
        #[derive(Deserialize)]
        struct Version {
            #[serde(default)]
            version: u32,
        }
        let Version { version } = serde_json::from_str(text).map_err(invalid)?;
        if version > VERSION {
            return Err(Problem::new(format!(
                "this decomposition has version {version} of the format, \
                 this tenfold reads versions 0 to {VERSION}: a newer tenfold is needed"
            )));
        }
        serde_json::from_str(text).map_err(invalid)
    }

    /// Whether shape, ranks, modes and scalar match `tucker`.
    pub(super) fn describes<T: Scalar>(&self, tucker: &Tucker<T>) -> bool {
        let actual = Self::new(tucker, &self.method);
        self.shape == actual.shape
            && self.ranks == actual.ranks
            && self.modes == actual.modes
            && self.dtype == actual.dtype
    }
}

/// [`Tucker::fibres`] of each mode, or nothing if no mode has any.
fn fibres<T: Scalar>(tucker: &Tucker<T>) -> Vec<Option<Vec<usize>>> {
    let modes = 0..tucker.ranks().len();
    let fibres = modes.map(|mode| tucker.fibres(mode).map(<[usize]>::to_vec));
    let fibres: Vec<_> = fibres.collect();
    if fibres.iter().all(Option::is_none) {
        return Vec::new();
    }
    fibres
}

/// Writes and reads a [`Stop`] as its name.
mod stop_name {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::Stop;

    pub(super) fn serialize<S: Serializer>(stop: &Option<Stop>, to: S) -> Result<S::Ok, S::Error> {
        stop.map(Stop::name).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Stop>, D::Error> {
        let name = Option::<String>::deserialize(from)?;
        let stop = name.map(|name| name.parse()).transpose();
        stop.map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;
    use crate::tucker::Hosvd;

    #[test]
    fn as_many_spectra_are_kept_as_are_allowed() {
        // Each of the two spectra has `extent` values.
        for (extent, kept) in [(MAX_SPECTRA / 2, true), (MAX_SPECTRA / 2 + 1, false)] {
            let x = Tensor::from_fn(&[extent, extent + 3], |i| (i[0] * i[1]) as f64).unwrap();
            let meta = Meta::new(&Hosvd::new([1, 1]).decompose(&x).unwrap(), "hosvd");
            assert_eq!(meta.spectra.len(), if kept { 2 } else { 0 });
        }
    }
}

//! One map of the maps of several layers.
//!
//! Layers of a network have maps of different sizes. For maps m₁ … m_L and the function norm that
//! stretches to \[0, 1\]:
//!
//! ```text
//!   m₁  28×28 ── norm ── resize ──┐
//!   m₂  14×14 ── norm ── resize ──┼── mean or maximum ── norm ── 224×224
//!   m₃   7×7  ── norm ── resize ──┘
//! ```

use super::resize::check_resize;
use super::{normalize, resize};
use crate::error::{Error, Result};
use crate::names::named;
use crate::scalar::Scalar;
use crate::tensor::{Tensor, TensorRef, first_non_finite};

/// How [`combine`] computes one value from the values of several maps.
///
/// ```
/// use tenfold::cam::Combination;
/// assert_eq!("max".parse::<Combination>()?, Combination::Max);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Combination {
    /// The mean, as in pytorch-grad-cam.
    #[default]
    Mean,
    /// The maximum.
    Max,
}

named!(Combination, "combination", Mean => "mean", Max => "max");

/// Combines the saliency maps of several layers into one map of a height and a width.
///
/// > combined = norm( 1/L · Σₗ resize(norm(max(mₗ, 0))) ),   norm(s) = (s − min s)/(max s − min s)
///
/// For [`Combination::Max`] the maximum over the maps replaces the mean. The maps are H×W, or
/// (equal leading modes)×H×W; [`resize()`] changes the last two modes and [`normalize()`] is norm.
/// A constant map becomes zero. pytorch-grad-cam computes the same mean, but adds 10⁻⁷ to the
/// denominators of norm.
///
/// Cost: proportional to the entries of the maps and to L times the entries of the result.
///
/// # Errors
/// [`Error::NoSamples`] for an empty list; [`Error::ShapeMismatch`] for maps with different leading
/// modes; [`Error::TooFewModes`] for a map of one mode; [`Error::Empty`], [`Error::NonFinite`],
/// [`Error::NotPositive`] for a height or width of 0, [`Error::ShapeOverflow`],
/// [`Error::OutOfMemory`].
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::cam::{Combination, combine};
/// let fine = Tensor::new(&[1, 4], vec![0.0, 0.0, 0.0, 1.0])?;
/// let coarse = Tensor::new(&[1, 2], vec![1.0, 0.0])?;
/// let maps = [fine.view(), coarse.view()];
/// // The maps of one size are 0, 0, 0, 1 and 1, ¾, ¼, 0.
/// let mean = combine(&maps, 1, 4, Combination::Mean)?;
/// assert_eq!(mean.data(), [1.0, 2.0 / 3.0, 0.0, 1.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn combine<T: Scalar>(
    maps: &[TensorRef<'_, T>],
    height: usize,
    width: usize,
    combination: Combination,
) -> Result<Tensor<T>> {
    // 1. Check the maps.
    let Some((first, rest)) = maps.split_first() else {
        return Err(Error::NoSamples { what: "maps" });
    };
    check_resize(height, width)?;
    let leading = leading_modes(first.shape())?;
    for map in rest {
        if leading_modes(map.shape())? != leading {
            return Err(Error::ShapeMismatch {
                what: "the modes of a map before height and width",
                expected: leading.to_vec(),
                actual: leading_modes(map.shape())?.to_vec(),
            });
        }
    }
    if let Some(error) = maps.iter().find_map(|&map| first_non_finite(map)) {
        return Err(error);
    }
    // 2. Add up the maps, or take their maximum. The normalisation makes the division by L
    // superfluous.
    let mut combined = Tensor::<f64>::zeros(&[leading, &[height, width]].concat())?;
    for &map in maps {
        let layer = resize(&normalize(&without_negative(map)?)?, height, width)?;
        for (entry, value) in combined.data_mut().iter_mut().zip(layer.data()) {
            *entry = match combination {
                Combination::Mean => *entry + value.as_f64(),
                Combination::Max => entry.max(value.as_f64()),
            };
        }
    }
    // 3. Normalise the result.
    let combined = normalize(&combined)?;
    let entries = combined.data().iter().map(|&value| T::from_f64(value));
    Tensor::new(combined.shape(), entries.collect())
}

/// The modes before height and width.
fn leading_modes(shape: &[usize]) -> Result<&[usize]> {
    match shape {
        [leading @ .., _, _] => Ok(leading),
        _ => Err(Error::TooFewModes {
            what: "a map to combine",
            expected: 2,
            shape: shape.to_vec(),
        }),
    }
}

/// max(x, 0) for each entry x.
fn without_negative<T: Scalar>(map: TensorRef<'_, T>) -> Result<Tensor<T>> {
    let zero = T::from_f64(0.0);
    let clipped = map.data().iter().map(|&x| if x < zero { zero } else { x });
    Tensor::new(map.shape(), clipped.collect())
}

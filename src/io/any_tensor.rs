//! Tensors of `f32` or `f64`: the type of the numbers in a file decides the scalar.

use crate::scalar::Scalar;
use crate::tensor::Tensor;

/// A tensor read from a file. The type of the entries in the file decides the scalar.
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::io::AnyTensor;
/// let x = AnyTensor::F32(Tensor::zeros(&[2, 3])?);
/// assert_eq!((x.shape(), x.dtype()), (&[2, 3][..], "f32"));
/// let AnyTensor::F32(x) = x else { unreachable!() };
/// assert_eq!(x.data().len(), 6);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum AnyTensor {
    /// From float32, float16, bfloat16, bool, or integers of 8 or 16 bits.
    F32(Tensor<f32>),
    /// From float64, or integers of 32 or 64 bits.
    F64(Tensor<f64>),
}

impl AnyTensor {
    /// The extents.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::F32(tensor) => tensor.shape(),
            Self::F64(tensor) => tensor.shape(),
        }
    }

    /// The name of the scalar: "f32" or "f64".
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => f32::NAME,
            Self::F64(_) => f64::NAME,
        }
    }
}

//! The number of digits to which Gram matrices and singular vectors are computed.

use crate::names::named;

/// The precision of the products in a Gram matrix. Runs of at most 256 products are summed in
/// this precision, and the sums of the runs in `f64`.
///
/// ```
/// use tenfold::{Tensor, linalg::{Precision, Side, gram}};
/// // 1/3 in f32, squared in f64.
/// let x = Tensor::new(&[1], vec![1.0f32 / 3.0])?;
/// let square = gram(&x, 0, Side::Mode, Precision::Double)?[(0, 0)];
/// assert_eq!(square, f64::from(1.0f32 / 3.0).powi(2));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// The precision of the tensor. For `f32` it is twice as fast as `f64`, with errors near the
    /// ε of `f32`.
    Native,
    /// `f64`.
    Double,
}

/// How the singular vectors of an unfolding are computed.
///
/// ```
/// use tenfold::{Hosvd, Route, Tensor};
/// let x = Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 1e-10])?;
/// let all_digits = Hosvd { route: Route::Qr, ..Hosvd::new([1, 1]) };
/// assert_eq!(all_digits.decompose(&x)?.spectrum(0), Some(&[1.0, 1e-10][..]));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// The Gram matrix if its rounding error does not change the result, QR otherwise.
    #[default]
    Auto,
    /// Eigenvectors of the Gram matrix. This is the fastest route. It cannot resolve singular
    /// values below √ε·σ₁, with the ε of `f64`.
    Gram,
    /// Singular vectors of the triangular factor. This route keeps all digits.
    Qr,
}

named!(Route, "route", Auto => "auto", Gram => "gram", Qr => "qr");

/// The number of digits to which the singular vectors of an unfolding are computed.
///
/// ```
/// use tenfold::linalg::{Accuracy, Precision};
/// use tenfold::Route;
/// let accuracy = Accuracy { route: Route::Qr, ..Accuracy::default() };
/// assert_eq!(accuracy.precision, Precision::Native);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accuracy {
    /// Gram matrix or QR.
    pub route: Route,
    /// The precision of the products in the first Gram matrix.
    pub precision: Precision,
}

/// [`Route::Auto`], starting with products in the precision of the tensor.
impl Default for Accuracy {
    fn default() -> Self {
        Self {
            route: Route::default(),
            precision: Precision::Native,
        }
    }
}

//! Gram matrices of unfoldings.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, Par};
use rayon::prelude::*;

use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::{TensorRef, slabs};

/// Which side of an unfolding a small square matrix belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The rows: X₍ₙ₎X₍ₙ₎ᵀ, of order Iₙ.
    Mode,
    /// The columns: X₍ₙ₎ᵀX₍ₙ₎, of order Πₘ≠ₙIₘ.
    Rest,
}

/// The Gram matrix of the mode-n unfolding, X₍ₙ₎X₍ₙ₎ᵀ or X₍ₙ₎ᵀX₍ₙ₎, in `f64`.
///
/// # Errors
/// [`crate::Error::Mode`].
///
/// ```
/// use tenfold::{Tensor, linalg::{Side, gram}};
/// let x = Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0])?;
/// assert_eq!(gram(&x, 0, Side::Mode)?, faer::mat![[5.0, 11.0], [11.0, 25.0]]);
/// assert_eq!(gram(&x, 0, Side::Rest)?, faer::mat![[10.0, 14.0], [14.0, 20.0]]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn gram<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    mode: usize,
    side: Side,
) -> Result<Mat<f64>> {
    let x = x.into();
    let around = x.extents(mode)?;
    let slabs = slabs(x, mode)?;
    let order = match side {
        Side::Mode => around.extent,
        Side::Rest => around.columns(),
    };
    let parts: Vec<Mat<f64>> = (0..1)
        .into_par_iter()
        .map(|_| {
            let panel = Mat::from_fn(around.extent, around.columns(), |i, j| {
                slabs.get(j / slabs.columns())[(i, j % slabs.columns())].as_f64()
            });
            let a = match side {
                Side::Mode => panel.as_ref(),
                Side::Rest => panel.as_ref().transpose(),
            };
            let mut g = Mat::zeros(order, order);
            triangular::matmul(
                g.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Replace,
                a,
                BlockStructure::Rectangular,
                a.transpose(),
                BlockStructure::Rectangular,
                1.0,
                Par::Seq,
            );
            g
        })
        .collect();
    let g = &parts[0];
    Ok(Mat::from_fn(order, order, |i, j| g[(i.max(j), i.min(j))]))
}

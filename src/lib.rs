//! Tensor decompositions.
pub mod cam;
pub mod error;
#[cfg(any(feature = "io", feature = "image"))]
pub mod io;
mod kernel;
pub mod linalg;
pub mod scalar;
pub mod tensor;
pub mod tucker;

pub use error::{Error, MAX_ORDER, Result};
pub use faer;
pub use linalg::Route;
pub use scalar::Scalar;
pub use tensor::{
    Tensor, TensorRef, distance, fold, inner, mode_product, multi_mode_product, norm, permute,
    slabs, unfold,
};
pub use tucker::{
    Convergence, Hooi, Hosvd, ModeOrder, Randomized, Shortfall, StHosvd, Start, Stop, Sweep,
    Sweeps, Truncation, Tucker, mode_spectrum,
};

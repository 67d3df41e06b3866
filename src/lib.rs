//! Tucker decompositions of dense tensors, and saliency maps built on them.
//!
//! From the ground up:
//!
//! - [`tensor`]: dense row-major tensors of order 1 to 16, their slabs, mode-n
//!   products, inner products and norms;
//! - [`linalg`]: Gram matrices and triangular factors of unfoldings that are never
//!   formed, and singular vectors from either;
//! - [`tucker`]: [`Hosvd`], [`StHosvd`], [`Randomized`] and [`Hooi`], which all make
//!   a [`Tucker`] value;
//! - [`cam`]: label-independent saliency maps of CNN feature maps;
//! - `cuda` (feature `cuda`): batches of either on an NVIDIA GPU.
//!
//! Each rests on those above it alone. Scalars are `f32` and `f64`; modes count
//! from 0. The policy on errors is in [`error`].
//!
//! ```
//! use tenfold::{StHosvd, Tensor, Truncation};
//!
//! let x = Tensor::from_fn(&[6, 7, 8], |i| (1 + i[0] * i[1]) as f64 / (1 + i[2]) as f64)?;
//! let tucker = StHosvd::new(Truncation::RelativeError(1e-6)).decompose(&x)?;
//! assert_eq!(tucker.ranks(), [2, 2, 1]);
//! // Factors are orthonormal, so that the core has the norm of the tensor.
//! assert!((tucker.core().norm() / x.norm() - 1.0).abs() < 1e-12);
//! # Ok::<(), tenfold::Error>(())
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod cam;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod error;
#[cfg(shared_generics)]
#[doc(hidden)]
pub mod instances;
#[cfg(any(feature = "io", feature = "image"))]
pub mod io;
pub mod linalg;
mod monitor;
mod names;
pub mod scalar;
mod simd;
pub mod tensor;
pub mod tucker;

pub use error::{CudaError, Error, MAX_ORDER, Result};
pub use faer;
pub use linalg::Route;
pub use monitor::{Monitor, Progress};
pub use scalar::Scalar;
pub use tensor::{Slice, Tensor, TensorRef};
pub use tucker::{
    Convergence, Hooi, Hosvd, Method, ModeOrder, Randomized, Shortfall, Solver, StHosvd, Start,
    Stop, Sweep, Sweeps, Truncation, Tucker, mode_spectrum,
};

// The oracle and the random numbers of the integration tests serve the unit tests too.
#[cfg(test)]
extern crate self as tenfold;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;

/// The README's snippets, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The tutorial's snippets, run as tests.
#[cfg(all(doctest, feature = "io", feature = "image"))]
#[doc = include_str!("../docs/tutorial.md")]
struct Tutorial;

/// The snippets of the page on mathematics, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/math.md")]
struct Mathematics;

/// The smallest solver, on the page for contributors, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../CONTRIBUTING.md")]
struct Contributing;

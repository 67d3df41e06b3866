//! Tucker decompositions of dense tensors, and saliency maps built on them.
//!
//! | module | content |
//! | --- | --- |
//! | [`tensor`] | dense row-major tensors of order 1 to 16: mode-n products, unfoldings, norms |
//! | [`linalg`] | Gram matrices, triangular factors and singular vectors of unfoldings |
//! | [`tucker`] | the solvers [`StHosvd`], [`Hosvd`], [`Hooi`], [`Randomized`], [`Interpolatory`], [`NonNegative`] and [`Completion`], and their result [`Tucker`] |
//! | [`cam`] | label-independent saliency maps of CNN feature maps |
//! | `io` (features `io`, `image`) | `.npy` arrays, `.npz` decompositions, pictures |
//! | `cuda` (feature `cuda`) | decompositions and saliency maps of batches on an NVIDIA GPU |
//! | `network` (feature `onnx`) | ONNX networks: feature maps and outputs for photographs |
//!
//! Each module uses only modules above it in the table. Scalars are `f32` and `f64`. Modes count
//! from 0. [`error`] explains how errors are reported.
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
#[cfg(feature = "onnx")]
pub mod network;
pub mod scalar;
mod simd;
pub mod tensor;
pub mod tucker;

pub use error::{CudaError, Error, LayoutError, MAX_ORDER, NetworkError, Result};
pub use faer;
pub use linalg::Route;
pub use monitor::{Monitor, Progress};
pub use scalar::Scalar;
pub use tensor::{Slice, Tensor, TensorRef};
pub use tucker::{
    Completion, Convergence, Coverage, Hooi, Hosvd, Interpolatory, Method, ModeOrder, NonNegative,
    Observed, Randomized, Shortfall, Solver, StHosvd, Start, Stop, Sweep, Sweeps, TradeOff,
    TradeOffs, Truncation, Tucker, mode_spectrum, mode_spectrum_monitored,
};

// Unit tests use the oracle and the random numbers of the integration tests.
#[cfg(test)]
extern crate self as tenfold;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;

/// Runs the snippets of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Runs the snippets of the tutorial as tests.
#[cfg(all(doctest, feature = "io", feature = "image"))]
#[doc = include_str!("../docs/tutorial.md")]
struct Tutorial;

/// Runs the snippets of the page on files as tests.
#[cfg(all(doctest, feature = "io"))]
#[doc = include_str!("../docs/files.md")]
struct Files;

/// Runs the program of the tutorial on photographs as a test.
#[cfg(all(doctest, feature = "onnx"))]
#[doc = include_str!("../docs/saliency.md")]
struct Saliency;

/// Runs the snippets of the page on networks as tests.
#[cfg(all(doctest, feature = "onnx"))]
#[doc = include_str!("../docs/networks.md")]
struct Networks;

/// Runs the snippets of the page on mathematics as tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/math.md")]
struct Mathematics;

/// Runs the example of a solver on the page for contributors as a test.
#[cfg(doctest)]
#[doc = include_str!("../CONTRIBUTING.md")]
struct Contributing;

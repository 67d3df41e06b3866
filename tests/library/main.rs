//! Checks of the library's public interface. The modules form one binary, because each further test
//! binary takes seconds to compile and link.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod api;
mod cam;
#[cfg(all(feature = "image", feature = "io"))]
mod colormaps;
#[cfg(feature = "image")]
mod image;
#[cfg(feature = "io")]
mod io;
mod monitoring;
#[cfg(feature = "onnx")]
mod network;
mod numerics;
mod pages;
#[cfg(all(feature = "image", feature = "io"))]
mod pictures;
#[cfg(feature = "io")]
mod reference_tucker;
mod shared_constants;
mod structure;
mod tensor;
mod threads;

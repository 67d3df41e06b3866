//! Checks of the library's public interface. The modules form one binary, since each
//! further test binary costs seconds to compile and link.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod api;
mod cam_precision;
#[cfg(feature = "io")]
mod golden_cam;
#[cfg(feature = "io")]
mod golden_tucker;
#[cfg(feature = "image")]
mod image;
#[cfg(feature = "io")]
mod io;
mod monitoring;
mod numerics;
mod pages;
mod properties_cam;
mod shared_constants;
mod structure;
mod tensor;
mod threads;

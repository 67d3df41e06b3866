//! Fuzz targets of tenfold, each a function of bytes.

#[allow(dead_code)]
#[path = "../../src/bin/tenfold/failure.rs"]
mod failure;
#[allow(dead_code)]
#[path = "../../src/bin/tenfold/slice.rs"]
mod slice;

pub mod targets;

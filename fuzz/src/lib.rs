//! Fuzz targets of tenfold, each a function of bytes.

pub mod targets;

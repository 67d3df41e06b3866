//! The fuzz targets of tenfold. Each is a function of bytes.

pub mod targets;

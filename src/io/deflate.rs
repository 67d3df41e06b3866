//! Deflate, the compression of zip, gzip and zlib.

/// The maximum number of bytes that Deflate can store in one compressed byte.
pub(super) const MAX_EXPANSION: u64 = 1032;

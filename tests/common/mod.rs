//! What the tests share: random numbers, an index-by-index oracle, and random
//! tensors of known structure.

// Each test binary uses its own part of it.
#![allow(dead_code, unused_imports)]

pub(crate) mod oracle;
pub(crate) mod random;

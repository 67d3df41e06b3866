//! What the tests share: random numbers, an index-by-index oracle, random tensors
//! of known structure, and matrices that have troubled eigensolvers.

// Each test binary uses its own part of it.
#![allow(dead_code, unused_imports)]

pub(crate) mod layout;
pub(crate) mod oracle;
pub(crate) mod random;
pub(crate) mod troublesome;

//! Shared by the tests: definitions of the tensor operations as an oracle, random tensors with a
//! known structure, matrices that have troubled eigensolvers, and files.

// Each test crate uses a part of it.
#![allow(dead_code, unused_imports)]

pub(crate) mod npy;
pub(crate) mod oracle;
pub(crate) mod random;
pub(crate) mod random_layout;
pub(crate) mod solvers;
pub(crate) mod troublesome;

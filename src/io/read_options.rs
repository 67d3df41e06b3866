//! What the user says about files that do not say it themselves.

use super::raw::Raw;

/// How to read files that do not describe their arrays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The files have no header, and their arrays are stored like this.
    pub raw: Option<Raw>,
    /// In `.npy` and `.npz`, entries of two bytes without a type of numbers are bfloat16. NumPy writes
    /// such entries for the types of the Python package ml_dtypes.
    pub bfloat16: bool,
}

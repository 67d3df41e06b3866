//! Errors, and what causes them.
//!
//! The policy: whatever a caller hands in is checked at the boundary, before
//! work starts, and answered with an [`Error`] that says what was wrong,
//! where, and what was expected. The library never panics on its input, never
//! prints and never ends the process. A panic is a defect of the library.

use std::fmt;
use std::path::PathBuf;

/// What the library returns.
///
/// ```
/// fn half(ranks: &[usize]) -> tenfold::Result<Vec<usize>> {
///     Ok(ranks.iter().map(|rank| rank / 2).collect())
/// }
/// assert_eq!(half(&[4, 6])?, [2, 3]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The largest order (number of modes) of a tensor.
///
/// ```
/// use tenfold::{MAX_ORDER, Tensor};
/// assert!(Tensor::<f64>::zeros(&[1; MAX_ORDER]).is_ok());
/// assert!(Tensor::<f64>::zeros(&[1; MAX_ORDER + 1]).is_err());
/// ```
pub const MAX_ORDER: usize = 16;

/// What was wrong with an input, where, and what was expected instead.
///
/// ```
/// use tenfold::{Error, Tensor};
/// let error = Tensor::<f64>::new(&[2, 3], vec![0.0; 5]).unwrap_err();
/// assert_eq!(error.to_string(), "shape 2×3 holds 6 entries, the data has 5");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A failure of an NVIDIA GPU, or a task that the GPU does not support.
    #[error(transparent)]
    Cuda(#[from] CudaError),
    /// A tensor needs 1 to 16 modes.
    #[error("a tensor has 1 to {MAX_ORDER} modes, this shape has {order}")]
    OrderOutOfRange {
        /// The number of modes asked for.
        order: usize,
    },
    /// The number of bytes of a shape does not fit the address space.
    #[error("shape {} is too large to address", Times(shape))]
    ShapeOverflow {
        /// The shape asked for.
        shape: Vec<usize>,
    },
    /// More memory than can be allocated.
    #[error("{bytes} bytes for shape {} cannot be allocated", Times(shape))]
    OutOfMemory {
        /// The shape of what was to be stored, once or more.
        shape: Vec<usize>,
        /// The bytes that it takes; `u64::MAX` for more.
        bytes: u64,
    },
    /// Data and shape disagree.
    #[error(
        "shape {} holds {expected} entries, the data has {actual}",
        Times(shape)
    )]
    DataLengthMismatch {
        /// The shape asked for.
        shape: Vec<usize>,
        /// The product of its extents.
        expected: usize,
        /// The number of entries given.
        actual: usize,
    },
    /// An array that is borrowed as a tensor and is not in row-major order.
    #[error(
        "the array of shape {} has strides {strides:?}, row-major order without gaps was \
         expected: convert an owned copy to a Tensor",
        Times(shape)
    )]
    NotRowMajor {
        /// The shape of the array.
        shape: Vec<usize>,
        /// For each axis, the distance in entries between neighbours along it.
        strides: Vec<isize>,
    },
    /// Two shapes that must be equal are not.
    #[error(
        "{what}: shape {} was expected, not {}",
        Times(expected),
        Times(actual)
    )]
    ShapeMismatch {
        /// Which argument.
        what: &'static str,
        /// The shape that fits.
        expected: Vec<usize>,
        /// The shape given.
        actual: Vec<usize>,
    },
    /// A mode that the tensor does not have.
    #[error("mode {mode} does not exist: the tensor has {order} modes, counted from 0")]
    ModeOutOfRange {
        /// The mode asked for.
        mode: usize,
        /// The number of modes of the tensor.
        order: usize,
    },
    /// A mode named twice.
    #[error("mode {mode} is named twice")]
    RepeatedMode {
        /// The mode.
        mode: usize,
    },
    /// A list of modes that must not be empty is.
    #[error("no mode is named")]
    NoModes,
    /// A permutation that does not name each mode once.
    #[error("{permutation:?} is no permutation of the modes 0 to {}", .order.saturating_sub(1))]
    NotAPermutation {
        /// The list given.
        permutation: Vec<usize>,
        /// The number of modes of the tensor.
        order: usize,
    },
    /// A matrix whose columns do not match the extent of the mode that it is
    /// to multiply.
    #[error(
        "the matrix for mode {mode} has {columns} columns, the tensor has extent {extent} there"
    )]
    ProductMismatch {
        /// The mode.
        mode: usize,
        /// The columns of the matrix.
        columns: usize,
        /// The extent of the tensor in that mode.
        extent: usize,
    },
    /// A matrix of proportions that the factorization does not take.
    #[error("{expected} was expected, not one of {rows}×{columns}")]
    MatrixShapeMismatch {
        /// What the matrix must be.
        expected: &'static str,
        /// The rows given.
        rows: usize,
        /// The columns given.
        columns: usize,
    },
    /// A factor matrix of the wrong size.
    #[error(
        "the factor of mode {mode} is {}×{}, {}×{} was expected",
        actual.0, actual.1, expected.0, expected.1
    )]
    FactorShapeMismatch {
        /// The mode.
        mode: usize,
        /// Rows and columns that fit.
        expected: (usize, usize),
        /// Rows and columns given.
        actual: (usize, usize),
    },
    /// A list of factors whose length is not the tensor's order.
    #[error("{actual} factors were given, the tensor has {order} modes")]
    FactorCountMismatch {
        /// The number of factors given.
        actual: usize,
        /// The number of modes of the tensor.
        order: usize,
    },
    /// The number of ranks is not the number of modes.
    #[error("ranks has {} {}, {} {expected} {}", actual, plural(*actual, "entry", "entries"),
        if *partial { "the call names" } else { "the tensor has" }, plural(*expected, "mode", "modes"))]
    RankCountMismatch {
        /// The number of ranks given.
        actual: usize,
        /// The number of modes they are for.
        expected: usize,
        /// Whether they are for some of the modes only.
        partial: bool,
    },
    /// A rank of zero.
    #[error("the rank of mode {mode} is 0, at least 1 is needed")]
    ZeroRank {
        /// The mode.
        mode: usize,
    },
    /// A rank above the extent of its mode.
    #[error("the rank of mode {mode} is {rank}, its extent is only {extent}")]
    RankAboveExtent {
        /// The mode.
        mode: usize,
        /// The rank asked for.
        rank: usize,
        /// The extent of the tensor in that mode.
        extent: usize,
    },
    /// A rank above the product of the others: no core can have it.
    #[error(
        "the rank of mode {mode} is {rank}, above {product}, the product of the other modes' ranks"
    )]
    RankAboveProduct {
        /// The mode.
        mode: usize,
        /// The rank asked for.
        rank: usize,
        /// The product of the other modes' ranks.
        product: usize,
    },
    /// A tolerance outside [0, 1).
    #[error("{what} is {value}, it must be at least 0 and below 1")]
    ToleranceOutOfRange {
        /// Which tolerance.
        what: &'static str,
        /// The value given.
        value: f64,
    },
    /// An option that takes a positive number got none.
    #[error("{what} must be at least 1")]
    NotPositive {
        /// Which option.
        what: &'static str,
    },
    /// A tensor without entries.
    #[error("shape {} has no entries, at least one is needed", Times(shape))]
    Empty {
        /// The shape given.
        shape: Vec<usize>,
    },
    /// A NaN or an infinity.
    #[error("the entry at {index:?} is {value}, every entry must be finite")]
    NonFinite {
        /// The index of the first such entry.
        index: Vec<usize>,
        /// The entry: NaN or an infinity.
        value: f64,
    },
    /// A result with an entry above the largest scalar.
    #[error(
        "{what} reaches about 2^{exponent}, above the largest {scalar}: \
         divide the tensor by a power of two{} first", if *scalar == "f32" { ", or convert it to f64," } else { "" }
    )]
    ResultOutOfRange {
        /// The result.
        what: &'static str,
        /// The binary exponent of its largest entry.
        exponent: i32,
        /// The scalar.
        scalar: &'static str,
    },
    /// A text that is not the notation of a [`Slice`](crate::Slice).
    #[error("slice of mode {mode}: {slice:?} {problem}")]
    InvalidSlice {
        /// The mode.
        mode: usize,
        /// The text for that mode.
        slice: String,
        /// What is wrong with it, and what was expected.
        problem: &'static str,
    },
    /// An index or a range of a slice that lies outside the extent of its mode.
    #[error("slice of mode {mode}: {slice} does not lie within the extent {extent}")]
    SliceOutOfRange {
        /// The mode.
        mode: usize,
        /// The index or the range.
        slice: String,
        /// The extent of the tensor in that mode.
        extent: usize,
    },
    /// A range of a slice that ends before it starts.
    #[error("slice of mode {mode}: {slice} ends before it starts, for the extent {extent}")]
    SliceReversed {
        /// The mode.
        mode: usize,
        /// The range.
        slice: String,
        /// The extent of the tensor in that mode.
        extent: usize,
    },
    /// A slice with another number of modes than the tensor.
    #[error("the slice names {actual} modes, the tensor has {order}")]
    SliceCountMismatch {
        /// The number of modes of the slice.
        actual: usize,
        /// The number of modes of the tensor.
        order: usize,
    },
    /// Too few modes for a saliency map.
    #[error(
        "a feature map is channels × positions (C×H×W, say), shape {} has too few modes",
        Times(shape)
    )]
    NotAFeatureMap {
        /// The shape given.
        shape: Vec<usize>,
    },
    /// Fewer modes than an argument needs.
    #[error(
        "{what} has at least {expected} modes, shape {} has too few",
        Times(shape)
    )]
    TooFewModes {
        /// Which argument.
        what: &'static str,
        /// The modes it needs.
        expected: usize,
        /// The shape given.
        shape: Vec<usize>,
    },
    /// A map that is no picture.
    #[error(
        "only a map of height × width can be drawn, not one of shape {}",
        Times(shape)
    )]
    NotAPicture {
        /// The shape given.
        shape: Vec<usize>,
    },
    /// Ranks for a saliency map that rests on the SVD.
    #[error("{weighting} rests on the singular value decomposition, which takes no ranks")]
    RanksWithoutTucker {
        /// The weighting.
        weighting: &'static str,
    },
    /// A name that is none of a list.
    #[error("there is no {what} {name:?}, only {known}")]
    UnknownName {
        /// What it was to name.
        what: &'static str,
        /// The name given.
        name: String,
        /// The names there are.
        known: &'static str,
    },
    /// A list whose length does not go with the others'.
    #[error("{what}: {expected} {} expected, {actual} given", if *expected == 1 { "entry was" } else { "entries were" })]
    LengthMismatch {
        /// Which list.
        what: &'static str,
        /// The length that fits.
        expected: usize,
        /// The length given.
        actual: usize,
    },
    /// A number outside [0, 1].
    #[error("{what} is {value}, it must be between 0 and 1")]
    FractionOutOfRange {
        /// Which number.
        what: &'static str,
        /// The value given.
        value: f64,
    },
    /// An entry outside \[0, 1\], by more than rounding.
    #[error("the entry at {index:?} is {value}, {what} must be between 0 and 1")]
    EntryOutOfRange {
        /// What an entry is.
        what: &'static str,
        /// The index of the first such entry.
        index: Vec<usize>,
        /// The entry.
        value: f64,
    },
    /// Nothing to average over.
    #[error("{what}: nothing was given to average over")]
    NoSamples {
        /// Which list.
        what: &'static str,
    },
    /// An iterative eigensolver or SVD that did not converge.
    #[error("{what} did not converge")]
    NoConvergence {
        /// The factorization.
        what: &'static str,
    },
    /// The cancellation flag of the [`Monitor`](crate::Monitor) was set.
    #[error("the computation was cancelled")]
    Cancelled,
    /// A file that cannot be read or written.
    #[error("{}: {problem}", path.display())]
    UnusableFile {
        /// The file.
        path: PathBuf,
        /// What went wrong, and what was expected.
        problem: String,
        /// The cause reported by the operating system, if it was one.
        source: Option<std::io::Error>,
    },
}

/// What went wrong on an NVIDIA GPU, in [`Error::Cuda`].
///
/// ```
/// use tenfold::{CudaError, Error};
/// let error = Error::from(CudaError::OnlyOnCpu { what: "the QR route" });
/// assert_eq!(
///     error.to_string(),
///     "the QR route: the CUDA device does not support this, use the CPU"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CudaError {
    /// No usable GPU.
    #[error("no CUDA device can be used: {reason}")]
    NoDevice {
        /// What is missing, and what to do.
        reason: String,
    },
    /// Too little free memory on the GPU for the smallest unit of work.
    #[error(
        "{what} needs {needed} bytes on the CUDA device, {free} are free: \
         free some memory there or use the CPU"
    )]
    OutOfMemory {
        /// The unit of work.
        what: &'static str,
        /// The bytes that one unit needs.
        needed: u64,
        /// The bytes that were free.
        free: u64,
    },
    /// The GPU or its driver reported a failure.
    #[error("the CUDA device failed at {what}: {reason}")]
    DeviceFailed {
        /// The step that failed.
        what: &'static str,
        /// The driver's description.
        reason: String,
    },
    /// A task that only the CPU supports.
    #[error("{what}: the CUDA device does not support this, use the CPU")]
    OnlyOnCpu {
        /// The option or size.
        what: &'static str,
    },
}

/// Prints a shape as `3×4×2`.
struct Times<'a>(&'a [usize]);

impl fmt::Display for Times<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mode, extent) in self.0.iter().enumerate() {
            if mode > 0 {
                f.write_str("×")?;
            }
            write!(f, "{extent}")?;
        }
        Ok(())
    }
}

fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_where_and_what_was_expected() {
        let error = Error::RankCountMismatch {
            actual: 2,
            expected: 3,
            partial: false,
        };
        assert_eq!(
            error.to_string(),
            "ranks has 2 entries, the tensor has 3 modes"
        );
        let error = Error::Empty {
            shape: vec![3, 0, 2],
        };
        assert!(error.to_string().starts_with("shape 3×0×2 has no entries"));
        let error = Error::NotAPermutation {
            permutation: vec![0],
            order: 0,
        };
        assert_eq!(
            error.to_string(),
            "[0] is no permutation of the modes 0 to 0"
        );
    }
}

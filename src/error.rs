//! Errors and their messages.
//!
//! Public functions check their arguments before they start work. The [`Error`] says what is
//! wrong, where, and what was expected. The library does not panic on any input, does not
//! print and does not end the process. A panic is a bug.

mod cuda;
mod layout;
mod network;

use std::fmt;
use std::path::{Path, PathBuf};

pub use cuda::CudaError;
pub use layout::LayoutError;
pub use network::NetworkError;

/// The result of a function that may fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The maximum order (number of modes) of a tensor.
///
/// ```
/// use tenfold::{MAX_ORDER, Tensor};
/// assert!(Tensor::<f64>::zeros(&[1; MAX_ORDER]).is_ok());
/// assert!(Tensor::<f64>::zeros(&[1; MAX_ORDER + 1]).is_err());
/// ```
pub const MAX_ORDER: usize = 16;

/// The error of a public function: what is wrong, where, and what was expected.
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
    /// A layout that has no meaning, or that does not fit an array of feature maps.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A network that cannot be run, or a layer that it does not have.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A shape with no modes, or with more than [`MAX_ORDER`].
    #[error("a tensor has 1 to {MAX_ORDER} modes, this shape has {order}")]
    OrderOutOfRange {
        /// The number of modes of the shape.
        order: usize,
    },
    /// A shape with more bytes than can be addressed.
    #[error("shape {} is too large to address", Times(shape))]
    ShapeOverflow {
        /// The shape.
        shape: Vec<usize>,
    },
    /// Memory that cannot be allocated.
    #[error("{bytes} bytes for shape {} cannot be allocated", Times(shape))]
    OutOfMemory {
        /// The shape of the tensor or matrix.
        shape: Vec<usize>,
        /// The number of bytes, for all copies if several tensors of this shape were needed. It is
        /// `u64::MAX` if the number is larger.
        bytes: u64,
    },
    /// Data whose number of entries differs from the number of entries of the shape.
    #[error(
        "shape {} holds {expected} entries, the data has {actual}",
        Times(shape)
    )]
    DataLengthMismatch {
        /// The shape.
        shape: Vec<usize>,
        /// The number of entries of the shape: the product of its extents.
        expected: usize,
        /// The number of entries given.
        actual: usize,
    },
    /// An array that is not in row-major order, so that no tensor can borrow its entries.
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
    /// Two shapes that differ although they must be equal.
    #[error(
        "{what}: shape {} was expected, not {}",
        Times(expected),
        Times(actual)
    )]
    ShapeMismatch {
        /// Which argument.
        what: &'static str,
        /// The shape that was expected.
        expected: Vec<usize>,
        /// The shape of the argument.
        actual: Vec<usize>,
    },
    /// A mode that does not exist.
    #[error("mode {mode} does not exist: the tensor has {order} modes, counted from 0")]
    ModeOutOfRange {
        /// The mode.
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
    /// An empty list of modes.
    #[error("no mode is named, at least one is needed")]
    NoModes,
    /// A mode without a factor where a decomposed mode is needed.
    #[error("mode {mode} is not among the modes that are decomposed")]
    ModeNotDecomposed {
        /// The mode.
        mode: usize,
    },
    /// A list that is not a permutation of the modes.
    #[error("{permutation:?} is not a permutation of the modes 0 to {}", .order.saturating_sub(1))]
    NotAPermutation {
        /// The list.
        permutation: Vec<usize>,
        /// The number of modes of the tensor.
        order: usize,
    },
    /// A matrix for a mode-n product whose number of columns differs from the extent of the mode.
    #[error(
        "the matrix for mode {mode} has {columns} columns, the tensor has extent {extent} there"
    )]
    ProductMismatch {
        /// The mode.
        mode: usize,
        /// The number of columns of the matrix.
        columns: usize,
        /// The extent of the tensor in that mode.
        extent: usize,
    },
    /// A matrix of a shape that a factorization does not support.
    #[error("{expected} was expected, the matrix is {rows}×{columns}")]
    MatrixShapeMismatch {
        /// The kind of matrix that was expected.
        expected: &'static str,
        /// The number of rows.
        rows: usize,
        /// The number of columns.
        columns: usize,
    },
    /// A factor matrix of the wrong shape.
    #[error(
        "the factor of mode {mode} is {}×{}, {}×{} was expected",
        actual.0, actual.1, expected.0, expected.1
    )]
    FactorShapeMismatch {
        /// The mode.
        mode: usize,
        /// The rows and columns that were expected.
        expected: (usize, usize),
        /// The rows and columns of the matrix.
        actual: (usize, usize),
    },
    /// A list of factors whose length differs from the number of modes.
    #[error("{actual} factors were given, the tensor has {order} modes")]
    FactorCountMismatch {
        /// The number of factors.
        actual: usize,
        /// The number of modes of the tensor.
        order: usize,
    },
    /// A list of ranks whose length differs from the number of modes to decompose.
    #[error("ranks has {} {}, {} {expected} {}", actual, plural(*actual, "entry", "entries"),
        if *partial { "the call names" } else { "the tensor has" }, plural(*expected, "mode", "modes"))]
    RankCountMismatch {
        /// The number of ranks.
        actual: usize,
        /// The number of modes that are decomposed.
        expected: usize,
        /// Whether only some modes are decomposed.
        partial: bool,
    },
    /// A rank of 0.
    #[error("the rank of mode {mode} is 0, at least 1 is needed")]
    ZeroRank {
        /// The mode.
        mode: usize,
    },
    /// A rank above the extent of its mode.
    #[error("the rank of mode {mode} is {rank}, above its extent {extent}")]
    RankAboveExtent {
        /// The mode.
        mode: usize,
        /// The rank.
        rank: usize,
        /// The extent of the mode.
        extent: usize,
    },
    /// A rank above the product of the other modes' ranks. The unfolding of a core with such ranks
    /// would have fewer columns than rows.
    #[error(
        "the rank of mode {mode} is {rank}, above {product}, the product of the other modes' ranks"
    )]
    RankAboveProduct {
        /// The mode.
        mode: usize,
        /// The rank.
        rank: usize,
        /// The product of the other modes' ranks.
        product: usize,
    },
    /// A tolerance where only ranks are supported.
    #[error("{what}: ranks are needed in place of a tolerance")]
    RanksNeeded {
        /// What needs ranks.
        what: &'static str,
    },
    /// A tolerance that is not in \[0, 1).
    #[error("{what} is {value}, it must be at least 0 and below 1")]
    ToleranceOutOfRange {
        /// Which tolerance.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// A limit on the entries of a decomposition that ranks of 1 exceed.
    #[error("at most {limit} entries are allowed, ranks of 1 store {least}")]
    TooFewEntries {
        /// The limit.
        limit: usize,
        /// The entries that ranks of 1 store.
        least: usize,
    },
    /// An option that is 0 although it must be positive.
    #[error("{what} must be at least 1")]
    NotPositive {
        /// Which option.
        what: &'static str,
    },
    /// A tensor without entries.
    #[error("shape {} has no entries, at least one is needed", Times(shape))]
    Empty {
        /// The shape.
        shape: Vec<usize>,
    },
    /// A mask that says that every entry is missing.
    #[error("all entries are missing, at least one observed entry is needed")]
    NothingObserved,
    /// An entry that is NaN or infinite.
    #[error("the entry at {index:?} is {value}, every entry must be finite")]
    NonFinite {
        /// The index of the first such entry.
        index: Vec<usize>,
        /// The entry.
        value: f64,
    },
    /// A negative entry where none is allowed.
    #[error("entry {index:?} is {value}, a non-negative decomposition needs entries of at least 0")]
    Negative {
        /// The index of the first negative entry.
        index: Vec<usize>,
        /// The entry.
        value: f64,
    },
    /// A result with an entry above the largest finite number of the scalar type.
    #[error(
        "{what} reaches about 2^{exponent}, above the largest {scalar}: \
         divide the tensor by a power of two{} first", if *scalar == "f32" { ", or convert it to f64," } else { "" }
    )]
    ResultOutOfRange {
        /// Which result.
        what: &'static str,
        /// The binary exponent of its largest entry.
        exponent: i32,
        /// The name of the scalar type.
        scalar: &'static str,
    },
    /// A text that is not a valid [`Slice`](crate::Slice).
    #[error("slice of mode {mode}: {slice:?} {problem}")]
    InvalidSlice {
        /// The mode.
        mode: usize,
        /// The part of the text for that mode.
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
    /// A slice whose number of modes differs from the number of modes of the tensor.
    #[error("the slice names {actual} {}, the tensor has {order}", plural(*actual, "mode", "modes"))]
    SliceCountMismatch {
        /// The number of modes of the slice.
        actual: usize,
        /// The number of modes of the tensor.
        order: usize,
    },
    /// Too few modes for a saliency map.
    #[error(
        "a feature map has the shape channels × positions, such as C×H×W; \
         shape {} has too few modes",
        Times(shape)
    )]
    NotAFeatureMap {
        /// The shape.
        shape: Vec<usize>,
    },
    /// An argument with too few modes.
    #[error(
        "{what}: at least {expected} modes are needed, the shape is {}",
        Times(shape)
    )]
    TooFewModes {
        /// Which argument.
        what: &'static str,
        /// The minimum number of modes.
        expected: usize,
        /// The shape.
        shape: Vec<usize>,
    },
    /// A map that cannot be drawn, because it does not have two modes.
    #[error(
        "only a map of height × width can be drawn, this map is {}",
        Times(shape)
    )]
    NotAPicture {
        /// The shape.
        shape: Vec<usize>,
    },
    /// Ranks for a saliency map that is computed by a singular value decomposition.
    #[error("{weighting} is made by a singular value decomposition, which has no ranks")]
    RanksWithoutTucker {
        /// The name of the weighting.
        weighting: &'static str,
    },
    /// A name that is not in the list of known names.
    #[error("there is no {what} {name:?}, only {known}")]
    UnknownName {
        /// The kind of value that the name should stand for, such as a method.
        what: &'static str,
        /// The name.
        name: String,
        /// The known names, separated by commas.
        known: &'static str,
    },
    /// A list of the wrong length.
    #[error("{what}: {expected} {} expected, {actual} given", if *expected == 1 { "entry was" } else { "entries were" })]
    LengthMismatch {
        /// Which list.
        what: &'static str,
        /// The length that was expected.
        expected: usize,
        /// The length of the list.
        actual: usize,
    },
    /// A number that is not in \[0, 1\].
    #[error("{what} is {value}, it must be between 0 and 1")]
    FractionOutOfRange {
        /// Which number.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// An entry that lies outside \[0, 1\] by more than rounding.
    #[error("the entry at {index:?} is {value}, {what} must be between 0 and 1")]
    EntryOutOfRange {
        /// What the entries are.
        what: &'static str,
        /// The index of the first such entry.
        index: Vec<usize>,
        /// The entry.
        value: f64,
    },
    /// An empty list of samples to average.
    #[error("{what}: the list is empty, an average needs at least one entry")]
    NoSamples {
        /// Which list.
        what: &'static str,
    },
    /// A factorization that did not converge.
    #[error("{what} did not converge")]
    NoConvergence {
        /// The factorization.
        what: &'static str,
    },
    /// The cancellation flag of the [`Monitor`](crate::Monitor) was set.
    #[error("the computation was cancelled")]
    Cancelled,
    /// A file that cannot be read or written.
    #[error("{}{problem}", Prefix(path))]
    UnusableFile {
        /// The file, or `file:name` for an array in a file of several. Empty for a reader or a
        /// writer that was given in place of a file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        problem: String,
        /// The error of the operating system, if it reported one.
        source: Option<std::io::Error>,
    },
}

/// Displays the path at the start of a message. An empty path is omitted.
struct Prefix<'a>(&'a Path);

impl fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.as_os_str().is_empty() {
            return Ok(());
        }
        write!(f, "{}: ", self.0.display())
    }
}

/// Displays a shape as `3×4×2`.
pub(crate) struct Times<'a>(pub(crate) &'a [usize]);

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

pub(crate) fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
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
            "[0] is not a permutation of the modes 0 to 0"
        );
    }
}

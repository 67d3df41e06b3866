//! Files: arrays (`.npy`), decompositions (`.npz`) and pictures.
//!
//! A reader compares the sizes that a header claims with the size of the file before it
//! allocates memory. A writer writes to a temporary file beside the target and renames it
//! at the end. So the target is replaced as a whole or not at all.
//!
//! | file | subject |
//! | --- | --- |
//! | `array_file`, `member` | arrays in files of every format, and their descriptions |
//! | `members` | lists of the arrays of a file |
//! | `source` | where an array is: `file` or `file:name` |
//! | `find` | finding an array in a file or a reader |
//! | `formats` | the table of formats with named arrays |
//! | `npy`, `npz`, `safetensors`, `raw` | the formats; `raw` are files without a header |
//! | `hdf5`, `nifti`, `matlab` | the formats of the features with these names |
//! | `fields`, `scaling`, `missing` | for them: headers; scaled entries; values for missing data |
//! | `decimal` | numbers in notes |
//! | `read_options` | how to read files that do not describe their arrays |
//! | `any_tensor` | tensors of `f32` or `f64`, as the file decides |
//! | `element`, `stored`, `entries` | types of numbers; blocks of numbers; reading a block |
//! | `tucker_file`, `meta` | decompositions, and their descriptions in the files |
//! | `archive`, `deflate` | the zip archives of decompositions; the limit of their compression |
//! | `image` | pictures |
//! | `mask` | masks of objects, as pictures |
//! | `network_file` | the bytes of an ONNX network |
//! | `contents` | whether a file holds an array, a decomposition or several arrays |
//! | `open`, `kind` | opening a file of an expected kind; recognising the kind of a file |
//! | `memory` | the memory that a reader allocates |
//! | `write`, `unfinished` | temporary files that replace their targets |

#[cfg(feature = "io")]
mod any_tensor;
#[cfg(feature = "io")]
mod archive;
#[cfg(feature = "io")]
mod array_file;
#[cfg(feature = "io")]
mod contents;
#[cfg(feature = "io")]
mod counted;
#[cfg(feature = "io")]
mod decimal;
#[cfg(feature = "io")]
mod deflate;
#[cfg(feature = "io")]
mod element;
#[cfg(feature = "io")]
mod entries;
#[cfg(any(feature = "hdf5", feature = "matlab", feature = "nifti"))]
// Each format uses other functions of this module.
#[cfg_attr(not(feature = "formats"), allow(dead_code))]
mod fields;
#[cfg(feature = "io")]
mod find;
#[cfg(feature = "io")]
mod formats;
#[cfg(feature = "hdf5")]
mod hdf5;
#[cfg(feature = "image")]
mod image;
mod kind;
#[cfg(feature = "image")]
mod mask;
#[cfg(feature = "matlab")]
mod matlab;
#[cfg(feature = "io")]
mod member;
#[cfg(feature = "io")]
mod members;
#[cfg(feature = "io")]
mod memory;
#[cfg(feature = "io")]
mod meta;
#[cfg(feature = "io")]
mod missing;
#[cfg(feature = "onnx")]
mod network_file;
#[cfg(feature = "nifti")]
mod nifti;
#[cfg(feature = "io")]
mod npy;
#[cfg(feature = "io")]
mod npz;
mod open;
#[cfg(feature = "io")]
mod raw;
#[cfg(feature = "io")]
mod read_options;
#[cfg(feature = "io")]
mod safetensors;
#[cfg(any(feature = "hdf5", feature = "nifti"))]
mod scaling;
#[cfg(feature = "io")]
mod source;
#[cfg(feature = "io")]
mod stored;
#[cfg(feature = "io")]
mod tucker_file;
mod unfinished;
mod write;

#[cfg(feature = "io")]
pub use self::any_tensor::AnyTensor;
#[cfg(feature = "io")]
pub use self::array_file::{ArrayFile, read_array_from};
#[cfg(feature = "io")]
pub use self::contents::{Contents, contents, contents_from};
#[cfg(feature = "io")]
pub use self::element::Element;
#[cfg(feature = "image")]
pub use self::image::{
    GrayImage, Picture, PictureFile, RgbImage, read_image, write_png, write_png_to,
};
#[cfg(feature = "image")]
pub use self::mask::read_mask;
#[cfg(feature = "io")]
pub use member::Member;
#[cfg(feature = "io")]
pub use members::{members, members_from, members_with};
#[cfg(feature = "io")]
pub use memory::{tucker_memory, tucker_memory_from};
#[cfg(feature = "io")]
pub use meta::Meta;
#[cfg(feature = "io")]
pub use missing::MissingValue;
#[cfg(feature = "onnx")]
pub(crate) use network_file::read_network_file;
#[cfg(feature = "io")]
pub use npy::{
    read_npy, read_npy_from, write_npy, write_npy_entries, write_npy_entries_to, write_npy_to,
};
#[cfg(feature = "io")]
pub use raw::Raw;
#[cfg(feature = "io")]
pub use read_options::ReadOptions;
#[cfg(feature = "io")]
pub use source::Source;
#[cfg(feature = "io")]
pub use tucker_file::{AnyTucker, read_tucker, read_tucker_from, write_tucker, write_tucker_to};
pub use unfinished::abandon_unfinished;
pub use write::{check_writable, write_text};

use std::io;
use std::path::Path;

use crate::error::Error;

/// What is wrong with a file. [`Problem::at`] adds the path.
#[derive(Debug)]
struct Problem {
    text: String,
    source: Option<io::Error>,
}

impl Problem {
    fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            source: None,
        }
    }

    /// A failure that the operating system reported. `doing` is the start of the message, such as
    /// "cannot be read".
    fn io(doing: &str, source: io::Error) -> Self {
        Self {
            text: format!("{doing}: {source}"),
            source: Some(source),
        }
    }

    /// The error for a reader or a writer without a path.
    #[cfg(any(feature = "io", feature = "image"))]
    fn of_stream(self) -> Error {
        self.at(Path::new(""))
    }

    /// The error for the file `path`.
    fn at(self, path: &Path) -> Error {
        Error::UnusableFile {
            path: path.to_path_buf(),
            problem: self.text,
            source: self.source,
        }
    }
}

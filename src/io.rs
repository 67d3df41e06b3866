//! Files: arrays (`.npy`), decompositions (`.npz`) and pictures.
//!
//! A reader compares the sizes that a header claims with the size of the file before it
//! allocates memory. A writer writes to a temporary file beside the target and renames it
//! at the end. So the target is replaced as a whole or not at all.
//!
//! | file | subject |
//! | --- | --- |
//! | `npy` | arrays |
//! | `tucker_file`, `meta` | decompositions, and their descriptions in the files |
//! | `archive` | the zip archives in which decompositions are stored |
//! | `image`, `image/claims` | pictures; the sizes that their headers claim |
//! | `open`, `kind` | opening a file of an expected kind; recognising the kind of a file |
//! | `memory` | the memory that a reader allocates |
//! | `write`, `unfinished` | temporary files that replace their targets |

#[cfg(feature = "io")]
mod archive;
#[cfg(feature = "image")]
mod image;
mod kind;
#[cfg(feature = "io")]
mod memory;
#[cfg(feature = "io")]
mod meta;
#[cfg(feature = "io")]
mod npy;
mod open;
#[cfg(feature = "io")]
mod tucker_file;
mod unfinished;
mod write;

#[cfg(feature = "image")]
pub use self::image::{Picture, RgbImage, read_image, write_png};
#[cfg(feature = "io")]
pub use memory::tucker_memory;
#[cfg(feature = "io")]
pub use meta::Meta;
#[cfg(feature = "io")]
pub use npy::{AnyTensor, Npy, read_npy, write_npy, write_npy_entries};
#[cfg(feature = "io")]
pub use open::{Contents, contents};
#[cfg(feature = "io")]
pub use tucker_file::{AnyTucker, read_tucker, write_tucker};
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

    /// The error for the file `path`.
    fn at(self, path: &Path) -> Error {
        Error::UnusableFile {
            path: path.to_path_buf(),
            problem: self.text,
            source: self.source,
        }
    }
}

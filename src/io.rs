//! Files: arrays as `.npy`, decompositions as `.npz`, pictures.
//!
//! Reading checks sizes before it allocates: what a header promises is held
//! against what the file has. Writing goes to a file beside the target, which
//! is renamed at the end, so that nothing half-written is ever left under the
//! target's name.

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
#[cfg(feature = "io")]
mod tucker_file;
mod unfinished;
mod write;

#[cfg(feature = "image")]
pub use self::image::{RgbImage, read_image, write_png};
#[cfg(feature = "io")]
pub use kind::{Contents, contents};
#[cfg(feature = "io")]
pub use memory::tucker_memory;
#[cfg(feature = "io")]
pub use meta::Meta;
#[cfg(feature = "io")]
pub use npy::{AnyTensor, Npy, read_npy, write_npy, write_npy_entries};
#[cfg(feature = "io")]
pub use tucker_file::{AnyTucker, read_tucker, write_tucker};
pub use unfinished::abandon_unfinished;
pub use write::{check_writable, write_text};

use std::io;
use std::path::Path;

use crate::error::Error;

/// What is wrong with a file, before it is known which file.
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

    /// `doing` says what the operating system refused.
    fn io(doing: &str, source: io::Error) -> Self {
        Self {
            text: format!("{doing}: {source}"),
            source: Some(source),
        }
    }

    /// The error, with the file's name.
    fn at(self, path: &Path) -> Error {
        Error::UnusableFile {
            path: path.to_path_buf(),
            problem: self.text,
            source: self.source,
        }
    }
}

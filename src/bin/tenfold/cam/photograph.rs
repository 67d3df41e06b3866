//! The photograph that maps are drawn over.

use std::path::Path;

use tenfold::io::{Picture, PictureFile, RgbImage};

use crate::arrays::{copy_of_standard_input, is_dash};
use crate::console::Console;
use crate::failure::Outcome;
use crate::progress::Steps;

/// A photograph that was not decoded yet.
pub(super) struct Photograph<'a> {
    path: &'a Path,
    file: PictureFile,
}

impl<'a> Photograph<'a> {
    /// Opens a file or standard input, and checks the header.
    pub(super) fn open(path: &'a Path) -> Outcome<Self> {
        let file = if is_dash(path) {
            PictureFile::from_reader(copy_of_standard_input()?, path)?
        } else {
            PictureFile::open(path)?
        };
        Ok(Self { path, file })
    }

    pub(super) fn path(&self) -> &Path {
        self.path
    }

    /// The height and the width.
    pub(super) fn size(&self) -> (usize, usize) {
        let (width, height) = self.file.dimensions();
        (height as usize, width as usize)
    }

    /// The maximum number of bytes that [`Photograph::read`] allocates.
    pub(super) fn memory(&self) -> u64 {
        self.file.memory()
    }

    /// Decodes the photograph, and prints a note for each change of its pixels.
    pub(super) fn read(self, console: &Console) -> Outcome<Picture> {
        let bar = console.progress("reading", Steps::Unknown);
        bar.about(self.path.display());
        let picture = self.file.read()?;
        drop(bar);
        note_changes(&picture, console);
        Ok(picture)
    }
}

/// The height and the width of a picture.
pub(super) fn size_of(picture: &RgbImage) -> (usize, usize) {
    (picture.height() as usize, picture.width() as usize)
}

/// Prints a note for each change of the stored pixels of the photograph.
fn note_changes(picture: &Picture, console: &Console) {
    if picture.orientation() != 1 {
        console.note(format!(
            "the photograph was turned as its EXIF orientation says: {}",
            picture.orientation()
        ));
    }
    if picture.is_transparent() {
        console.note("the transparency of the photograph is ignored");
    }
    if picture.has_more_pages() {
        console.note("the photograph has several pages, the first is used");
    }
}

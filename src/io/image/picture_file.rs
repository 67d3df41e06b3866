//! Pictures in open files.

use std::fmt;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use super::decoder::Decoder;
use super::picture::Picture;
use crate::error::Result;
use crate::io::Problem;

/// A picture in an open file. Only the header has been read: the size of the picture and the memory
/// that reading takes are known before the pixels are read.
///
/// ```
/// use tenfold::io::{PictureFile, RgbImage, write_png};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.png");
/// write_png(&path, &RgbImage::new(30, 20))?;
/// let file = PictureFile::open(&path)?;
/// assert_eq!(file.dimensions(), (30, 20));
/// assert!(file.memory() >= 3 * 30 * 20);
/// assert_eq!(file.read()?.image().dimensions(), (30, 20));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub struct PictureFile {
    /// The name for messages.
    name: PathBuf,
    decoder: Decoder<'static>,
}

impl PictureFile {
    /// Opens a picture and checks its header, as [`Picture::read`] does.
    ///
    /// # Errors
    /// As [`Picture::read`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().to_path_buf();
        let decoder = Decoder::open(&name);
        Self::new(name, decoder)
    }

    /// The picture in a reader. `name` is the name of the reader for messages.
    ///
    /// # Errors
    /// As [`Picture::read`].
    pub fn from_reader(
        reader: impl Read + Seek + 'static,
        name: impl Into<PathBuf>,
    ) -> Result<Self> {
        Self::new(name.into(), Decoder::of(reader))
    }

    fn new(name: PathBuf, decoder: Result<Decoder<'static>, Problem>) -> Result<Self> {
        match decoder {
            Ok(decoder) => Ok(Self { name, decoder }),
            Err(problem) => Err(problem.at(&name)),
        }
    }

    /// The width and the height of the upright picture.
    pub fn dimensions(&self) -> (u32, u32) {
        self.decoder.dimensions()
    }

    /// The maximum number of bytes that [`PictureFile::read`] allocates, with the picture itself.
    pub fn memory(&self) -> u64 {
        self.decoder.memory()
    }

    /// Reads the pixels.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] if the picture is damaged.
    pub fn read(self) -> Result<Picture> {
        let picture = Picture::decode(self.decoder);
        picture.map_err(|problem| problem.at(&self.name))
    }
}

impl fmt::Debug for PictureFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PictureFile");
        debug
            .field("name", &self.name)
            .field("dimensions", &self.dimensions());
        debug.finish_non_exhaustive()
    }
}

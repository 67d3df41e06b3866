//! Arrays in files of every format: the headers first, then the entries.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind, Read, Seek};
use std::path::PathBuf;

use super::Problem;
use super::any_tensor::AnyTensor;
use super::counted::Counted;
use super::entries::{read_file, read_from};
use super::find::{Place, Request, find, unnamed};
use super::formats::{Format, ReadSeek};
use super::kind::{Expected, Kind};
use super::member::Member;
use super::missing::MissingValue;
use super::npy::Header;
use super::open::{Opened, copy_to_file, first_bytes, open, recognise};
use super::read_options::ReadOptions;
use super::source::Source;
use super::stored::Stored;
use crate::error::Result;
use crate::monitor::Monitor;

/// An array in an open file. Only the headers have been read: shape and type are available before
/// gigabytes of entries are read. The first bytes of the file decide the format.
///
/// ```
/// use tenfold::io::{ArrayFile, write_npy};
/// use tenfold::Tensor;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("x.npy");
/// write_npy(&path, &Tensor::new(&[2, 3], vec![1.0f32; 6])?)?;
/// let file = ArrayFile::open(&path)?;
/// assert_eq!((file.shape(), file.dtype()), (&[2, 3][..], "f32"));
/// assert_eq!(file.read()?.shape(), [2, 3]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub struct ArrayFile {
    /// The file and the name of the array, for messages.
    name: PathBuf,
    member: Member,
    dtype: &'static str,
    content: Content,
    monitor: Monitor,
}

/// Where the entries are.
enum Content {
    /// In a block of the file, which several threads read.
    File(File, Stored),
    /// In the rest of a stream.
    Stream(Box<dyn Read>, Stored),
    /// In a member of a file of several arrays.
    Member(Box<dyn ReadSeek>, u64, &'static Format, ReadOptions),
}

impl ArrayFile {
    /// Opens a file and checks the headers, and the size of the file.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] unless the source is an array of bool, integers or floats of at
    /// most 64 bits with 1 to 16 modes, and has the bytes of data that the headers claim. A source
    /// without the name of a member must be a file with one array.
    ///
    /// ```
    /// # use tenfold::io::ArrayFile;
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("x.npy");
    /// std::fs::write(&path, b"no array").unwrap();
    /// assert!(ArrayFile::open(&path).is_err());
    /// ```
    pub fn open(source: impl Into<Source>) -> Result<Self> {
        Self::open_with(source, &ReadOptions::default())
    }

    /// Opens a file as [`ArrayFile::open`] does, with options.
    ///
    /// # Errors
    /// As [`ArrayFile::open`]. With [`ReadOptions::raw`], also if the length of the file differs from the
    /// bytes of the shape.
    pub fn open_with(source: impl Into<Source>, options: &ReadOptions) -> Result<Self> {
        let source = source.into();
        let opened = Self::open_source(&source, options);
        opened.map_err(|problem| problem.at(&source.name()))
    }

    fn open_source(source: &Source, options: &ReadOptions) -> Result<Self, Problem> {
        let Opened {
            mut file,
            size,
            kind,
        } = open(&source.path, Expected::of(options))?;
        let request = Request::in_file(source, options);
        let (member, place) = find(&mut file, kind, size, &request)?;
        let content = match place {
            Place::Member(format) => Content::Member(Box::new(file), size, format, options.clone()),
            Place::Block(stored) => Content::File(file, stored),
        };
        Ok(Self::new(source.name(), member, content))
    }

    /// The array `member` of a reader, or its only array. Only the headers are read, from the start of
    /// the reader. `name` is the name of the reader for messages.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] as for [`ArrayFile::open_with`].
    ///
    /// ```
    /// use tenfold::io::{ArrayFile, ReadOptions, write_npy_to};
    /// let mut bytes = Vec::new();
    /// write_npy_to(&mut bytes, &tenfold::Tensor::new(&[2], vec![1.0, 2.0])?)?;
    /// let reader = std::io::Cursor::new(bytes);
    /// let file = ArrayFile::from_reader(reader, "x.npy", None, &ReadOptions::default())?;
    /// assert_eq!(file.read()?.shape(), [2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn from_reader(
        mut reader: impl Read + Seek + 'static,
        name: impl Into<PathBuf>,
        member: Option<&str>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let name = name.into();
        let found = recognise(&mut reader, Expected::of(options)).and_then(|(kind, size)| {
            let request = Request::in_reader(member, options);
            let found = find(&mut reader, kind, size, &request)?;
            Ok((size, found))
        });
        Ok(match found.map_err(|problem| problem.at(&name))? {
            (size, (member, Place::Member(format))) => {
                let content = Content::Member(Box::new(reader), size, format, options.clone());
                Self::new(name, member, content)
            }
            (_, (member, Place::Block(stored))) => {
                Self::of_stream(name, member, BufReader::new(reader), stored)
            }
        })
    }

    /// The array of a stream, such as standard input. Of a `.npy` file and of raw entries only the
    /// header is read. A stream in another format is first copied to a temporary file, and must hold
    /// one array. `name` is the name of the stream for messages.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] as for [`ArrayFile::open_with`], without the check of the size
    /// for `.npy` and raw entries; and if the temporary file cannot be written.
    ///
    /// ```
    /// use tenfold::io::{ArrayFile, ReadOptions, write_npy_to};
    /// let mut bytes = Vec::new();
    /// write_npy_to(&mut bytes, &tenfold::Tensor::new(&[2], vec![1.0, 2.0])?)?;
    /// let stream = std::io::Cursor::new(bytes);
    /// let file = ArrayFile::from_stream(stream, "standard input", &ReadOptions::default())?;
    /// assert_eq!(file.read()?.shape(), [2]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn from_stream(
        mut reader: impl Read + 'static,
        name: impl Into<PathBuf>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let name = name.into();
        let in_stream = |problem: Problem| problem.at(&name);
        // 1. A format that needs positions in a file.
        let first = first_bytes(&mut reader).map_err(in_stream)?;
        let kind = Kind::of(&first);
        let mut reader = Cursor::new(first).chain(reader);
        if options.raw.is_none() && kind != Kind::Array {
            let file = copy_to_file(&mut reader).map_err(in_stream)?;
            return Self::from_reader(file, name, None, options);
        }
        // 2. One block of numbers.
        let stored = match &options.raw {
            Some(raw) => raw.stored(),
            None => Header::read(&mut reader).and_then(|header| header.numbers(options.bfloat16)),
        };
        let described = stored.and_then(|stored| Ok((unnamed(&stored, None)?, stored)));
        let (member, stored) = described.map_err(in_stream)?;
        Ok(Self::of_stream(name, member, reader, stored))
    }

    /// An array in the rest of a stream.
    fn of_stream(
        name: PathBuf,
        member: Member,
        reader: impl Read + 'static,
        stored: Stored,
    ) -> Self {
        let memory = stored.memory_from_reader();
        let content = Content::Stream(Box::new(reader), stored);
        Self::new(name, Member { memory, ..member }, content)
    }

    fn new(name: PathBuf, member: Member, content: Content) -> Self {
        Self {
            name,
            // `choose` and `unnamed` return only arrays with a scalar.
            dtype: member.dtype.unwrap_or("f64"),
            member,
            content,
            monitor: Monitor::new(),
        }
    }

    /// The same file with a monitor of [`ArrayFile::read`]. A step is a byte that is read. The total
    /// is an estimate for files of several arrays.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    /// use tenfold::io::{ArrayFile, write_npy};
    /// use tenfold::{Monitor, Tensor};
    /// let folder = tempfile::tempdir().unwrap();
    /// let path = folder.path().join("x.npy");
    /// write_npy(&path, &Tensor::new(&[2, 3], vec![1.0f32; 6])?)?;
    /// let bytes = Arc::new(AtomicUsize::new(0));
    /// let on_progress = { let bytes = bytes.clone(); move |progress: tenfold::Progress| bytes.store(progress.done, Ordering::Relaxed) };
    /// ArrayFile::open(&path)?.monitored(Monitor::new().on_progress(on_progress)).read()?;
    /// assert_eq!(bytes.load(Ordering::Relaxed), 24);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    #[must_use]
    pub fn monitored(self, monitor: Monitor) -> Self {
        Self { monitor, ..self }
    }

    /// The extents.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.member.shape
    }

    /// The name of the scalar that the entries are read as: "f32" or "f64".
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        self.dtype
    }

    /// NumPy's name for the type of the entries in the file: "float32", "int16", …
    #[must_use]
    pub fn stored_dtype(&self) -> &str {
        &self.member.stored_dtype
    }

    /// A sentence for the user about values that reading changes; `None` if it changes none.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let note = self.member.note.as_ref()?;
        Some(format!("{}: {note}", self.name.display()))
    }

    /// The maximum number of bytes that [`ArrayFile::read`] allocates, with the tensor itself.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.member.memory
    }

    /// The values that stand for missing data, if the file names some.
    #[must_use]
    pub fn missing(&self) -> &[MissingValue] {
        &self.member.missing
    }

    /// Reads the entries. They are brought to row-major order and this machine's byte order.
    ///
    /// # Errors
    /// [`crate::Error::UnusableFile`] if the entries cannot be read or do not fit in memory;
    /// [`crate::Error::Cancelled`] by [`ArrayFile::monitored`].
    pub fn read(self) -> Result<AnyTensor> {
        let monitor = &self.monitor;
        let read = match self.content {
            Content::File(file, stored) => {
                read_file(&Counted::new(file, stored.bytes(), monitor), &stored)
            }
            Content::Stream(reader, stored) => {
                let mut reader = Counted::new(reader, stored.bytes(), monitor);
                read_to_end(&mut reader, &stored)
            }
            Content::Member(file, size, format, options) => {
                // One of several arrays is at most as large as the file, and in memory at least as
                // large as in the file.
                let total = size.min(self.member.memory);
                let mut file = Counted::new(file, total, monitor);
                start(&mut file)
                    .and_then(|()| (format.read)(&mut file, size, &self.member.name, &options))
            }
        };
        monitor.cancellation().check()?;
        read.map_err(|problem| problem.at(&self.name))
    }
}

impl fmt::Debug for ArrayFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ArrayFile");
        debug
            .field("name", &self.name)
            .field("member", &self.member);
        debug.finish_non_exhaustive()
    }
}

/// Reads an array from a stream that ends after it.
fn read_to_end(reader: &mut dyn Read, stored: &Stored) -> Result<AnyTensor, Problem> {
    let tensor = read_from(reader, stored).map_err(|problem| match problem.source {
        Some(error) if error.kind() == ErrorKind::UnexpectedEof => Problem {
            text: format!("the data ends before its {} bytes", stored.bytes()),
            source: Some(error),
        },
        _ => problem,
    })?;
    match reader.read(&mut [0]) {
        Ok(0) => Ok(tensor),
        Ok(_) => Err(Problem::new("there is data after the end of the array")),
        Err(error) => Err(Problem::io("cannot be read", error)),
    }
}

fn start(reader: &mut impl Seek) -> Result<(), Problem> {
    let sought = reader.rewind();
    sought.map_err(|error| Problem::io("cannot be read", error))
}

/// Reads the array `member` of a reader, or its only array: [`ArrayFile::open_with`] and
/// [`ArrayFile::read`] for a reader.
///
/// # Errors
/// As [`ArrayFile::open_with`] and [`ArrayFile::read`].
///
/// ```
/// use tenfold::Tensor;
/// use tenfold::io::{AnyTensor, ReadOptions, read_array_from, write_npy_to};
/// let x = Tensor::new(&[2], vec![1.0, 2.0])?;
/// let mut bytes = Vec::new();
/// write_npy_to(&mut bytes, &x)?;
/// let reader = std::io::Cursor::new(bytes);
/// let read = read_array_from(reader, None, &ReadOptions::default())?;
/// assert_eq!(read, AnyTensor::F64(x));
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn read_array_from(
    mut reader: impl Read + Seek,
    member: Option<&str>,
    options: &ReadOptions,
) -> Result<AnyTensor> {
    let mut read = || {
        let (kind, size) = recognise(&mut reader, Expected::of(options))?;
        let request = Request::in_reader(member, options);
        match find(&mut reader, kind, size, &request)? {
            (chosen, Place::Member(format)) => {
                start(&mut reader)?;
                (format.read)(&mut reader, size, &chosen.name, options)
            }
            (_, Place::Block(stored)) => read_from(&mut BufReader::new(&mut reader), &stored),
        }
    };
    read().map_err(Problem::of_stream)
}

//! The arrays that a command reads: files, members of files, and standard input. The options for files
//! that do not describe their arrays.
//!
//! An argument is kept as the user wrote it, such as `x.npz:layer4`, so that messages name the array.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};

use tenfold::io::{ArrayFile, Element, Raw, ReadOptions, Source};

use crate::failure::{Failure, Outcome};
use crate::list;
use crate::names;

/// The options of all commands that read arrays.
#[derive(clap::Args)]
#[command(next_help_heading = "Options for arrays in files")]
pub(crate) struct ArrayOptions {
    /// Read raw numbers of this type, from files without a header: f16, bf16, f32, f64, bool, i8 to
    /// i64, u8 to u64. Needs --shape, which must match the length of the file
    #[arg(long, value_name = "TYPE", requires = "extents", hide_possible_values = true,
          value_parser = names::of(Element::ALL, Element::name))]
    raw: Option<Element>,
    /// The extents of the array in a raw file, such as 512,512,512
    #[arg(id = "extents", long = "shape", value_delimiter = ',', value_name = "N,…",
          value_parser = list::whole_number, requires = "raw")]
    shape: Option<Vec<usize>>,
    /// The first index of a raw array runs fastest, as in Fortran [default: the last]
    #[arg(long, requires = "raw")]
    fortran: bool,
    /// The numbers of a raw array are big-endian [default: little-endian]
    #[arg(long, requires = "raw")]
    big_endian: bool,
    /// Entries of type V2 in .npy and .npz are bfloat16
    #[arg(long, conflicts_with = "raw")]
    bfloat16: bool,
    /// A copy of standard input, made by [`ArrayOptions::standard_input`].
    #[arg(skip)]
    standard_input: OnceCell<File>,
}

impl ArrayOptions {
    /// The options of the library.
    pub(crate) fn to_library(&self) -> ReadOptions {
        let shape = self.shape.clone().unwrap_or_default();
        ReadOptions {
            raw: self.raw.map(|element| Raw {
                fortran: self.fortran,
                big_endian: self.big_endian,
                ..Raw::new(element, shape)
            }),
            bfloat16: self.bfloat16,
        }
    }

    /// Whether the files are raw numbers.
    pub(crate) fn is_raw(&self) -> bool {
        self.raw.is_some()
    }

    /// Opens an array.
    pub(crate) fn open(&self, argument: &Path) -> Outcome<ArrayFile> {
        let options = self.to_library();
        Ok(if is_dash(argument) {
            ArrayFile::from_stream(std::io::stdin(), argument, &options)?
        } else {
            ArrayFile::open_with(source(argument), &options)?
        })
    }

    /// Opens an array that is opened more than once. Standard input is copied to a temporary file.
    pub(crate) fn open_again(&self, argument: &Path) -> Outcome<ArrayFile> {
        if !is_dash(argument) {
            return self.open(argument);
        }
        let copy = self.standard_input()?;
        let options = self.to_library();
        Ok(ArrayFile::from_reader(copy, argument, None, &options)?)
    }

    /// A copy of standard input in a temporary file, at its start. The first call makes the copy.
    pub(crate) fn standard_input(&self) -> Outcome<File> {
        let copy = match self.standard_input.get() {
            Some(copy) => copy,
            None => {
                let copy = copy_of_standard_input()?;
                self.standard_input.get_or_init(|| copy)
            }
        };
        let same = copy.try_clone();
        let rewound = same.and_then(|mut same| same.rewind().map(|()| same));
        rewound.map_err(cannot_copy)
    }
}

/// Copies standard input to a temporary file without a name. The file is at its start.
pub(crate) fn copy_of_standard_input() -> Outcome<File> {
    let mut file = tempfile::tempfile().map_err(cannot_copy)?;
    let copied = std::io::copy(&mut std::io::stdin().lock(), &mut file);
    copied.and_then(|_| file.rewind()).map_err(cannot_copy)?;
    Ok(file)
}

fn cannot_copy(error: std::io::Error) -> Failure {
    Failure::other(format!(
        "-: standard input cannot be copied to a temporary file: {error}"
    ))
}

/// Whether an argument is `-`: standard input, or standard output.
pub(crate) fn is_dash(argument: &Path) -> bool {
    argument == Path::new("-")
}

/// The file and the member that an argument names.
pub(crate) fn source(argument: &Path) -> Source {
    argument.as_os_str().to_os_string().into()
}

/// The files that arguments name. Fails if standard input is named twice.
pub(crate) fn files<'a>(arguments: impl IntoIterator<Item = &'a Path>) -> Outcome<Vec<PathBuf>> {
    let (streams, arguments): (Vec<&Path>, Vec<&Path>) = arguments
        .into_iter()
        .partition(|argument| is_dash(argument));
    if streams.len() > 1 {
        return Err(Failure::usage("-: standard input can be read only once"));
    }
    let files = arguments.into_iter().map(|argument| source(argument).path);
    Ok(files.collect())
}

/// The name of an array for the names of output files: the file without folder and extension, and the
/// member.
pub(crate) fn stem(argument: &Path) -> String {
    if is_dash(argument) {
        return "stdin".to_owned();
    }
    let Source { path, member } = source(argument);
    let file = path.file_stem().unwrap_or(path.as_os_str());
    let file = file.to_string_lossy();
    match member {
        None => file.into_owned(),
        Some(member) => {
            let member = member.trim_matches('/').replace(['/', '\\', ':'], ".");
            format!("{file}.{member}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_outputs_have_no_separators() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.h5"), "").unwrap();
        for (argument, expected) in [
            ("a/y.npy", "y"),
            ("x.h5", "x"),
            ("x.h5:core", "x.core"),
            ("x.h5:/a/b:c", "x.a.b.c"),
        ] {
            assert_eq!(stem(&folder.path().join(argument)), expected);
        }
        assert_eq!(stem(Path::new("-")), "stdin");
    }

    #[test]
    fn standard_input_is_read_at_most_once() {
        let once = files([Path::new("-"), Path::new("x.npy")]);
        assert_eq!(once.unwrap_or_default(), [Path::new("x.npy")]);
        assert!(files([Path::new("-"); 2]).is_err());
    }
}

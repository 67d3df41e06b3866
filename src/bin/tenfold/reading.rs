//! Where a command reads arrays from: files, members of files, and standard input. The options that
//! describe files without a header.

use std::path::{Path, PathBuf};

use tenfold::io::{ArrayFile, Element, Raw, ReadOptions, Source};

use crate::failure::{Failure, Outcome};
use crate::list;

/// The options of all commands that read arrays.
#[derive(clap::Args)]
pub(crate) struct Reading {
    /// The files are raw numbers of this type without a header: f16, bf16, f32, f64, bool, or i or
    /// u with 8, 16, 32 or 64 bits. The length of a file must match --shape
    #[arg(long, value_name = "TYPE", requires = "extents", help_heading = HEADING)]
    raw: Option<Element>,
    /// The extents of the array in a raw file, such as 512,512,512
    #[arg(id = "extents", long = "shape", value_delimiter = ',', value_name = "N,…",
          value_parser = list::whole_number, requires = "raw", help_heading = HEADING)]
    shape: Option<Vec<usize>>,
    /// The first index of a raw file runs fastest, as in Fortran [default: the last]
    #[arg(long, requires = "raw", help_heading = HEADING)]
    fortran: bool,
    /// The numbers of a raw file are big-endian [default: little-endian]
    #[arg(long, requires = "raw", help_heading = HEADING)]
    big_endian: bool,
    /// Read entries of 2 bytes without a type (V2) in .npy and .npz as bfloat16
    #[arg(long, conflicts_with = "raw", help_heading = HEADING)]
    bfloat16: bool,
}

const HEADING: &str = "Options for the files of arrays";

impl Reading {
    /// The options of the library.
    pub(crate) fn options(&self) -> ReadOptions {
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

    /// Opens an array. `-` is standard input.
    pub(crate) fn open(&self, source: &Source) -> Outcome<ArrayFile> {
        let options = self.options();
        Ok(if is_standard_input(source) {
            ArrayFile::from_stream(std::io::stdin(), name(source), &options)?
        } else {
            ArrayFile::open_with(source, &options)?
        })
    }
}

/// Whether the source is `-`, standard input.
pub(crate) fn is_standard_input(source: &Source) -> bool {
    source.path == Path::new("-") && source.member.is_none()
}

/// The name of a source for messages.
pub(crate) fn name(source: &Source) -> PathBuf {
    if is_standard_input(source) {
        "standard input".into()
    } else {
        source.name()
    }
}

/// The files of the sources. Fails if standard input is read twice.
pub(crate) fn files<'a>(sources: &[&'a Source]) -> Outcome<Vec<&'a Path>> {
    let (streams, files): (Vec<&Source>, Vec<&Source>) =
        sources.iter().partition(|source| is_standard_input(source));
    if streams.len() > 1 {
        return Err(Failure::usage(
            "-: standard input can be only one of the inputs",
        ));
    }
    Ok(files.iter().map(|source| source.path.as_path()).collect())
}

/// The name of a source for the names of output files: the file without folder and extension, and
/// the member.
pub(crate) fn stem(source: &Source) -> String {
    if is_standard_input(source) {
        return "stdin".to_owned();
    }
    let file = source.path.file_stem().unwrap_or(source.path.as_os_str());
    let file = file.to_string_lossy().into_owned();
    match &source.member {
        None => file,
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
        for (path, member, expected) in [
            ("a/x.npy", None, "x"),
            ("a/x.npz", Some("core"), "x.core"),
            ("x.h5", Some("/a/b:c"), "x.a.b.c"),
            ("-", None, "stdin"),
        ] {
            let member = member.map(str::to_owned);
            let path = path.into();
            assert_eq!(stem(&Source { path, member }), expected);
        }
    }

    #[test]
    fn standard_input_is_read_at_most_once() {
        let (stdin, file) = (Source::new("-"), Source::new("x.npy"));
        let once = files(&[&stdin, &file]).unwrap_or_default();
        assert_eq!(once, [Path::new("x.npy")]);
        assert!(files(&[&stdin, &stdin]).is_err());
    }
}

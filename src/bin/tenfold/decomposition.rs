//! The decompositions that commands read: files, and standard input.

use std::fs::File;
use std::path::{Path, PathBuf};

use tenfold::io::{
    AnyTucker, Meta, read_tucker, read_tucker_from, tucker_memory, tucker_memory_from,
};

use crate::console::Console;
use crate::failure::{Failure, Outcome};
use crate::progress::Steps;
use crate::sizes::file_bytes;

/// A decomposition that was not read yet.
pub(crate) struct DecompositionFile<'a> {
    /// The argument that names it.
    argument: &'a Path,
    input: Input,
    memory: u64,
}

enum Input {
    Path(PathBuf),
    /// A copy of standard input.
    Copy(File),
}

impl<'a> DecompositionFile<'a> {
    /// Opens the decomposition that `argument` names: a file, or `standard_input`, if it is given.
    pub(crate) fn open(argument: &'a Path, standard_input: Option<File>) -> Outcome<Self> {
        let (memory, input) = match standard_input {
            None => (tucker_memory(argument), Input::Path(argument.to_path_buf())),
            Some(file) => (tucker_memory_from(&file), Input::Copy(file)),
        };
        Ok(Self {
            argument,
            input,
            memory: memory.map_err(|error| Failure::in_file(argument, error))?,
        })
    }

    /// The maximum number of bytes that reading allocates.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    /// The bytes of the file, if known.
    pub(crate) fn bytes(&self) -> Option<u64> {
        match &self.input {
            Input::Path(path) => file_bytes(path),
            Input::Copy(file) => file.metadata().ok().map(|metadata| metadata.len()),
        }
    }

    /// Reads the decomposition, and shows the progress.
    pub(crate) fn read(self, console: &Console) -> Outcome<(AnyTucker, Meta)> {
        let bar = console.progress("reading", Steps::Unknown);
        bar.about(self.argument.display());
        let read = match self.input {
            Input::Path(path) => read_tucker(path),
            Input::Copy(file) => read_tucker_from(file),
        };
        read.map_err(|error| Failure::in_file(self.argument, error))
    }
}

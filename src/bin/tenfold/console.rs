//! The output of a command: its result goes to standard output, notes and progress go to
//! standard error.
//!
//! On a terminal a note is printed at once. Otherwise the notes are printed before the result, so that
//! standard error has only the error if the command fails.

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

use serde_json::{Value, json};
use tenfold::Monitor;
use tenfold::io::{AnyTensor, ArrayFile};

use crate::failure::{Failure, Outcome};
use crate::output::is_standard_output;
use crate::progress::{Bar, Progress, Steps};

/// Prints results, notes and progress.
pub(crate) struct Console {
    json: bool,
    quiet: bool,
    notes: RefCell<Vec<String>>,
    /// The number of notes that were printed.
    printed: Cell<usize>,
    on_terminal: bool,
    progress: Progress,
}

impl Console {
    /// With `json` the result is printed as one JSON object. With `quiet` notes, progress and
    /// summaries are not printed.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            notes: RefCell::default(),
            printed: Cell::new(0),
            on_terminal: std::io::stderr().is_terminal(),
            progress: Progress::on_standard_error(quiet),
        }
    }

    /// Adds a note to the notes for the user on standard error and to the "notes" of the JSON object.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.notes.borrow_mut().push(text.into());
        if self.on_terminal {
            self.print_notes();
        }
    }

    /// Prints the notes that were not printed yet.
    fn print_notes(&self) {
        let notes = self.notes.borrow();
        let first = self.printed.replace(notes.len());
        if self.quiet {
            return;
        }
        self.progress.suspend(|| {
            for text in &notes[first..] {
                // A closed standard error does not stop the command.
                let _ = writeln!(std::io::stderr(), "note: {text}");
            }
        });
    }

    /// Prints the result of a command that writes no file: `object` with `--json`, `text`
    /// without. An empty text is not printed.
    pub(crate) fn result(&self, object: Value, text: &str) -> Outcome {
        self.print_notes();
        if self.json {
            print(&self.with_notes(object).to_string())
        } else if text.is_empty() {
            Ok(())
        } else {
            print(text)
        }
    }

    /// The JSON object of a command with its notes.
    fn with_notes(&self, mut object: Value) -> Value {
        object["notes"] = json!(*self.notes.borrow());
        object
    }

    /// Prints the summary of a command that wrote the file `output`, as [`Console::result`]
    /// does. With `--quiet` the text is not printed. If the file is standard output itself, the
    /// object or the text goes to standard error.
    pub(crate) fn summary(&self, output: Option<&Path>, object: Value, text: &str) -> Outcome {
        self.print_notes();
        if self.quiet && !self.json {
            return Ok(());
        }
        if output.is_some_and(is_standard_output) {
            let object = self.json.then(|| self.with_notes(object).to_string());
            let text = object.as_deref().unwrap_or(text.trim_end());
            let _ = writeln!(std::io::stderr(), "{text}");
            return Ok(());
        }
        self.result(object, text)
    }

    /// Reads an array, shows the progress, and notes the values that stand for missing data.
    pub(crate) fn read(&self, file: ArrayFile, argument: &Path) -> tenfold::Result<AnyTensor> {
        let missing = file.missing().to_vec();
        let bar = self.progress("reading", Steps::Bytes);
        bar.about(argument.display());
        let x = file.monitored(bar.monitor(Monitor::new())).read()?;
        drop(bar);
        for note in missing.iter().filter_map(|value| value.note(&x)) {
            self.note(format!("{}: {note}", argument.display()));
        }
        Ok(x)
    }

    /// Starts a progress bar: [`Progress::start`].
    pub(crate) fn progress(&self, doing: &'static str, steps: Steps) -> Bar {
        self.progress.start(doing, steps)
    }
}

/// Prints `text` and a line break on standard output. It is not an error if the reader has
/// closed the pipe.
pub(crate) fn print(text: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.trim_end().as_bytes())
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::other(format!(
            "standard output cannot be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// A shape in the usual notation: `200×200×20`.
pub(crate) fn times(shape: &[usize]) -> String {
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    extents.join("×")
}

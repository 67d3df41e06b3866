//! What a command prints: its result on standard output, everything else on
//! standard error.

use std::cell::RefCell;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::output::is_standard_output;

/// How much is printed, and where.
pub(crate) struct Console {
    json: bool,
    quiet: bool,
    notes: RefCell<Vec<String>>,
}

impl Console {
    /// With `json` the result is one JSON object; `quiet` leaves out notes,
    /// progress and summaries.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            notes: RefCell::default(),
        }
    }

    /// Something that the user should know: on standard error, and among the
    /// "notes" of the JSON object.
    pub(crate) fn note(&self, text: impl Into<String>) {
        let text = text.into();
        if !self.quiet {
            // A closed standard error is no reason to stop.
            let _ = writeln!(std::io::stderr(), "note: {text}");
        }
        self.notes.borrow_mut().push(text);
    }

    /// The result of a command whose result is what it prints: `object` with
    /// `--json`, `text` without.
    pub(crate) fn result(&self, object: Value, text: &str) -> Outcome {
        if self.json {
            let mut object = object;
            object["notes"] = json!(*self.notes.borrow());
            print(&object.to_string())
        } else {
            print(text)
        }
    }

    /// The result of a command whose result is the file `output`: as
    /// [`Console::result`], but `--quiet` leaves the text out, and it goes to standard
    /// error where the file is standard output itself.
    pub(crate) fn summary(&self, output: Option<&Path>, object: Value, text: &str) -> Outcome {
        if self.quiet && !self.json {
            return Ok(());
        }
        if output.is_some_and(is_standard_output) {
            let _ = writeln!(std::io::stderr(), "{}", text.trim_end());
            return Ok(());
        }
        self.result(object, text)
    }

    /// Fails where standard output would take the file `output` and a JSON object.
    pub(crate) fn check_standard_output(&self, output: &Path) -> Outcome {
        if self.json && is_standard_output(output) {
            return Err(Failure::usage(format!(
                "{}: with --json standard output takes the JSON object alone",
                output.display()
            )));
        }
        Ok(())
    }

    /// A progress bar of `steps` steps, or a spinner where they are not known;
    /// invisible unless standard error is a terminal.
    pub(crate) fn progress(&self, steps: Option<u64>, doing: &str) -> ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = steps.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let template = match steps {
            Some(_) => "{prefix} {bar:30} {pos}/{len} {msg}",
            None => "{spinner} {prefix} {elapsed} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(doing.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

/// Prints `text` on standard output, with a line break at the end. A reader
/// who has gone away has had enough.
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

/// An extent list as people write it: `200×200×20`.
pub(crate) fn times(shape: &[usize]) -> String {
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    extents.join("×")
}

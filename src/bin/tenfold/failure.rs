//! The message and the exit status of a command that fails.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use tenfold::{CudaError, Error};

/// The result of a subcommand.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The exit status for wrong usage and bad input.
const USAGE: u8 = 2;

/// The exit status for all other failures.
const OTHER: u8 = 1;

/// Messages for standard error, one line each, and an exit status.
pub(crate) struct Failure {
    messages: Vec<String>,
    status: u8,
}

impl Failure {
    /// Wrong usage or bad input: exit status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            messages: vec![message.into()],
            status: USAGE,
        }
    }

    /// Any other failure: exit status 1.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self {
            messages: vec![message.into()],
            status: OTHER,
        }
    }

    /// The bad inputs of a command that continued without them, a message for each: exit status 1.
    pub(crate) fn of_inputs(messages: Vec<String>) -> Self {
        Self {
            messages,
            status: OTHER,
        }
    }

    /// An error caused by the content of the file `path`.
    pub(crate) fn in_file(path: &Path, error: Error) -> Self {
        let status = status(&error);
        let message = match error {
            // The error of a reader does not name a file.
            Error::UnusableFile { path: ref file, .. } if file.as_os_str().is_empty() => {
                format!("{}: {error}", path.display())
            }
            Error::UnusableFile { .. } | Error::ToleranceOutOfRange { .. } => error.to_string(),
            _ => format!("{}: {error}", path.display()),
        };
        Self {
            messages: vec![message],
            status,
        }
    }

    /// An error of the feature map that a network computed for the photograph `path`.
    #[cfg(feature = "onnx")]
    pub(crate) fn in_layer(path: &Path, layer: &str, error: Error) -> Self {
        Self {
            status: status(&error),
            messages: vec![format!("{}: layer {layer}: {error}", path.display())],
        }
    }

    /// The same failure, with the name of the file that caused it.
    pub(crate) fn of_file(mut self, path: &Path) -> Self {
        for message in &mut self.messages {
            *message = format!("{}: {message}", path.display());
        }
        self
    }

    /// Prints each message in one line and returns the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        for message in &self.messages {
            let line = message.replace(char::is_control, " ");
            // If standard error is closed, the exit status still reports the failure.
            let _ = writeln!(std::io::stderr(), "tenfold: {line}");
        }
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages.join("\n"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            status: status(&error),
            messages: vec![error.to_string()],
        }
    }
}

/// The exit status for an error of the library.
fn status(error: &Error) -> u8 {
    match error {
        Error::Cuda(CudaError::OnlyOnCpu { .. }) => USAGE,
        Error::NoConvergence { .. } | Error::Cancelled | Error::Cuda(_) => OTHER,
        Error::UnusableFile {
            source: Some(source),
            ..
        } => match source.kind() {
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidFilename
            | ErrorKind::UnexpectedEof
            | ErrorKind::InvalidData => USAGE,
            _ => OTHER,
        },
        _ => USAGE,
    }
}

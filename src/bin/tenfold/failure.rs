//! Why a command failed, and the exit status that says so.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use tenfold::{CudaError, Error};

/// What a subcommand returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Bad usage or bad input.
const USAGE: u8 = 2;

/// Anything else.
const OTHER: u8 = 1;

/// A message for standard error, and an exit status.
pub(crate) struct Failure {
    message: String,
    status: u8,
}

impl Failure {
    /// Bad usage or bad input: exit status 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: USAGE,
        }
    }

    /// Anything else: exit status 1.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status: OTHER,
        }
    }

    /// An error that the content of the file `path` caused.
    pub(crate) fn in_file(path: &Path, error: Error) -> Self {
        let status = status(&error);
        let message = match error {
            Error::UnusableFile { .. } | Error::ToleranceOutOfRange { .. } => error.to_string(),
            _ => format!("{}: {error}", path.display()),
        };
        Self { message, status }
    }

    /// Prints the message in one line and gives the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        let line = self.message.replace(char::is_control, " ");
        // Where standard error is closed, the status still tells.
        let _ = writeln!(std::io::stderr(), "tenfold: {line}");
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            status: status(&error),
            message: error.to_string(),
        }
    }
}

fn status(error: &Error) -> u8 {
    match error {
        Error::Cuda(CudaError::OnlyOnCpu { .. }) => USAGE,
        Error::NoConvergence { .. } | Error::Cuda(_) => OTHER,
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

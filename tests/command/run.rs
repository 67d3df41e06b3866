//! Runs the command as a user does, in a folder of the user's.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The command with its arguments, to be run in `folder`.
pub(crate) fn tenfold(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// The one line of a command that must fail with status 2 and print no result.
pub(crate) fn refusal(folder: &Path, arguments: &[&str]) -> String {
    refusal_of(tenfold(folder, arguments).output().unwrap())
}

/// The one line of a run that must have failed with status 2 without a result.
pub(crate) fn refusal_of(output: Output) -> String {
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(output.stdout.is_empty(), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    let line = errors.strip_prefix("tenfold: ").unwrap();
    line.trim_end().to_owned()
}

/// The one JSON object of a command that must succeed, and its notes.
pub(crate) fn json(folder: &Path, arguments: &[&str]) -> (Value, Vec<String>) {
    let output = tenfold(folder, &[arguments, &["--json"]].concat()).output();
    let output = output.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let object: Value = serde_json::from_str(&text).unwrap();
    let notes = object["notes"].as_array().unwrap().iter();
    let notes: Vec<String> = notes
        .map(|note| note.as_str().unwrap().to_owned())
        .collect();
    // The same notes go to standard error.
    let printed = notes.iter().map(|note| format!("note: {note}\n"));
    assert_eq!(errors, printed.collect::<String>());
    (object, notes)
}

//! `--keep-going`: the loop over the inputs of a command.
//!
//! A command calls [`Batch::each`] once for each of its stages, such as the checks and the work.
//! A stage gets the inputs that all stages before it accepted:
//!
//! ```text
//! a.npy b.npy c.npy ──> open ──> a.npy c.npy ──> compute ──> a.npy ──> write, print the summary
//!                        └─ b.npy: there is no such file          └─ c.npy: entry [0, 1] is NaN
//! ```
//!
//! [`Batch::finish`] then lists the bad inputs, and the exit status is 1. Without `--keep-going` the
//! first bad input ends the command, before any output is written.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};

/// The option `--keep-going`.
#[derive(clap::Args)]
pub(crate) struct KeepGoing {
    /// Continue with the other inputs if one is bad: bad inputs are listed at the end, and the
    /// exit status is 1
    #[arg(long)]
    keep_going: bool,
}

impl KeepGoing {
    /// Whether the option was given.
    #[cfg(feature = "onnx")]
    pub(crate) fn is_given(&self) -> bool {
        self.keep_going
    }
}

/// An input of a command: a file, or several files that belong together.
pub(crate) trait Input {
    /// The names of the files, as the user wrote them.
    fn names(&self) -> Vec<String>;
}

impl Input for &Path {
    fn names(&self) -> Vec<String> {
        vec![self.display().to_string()]
    }
}

impl Input for &PathBuf {
    fn names(&self) -> Vec<String> {
        self.as_path().names()
    }
}

impl Input for &[PathBuf] {
    fn names(&self) -> Vec<String> {
        self.iter().flat_map(|file| file.names()).collect()
    }
}

/// An input with the indices of its files among all files.
impl<I: Input> Input for (Range<usize>, I) {
    fn names(&self) -> Vec<String> {
        self.1.names()
    }
}

/// The inputs of a command that failed so far.
pub(crate) struct Batch {
    keep_going: bool,
    failed: RefCell<Vec<Failed>>,
}

/// A bad input.
struct Failed {
    file: String,
    reason: String,
}

impl Batch {
    pub(crate) fn new(option: &KeepGoing) -> Self {
        Self {
            keep_going: option.keep_going,
            failed: RefCell::default(),
        }
    }

    /// Calls `work` for each input and returns the results in the order of the inputs. With
    /// `--keep-going` the inputs for which `work` fails are remembered. They have no result.
    pub(crate) fn each<I: Input, R>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        mut work: impl FnMut(I) -> Outcome<R>,
    ) -> Outcome<Vec<R>> {
        let mut results = Vec::new();
        for input in inputs {
            let names = input.names();
            match work(input) {
                Ok(result) => results.push(result),
                Err(failure) if self.keep_going => {
                    let failed = Failed::new(&names, &failure.to_string());
                    self.failed.borrow_mut().push(failed);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(results)
    }

    /// Adds the bad inputs to the JSON object of the command and calls `print` with it. Then fails
    /// with a line for each bad input, if there are any.
    pub(crate) fn finish(self, mut object: Value, print: impl FnOnce(Value) -> Outcome) -> Outcome {
        let failed = self.failed.into_inner();
        object["failed"] = failed
            .iter()
            .map(|Failed { file, reason }| json!({ "file": file, "reason": reason }))
            .collect();
        print(object)?;
        if failed.is_empty() {
            return Ok(());
        }
        let lines = failed.into_iter();
        let lines = lines.map(|Failed { file, reason }| format!("{file}: {reason}"));
        Err(Failure::of_inputs(lines.collect()))
    }
}

impl Failed {
    /// A bad input with the files `names`. A message about one of the files starts with its name.
    /// Other messages count as messages about the first file.
    fn new(names: &[String], message: &str) -> Self {
        let about = |name: &&String| {
            let rest = message.strip_prefix(name.as_str());
            rest.is_some_and(|rest| rest.starts_with([':', ' ']))
        };
        match names.iter().find(about) {
            Some(name) => Self {
                file: name.clone(),
                reason: message[name.len()..]
                    .trim_start_matches([':', ' '])
                    .to_owned(),
            },
            None => Self {
                file: names.first().cloned().unwrap_or_default(),
                reason: message.to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(keep_going: bool) -> Batch {
        Batch::new(&KeepGoing { keep_going })
    }

    /// Fails for the inputs that are not in `good`.
    fn check<'a>(good: &[&str]) -> impl Fn(&'a Path) -> Outcome<&'a Path> {
        let good: Vec<PathBuf> = good.iter().map(PathBuf::from).collect();
        move |path| {
            if good.iter().any(|good| good == path) {
                Ok(path)
            } else {
                Err(Failure::usage(format!("{}: it is bad", path.display())))
            }
        }
    }

    #[test]
    fn a_stage_gets_the_inputs_that_the_stages_before_accepted() {
        let inputs = ["a", "b", "c"].map(Path::new);
        let batch = batch(true);
        let Ok(opened) = batch.each(inputs, check(&["a", "c"])) else {
            panic!("the batch must go on");
        };
        let Ok(computed) = batch.each(opened, check(&["a", "b"])) else {
            panic!("the batch must go on");
        };
        assert_eq!(computed, [Path::new("a")]);
        let mut printed = Value::Null;
        let outcome = batch.finish(json!({ "command": "x" }), |object| {
            printed = object;
            Ok(())
        });
        assert_eq!(
            printed["failed"],
            json!([
                { "file": "b", "reason": "it is bad" },
                { "file": "c", "reason": "it is bad" },
            ])
        );
        let Err(failure) = outcome else {
            panic!("the command must fail");
        };
        assert_eq!(failure.to_string(), "b: it is bad\nc: it is bad");
    }

    #[test]
    fn without_the_option_the_first_bad_input_ends_the_loop() {
        let mut seen = Vec::new();
        let batch = batch(false);
        let inputs = ["a", "b", "c"].map(Path::new);
        let outcome = batch.each(inputs, |path| {
            seen.push(path);
            check(&["a"])(path)
        });
        assert!(outcome.is_err_and(|failure| failure.to_string() == "b: it is bad"));
        assert_eq!(seen, ["a", "b"].map(Path::new));
        assert!(batch.finish(json!({}), |_| Ok(())).is_ok());
    }

    #[test]
    fn the_reason_does_not_repeat_the_name() {
        let names = ["p.npy", "o.npy"].map(str::to_owned);
        for (message, file, reason) in [
            (
                "o.npy: shape 2 was expected",
                "o.npy",
                "shape 2 was expected",
            ),
            ("p.npy needs 3 GB", "p.npy", "needs 3 GB"),
            ("p.npy.old: no", "p.npy", "p.npy.old: no"),
            ("something else", "p.npy", "something else"),
        ] {
            let failed = Failed::new(&names, message);
            assert_eq!((&failed.file[..], &failed.reason[..]), (file, reason));
        }
    }
}

//! Calls into the engine. The engine may return an error or panic, and both become a
//! [`NetworkError`].

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use tract_onnx::prelude::{TractError, TractResult};

use crate::error::NetworkError;

thread_local! {
    /// Whether this thread is inside the engine.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Installs the hook that does not print the panics of the engine.
static HOOK: Once = Once::new();

/// Calls `work`. `doing` completes the message "the network cannot be …".
pub(super) fn guarded<R>(
    doing: &'static str,
    work: impl FnOnce() -> TractResult<R>,
) -> Result<R, NetworkError> {
    HOOK.call_once(|| {
        let other = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !INSIDE.get() {
                other(info);
            }
        }));
    });
    let outer = INSIDE.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outer);
    let problem = match outcome {
        Ok(Ok(result)) => return Ok(result),
        Ok(Err(error)) => message(&error),
        Err(payload) => panic_message(&*payload),
    };
    Err(NetworkError::Engine { doing, problem })
}

/// The maximum number of characters of a message. Some messages of the engine contain whole tensors.
const MAX_CHARACTERS: usize = 300;

/// The causes of an error, from the outermost to the innermost, in one line.
fn message(error: &TractError) -> String {
    let causes: Vec<String> = error
        .chain()
        .map(|cause| one_line(&cause.to_string()))
        .collect();
    shortened(causes.join(": "))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    shortened(one_line(
        &text.unwrap_or_else(|| "the engine failed".to_owned()),
    ))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The start and the end of a long text. The end has the innermost cause.
fn shortened(text: String) -> String {
    let count = text.chars().count();
    if count <= MAX_CHARACTERS {
        return text;
    }
    let half = MAX_CHARACTERS / 2;
    let start: String = text.chars().take(half).collect();
    let end: String = text.chars().skip(count - half).collect();
    format!("{start} … {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_panics_become_one_line() {
        let error = guarded::<()>("read", || Err(TractError::msg("a\n  b").context("outer")));
        let message = "the network cannot be read: outer: a b";
        assert_eq!(error.unwrap_err().to_string(), message);
        let error = guarded::<()>("run", || panic!("index {} is too large", 7));
        let message = "the network cannot be run: index 7 is too large";
        assert_eq!(error.unwrap_err().to_string(), message);
        assert_eq!(guarded("run", || Ok(3)), Ok(3));
    }

    #[test]
    fn long_messages_keep_their_ends() {
        let text = format!("start{}end", "x".repeat(1000));
        let short = shortened(text);
        assert!(short.starts_with("start") && short.ends_with("end"));
        assert!(short.chars().count() < 310);
    }
}

//! Ctrl-C (SIGINT) and SIGTERM.
//!
//! A signal ends the command by the default action of the signal, so that the caller gets the
//! usual exit status. Before that, the command removes unfinished files. While a solver runs, the
//! first signal sets the cancellation flag of the solver instead, and the command ends after the
//! solver has returned:
//!
//! ```text
//! state       signal           solver returns
//! Idle        end              -
//! Solving     -> Cancelled     -> Idle
//! Cancelled   end              end
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tenfold::{Monitor, Result};

/// A signal by its number.
type Signal = i32;

enum State {
    Idle,
    /// A solver runs. This is its cancellation flag.
    Solving(Arc<AtomicBool>),
    /// This signal has set the flag of the solver.
    Cancelled(Signal),
}

static STATE: Mutex<State> = Mutex::new(State::Idle);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Cancels the solver, if one runs. Otherwise the command must end now.
    fn receive(&mut self, signal: Signal) -> MustEnd {
        if let Self::Solving(flag) = self {
            flag.store(true, Ordering::Relaxed);
            *self = Self::Cancelled(signal);
            return None;
        }
        Some(signal)
    }

    /// The solver has returned. If it was cancelled, the command must end now.
    fn finish(&mut self) -> MustEnd {
        match std::mem::replace(self, Self::Idle) {
            Self::Cancelled(signal) => Some(signal),
            Self::Idle | Self::Solving(_) => None,
        }
    }
}

/// The signal that the command must end with, if any.
type MustEnd = Option<Signal>;

/// Calls `solve` with a monitor that a signal cancels. If a signal did, ends the command after
/// `solve` has returned.
pub(crate) fn cancellable<R>(solve: impl FnOnce(Monitor) -> Result<R>) -> Result<R> {
    let flag = Arc::new(AtomicBool::new(false));
    *state() = State::Solving(Arc::clone(&flag));
    let result = solve(Monitor::new().cancelled_by(flag));
    let must_end = state().finish();
    if let Some(signal) = must_end {
        end(signal);
    }
    result
}

/// Starts a thread that handles signals.
#[cfg(unix)]
pub(crate) fn handle_signals() -> crate::failure::Outcome {
    use signal_hook::consts::{SIGINT, SIGTERM};

    use crate::failure::Failure;

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::other(format!("signals cannot be handled: {error}")))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let must_end = state().receive(signal);
            if let Some(signal) = must_end {
                end(signal);
            }
        }
    });
    Ok(())
}

/// Removes unfinished files and ends the process by the default action of `signal`.
#[cfg(unix)]
fn end(signal: Signal) {
    tenfold::io::abandon_unfinished();
    // It fails only for a signal without a default action. SIGINT and SIGTERM have one.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// On other systems, the default handler ends the process.
#[cfg(not(unix))]
pub(crate) fn handle_signals() -> crate::failure::Outcome {
    Ok(())
}

#[cfg(not(unix))]
fn end(_: Signal) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_cancels_and_the_second_ends() {
        let flag = Arc::new(AtomicBool::new(false));
        let mut state = State::Solving(Arc::clone(&flag));
        assert_eq!(state.receive(2), None);
        assert!(flag.load(Ordering::Relaxed));
        assert_eq!(state.receive(15), Some(15));
        assert_eq!(state.finish(), Some(2));
        assert_eq!(state.finish(), None);
    }

    #[test]
    fn without_a_solver_a_signal_ends_the_command() {
        assert_eq!(State::Idle.receive(2), Some(2));
        let mut state = State::Solving(Arc::default());
        assert_eq!(state.finish(), None);
        assert_eq!(state.receive(2), Some(2));
    }
}

//! Ctrl-C, and being asked to end.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::failure::{Failure, Outcome};

/// Has these signals end the command at once, as they do by default, but with no
/// unfinished file left behind.
pub(crate) fn leave_nothing_behind() -> Outcome {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::other(format!("signals cannot be handled: {error}")))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            tenfold::io::abandon_unfinished();
            // An error is a signal that has no default: none of these.
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}

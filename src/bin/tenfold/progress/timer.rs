//! A function that is called later, unless its result is no longer needed.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Calls a function in a second thread, after a delay, unless it is dropped before.
pub(super) struct Timer {
    /// The thread waits until this is dropped.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Timer {
    /// A delay of 0 calls the function at once, in this thread.
    pub(super) fn new(delay: Duration, call: impl FnOnce() + Send + 'static) -> Self {
        if delay.is_zero() {
            call();
            return Self {
                end: None,
                thread: None,
            };
        }
        let (end, ended) = channel();
        // Without a thread, the bar never appears.
        let thread = thread::Builder::new().spawn(move || {
            if ended.recv_timeout(delay) == Err(RecvTimeoutError::Timeout) {
                call();
            }
        });
        Self {
            end: Some(end),
            thread: thread.ok(),
        }
    }
}

impl Drop for Timer {
    /// The function is not called later.
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            // The thread does not panic.
            let _ = thread.join();
        }
    }
}

//! Progress and cancellation of a long computation.
//!
//! A solver reports each finished step to its monitor. The solver checks the cancellation flag
//! after each report, and in the loops inside a step:
//!
//! ```text
//! caller's thread                         solver's threads
//! flag.store(true)  ──────────────────>   loop over chunks: if flag is set, skip the rest
//!                                         end of the loop:  if flag is set, Err(Cancelled)
//! report(Progress)  <──────────────────   step finished
//! ```

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "cuda")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// The progress of a computation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The number of finished steps.
    pub done: usize,
    /// The maximum number of steps. The computation may converge earlier.
    pub total: usize,
    /// The relative error of the decomposition after this step, if the solver computes it.
    /// [`Hooi`](crate::Hooi) computes it in each sweep. [`StHosvd`](crate::StHosvd) and
    /// [`Hosvd`](crate::Hosvd) compute the error of the modes truncated so far; before its last
    /// report, [`Hosvd`](crate::Hosvd) has only an upper bound. Where the error is not measured
    /// afterwards, the last report has the estimated error of the result.
    pub relative_error: Option<f64>,
}

/// Reports the progress of a computation, and cancels it on request.
///
/// A monitor is an option of each solver and of [`Cam`](crate::cam::Cam). The default monitor
/// does nothing. After the flag is set, the computation finishes the current chunk of work and
/// returns [`Error::Cancelled`], within a fraction of a second.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use tenfold::{Error, Monitor, StHosvd, Tensor};
///
/// let x = Tensor::from_fn(&[6, 7, 8], |i| (1 + i[0] * i[1] + i[2]) as f64)?;
/// let stop = Arc::new(AtomicBool::new(false));
/// // Usually another thread or a handler of Ctrl-C sets the flag. Here the first report sets it.
/// let on_progress = { let stop = stop.clone(); move |_| stop.store(true, Ordering::Relaxed) };
/// let monitor = Monitor::new().cancelled_by(stop).on_progress(on_progress);
/// let solver = StHosvd { monitor, ..StHosvd::new([2, 2, 2]) };
/// assert!(matches!(solver.decompose(&x), Err(Error::Cancelled)));
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Monitor {
    flag: Option<Arc<AtomicBool>>,
    report: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Monitor {
    /// A monitor that does nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same monitor with a cancellation flag. The computation ends when the flag is true.
    #[must_use]
    pub fn cancelled_by(self, flag: Arc<AtomicBool>) -> Self {
        Self {
            flag: Some(flag),
            ..self
        }
    }

    /// The same monitor with a function that is called after each step. Batches call the function
    /// from several threads.
    #[must_use]
    pub fn on_progress(self, report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self {
            report: Some(Arc::new(report)),
            ..self
        }
    }

    /// A monitor with the same flag and without reports, for a part of a computation. The whole
    /// computation reports its own steps.
    pub(crate) fn without_reports(&self) -> Self {
        Self {
            flag: self.flag.clone(),
            report: None,
        }
    }

    /// Monitors with the same flag for `count` parts of a computation that run at the same time. The
    /// parts report the number of steps that all of them have finished, of `total`.
    #[cfg(feature = "cuda")]
    pub(crate) fn parts(&self, count: usize, total: usize) -> Vec<Self> {
        let finished = Arc::new(Mutex::new(vec![0; count]));
        let part = |part: usize| {
            let monitor = self.without_reports();
            let Some(report) = self.report.clone() else {
                return monitor;
            };
            let finished = Arc::clone(&finished);
            monitor.on_progress(move |progress| {
                // The lock is held during the report, so that the reports are in order.
                let mut finished = finished.lock().unwrap_or_else(|broken| broken.into_inner());
                finished[part] = progress.done;
                report(Progress::new(finished.iter().sum(), total));
            })
        };
        (0..count).map(part).collect()
    }

    /// The cancellation flag, for the loops inside a step.
    pub(crate) fn cancellation(&self) -> Cancellation<'_> {
        Cancellation(self.flag.as_deref())
    }

    /// Reports a finished step.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if the flag is set.
    pub(crate) fn step(&self, progress: Progress) -> Result<()> {
        if let Some(report) = &self.report {
            report(progress);
        }
        self.cancellation().check()
    }
}

impl Progress {
    /// `done` of `total` steps.
    pub(crate) fn new(done: usize, total: usize) -> Self {
        Self {
            done,
            total,
            relative_error: None,
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("flag", &self.flag)
            .field("report", &self.report.is_some())
            .finish()
    }
}

/// Two monitors are equal if they share the flag and the function.
impl PartialEq for Monitor {
    fn eq(&self, other: &Self) -> bool {
        are_shared(self.flag.as_ref(), other.flag.as_ref())
            && are_shared(self.report.as_ref(), other.report.as_ref())
    }
}

/// Whether both are the same allocation, or both are absent.
fn are_shared<T: ?Sized>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        _ => one.is_none() && other.is_none(),
    }
}

impl Eq for Monitor {}

/// A borrowed cancellation flag. The default has no flag, so it never requests cancellation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cancellation<'a>(Option<&'a AtomicBool>);

impl Cancellation<'_> {
    /// Whether the flag is set. A loop then skips its remaining work, and the caller of the loop
    /// calls [`Cancellation::check`] before it uses the unfinished result.
    pub(crate) fn is_requested(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// Fails if the flag is set.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub(crate) fn check(self) -> Result<()> {
        if self.is_requested() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monitors_are_equal_if_they_share_flag_and_function() {
        let flag = Arc::new(AtomicBool::new(false));
        let watched = Monitor::new().cancelled_by(flag.clone());
        assert_eq!(watched, Monitor::new().cancelled_by(flag));
        assert_ne!(watched, Monitor::new());
        assert_ne!(watched, Monitor::new().cancelled_by(Arc::default()));
        let reporting = Monitor::new().on_progress(|_| {});
        assert_eq!(reporting, reporting.clone());
        assert_ne!(reporting, Monitor::new().on_progress(|_| {}));
    }

    #[test]
    fn a_step_is_reported_before_the_flag_is_checked() {
        let flag = Arc::new(AtomicBool::new(false));
        let set = {
            let flag = flag.clone();
            move |progress: Progress| flag.store(progress.done == 2, Ordering::Relaxed)
        };
        let monitor = Monitor::new().cancelled_by(flag).on_progress(set);
        assert!(monitor.step(Progress::new(1, 3)).is_ok());
        assert!(matches!(
            monitor.step(Progress::new(2, 3)),
            Err(Error::Cancelled)
        ));
        assert!(monitor.cancellation().is_requested());
        assert!(!Cancellation::default().is_requested());
    }
}

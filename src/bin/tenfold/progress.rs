//! Progress of long work on a terminal.
//!
//! A command starts a [`Bar`] for each part of its work. The bar is drawn once this part has taken
//! longer than a second, and disappears when it is dropped. A bar inside another one is drawn below it:
//!
//! ```text
//! maps ██████████░░░░░░░░░░ 128/256 4s, about 4s left b.npy
//! reading ██████░░░░░░░░░░░░░░ 31 MB of 92 MB 1s, about 2s left b.npy
//! ```
//!
//! The time left is estimated from the steps that are done, so only for steps of about the same
//! duration ([`Steps`]). If standard error is not a terminal, or with `--quiet`, no bar appears.
//!
//! A [`Timer`] for each bar waits for the second, or for the end of the bar:
//!
//! ```text
//! start ──── 1 s ──── shown ──────── dropped      long work
//! start ── dropped                                short work: no bar appears
//! ```

mod timer;

use std::fmt;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};
use tenfold::Monitor;

use crate::memory::readable;
use timer::Timer;

/// The time between two drawings of a bar, which move its spinner and its clock.
const TICK: Duration = Duration::from_millis(100);

/// The time until a bar is drawn.
const DELAY: Duration = Duration::from_secs(1);

/// The variable that sets another time until a bar is drawn, in milliseconds. Tests of short commands
/// set it to 0.
const DELAY_VARIABLE: &str = "TENFOLD_PROGRESS_DELAY_MS";

/// The place where bars are drawn.
pub(crate) struct Progress {
    bars: MultiProgress,
    delay: Duration,
}

/// The steps of a part of the work.
#[derive(Clone, Copy)]
pub(crate) enum Steps {
    /// The number of steps is unknown.
    Unknown,
    /// Steps of about the same duration.
    Equal(usize),
    /// At most this many steps, of about the same duration.
    AtMost(usize),
    /// Steps of different durations, such as the modes of ST-HOSVD. The time left is not estimated.
    Unequal(usize),
    /// Bytes. Their number is known once the first are done.
    Bytes,
}

impl Progress {
    /// Draws on standard error if it is a terminal, unless `quiet`.
    pub(crate) fn on_standard_error(quiet: bool) -> Self {
        let target = if quiet || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let delay = std::env::var(DELAY_VARIABLE).ok();
        let delay = delay.and_then(|milliseconds| milliseconds.parse().ok());
        Self::new(target, delay.map_or(DELAY, Duration::from_millis))
    }

    fn new(target: ProgressDrawTarget, delay: Duration) -> Self {
        Self {
            bars: MultiProgress::with_draw_target(target),
            delay,
        }
    }

    /// Starts a bar. `doing` says what the work is, in a word such as "reading".
    pub(crate) fn start(&self, doing: &'static str, steps: Steps) -> Bar {
        if self.bars.is_hidden() {
            return Bar(None);
        }
        let hidden = ProgressDrawTarget::hidden();
        let bar = ProgressBar::with_draw_target(steps.count(), hidden)
            .with_style(steps.style())
            .with_prefix(doing);
        let ticks = Arc::new(AtomicBool::new(true));
        let show = {
            let (bars, bar, ticks) = (self.bars.clone(), bar.clone(), ticks.clone());
            move || {
                let bar = bars.add(bar);
                if ticks.load(Ordering::Relaxed) {
                    bar.tick();
                    bar.enable_steady_tick(TICK);
                }
            }
        };
        Bar(Some(Shown {
            bar,
            ticks,
            timer: Timer::new(self.delay, show),
        }))
    }

    /// Calls `print`, which prints lines on the same terminal, while no bar is drawn there.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bars.suspend(print);
    }
}

impl Steps {
    fn count(self) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::Equal(count) | Self::AtMost(count) | Self::Unequal(count) => Some(count as u64),
            Self::Bytes => Some(0),
        }
    }

    fn style(self) -> ProgressStyle {
        let template = match self {
            Self::Unknown => "{spinner} {prefix} {elapsed} {wide_msg}",
            Self::Bytes => "{prefix} {bar:20} {read} {elapsed}{left} {wide_msg}",
            _ => "{prefix} {bar:20} {pos}/{len} {elapsed}{left} {wide_msg}",
        };
        let left = move |state: &ProgressState, text: &mut dyn fmt::Write| {
            let about = match self {
                Self::Equal(_) | Self::Bytes => "about",
                Self::AtMost(_) => "at most",
                Self::Unknown | Self::Unequal(_) => return,
            };
            if state.pos() > 0 {
                // The line is drawn without the time if it cannot be written.
                let _ = write!(text, ", {about} {:#} left", HumanDuration(state.eta()));
            }
        };
        let read = |state: &ProgressState, text: &mut dyn fmt::Write| {
            let all = readable(state.len().unwrap_or(0));
            let _ = write!(text, "{} of {all}", readable(state.pos()));
        };
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("left", left)
            .with_key("read", read)
    }
}

/// A bar on the terminal, or a bar that is never drawn.
pub(crate) struct Bar(Option<Shown>);

/// A bar that is drawn after the delay.
struct Shown {
    bar: ProgressBar,
    /// Whether the bar is drawn between steps too.
    ticks: Arc<AtomicBool>,
    timer: Timer,
}

impl Bar {
    /// A bar that is not drawn.
    #[cfg(feature = "onnx")]
    pub(crate) fn hidden() -> Self {
        Self(None)
    }

    /// Shows what the current step works on.
    pub(crate) fn about(&self, text: impl fmt::Display) {
        if let Some(shown) = &self.0 {
            shown.bar.set_message(text.to_string());
        }
    }

    /// One more step is done.
    pub(crate) fn step(&self) {
        if let Some(shown) = &self.0 {
            shown.bar.inc(1);
        }
    }

    /// Draws only when a step is done, so that drawing does not disturb measurements in between.
    pub(crate) fn only_steps(&self) {
        if let Some(shown) = &self.0 {
            shown.ticks.store(false, Ordering::Relaxed);
            shown.bar.disable_steady_tick();
        }
    }

    /// `monitor` with reports to the bar, for a computation that starts when the steps done so far
    /// are done. If its total number of steps is larger than the bar expects, the bar becomes
    /// longer.
    pub(crate) fn monitor(&self, monitor: Monitor) -> Monitor {
        let Some(shown) = &self.0 else {
            return monitor;
        };
        let bar = shown.bar.clone();
        let first = bar.position();
        monitor.on_progress(move |progress| {
            let all = first + progress.total as u64;
            if bar.length().is_some_and(|length| length < all) {
                bar.set_length(all);
            }
            // The threads of a batch may report in another order than they count.
            bar.set_position(bar.position().max(first + progress.done as u64));
            if let Some(error) = progress.relative_error {
                bar.set_message(format!("error {error:.3e}"));
            }
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(Shown { bar, timer, .. }) = self.0.take() {
            drop(timer);
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;
    use tenfold::{Hooi, StHosvd, Tensor};

    use super::*;

    fn on_terminal() -> (InMemoryTerm, Progress) {
        after(Duration::ZERO)
    }

    /// A terminal on which bars are drawn after a delay.
    fn after(delay: Duration) -> (InMemoryTerm, Progress) {
        let terminal = InMemoryTerm::new(5, 100);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 200);
        (terminal, Progress::new(target, delay))
    }

    fn drawn(bar: &Bar) -> &ProgressBar {
        &bar.0.as_ref().unwrap().bar
    }

    /// A bar that this test alone draws.
    fn start(progress: &Progress, doing: &'static str, steps: Steps) -> Bar {
        let started = progress.start(doing, steps);
        started.only_steps();
        drawn(&started).force_draw();
        started
    }

    #[test]
    fn steps_are_counted_and_the_time_left_is_estimated() {
        for (steps, left) in [
            (Steps::Equal(4), "about"),
            (Steps::AtMost(4), "at most"),
            (Steps::Unequal(4), ""),
        ] {
            let (terminal, progress) = on_terminal();
            let bar = start(&progress, "maps", steps);
            let line = terminal.contents();
            assert!(
                line.starts_with("maps ") && line.contains(" 0/4 "),
                "{line}"
            );
            assert!(!line.contains("left"), "{line}");
            bar.about("x.npy");
            bar.step();
            drawn(&bar).force_draw();
            let line = terminal.contents();
            assert!(line.contains(" 1/4 ") && line.ends_with(" x.npy"), "{line}");
            assert_eq!(line.contains("left"), !left.is_empty(), "{line}");
            assert!(line.contains(left), "{line}");
            drop(bar);
            assert_eq!(terminal.contents(), "");
        }
    }

    #[test]
    fn bytes_are_shown_in_their_units() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let x = Tensor::<f32>::zeros(&[500, 1000]).unwrap();
        tenfold::io::write_npy(&path, &x).unwrap();
        let (terminal, progress) = on_terminal();
        let bar = start(&progress, "reading", Steps::Bytes);
        let file = tenfold::io::ArrayFile::open(&path).unwrap();
        file.monitored(bar.monitor(Monitor::new())).read().unwrap();
        drawn(&bar).force_draw();
        let line = terminal.contents();
        assert!(line.contains(" 2.0 MB of 2.0 MB "), "{line}");
    }

    #[test]
    fn unknown_steps_have_a_clock() {
        let (terminal, progress) = on_terminal();
        let bar = start(&progress, "writing", Steps::Unknown);
        bar.about("y.npy");
        drawn(&bar).force_draw();
        let line = terminal.contents();
        assert!(
            line.contains(" writing ") && line.ends_with("s y.npy"),
            "{line}"
        );
    }

    #[test]
    fn a_solver_reports_its_steps() {
        let x = Tensor::from_fn(&[6, 5, 4], |i| (1 + i[0] * i[1] + i[2] % 3) as f64).unwrap();
        let (terminal, progress) = on_terminal();
        let bar = start(&progress, "decomposing", Steps::Unequal(3));
        let monitor = bar.monitor(Monitor::new());
        let st_hosvd = StHosvd {
            monitor,
            ..StHosvd::new([2, 2, 2])
        };
        drop(st_hosvd.decompose(&x).unwrap());
        drawn(&bar).force_draw();
        let line = terminal.contents();
        assert!(line.contains(" 3/3 ") && line.contains(" error "), "{line}");
        drop(bar);

        let bar = start(&progress, "decomposing", Steps::AtMost(1));
        let monitor = bar.monitor(Monitor::new());
        let hooi = Hooi {
            monitor,
            max_sweeps: 7,
            sweep_tolerance: 0.0,
            ..Hooi::new([2, 2, 2])
        };
        drop(hooi.decompose(&x).unwrap());
        drawn(&bar).force_draw();
        let line = terminal.contents();
        assert!(line.contains(" 7/7 "), "{line}");
    }

    /// The second computation continues where the first ended.
    #[test]
    fn computations_share_a_bar() {
        let x = Tensor::from_fn(&[3, 4], |i| (1 + i[0] * i[1]) as f64).unwrap();
        let (_, progress) = on_terminal();
        let bar = start(&progress, "decomposing", Steps::Equal(5));
        for done in [2, 4, 6] {
            let monitor = bar.monitor(Monitor::new());
            let st_hosvd = StHosvd {
                monitor,
                ..StHosvd::new([1, 1])
            };
            drop(st_hosvd.decompose(&x).unwrap());
            assert_eq!(drawn(&bar).position(), done);
        }
        assert_eq!(drawn(&bar).length(), Some(6));
    }

    #[test]
    fn work_that_ends_before_the_delay_draws_nothing() {
        let (terminal, progress) = after(Duration::from_secs(3600));
        for steps in [Steps::Unknown, Steps::Equal(3), Steps::Bytes] {
            let bar = progress.start("maps", steps);
            bar.about("x.npy");
            for _ in 0..3 {
                bar.step();
                drawn(&bar).force_draw();
            }
            assert_eq!(terminal.contents(), "");
            drop(bar);
            assert_eq!(terminal.moves_since_last_check(), "");
        }
    }

    /// The bar appears without a further step, with the steps that were done before.
    #[test]
    fn long_work_is_drawn_after_the_delay() {
        let (terminal, progress) = after(Duration::from_millis(1));
        let bar = progress.start("maps", Steps::Equal(4));
        bar.step();
        while terminal.contents().is_empty() {
            std::thread::yield_now();
        }
        let line = terminal.contents();
        assert!(
            line.starts_with("maps ") && line.contains(" 1/4 "),
            "{line}"
        );
        drop(bar);
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn lines_are_printed_above_the_bars() {
        let (terminal, progress) = on_terminal();
        let outer = start(&progress, "maps", Steps::Equal(2));
        let inner = start(&progress, "reading", Steps::Unknown);
        assert_eq!(terminal.contents().lines().count(), 2);
        progress.suspend(|| assert_eq!(terminal.contents(), ""));
        drop(inner);
        assert!(terminal.contents().starts_with("maps "));
        drop(outer);
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn a_hidden_bar_takes_no_reports() {
        let progress = Progress::on_standard_error(true);
        let bar = progress.start("maps", Steps::Equal(2));
        assert_eq!(bar.monitor(Monitor::new()), Monitor::new());
    }
}

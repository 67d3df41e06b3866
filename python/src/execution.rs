//! How a call from Python runs: which threads compute, and how Ctrl-C and panics reach Python.
//!
//! ```text
//! Python's thread                      a thread of the pool (long calls only)
//! release the GIL
//! give the work to the pool ───────>   compute, with the other threads of the pool
//! every 50 ms: a signal?
//!   if so: set the flag  ──────────>   the loops see the flag and end
//! take the GIL           <──────────   the result, an error or a panic
//! ```
//!
//! A short call computes on Python's own thread, because the way to another thread and back takes as
//! long as a small decomposition.
//!
//! # Forks
//! A child of `fork` inherits the memory of the thread pool, but not its threads. Work that is given
//! to such a pool waits forever. A child therefore uses pools of its own, which the number of the
//! process distinguishes.

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tenfold::{Monitor, Progress};

use crate::errors::raised;

/// How a call runs.
#[derive(Default)]
pub(crate) struct Call {
    /// The number of threads; `None` for one thread per core.
    pub(crate) threads: Option<NonZero<usize>>,
    /// Is called after each step with the numbers of finished steps and of all steps, and with the
    /// relative error or `None`.
    pub(crate) progress: Option<Py<PyAny>>,
    /// An estimate of the number of flops.
    pub(crate) flops: f64,
}

/// The maximum number of flops of a call that Ctrl-C cannot stop. They take some tenths of a second.
const SHORT: f64 = 1e9;
/// The maximum number of threads of a call. Far more threads than cores only slow a machine down.
const MAX_THREADS: usize = 1024;
/// The time between two checks for a signal.
const INTERVAL: Duration = Duration::from_millis(50);

/// Calls `compute` without the GIL and returns its result. `compute` passes the monitor to the
/// library.
///
/// # Errors
/// The error of `compute`; `KeyboardInterrupt` or the exception of another signal handler; the
/// exception of the function [`Call::progress`]; `RuntimeError` for a panic.
pub(crate) fn run<R: Send>(
    py: Python<'_>,
    call: Call,
    compute: impl FnOnce(Monitor) -> tenfold::Result<R> + Send,
) -> PyResult<R> {
    let is_short = call.flops <= SHORT;
    let pool = match call.threads {
        None if is_short && std::process::id() == IMPORTER.process => None,
        threads => Some(pool(threads)?),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let raised_by_progress = Arc::new(Mutex::new(None));
    let monitor = Monitor::new().cancelled_by(Arc::clone(&stop));
    let monitor = match call.progress {
        Some(function) => monitor.on_progress(reporter(function, &stop, &raised_by_progress)),
        None => monitor,
    };
    let compute = || catch_unwind(AssertUnwindSafe(|| compute(monitor)));
    let (outcome, interrupt) = py.detach(|| match pool {
        None => (compute(), None),
        // A function that reports progress called this module again.
        Some(pool) if pool.current_thread_index().is_some() => (compute(), None),
        Some(pool) if is_short => (pool.install(compute), None),
        Some(pool) => wait(&pool, compute, &stop),
    });
    // The exceptions of Python come first: they are the reason why the computation was cancelled.
    if let Some(exception) = interrupt.or_else(|| lock(&raised_by_progress).take()) {
        return Err(exception);
    }
    match outcome {
        Ok(result) => result.map_err(raised),
        Err(panic) => Err(PyRuntimeError::new_err(format!(
            "this is a fault of tenfold, please report it: {}",
            message(&*panic)
        ))),
    }
}

/// Computes on a thread of the pool. Returns the result, and the exception of a signal handler that
/// ran in the meantime. Only Python's main thread runs signal handlers.
fn wait<R: Send>(
    pool: &ThreadPool,
    compute: impl FnOnce() -> std::thread::Result<R> + Send,
    stop: &AtomicBool,
) -> (std::thread::Result<R>, Option<PyErr>) {
    let (sender, receiver) = sync_channel(1);
    pool.in_place_scope(|scope| {
        scope.spawn(move |_| {
            // The receiver exists until the result is there.
            let _ = sender.send(compute());
        });
        let mut interrupt = None;
        loop {
            match receiver.recv_timeout(INTERVAL) {
                Ok(outcome) => return (outcome, interrupt),
                Err(RecvTimeoutError::Disconnected) => {
                    return (Err(Box::new("a call without a result")), interrupt);
                }
                Err(RecvTimeoutError::Timeout) if interrupt.is_none() => {
                    interrupt = Python::attach(|py| py.check_signals()).err();
                    if interrupt.is_some() {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    })
}

/// A function that reports progress to the Python function. An exception stops the computation.
fn reporter(
    function: Py<PyAny>,
    stop: &Arc<AtomicBool>,
    exception: &Arc<Mutex<Option<PyErr>>>,
) -> impl Fn(Progress) + Send + Sync + 'static {
    let (stop, exception) = (Arc::clone(stop), Arc::clone(exception));
    move |progress| {
        let arguments = (progress.done, progress.total, progress.relative_error);
        if let Err(error) = Python::attach(|py| function.call1(py, arguments)) {
            lock(&exception).get_or_insert(error);
            stop.store(true, Ordering::Relaxed);
        }
    }
}

/// The pools of a process.
struct Pools {
    process: u32,
    pools: HashMap<Key, Arc<ThreadPool>>,
}

/// What a pool is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    /// The number of threads; 0 for one thread per core.
    threads: usize,
    /// Whether the pool serves Python's main thread. The other threads of Python share a pool of their
    /// own: a thread of a pool that waits for a part of one call can start another call, and the
    /// first call cannot stop before the other one ends.
    is_for_main: bool,
}

/// The process that imported the module, in which alone the global pool of rayon has threads, and the
/// thread that imported it, which is Python's main thread in nearly all programs.
struct Importer {
    process: u32,
    thread: ThreadId,
}

static IMPORTER: LazyLock<Importer> = LazyLock::new(|| Importer {
    process: std::process::id(),
    thread: std::thread::current().id(),
});

static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(|| {
    Mutex::new(Pools {
        process: IMPORTER.process,
        pools: HashMap::new(),
    })
});

/// Notes the process and the thread that import the module.
pub(crate) fn note_process() {
    LazyLock::force(&IMPORTER);
}

/// The pool for a number of threads; `None` for one thread per core.
fn pool(threads: Option<NonZero<usize>>) -> PyResult<Arc<ThreadPool>> {
    if let Some(threads) = threads.filter(|threads| threads.get() > MAX_THREADS) {
        return Err(PyValueError::new_err(format!(
            "threads is at most {MAX_THREADS}, not {threads}"
        )));
    }
    let process = std::process::id();
    let key = Key {
        threads: threads.map_or(0, NonZero::get),
        is_for_main: std::thread::current().id() == IMPORTER.thread,
    };
    // 1. A pool of an earlier call. The lock is held for short times, so that a fork does not find it
    //    locked.
    {
        let mut known = lock(&POOLS);
        if known.process != process {
            // The threads of these pools do not exist in this process. Their destructors would wait.
            std::mem::forget(std::mem::take(&mut known.pools));
            known.process = process;
        }
        if let Some(pool) = known.pools.get(&key) {
            return Ok(Arc::clone(pool));
        }
    }
    // 2. A new one.
    let pool = ThreadPoolBuilder::new().num_threads(key.threads).build();
    let pool = Arc::new(pool.map_err(|error| {
        PyRuntimeError::new_err(format!("a thread pool cannot be started: {error}"))
    })?);
    let mut known = lock(&POOLS);
    Ok(Arc::clone(known.pools.entry(key).or_insert(pool)))
}

/// The value of a mutex. A panic of another thread does not matter: no value here is changed in steps.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The message of a panic.
fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}

//! The cases that compare a device with the CPU. The stand-in driver
//! (`tests/stand-in-driver/tests/agreement.rs`) runs the small ones by its interpreter, hardware
//! (`tests/gpu.rs`) runs the large ones too.
//!
//! A case panics to fail. [`bounds`] derives the tolerances of the results.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

mod bounds;
mod caller;
mod compare;
mod decompositions;
mod features;
mod maps;
mod resident;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use compare::Figures;
use features::features;
use tenfold::cuda::Device;
use tenfold::{Monitor, Tensor};

/// Where a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    Anywhere,
    /// Too large for the interpreter.
    OnHardware,
    /// Leaves a number of bytes free that is too small for hardware, which allocates whole pages.
    InTheInterpreter,
}

/// The bytes of a GPU's memory that are left free for a batch in several chunks. A driver allocates
/// memory in pieces that are much smaller.
const LEFT: usize = 512 << 20;

/// A named comparison.
struct Case {
    name: &'static str,
    runs: Runs,
    compare: fn(&mut Trial<'_>),
}

/// A case that runs.
struct Trial<'a> {
    device: &'a Device,
    place: &'a dyn Place,
    figures: Figures,
}

/// A device that is compared with the CPU.
pub(crate) trait Place {
    fn is_hardware(&self) -> bool;

    /// Allocates all but about this number of bytes of the device's memory until
    /// [`Place::end_case`].
    fn leave(&self, bytes: usize);

    /// Opens the device again with a limit on the shared memory of a block. Only an interpreter can
    /// set it.
    fn open_with_shared_memory(&self, bytes: i32) -> Device;

    /// Frees the memory that [`Place::leave`] allocated. Returns the faults that the place found
    /// during the case; empty if there are none.
    fn end_case(&self) -> String;
}

impl Trial<'_> {
    /// Leaves about this number of bytes of the device's memory for the next calls.
    fn leave(&self, bytes: usize) {
        self.device.release_memory();
        self.place.leave(bytes);
    }
}

/// Runs all cases, or the cases with a name that contains one of the words on the command line, less
/// those that contain the word of a `--skip=word`. Prints a line for each and continues after a
/// failure; fails if a case failed.
pub(crate) fn run(device: &Device, place: &dyn Place) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let skipped = arguments
        .iter()
        .filter_map(|word| word.strip_prefix("--skip="));
    let skipped: Vec<&str> = skipped.collect();
    let words: Vec<&String> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| {
        let named = words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
        named && !skipped.iter().any(|word| name.contains(word))
    };
    let elsewhere = if place.is_hardware() {
        Runs::InTheInterpreter
    } else {
        Runs::OnHardware
    };
    let (mut passed, mut failed) = (0, 0);
    let tucker = decompositions::CASES
        .iter()
        .chain(resident::CASES)
        .chain(caller::CASES);
    for case in maps::CASES.iter().chain(tucker) {
        if case.runs == elsewhere || !wanted(case.name) {
            continue;
        }
        let mut trial = Trial {
            device,
            place,
            figures: Figures::default(),
        };
        let compared = catch_unwind(AssertUnwindSafe(|| (case.compare)(&mut trial)));
        let report = place.end_case();
        // The next case gets new memory. The stand-in driver checks that it is written before it
        // is read.
        device.release_memory();
        if compared.is_ok() && report.is_empty() {
            println!("test {} ... ok ({})", case.name, trial.figures);
            passed += 1;
        } else {
            println!("test {} ... FAILED\n{report}", case.name);
            failed += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A monitor that counts reports up to `total`, in order, and the reports so far.
fn counting_monitor(total: usize) -> (Monitor, Arc<Mutex<Vec<usize>>>) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&reports);
    let monitor = Monitor::new().on_progress(move |progress| {
        assert_eq!(progress.total, total);
        into.lock().unwrap().push(progress.done);
    });
    (monitor, reports)
}

/// A monitor with a cancellation flag that is set.
fn cancelled_monitor() -> Monitor {
    Monitor::new().cancelled_by(Arc::new(AtomicBool::new(true)))
}

/// The items of a batch, one by one.
fn one_by_one<T: tenfold::Scalar>(batch: &Tensor<T>) -> Vec<Tensor<T>> {
    let shape = &batch.shape()[1..];
    let parts = batch.data().chunks(shape.iter().product());
    parts
        .map(|part| Tensor::new(shape, part.to_vec()).unwrap())
        .collect()
}

/// `x` times `factor`.
fn scaled(x: &Tensor<f64>, factor: f64) -> Tensor<f64> {
    let entries = x.data().iter().map(|entry| entry * factor);
    Tensor::new(x.shape(), entries.collect()).unwrap()
}

//! The cases in which a device is compared with the CPU: one list for the stand-in driver
//! (`tests/stand-in-driver/tests/agreement.rs`), whose interpreter runs the small ones, and for
//! hardware (`tests/gpu.rs`).
//!
//! A case fails by a panic. The tolerances of results are bounds that [`bounds`] derives.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

mod bounds;
mod compare;
mod decompositions;
mod features;
mod maps;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use compare::Figures;
use features::features;
use tenfold::Tensor;
use tenfold::cuda::Device;

/// Where a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runs {
    Anywhere,
    /// Too large for the interpreter.
    OnHardware,
    /// Takes so little memory away that a device, which hands memory out by pages, cannot follow.
    InTheInterpreter,
}

/// The bytes that are left of a card's memory where a batch is to take several chunks: many of the
/// pieces in which a driver hands memory out.
const LEFT: usize = 512 << 20;

/// A named comparison.
struct Case {
    name: &'static str,
    runs: Runs,
    compare: fn(&mut Trial<'_>),
}

/// A case as it runs.
struct Trial<'a> {
    device: &'a Device,
    place: &'a dyn Place,
    figures: Figures,
}

/// A device to compare with the CPU.
pub(crate) trait Place {
    fn is_hardware(&self) -> bool;

    /// Leaves about this number of bytes of the device's memory free until [`Place::end_case`].
    fn leave(&self, bytes: usize);

    /// The device opened anew with so many bytes of shared memory for a block, which only an
    /// interpreter can do.
    fn open_with_shared_memory(&self, bytes: i32) -> Device;

    /// Gives back what [`Place::leave`] took. What was found wrong beside the results; empty where
    /// nothing was.
    fn end_case(&self) -> String;
}

/// Runs the cases whose name holds one of the words on the command line, all where there is none.
/// Prints a line for each and goes on after a failure; fails where one did.
pub(crate) fn run(device: &Device, place: &dyn Place) -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let elsewhere = if place.is_hardware() {
        Runs::InTheInterpreter
    } else {
        Runs::OnHardware
    };
    let (mut passed, mut failed) = (0, 0);
    for case in maps::CASES.iter().chain(decompositions::CASES) {
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

/// The items of a batch, one by one.
fn one_by_one<T: tenfold::Scalar>(batch: &Tensor<T>) -> Vec<Tensor<T>> {
    let shape = &batch.shape()[1..];
    let parts = batch.data().chunks(shape.iter().product());
    parts
        .map(|part| Tensor::new(shape, part.to_vec()).unwrap())
        .collect()
}

/// `x` with every entry times `factor`.
fn scaled(x: &Tensor<f64>, factor: f64) -> Tensor<f64> {
    let entries = x.data().iter().map(|entry| entry * factor);
    Tensor::new(x.shape(), entries.collect()).unwrap()
}

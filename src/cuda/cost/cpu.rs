//! The time of a call on the reference CPU: 16 cores of an Intel Xeon (Sapphire Rapids).
//!
//! ```text
//! flops    = Gram flops / GRAM + product flops / PRODUCT      seconds of one core for an item
//! vectors  = the eigenproblems of the item                    the same
//! time     = items · flops / CORES + max(items / CORES, 1) · vectors
//! ```
//!
//! All cores share the flops of an item. One core solves the eigenproblems of an item.

use super::work::{Eigenproblem, Work};

/// The reference has 16 cores. Together they are measured to be 12 times as fast as one of them.
const CORES: f64 = 12.0;

/// Flops per second of a Gram matrix on one core, in `f64`. The rate of `f32` is twice as high.
const GRAM: f64 = 35e9;

/// Flops per second of a thin product on one core, in `f64`.
const PRODUCT: f64 = 35e9;

/// Bytes per second that one core reads from memory.
const MEMORY: f64 = 10e9;

/// The seconds of a call for `items` items, with entries of `bytes` bytes.
pub(super) fn seconds(work: &Work, items: f64, bytes: usize) -> f64 {
    let speed = 8.0 / bytes as f64;
    let arithmetic = (work.gram_flops / GRAM + work.product_flops / PRODUCT) / speed;
    let reading = work.entries * bytes as f64 / MEMORY;
    let flops = arithmetic.max(reading);
    let eigenproblems = work.eigenproblems.iter();
    let vectors: f64 = eigenproblems.map(|each| each.count * eigen(each)).sum();
    items * flops / CORES + (items / CORES).max(1.0) * vectors
}

/// The seconds of an eigenproblem on one core: n²·(40 + 0.15·n) ns, or 6·n² ns for the first vector
/// alone.
fn eigen(problem: &Eigenproblem) -> f64 {
    let n = problem.order;
    let of_entry = if problem.first_only {
        6.0
    } else {
        40.0 + 0.15 * n
    };
    1e-9 * of_entry * n * n
}

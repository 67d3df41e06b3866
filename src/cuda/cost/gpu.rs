//! The time of a call on a GPU for items in the host's memory.
//!
//! ```text
//! copy     = bytes of all items / BUS
//! compute  = (items · (Gram flops / GRAM + product flops / PRODUCT) + eigenproblems) / speed
//! time     = max(copy, compute) + min(copy, compute) / min(items, CHUNKS) + launches
//! ```
//!
//! Copies overlap with the computation of other items. *Speed* is the peak rate of `f64` arithmetic
//! of the GPU relative to an H100, on which the times were measured. A batch of small eigenproblems
//! takes the time of its slowest matrix or the time for the throughput, whichever is longer.

use super::table::{Table, interpolated};
use super::work::{Eigenproblem, Work};
use crate::cuda::program::families::{compute_first_vectors, solve_eigenproblems};
use crate::cuda::properties::Properties;

/// Bytes per second from pageable memory of the host through the ring of pinned buffers, filled by
/// 16 cores.
const BUS: f64 = 50e9;

/// The maximum number of chunks into which the model splits a batch.
const CHUNKS: f64 = 8.0;

/// The seconds of a call apart from its items: it prepares memory and waits for the results.
const CALL: f64 = 100e-6;

/// The seconds to launch the kernels around an eigenproblem of a batch.
const LAUNCHES: f64 = 40e-6;

/// The peak rate of `f64` arithmetic of an H100, without tensor cores.
const H100: f64 = 33.5e12;

/// The least compute capability that the kernels support.
const LEAST_CAPABILITY: u32 = 75;

/// The least compute capability of the sized kernels.
const LEAST_SIZED: u32 = 80;

/// Flops per second of Gram matrices on an H100 without `f64` tensor cores.
const GRAM_WITHOUT_TENSOR_CORES: f64 = 10e12;

/// The rates and times of a set of kernels, measured on an H100.
struct Rates {
    /// Flops per second of Gram matrices.
    gram: f64,
    /// Flops per second of products.
    product: f64,
    /// All eigenvectors.
    all: Times,
}

/// The times of eigenproblems by their order, in microseconds.
struct Times {
    /// The time of a matrix in a large batch.
    throughput: Table,
    /// The time of a single matrix.
    latency: Table,
}

const SIZED: Rates = Rates {
    gram: 33e12,
    product: 10e12,
    all: Times {
        throughput: &[
            (16.0, 0.045),
            (25.0, 0.094),
            (36.0, 0.209),
            (49.0, 0.363),
            (64.0, 0.964),
            (100.0, 5.77),
            (128.0, 9.2),
            (196.0, 62.6),
            (256.0, 87.5),
            (400.0, 521.0),
        ],
        latency: &[
            (16.0, 50.0),
            (49.0, 400.0),
            (100.0, 1_000.0),
            (200.0, 1_600.0),
            (256.0, 2_600.0),
            (400.0, 5_210.0),
        ],
    },
};

/// The first eigenvector alone. The base kernels compute all.
const SIZED_FIRST: Times = Times {
    throughput: &[(49.0, 0.025), (196.0, 0.97)],
    latency: &[(49.0, 25.0), (196.0, 120.0)],
};

const BASE: Rates = Rates {
    gram: 3.5e12,
    product: 2e12,
    all: Times {
        throughput: &[
            (20.0, 1.2),
            (49.0, 6.0),
            (196.0, 4_900.0),
            (256.0, 13_000.0),
            (400.0, 150_000.0),
        ],
        latency: &[
            (20.0, 320.0),
            (49.0, 2_000.0),
            (196.0, 156_000.0),
            (256.0, 418_000.0),
            (400.0, 20_000_000.0),
        ],
    },
};

/// The seconds of a call for `items` items, with entries of `bytes` bytes. `None` if the kernels do
/// not support the card.
pub(super) fn seconds(work: &Work, items: f64, bytes: usize, card: &Properties) -> Option<f64> {
    let capability = capability(card);
    if capability < LEAST_CAPABILITY {
        return None;
    }
    let rates = if capability >= LEAST_SIZED {
        &SIZED
    } else {
        &BASE
    };
    let flops = work.gram_flops / gram_rate(rates, card) + work.product_flops / rates.product;
    let mut vectors = 0.0;
    let mut launches = 0.0;
    for problem in &work.eigenproblems {
        vectors += problem.count * eigen(problem, items, capability);
        launches += problem.count * LAUNCHES;
    }
    let compute = (items * flops + vectors) / speed(card);
    let copy = items * work.entries * bytes as f64 / BUS;
    let alone = compute.min(copy) / items.min(CHUNKS);
    Some(CALL + launches + compute.max(copy) + alone)
}

/// The seconds of a batch of eigenproblems on an H100.
fn eigen(problem: &Eigenproblem, items: f64, capability: u32) -> f64 {
    let order = problem.order as usize;
    let times = if problem.first_only && compute_first_vectors(capability, order) {
        &SIZED_FIRST
    } else if solve_eigenproblems(capability, order) {
        &SIZED.all
    } else {
        &BASE.all
    };
    let throughput = items * interpolated(times.throughput, problem.order);
    1e-6 * throughput.max(interpolated(times.latency, problem.order))
}

/// The rate of Gram matrices. Tensor cores compute them on cards with fast `f64` arithmetic.
fn gram_rate(kernels: &Rates, card: &Properties) -> f64 {
    const SLOW: usize = 4;
    if card.single_to_double > SLOW {
        kernels.gram.min(GRAM_WITHOUT_TENSOR_CORES)
    } else {
        kernels.gram
    }
}

/// The compute capability as a number: 90 for 9.0.
fn capability(card: &Properties) -> u32 {
    let (major, minor) = card.compute_capability;
    (10 * major + minor).unsigned_abs()
}

/// The peak rate of `f64` arithmetic relative to an H100.
fn speed(card: &Properties) -> f64 {
    // The `f32` units of a multiprocessor.
    let units = match capability(card) {
        ..=80 => 64.0,
        _ => 128.0,
    };
    let clock = 1e3 * card.clock_khz as f64;
    // A driver that does not report the ratio counts as one for a card with slow `f64` arithmetic.
    let ratio = match card.single_to_double {
        0 => 64.0,
        ratio => ratio as f64,
    };
    card.multiprocessors as f64 * units * 2.0 * clock / ratio / H100
}

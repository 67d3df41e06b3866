//! One step of the device alone, for benchmarks. Not part of the public interface.

use std::time::Instant;

use super::buffers::{copy, download, upload, zeros};
use super::device::Device;
use super::launch::{Eigenproblems, no_convergence, outcome};
use crate::error::Result;

/// Solved eigenproblems, and how long they took.
#[derive(Clone, Debug)]
pub struct SolvedEigenproblems {
    /// The seconds of each repetition, for all matrices together.
    pub seconds: Vec<f64>,
    /// The eigenvalues of each matrix, largest first.
    pub values: Vec<f64>,
    /// The eigenvectors of each matrix in the order of its eigenvalues, one after the other.
    pub vectors: Vec<f64>,
}

/// Solves the eigenproblems of Gram matrices of order `order`, `repeat` times after one warm-up.
/// `grams` holds the matrices one after the other. A repetition copies the matrices on the device,
/// because the kernels overwrite them, and solves all eigenproblems.
///
/// # Errors
/// [`Error::NoConvergence`](crate::Error::NoConvergence) and [`Error::Cuda`](crate::Error::Cuda).
pub fn eigenproblems(
    device: &Device,
    order: usize,
    grams: &[f64],
    repeat: usize,
) -> Result<SolvedEigenproblems> {
    let queue = device.queue()?;
    let items = grams.len() / (order * order).max(1);
    let entries = items * order * order;
    let mut source = zeros::<f64>(&queue, entries)?;
    upload(&queue, &grams[..entries], &mut source)?;
    let mut matrices = zeros::<f64>(&queue, entries)?;
    let mut work = zeros::<f64>(&queue, entries)?;
    let mut vectors = zeros::<f64>(&queue, entries)?;
    let mut values = zeros::<f64>(&queue, items * order)?;
    let mut outcomes = zeros::<i32>(&queue, items)?;
    let mut seconds = Vec::with_capacity(repeat + 1);
    for _ in 0..=repeat {
        queue.wait()?;
        let started = Instant::now();
        copy(&queue, &source, &mut matrices)?;
        queue.eigen(Eigenproblems {
            items,
            order,
            grams: &mut matrices,
            work: &mut work,
            values: &mut values,
            vectors: &mut vectors,
            outcomes: &mut outcomes,
            active: None,
        })?;
        queue.wait()?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    if download(&queue, &outcomes)?
        .iter()
        .any(|&code| code != outcome::FINE)
    {
        return Err(no_convergence());
    }
    Ok(SolvedEigenproblems {
        seconds: seconds.split_off(1),
        values: download(&queue, &values)?,
        vectors: download(&queue, &vectors)?,
    })
}

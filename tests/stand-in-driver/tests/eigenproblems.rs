//! Checks the kernels of eigenproblems on six kinds of spectra: residuals and orthonormality in units
//! of n eps.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::StandIn;
use cudarc::driver::sys::CUfunction_attribute_enum;
use cudarc::driver::{CudaContext, CudaFunction, LaunchConfig, PushKernelArg};
use cudarc::nvrtc::Ptx;

/// The largest residual and deviation from orthonormality, in units of n eps. Measured: at most 0.5
/// and 0.9.
const TOLERANCE: f64 = 1.0;

/// The bytes of shared memory of a block.
const SHARED: u32 = 220 * 1024;

/// Numbers of about the distribution N(0, 1), from a generator of Knuth.
struct Normal(u64);

impl Normal {
    fn next(&mut self) -> f64 {
        let mut uniform = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

/// A Gram matrix of order n with a spectrum of some kind.
fn spectrum(kind: usize, n: usize) -> Vec<f64> {
    let mut normal = Normal(kind as u64 + 7);
    let rows = if kind == 2 { n / 2 } else { 2 * n };
    let mut features: Vec<f64> = (0..rows * n).map(|_| normal.next()).collect();
    for (i, row) in features.chunks_mut(n).enumerate() {
        match kind {
            // Features behind a ReLU, as they are, centred, or of rank n / 2.
            0..=2 => {
                for (j, entry) in row.iter_mut().enumerate() {
                    *entry = (*entry + (0.3 * j as f64 + i as f64).sin()).max(0.0);
                }
                if kind == 1 {
                    let mean = row.iter().sum::<f64>() / n as f64;
                    row.iter_mut().for_each(|entry| *entry -= mean);
                }
            }
            // Values graded over 20 decades and more.
            4 => {
                for (j, entry) in row.iter_mut().enumerate() {
                    *entry *= 10.0_f64.powf(-0.2 * j as f64);
                }
            }
            _ => {}
        }
    }
    let entry = |i: usize, j: usize| match kind {
        // Equal values.
        3 if i == j => 1.0 + (i % 3) as f64,
        3 => 0.0,
        5 => 1.0,
        _ => features.chunks(n).map(|row| row[i] * row[j]).sum(),
    };
    (0..n * n).map(|k| entry(k / n, k % n)).collect()
}

/// A kernel of eigenproblems, and its launch.
struct Kernel {
    function: CudaFunction,
    blocks: u32,
    threads: u32,
}

impl Kernel {
    fn load(context: &Arc<CudaContext>, file: &str, name: &str, blocks: u32, threads: u32) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kernels/ptx");
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let module = context.load_module(Ptx::from_src(text)).unwrap();
        let function = module.load_function(name).unwrap();
        let limit = CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        function.set_attribute(limit, SHARED as i32).unwrap();
        Self {
            function,
            blocks,
            threads,
        }
    }

    /// Values and vectors of one matrix.
    fn solve(&self, context: &Arc<CudaContext>, matrix: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = matrix.len().isqrt();
        let stream = context.default_stream();
        let grams = stream.clone_htod(matrix).unwrap();
        let mut values = stream.clone_htod(&vec![f64::NAN; n]).unwrap();
        let mut vectors = stream.clone_htod(&vec![f64::NAN; n * n]).unwrap();
        let mut outcome = stream.clone_htod(&[0_i32]).unwrap();
        let (order, active) = (n as i32, 0_u64);
        let mut call = stream.launch_builder(&self.function);
        call.arg(&grams)
            .arg(&order)
            .arg(&mut values)
            .arg(&mut vectors)
            .arg(&mut outcome)
            .arg(&active);
        let config = LaunchConfig {
            grid_dim: (self.blocks, 1, 1),
            block_dim: (self.threads, 1, 1),
            shared_mem_bytes: SHARED,
        };
        // SAFETY: these are the parameters of all kernels of eigenproblems.
        unsafe { call.launch(config) }.unwrap();
        assert_eq!(stream.clone_dtoh(&outcome).unwrap(), [0]);
        (
            stream.clone_dtoh(&values).unwrap(),
            stream.clone_dtoh(&vectors).unwrap(),
        )
    }
}

/// The largest |G v - l v| / |G| and |VᵀV - I|, in units of n eps.
fn errors(matrix: &[f64], values: &[f64], vectors: &[f64]) -> (f64, f64) {
    let n = values.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norm = dot(matrix, matrix).sqrt();
    let (mut residual, mut deviation) = (0.0_f64, 0.0_f64);
    for (i, (value, v)) in values.iter().zip(vectors.chunks(n)).enumerate() {
        let rows = matrix.chunks(n).zip(v);
        let squares = rows.map(|(row, entry)| (dot(row, v) - value * entry).powi(2));
        let size = squares.sum::<f64>().sqrt() / norm;
        assert!(size.is_finite());
        residual = residual.max(size);
        for (j, u) in vectors.chunks(n).take(i + 1).enumerate() {
            deviation = deviation.max((dot(u, v) - f64::from(i == j)).abs());
        }
    }
    assert!(values.is_sorted_by(|one, next| one >= next));
    let unit = n as f64 * f64::EPSILON;
    (residual / unit, deviation / unit)
}

/// Checks a kernel for all spectra and some orders.
fn check(capability: u32, kernels: &[(&str, &str, u32, u32)], orders: &[usize]) {
    let stand_in = StandIn::open();
    stand_in.set_capability(capability);
    let context = CudaContext::new(0).unwrap();
    let kernels: Vec<Kernel> = kernels
        .iter()
        .map(|&(file, name, blocks, threads)| Kernel::load(&context, file, name, blocks, threads))
        .collect();
    for &n in orders {
        for kind in 0..6 {
            let matrix = spectrum(kind, n);
            let results: Vec<_> = kernels
                .iter()
                .map(|kernel| kernel.solve(&context, &matrix))
                .collect();
            let (values, vectors) = &results[0];
            let (residual, deviation) = errors(&matrix, values, vectors);
            println!("n {n} kind {kind}: {residual:.2} {deviation:.2}");
            assert!(
                residual < TOLERANCE && deviation < TOLERANCE,
                "n = {n}, spectrum {kind}: {residual} {deviation}"
            );
            for other in &results[1..] {
                assert!(*other == results[0], "n = {n}, spectrum {kind}: other bits");
            }
        }
    }
    assert_eq!(stand_in.report(), "");
}

#[test]
fn four_lanes_to_four_columns() {
    check(
        90,
        &[("sm_90/eigen_block_64.ptx", "eigen_block", 1, 64)],
        &[6, 33],
    );
}

#[test]
fn a_warp_to_eight_columns() {
    check(
        90,
        &[("sm_90/eigen_wide_128.ptx", "eigen_wide", 1, 512)],
        &[9, 40],
    );
}

/// Three warps of a cluster of five blocks of four warps, or of four blocks of five.
#[test]
fn clusters_of_any_size_have_the_same_bits() {
    let file = "sm_90/eigen_cluster_144.ptx";
    check(
        90,
        &[
            (file, "eigen_cluster", 4, 160),
            (file, "eigen_cluster_one", 5, 128),
        ],
        &[44],
    );
}

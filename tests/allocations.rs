//! What is allocated: for the maps of a batch nothing for each, and for a decomposition or
//! a map no more than its estimate, nor much less.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Range;

use rayon::ThreadPoolBuilder;
use tenfold::cam::{Cam, Weighting};
use tenfold::{
    Hooi, Hosvd, Randomized, Result, Scalar, Slice, StHosvd, Start, Tensor, Truncation, Tucker,
};

/// The system's allocator, counting.
struct Counting;

// Of this thread: the harness has threads of its own.
thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Bytes that are allocated, and the most that were at any time.
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static MOST_BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call is the system allocator's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as isize);
        MOST_BYTES.set(MOST_BYTES.get().max(BYTES.get()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls `work` on one thread, whose memory is kept for nobody.
fn on_one_thread<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(work)
}

/// Noise, and a batch of it whose maps all differ.
fn noise<T: Scalar>(shape: &[usize]) -> Tensor<T> {
    let mut state = 1u32;
    Tensor::from_fn(shape, |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        T::from_f64(f64::from(state >> 8) / f64::from(1u32 << 24))
    })
    .unwrap()
}

/// Allocations of one call for `batch`, once the memory of its thread is warm.
fn allocations<T: Scalar>(cam: &Cam, batch: &Tensor<T>) -> usize {
    let positions: usize = batch.shape()[2..].iter().product();
    let mut maps = vec![T::default(); batch.shape()[0] * positions];
    cam.saliency_maps_into(batch, &mut maps).unwrap();
    let before = ALLOCATIONS.get();
    cam.saliency_maps_into(batch, &mut maps).unwrap();
    ALLOCATIONS.get() - before
}

fn as_many_for_many_maps_as_for_few<T: Scalar>() {
    for [c, h, w] in [[512, 7, 7], [64, 12, 12], [24, 40, 40], [130, 11, 11]] {
        let (few, many) = (noise::<T>(&[2, c, h, w]), noise::<T>(&[5, c, h, w]));
        for weighting in Weighting::ALL {
            let cam = Cam::new(weighting);
            let [few, many] = [&few, &many].map(|batch| allocations(&cam, batch));
            let name = T::NAME;
            assert_eq!(few, many, "{name}, {weighting}, {c}×{h}×{w}");
            // Those of the call: two lists of one entry for each map.
            assert!(few <= 2, "{name}, {weighting}, {c}×{h}×{w}: {few}");
        }
    }
}

#[test]
fn no_allocation_for_a_map() {
    on_one_thread(|| {
        as_many_for_many_maps_as_for_few::<f32>();
        as_many_for_many_maps_as_for_few::<f64>();
    });
}

/// The most bytes that `work` had allocated at any time, what it gives among them.
fn peak<R>(work: impl FnOnce() -> R + Send) -> f64 {
    on_one_thread(|| {
        let before = BYTES.get();
        MOST_BYTES.set(before);
        // What it gives is dropped only now.
        let _kept = work();
        (MOST_BYTES.get() - before) as f64
    })
}

/// What a thread keeps of its scratch memory, at most: no estimate counts it, the command
/// adds as much for each thread.
const KEPT: f64 = 8e6;

/// Fails unless `peak` lies between `least` of the `estimate` and all of it.
fn within(estimate: u64, least: f64, peak: f64, what: &str) {
    let estimate = estimate as f64;
    assert!(
        (least * estimate..=estimate + KEPT).contains(&peak),
        "{what}: a peak of {peak} bytes for an estimate of {estimate}"
    );
}

/// A solver by its two functions.
trait Solver<T>: Sync + std::fmt::Debug {
    fn estimate(&self, shape: &[usize]) -> u64;
    fn solve(&self, x: &Tensor<T>) -> Result<Tucker<T>>;
}

macro_rules! solvers {
    ($($solver:ty),*) => {
        $(impl<T: Scalar> Solver<T> for $solver {
            fn estimate(&self, shape: &[usize]) -> u64 {
                self.memory::<T>(shape).unwrap()
            }

            fn solve(&self, x: &Tensor<T>) -> Result<Tucker<T>> {
                self.decompose(x)
            }
        })*
    };
}

solvers!(StHosvd, Hosvd, Hooi, Randomized);

/// A decomposition and its measured error, which may take no more.
fn check_solver<T: Scalar>(solver: &dyn Solver<T>, shape: &[usize], least: f64) {
    let x = noise::<T>(shape);
    let peak = peak(|| {
        let tucker = solver.solve(&x).unwrap();
        tucker.relative_error(&x).unwrap();
        tucker
    });
    let what = format!("{solver:?} of {shape:?} in {}", T::NAME);
    let estimate = on_one_thread(|| solver.estimate(shape));
    within(estimate, least, peak, &what);
}

fn check_solvers<T: Scalar>(shape: &[usize], ranks: &[usize], least: f64) {
    let ranks = ranks.to_vec();
    let hooi = Hooi {
        max_sweeps: 2,
        ..Hooi::new(ranks.clone())
    };
    let from_hosvd = Hooi {
        start: Start::Hosvd,
        ..hooi.clone()
    };
    let randomized = Randomized {
        power_iterations: 1,
        ..Randomized::new(ranks.clone())
    };
    let sequential = StHosvd::new(ranks.clone());
    let independent = Hosvd::new(ranks.clone());
    let all: [&dyn Solver<T>; 5] = [&sequential, &independent, &hooi, &from_hosvd, &randomized];
    for solver in all {
        check_solver(solver, shape, least);
    }
    for tolerance in [0.0, 0.1] {
        let truncation = Truncation::RelativeError(tolerance);
        check_solver::<T>(&StHosvd::new(truncation.clone()), shape, least);
        check_solver::<T>(&Hosvd::new(truncation), shape, least);
    }
}

#[test]
fn decompositions_take_what_was_estimated() {
    for (shape, ranks) in [
        (&[32, 64, 128][..], &[16, 32, 64][..]),
        (&[8192, 16], &[8, 8]),
        (&[16, 8192], &[8, 8]),
        (&[4, 4096, 16], &[4, 8, 8]),
        (&[128, 256], &[8, 8]),
        (&[16, 16, 16, 32], &[4, 4, 4, 4]),
    ] {
        check_solvers::<f64>(shape, ranks, 0.1);
        check_solvers::<f32>(shape, ranks, 0.1);
    }
}

/// Tensors of 16 MB, beside which what a thread keeps is little.
#[test]
fn large_decompositions_take_what_was_estimated() {
    let (shape, ranks) = ([96, 128, 160], [48, 64, 80]);
    let hooi = Hooi {
        max_sweeps: 1,
        ..Hooi::new(ranks)
    };
    let partial = StHosvd {
        modes: Some(vec![0, 2]),
        ..StHosvd::new([48, 80])
    };
    let exact = StHosvd::new(shape);
    let all: [&dyn Solver<f64>; 6] = [
        &StHosvd::new(ranks),
        &Hosvd::new(ranks),
        &hooi,
        &Randomized::new(ranks),
        &partial,
        &exact,
    ];
    for solver in all {
        check_solver(solver, &shape, 0.5);
    }
}

#[test]
fn reconstructions_take_what_was_estimated() {
    let x = noise::<f64>(&[64, 64, 128]);
    let partial = StHosvd {
        modes: Some(vec![0, 2]),
        ..StHosvd::new([9, 8])
    };
    for solver in [StHosvd::new([9, 10, 8]), partial] {
        let tucker = solver.decompose(&x).unwrap();
        let whole = peak(|| tucker.reconstruct().unwrap());
        within(
            tucker.reconstruction_memory(None).unwrap(),
            0.7,
            whole,
            "whole",
        );
        let slices: [[Range<usize>; 3]; 3] = [
            [3..50, 5..60, 0..128],
            [0..2, 0..64, 0..128],
            [0..64, 0..64, 7..9],
        ];
        for ranges in slices {
            let slice = Slice::from(ranges);
            let part = peak(|| tucker.reconstruct_slice(&slice).unwrap());
            let estimate = tucker.reconstruction_memory(Some(&slice)).unwrap();
            within(estimate, 0.2, part, &slice.to_string());
        }
    }
}

fn check_maps<T: Scalar>() {
    for shape in [
        [512, 8, 8],
        [64, 32, 32],
        [128, 64, 64],
        [256, 8, 16],
        [4, 128, 128],
    ] {
        let x = noise::<T>(&shape);
        for weighting in Weighting::ALL {
            let cam = Cam::new(weighting);
            let peak = peak(|| cam.saliency_map(&x).unwrap());
            let what = format!("{weighting} of {shape:?} in {}", T::NAME);
            within(cam.memory::<T>(&shape).unwrap(), 0.05, peak, &what);
        }
        let cam = Cam {
            ranks: Some(vec![3, 4, 4]),
            ..Cam::new(Weighting::Mtsm)
        };
        let peak = peak(|| cam.saliency_map(&x).unwrap());
        let what = format!("mtsm at ranks of {shape:?} in {}", T::NAME);
        within(cam.memory::<T>(&shape).unwrap(), 0.05, peak, &what);
    }
}

#[test]
fn saliency_maps_take_what_was_estimated() {
    check_maps::<f64>();
    check_maps::<f32>();
}

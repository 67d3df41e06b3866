//! Allocations, counted by an allocator: a batch allocates nothing for each map, and a decomposition
//! or a map takes at most its memory estimate, and not much less.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Range;

use rayon::ThreadPoolBuilder;
use tenfold::cam::{Cam, Weighting};
use tenfold::{
    Completion, Hooi, Hosvd, Interpolatory, NonNegative, Observed, Randomized, Scalar, Slice,
    Solver, StHosvd, Start, Tensor, Truncation,
};

/// The system's allocator, which counts.
struct Counting;

// Each thread counts for itself, because the test harness has threads too.
thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// The bytes that are allocated now, and their maximum so far.
    static BYTES: Cell<isize> = const { Cell::new(0) };
    static PEAK_BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as isize);
        PEAK_BYTES.set(PEAK_BYTES.get().max(BYTES.get()));
        // SAFETY: the caller guarantees what the system's allocator requires.
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

/// Calls `work` on a thread of its own, which has no scratch memory yet.
fn on_one_thread<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(work)
}

/// A tensor of noise. All items of a batch differ.
fn noise<T: Scalar>(shape: &[usize]) -> Tensor<T> {
    let mut state = 1u32;
    Tensor::from_fn(shape, |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        T::from_f64(f64::from(state >> 8) / f64::from(1u32 << 24))
    })
    .unwrap()
}

/// The number of allocations for a batch, when the thread already has its scratch memory.
fn allocations<T: Scalar>(cam: &Cam, batch: &Tensor<T>) -> usize {
    let positions: usize = batch.shape()[2..].iter().product();
    let mut maps = vec![T::default(); batch.shape()[0] * positions];
    cam.saliency_maps_into(batch, &mut maps).unwrap();
    let before = ALLOCATIONS.get();
    cam.saliency_maps_into(batch, &mut maps).unwrap();
    ALLOCATIONS.get() - before
}

fn check_allocations<T: Scalar>() {
    for [c, h, w] in [[512, 7, 7], [64, 12, 12], [24, 40, 40], [130, 11, 11]] {
        let (few, many) = (noise::<T>(&[2, c, h, w]), noise::<T>(&[5, c, h, w]));
        for weighting in Weighting::ALL {
            let cam = Cam::new(weighting);
            let [few, many] = [&few, &many].map(|batch| allocations(&cam, batch));
            let name = T::NAME;
            assert_eq!(few, many, "{name}, {weighting}, {c}×{h}×{w}");
            // Two lists with an entry for each map.
            assert!(few <= 2, "{name}, {weighting}, {c}×{h}×{w}: {few}");
        }
    }
}

#[test]
fn a_batch_allocates_nothing_for_each_map() {
    on_one_thread(|| {
        check_allocations::<f32>();
        check_allocations::<f64>();
    });
}

/// The maximum number of bytes that `work` has allocated at any time, including its result.
fn peak<R>(work: impl FnOnce() -> R + Send) -> f64 {
    on_one_thread(|| {
        let before = BYTES.get();
        PEAK_BYTES.set(before);
        // The result lives until the peak is read.
        let _result = work();
        (PEAK_BYTES.get() - before) as f64
    })
}

/// The maximum number of bytes of scratch memory that a thread keeps. Estimates do not count it; the
/// command adds it for each thread.
const SCRATCH: f64 = 8e6;

/// Fails unless `peak` is at most the `estimate` plus the scratch memory of a thread, and at least
/// the share `least` of the estimate.
fn compare(estimate: u64, least: f64, peak: f64, what: &str) {
    let estimate = estimate as f64;
    assert!(
        (least * estimate..=estimate + SCRATCH).contains(&peak),
        "{what}: a peak of {peak} bytes for an estimate of {estimate}"
    );
}

/// A decomposition, and then its measured error, which must not take more memory.
fn check_solver<T: Scalar>(solver: &dyn Solver<T>, shape: &[usize], least: f64) {
    let x = noise::<T>(shape);
    let peak = peak(|| {
        let tucker = solver.decompose(x.view()).unwrap();
        tucker.relative_error(&x).unwrap();
        tucker
    });
    let what = format!("{solver:?} of {shape:?} in {}", T::NAME);
    let estimate = on_one_thread(|| solver.memory(shape)).unwrap();
    compare(estimate, least, peak, &what);
}

/// Solvers that need a tensor without negative entries, or a mask.
fn check_models<T: Scalar>(shape: &[usize], ranks: &[usize], least: f64) {
    let mut x = noise::<T>(shape);
    x.data_mut()
        .iter_mut()
        .for_each(|entry| *entry = entry.abs());
    let non_negative = NonNegative {
        max_sweeps: 2,
        ..NonNegative::new(ranks)
    };
    let completion = Completion {
        max_sweeps: 3,
        ..Completion::new(ranks)
    };
    let mask = (0..x.data().len()).map(|position| position % 3 != 0);
    let observed = Observed::new(shape, mask.collect()).unwrap();
    let what = |name| format!("{name} of {shape:?} in {}", T::NAME);
    let of_non_negative = peak(|| {
        let tucker = non_negative.decompose(&x).unwrap();
        tucker.relative_error(&x).unwrap();
        tucker
    });
    let estimate = on_one_thread(|| non_negative.memory::<T>(shape)).unwrap();
    compare(estimate, least, of_non_negative, &what("NonNegative"));
    let of_completion = peak(|| completion.decompose(&x, &observed).unwrap());
    let estimate = on_one_thread(|| completion.memory::<T>(shape)).unwrap();
    compare(estimate, least, of_completion, &what("Completion"));
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
    let from_random = Hooi {
        start: Start::Random,
        starts: 2,
        fixed: vec![0],
        ..hooi.clone()
    };
    let randomized = Randomized {
        power_iterations: 1,
        ..Randomized::new(ranks.clone())
    };
    let mut solvers: Vec<Box<dyn Solver<T>>> = vec![
        Box::new(StHosvd::new(ranks.clone())),
        Box::new(Hosvd::new(ranks.clone())),
        Box::new(hooi),
        Box::new(from_hosvd),
        Box::new(from_random),
        Box::new(randomized),
        Box::new(Interpolatory::new(ranks.clone())),
    ];
    check_models::<T>(shape, &ranks, least);
    for tolerance in [0.0, 0.1, 0.35] {
        let truncation = Truncation::RelativeError(tolerance);
        solvers.push(Box::new(StHosvd::new(truncation.clone())));
        solvers.push(Box::new(Hosvd::new(truncation.clone())));
        solvers.push(Box::new(Randomized::new(truncation.clone())));
        solvers.push(Box::new(Interpolatory::new(truncation.clone())));
        let hooi = Hooi {
            max_sweeps: 2,
            sweep_tolerance: 0.1,
            ..Hooi::new(truncation)
        };
        solvers.push(Box::new(hooi));
    }
    for solver in solvers {
        check_solver(solver.as_ref(), shape, least);
    }
}

#[test]
fn decompositions_take_at_most_the_estimate() {
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

/// A tensor of 16 MB, so that the scratch memory of a thread is small beside the estimate.
#[test]
fn large_decompositions_take_between_half_of_the_estimate_and_all_of_it() {
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
fn reconstructions_take_at_most_the_estimate() {
    let x = noise::<f64>(&[64, 64, 128]);
    let partial = StHosvd {
        modes: Some(vec![0, 2]),
        ..StHosvd::new([9, 8])
    };
    for solver in [StHosvd::new([9, 10, 8]), partial] {
        let tucker = solver.decompose(&x).unwrap();
        let whole = peak(|| tucker.reconstruct().unwrap());
        compare(
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
            compare(estimate, 0.2, part, &slice.to_string());
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
            compare(cam.memory::<T>(&shape).unwrap(), 0.05, peak, &what);
        }
        let cam = Cam {
            ranks: Some(vec![3, 4, 4]),
            ..Cam::new(Weighting::Mtsm)
        };
        let peak = peak(|| cam.saliency_map(&x).unwrap());
        let what = format!("mtsm at ranks of {shape:?} in {}", T::NAME);
        compare(cam.memory::<T>(&shape).unwrap(), 0.05, peak, &what);
    }
}

#[test]
fn saliency_maps_take_at_most_the_estimate() {
    check_maps::<f64>();
    check_maps::<f32>();
}

//! The maps of a batch are made without an allocation for each.
#![allow(clippy::unwrap_used, unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rayon::ThreadPoolBuilder;
use tenfold::cam::{Cam, Weighting};
use tenfold::{Scalar, Tensor};

/// The system's allocator, counting.
struct Counting;

thread_local! {
    /// Allocations of this thread: the harness has threads of its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is the system allocator's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A batch whose maps all differ.
fn batch<T: Scalar>(count: usize, shape: [usize; 3]) -> Tensor<T> {
    let mut state = 1u32;
    Tensor::from_fn(&[count, shape[0], shape[1], shape[2]], |_| {
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
    for shape in [[512, 7, 7], [64, 12, 12], [24, 40, 40], [300, 18, 18]] {
        let (few, many) = (batch::<T>(6, shape), batch::<T>(20, shape));
        for weighting in Weighting::ALL {
            let cam = Cam::new(weighting);
            let [few, many] = [&few, &many].map(|batch| allocations(&cam, batch));
            let name = T::NAME;
            assert_eq!(few, many, "{name}, {weighting}, {shape:?}");
            // Those of the call: two lists of one entry for each map.
            assert!(few <= 2, "{name}, {weighting}, {shape:?}: {few}");
        }
    }
}

#[test]
fn no_allocation_for_a_map() {
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        as_many_for_many_maps_as_for_few::<f32>();
        as_many_for_many_maps_as_for_few::<f64>();
    });
}

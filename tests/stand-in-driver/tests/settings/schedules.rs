//! The bits of a result do not depend on the order of threads and blocks, nor on chunks.

use tenfold::Hooi;
use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::Device;

use crate::common::{LAUNCH, StandIn};
use crate::features::features;

/// Backward, and an order from a seed.
const SCHEDULES: [u64; 2] = [1, 12345];

/// By one block, by steps from positions, and by steps from channels.
#[test]
fn maps() {
    let stand_in = StandIn::open();
    for (shape, shared_memory) in [
        (&[3, 10, 2, 4][..], 227 * 1024),
        (&[3, 10, 2, 4], 2000),
        (&[3, 4, 3, 3], 227 * 1024),
    ] {
        let batch = features::<f32>(shape, 6);
        stand_in.set_shared_memory(shared_memory);
        let device = Device::open(0).unwrap();
        for weighting in [Weighting::EigenCam, Weighting::Mtsm] {
            let cam = Cam::new(weighting);
            stand_in.set_schedule(0);
            let forward = device.saliency_maps(&cam, &batch).unwrap();
            for schedule in SCHEDULES {
                stand_in.set_schedule(schedule);
                assert_eq!(device.saliency_maps(&cam, &batch).unwrap(), forward);
            }
        }
    }
    assert_eq!(stand_in.report(), "");
}

/// Factors from both sides of unfoldings, and a factor completed by unit vectors.
#[test]
fn decompositions() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let mut batch = features::<f64>(&[3, 14, 2, 3], 6);
    batch.data_mut()[..84].fill(1.0);
    let hooi = Hooi {
        max_sweeps: 3,
        ..Hooi::new([3, 2, 2])
    };
    let forward = device.hooi(&hooi, &batch).unwrap();
    for schedule in SCHEDULES {
        stand_in.set_schedule(schedule);
        let found = device.hooi(&hooi, &batch).unwrap();
        for (one, other) in found.iter().zip(&forward) {
            assert_eq!(one.core().data(), other.core().data());
            assert!((0..3).all(|mode| one.factor(mode) == other.factor(mode)));
        }
    }
    assert_eq!(stand_in.report(), "");
}

/// With memory for a few maps, the two launches for a chunk become several.
#[test]
fn chunks() {
    let stand_in = StandIn::open();
    let device = Device::open(0).unwrap();
    let batch = features::<f32>(&[7, 10, 2, 4], 6);
    let cam = Cam::new(Weighting::Mtsm);
    device.saliency_maps(&cam, &batch).unwrap();
    let of_chunk = stand_in.calls(LAUNCH);
    // Room for three maps on each of two streams.
    device.release_memory();
    stand_in.set_memory(stand_in.used() + 7200);
    device.saliency_maps(&cam, &batch).unwrap();
    assert_eq!(stand_in.calls(LAUNCH), of_chunk * (1 + 3));
    assert_eq!(stand_in.report(), "");
}

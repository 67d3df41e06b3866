//! The kernels on hardware, against the CPU: what `tests/stand-in-driver` does without. Where
//! there is no device, nothing passes and nothing fails.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/device.rs"]
mod device;

use device::{every_weighting, features, hooi_agrees, maps_agree};
use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::Device;
use tenfold::{Hooi, Route, Start, Truncation};

/// Batches of real layers' shapes.
fn maps(device: &Device) {
    for shape in [
        &[300, 512, 7, 7][..],
        &[100, 2048, 7, 7],
        &[20, 2048, 14, 14],
        &[8, 256, 56, 56],
        &[50, 64, 9, 9],
        &[3, 5, 1, 1],
    ] {
        every_weighting::<f32>(device, shape);
        every_weighting::<f64>(device, shape);
    }
}

fn maps_at_truncated_ranks(device: &Device) {
    let cam = Cam {
        ranks: Some(vec![10, 4, 4]),
        ..Cam::new(Weighting::Mtsm)
    };
    maps_agree(device, &cam, &features::<f32>(&[30, 128, 7, 7], 5));
}

fn decompositions(device: &Device) {
    for start in [Start::StHosvd, Start::Hosvd] {
        for truncation in [Truncation::from([4, 5, 3]), Truncation::RelativeError(0.3)] {
            let hooi = Hooi {
                start,
                route: Route::Gram,
                max_sweeps: 10,
                ..Hooi::new(truncation)
            };
            hooi_agrees(device, &hooi, &features::<f64>(&[200, 20, 18, 16], 6));
        }
    }
}

fn main() {
    let device = match Device::open(0) {
        Ok(device) => device,
        Err(error) => {
            println!("skipped: no device ({error})");
            return;
        }
    };
    println!("on {}", device.name().unwrap());
    maps(&device);
    println!("test maps ... ok");
    maps_at_truncated_ranks(&device);
    println!("test maps_at_truncated_ranks ... ok");
    decompositions(&device);
    println!("test decompositions ... ok");
    println!("3 passed, 0 failed");
}

//! Reads a feature map of a real network and draws where it sees a cat:
//! `cargo run --release --example saliency`.

use tenfold::cam::{Cam, Overlay, Weighting};
use tenfold::io::{AnyTensor, read_image, read_npy, write_png};

fn main() -> tenfold::Result<()> {
    let cam = Cam::new(Weighting::Mtsm);
    // 1280 channels of 7×7 positions, in f32.
    let map = match read_npy("examples/chelsea.npy")? {
        AnyTensor::F32(features) => cam.saliency_map(&features)?,
        AnyTensor::F64(_) => unreachable!("this file holds f32"),
    };
    let photograph = read_image("examples/chelsea.png")?;
    let picture = Overlay::default().draw(map.values(), &photograph)?;
    write_png("saliency.png", &picture)
}

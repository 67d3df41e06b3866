//! Reads a feature map of a real network and draws its saliency map over the photograph of a cat:
//! `cargo run --release --example saliency`.
//!
//! It writes `saliency.png` into the current folder.

use tenfold::cam::{Cam, Overlay, Weighting};
use tenfold::io::{AnyTensor, RgbImage, read_image, read_npy, write_png};
use tenfold::{Scalar, Tensor};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

fn main() -> tenfold::Result<()> {
    let photograph = read_image(format!("{FOLDER}/chelsea.png"))?;
    // 1280 channels × 7 rows × 7 columns.
    let picture = match read_npy(format!("{FOLDER}/chelsea.npy"))? {
        AnyTensor::F32(features) => draw(&features, &photograph)?,
        AnyTensor::F64(features) => draw(&features, &photograph)?,
    };
    write_png("saliency.png", &picture)
}

/// The saliency map of `features` over the photograph.
fn draw<T: Scalar>(features: &Tensor<T>, photograph: &RgbImage) -> tenfold::Result<RgbImage> {
    let map = Cam::new(Weighting::Mtsm).saliency_map(features)?;
    Overlay::default().draw(map.values(), photograph)
}

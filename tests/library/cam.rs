//! Saliency maps.

mod combine;
mod errors;
mod f64_bound;
mod integers;
mod layouts;
mod precision;
mod properties;
#[cfg(feature = "io")]
mod reference;
mod special_cases;

use tenfold::Tensor;
use tenfold::cam::{Cam, SaliencyMap};

use crate::common::oracle::extremes;

fn map(cam: &Cam, x: &Tensor<f64>) -> SaliencyMap<f64> {
    cam.saliency_map(x).unwrap()
}

/// The values, mapped linearly to [0, 1].
fn stretched(values: &[f64]) -> Vec<f64> {
    let [min, max] = extremes(values);
    values.iter().map(|v| (v - min) / (max - min)).collect()
}

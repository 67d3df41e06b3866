//! Saliency maps and metrics agree with reference data of a real network, efficientnet-lite0 on
//! four photographs. `exact` maps are the equations in `f64`, solved by LAPACK. `published` maps
//! come from the published code.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tenfold::cam::metrics::{THRESHOLDS, average_drop, average_increase, embedding_mse, iou};
use tenfold::cam::{Cam, Sign, Status, Vectors, Weighting, normalize, resize};
use tenfold::io::{AnyTensor, read_npy};
use tenfold::{Tensor, TensorRef};

use crate::common::oracle::{in_f64, largest_difference};

const IMAGES: [&str; 4] = ["chelsea", "coffee", "rocket", "astronaut"];
const LAYERS: [&str; 2] = ["early", "last"];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/cam")
        .join(name)
}

fn read_f64(path: &Path) -> Tensor<f64> {
    match read_npy(path).unwrap() {
        AnyTensor::F64(x) => x,
        AnyTensor::F32(x) => in_f64(&x),
    }
}

/// The feature map of the network, in f32.
fn features(image: &str, layer: &str) -> Tensor<f32> {
    let path = if (image, layer) == ("chelsea", "last") {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/chelsea.npy")
    } else {
        data(&format!("{image}.{layer}.npy"))
    };
    match read_npy(path).unwrap() {
        AnyTensor::F32(x) => x,
        AnyTensor::F64(_) => panic!("feature maps are f32"),
    }
}

fn reference(image: &str, layer: &str, weighting: Weighting, kind: &str) -> Option<Tensor<f64>> {
    let path = data(&format!("{image}.{layer}.{weighting}.{kind}.npy"));
    path.exists().then(|| read_f64(&path))
}

fn manifest() -> Value {
    serde_json::from_str(&std::fs::read_to_string(data("manifest.json")).unwrap()).unwrap()
}

/// Every image, layer and weighting.
fn cases() -> impl Iterator<Item = (&'static str, &'static str, Weighting)> {
    IMAGES.into_iter().flat_map(|image| {
        LAYERS.into_iter().flat_map(move |layer| {
            Weighting::ALL
                .into_iter()
                .map(move |weighting| (image, layer, weighting))
        })
    })
}

#[test]
fn maps_agree_with_the_exact_ones() {
    for (image, layer, weighting) in cases() {
        let exact = reference(image, layer, weighting, "exact").unwrap();
        let x = features(image, layer);
        let cam = Cam::new(weighting);

        let map = cam.saliency_map(&in_f64(&x)).unwrap();
        assert_eq!(map.status(), Status::Fine);
        assert_eq!(map.values().shape(), exact.shape());
        let difference = largest_difference(map.values().data(), exact.data());
        assert!(
            difference <= 1e-10,
            "{image} {layer} {weighting} f64: {difference:e}"
        );

        let map = in_f64(cam.saliency_map(&x).unwrap().values());
        let tolerance = match weighting.vectors() {
            Vectors::First => 1e-5,
            Vectors::All => 1e-4,
        };
        let difference = largest_difference(map.data(), exact.data());
        assert!(
            difference <= tolerance,
            "{image} {layer} {weighting} f32: {difference:e}"
        );
    }
}

#[test]
fn maps_agree_with_the_published_ones_as_far_as_the_exact_ones_do() {
    let manifest = manifest();
    let mut opposite = 0;
    for (image, layer, weighting) in cases() {
        let published = reference(image, layer, weighting, "published").unwrap();
        let entry = &manifest["images"][image]["layers"][layer]["weightings"][weighting.name()];
        let stated = entry["max_abs_diff_exact_vs_published"].as_f64().unwrap();
        // A difference of 1: LAPACK returned the vector with the sign opposite to the sign rule.
        let is_opposite = stated == 1.0;
        opposite += usize::from(is_opposite);
        let (sign, tolerance) = if is_opposite {
            (Some(Sign::Negative), 2e-3)
        } else {
            (None, stated + 2e-3)
        };
        let cam = Cam {
            sign,
            ..Cam::new(weighting)
        };
        let map = in_f64(cam.saliency_map(&features(image, layer)).unwrap().values());
        let difference = largest_difference(map.data(), published.data());
        assert!(
            difference <= tolerance,
            "{image} {layer} {weighting}: {difference:e}"
        );
    }
    assert_eq!(opposite, 3);
}

/// A little more than half the spacing of half-precision numbers below 1. The reference is stored
/// in half precision.
const HALF_PRECISION: f64 = 2.5e-4;

#[test]
fn resized_maps_agree_with_the_published_ones() {
    let mut compared = 0;
    for (image, layer, weighting) in cases() {
        let cam = Cam::new(weighting);
        let at_image_size = |map: &Tensor<f64>| resize(map, 224, 224).unwrap();
        if let Some(published) = reference(image, layer, weighting, "published224") {
            compared += 1;
            let smaller = reference(image, layer, weighting, "published").unwrap();
            let difference = largest_difference(at_image_size(&smaller).data(), published.data());
            assert!(
                difference <= HALF_PRECISION,
                "{image} {weighting} resized: {difference:e}"
            );
        }
        if let Some(published) = reference(image, layer, weighting, "final224") {
            compared += 1;
            // The published code adds 1e-7. The second normalisation removes it.
            let map = cam.saliency_map(&features(image, layer)).unwrap();
            let map = normalize(&at_image_size(&in_f64(map.values()))).unwrap();
            let difference = largest_difference(map.data(), published.data());
            assert!(
                difference <= HALF_PRECISION,
                "{image} {weighting} final: {difference:e}"
            );
        }
    }
    assert_eq!(compared, 24);
}

#[test]
fn intersection_over_union_agrees_with_the_reference() {
    let manifest = manifest();
    let published = reference("chelsea", "last", Weighting::Mtsm, "published224").unwrap();
    let mask: Vec<bool> = read_f64(&data("mask224.npy"))
        .data()
        .iter()
        .map(|&entry| entry > 0.0)
        .collect();
    for threshold in THRESHOLDS {
        let expected = manifest["iou"]["at_threshold"][threshold.to_string()]
            .as_f64()
            .unwrap();
        let difference = iou(published.data(), &mask, threshold).unwrap() - expected;
        assert!(difference.abs() < 1e-12, "{threshold}: {difference:e}");
    }
}

#[test]
fn metrics_of_the_four_images_agree_with_the_reference() {
    let manifest = manifest();
    let images = &manifest["images"];
    for weighting in Weighting::ALL {
        let expected = &manifest["metrics_over_images"][weighting.name()];
        let of_layer = |image: &str, key: &str| {
            images[image]["layers"]["last"]["weightings"][weighting.name()][key]
                .as_f64()
                .unwrap()
        };
        let p = IMAGES.map(|image| images[image]["probability"].as_f64().unwrap());
        let o = IMAGES.map(|image| of_layer(image, "masked_probability"));
        let drop = average_drop(&p, &o).unwrap();
        let increase = average_increase(&p, &o).unwrap();
        // Embeddings with one entry. Their distances are the distances of the network's embeddings.
        let distances = IMAGES.map(|image| of_layer(image, "embedding_mse").sqrt());
        let embeddings = TensorRef::new(&[4, 1], &distances).unwrap();
        let origin = Tensor::zeros(&[4, 1]).unwrap();
        let mse = embedding_mse(embeddings, &origin).unwrap();
        for (value, key) in [
            (drop, "average_drop_percent"),
            (increase, "average_increase_percent"),
            (mse, "embedding_mse"),
        ] {
            let expected = expected[key].as_f64().unwrap();
            assert!(
                (value - expected).abs() <= 1e-12 * expected.max(1.0),
                "{weighting} {key}: {value}, {expected} was expected"
            );
        }
    }
}

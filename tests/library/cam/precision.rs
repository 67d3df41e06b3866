//! Maps in `f32` agree with the maps of the same entries in `f64`, for features with large offsets
//! and for entries with dependent roundings.

use tenfold::cam::{Cam, Decomposition, Weighting};
use tenfold::{Tensor, TensorRef};

use super::integers::{Integers, OFFSETS, Offset, SHAPES, cams};
use crate::common::oracle;
use crate::common::random::Random;

/// The bound that the documentation of `Cam` gives for maps in `f32`.
const SINGLE_BOUND: f64 = 1e-4;

/// Fails unless the map in `f32` agrees with the map of the same entries in `f64`. Returns their
/// largest difference.
fn compare_precisions(cam: &Cam, x: &Tensor<f32>, what: &str) -> f64 {
    let single = cam.saliency_map(x).unwrap();
    let double = cam.saliency_map(&oracle::in_f64(x)).unwrap();
    assert_eq!(single.status(), double.status(), "{what} {cam:?}");
    let difference = oracle::largest_difference(single.values().data(), double.values().data());
    assert!(difference <= SINGLE_BOUND, "{what} {cam:?}: {difference:e}");
    difference
}

#[test]
fn an_offset_of_three_channels_does_not_decide_the_map() {
    let entries = [2.0, 0.0, 1.0, 0.0, 3.0, 1.0, 1.0, 1.0, -2.0].map(|entry| entry + 70_000.0);
    let double = Tensor::new(&[3, 1, 3], entries.to_vec()).unwrap();
    let single = Tensor::new(&[3, 1, 3], entries.map(|entry| entry as f32).to_vec()).unwrap();
    let cam = Cam::new(Weighting::EigenCam);
    let expected = [0.0, 1.0, 0.0];
    assert_eq!(cam.saliency_map(&double).unwrap().values().data(), expected);
    let expected = [0.0f32, 1.0, 0.0];
    assert_eq!(cam.saliency_map(&single).unwrap().values().data(), expected);
}

#[test]
fn maps_in_f32_agree_with_f64_at_any_offset() {
    let mut compared = 0;
    for shape in SHAPES {
        let integers = Integers::new(shape);
        for kind in OFFSETS {
            for exponent in 0..=7 {
                let x = integers.with_offset::<f32>(kind, 10i64.pow(exponent));
                for cam in cams() {
                    compare_precisions(&cam, &x, &format!("{shape:?} {kind:?} 1e{exponent}"));
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 8 * 4 * 8 * 24);
}

#[test]
fn truncated_maps_in_f32_agree_with_f64_at_any_offset() {
    let mut compared = 0;
    for shape in [[5, 4, 6], [64, 4, 4]] {
        let integers = Integers::new(shape);
        for exponent in 0..=7 {
            let x = integers.with_offset::<f32>(Offset::EachChannel, 10i64.pow(exponent));
            for cam in cams() {
                if cam.weighting.decomposition() == Decomposition::Svd {
                    continue;
                }
                let cam = Cam {
                    ranks: Some(vec![3, 2, 2]),
                    ..cam
                };
                compare_precisions(&cam, &x, &format!("{shape:?} 1e{exponent}"));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * 8 * 12);
}

#[test]
fn a_batch_of_items_with_different_offsets_gives_the_map_of_each_item() {
    let mut compared = 0;
    for shape in [[5, 4, 6], [64, 4, 4]] {
        let integers = Integers::new(shape);
        let items: Vec<Tensor<f32>> = (0..=7)
            .map(|exponent| integers.with_offset(Offset::Common, 10i64.pow(exponent)))
            .collect();
        let entries: Vec<f32> = items.iter().flat_map(|x| x.data()).copied().collect();
        let batch = [&[items.len()][..], &shape].concat();
        let batch = TensorRef::new(&batch, &entries).unwrap();
        for cam in cams() {
            let maps = cam.saliency_maps(batch).unwrap();
            let mut into = vec![0.0; items.len() * integers.positions()];
            let statuses = cam.saliency_maps_into(batch, &mut into).unwrap();
            let into = into.chunks(integers.positions());
            for (((x, map), into), status) in items.iter().zip(&maps).zip(into).zip(statuses) {
                assert_eq!(&cam.saliency_map(x).unwrap(), map);
                assert_eq!(map.values().data(), into);
                assert_eq!(map.status(), status);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * 24 * 8);
}

#[test]
fn a_constant_channel_of_a_thousand_does_not_spoil_the_map() {
    for shape in [[3, 8, 8], [40, 8, 8], [64, 8, 8], [100, 8, 8], [24, 40, 40]] {
        let mut random = Random::new(7);
        let mut x = random.tensor::<f32>(&shape);
        let positions = shape[1] * shape[2];
        x.data_mut()[..positions].fill(1000.0);
        for cam in cams() {
            compare_precisions(&cam, &x, &format!("{shape:?}"));
        }
    }
}

/// Entries with products in `f32` that are all rounded in the same direction, or are lost one by
/// one in a large sum. An estimate that assumes independent roundings is too low for them.
fn with_dependent_roundings(kind: usize, shape: [usize; 3], seed: u64) -> Tensor<f32> {
    let mut random = Random::new(seed);
    let positions = shape[1] * shape[2];
    let (levels, strong) = (2 + random.below(6), random.below(shape[0]));
    let tilt: Vec<f64> = (0..shape[0].max(positions))
        .map(|_| random.uniform())
        .collect();
    Tensor::from_fn(&shape, |i| {
        let p = i[1] * shape[2] + i[2];
        let value = match kind {
            // A few values that are not exact in binary.
            0 => 0.1 + 0.1 * random.below(levels) as f64,
            // The squares of one channel are far larger than all other products.
            1 if i[0] == strong => 1.0 + 0.5 * tilt[p],
            1 => 2.4e-4 * (1.0 + 0.1 * random.uniform()),
            // Channels that are constant except at three positions.
            2 => 0.7 + 0.3 * tilt[i[0]] + if p < 3 { random.uniform() } else { 0.0 },
            // Deviations of a thousandth from a common mean.
            3 => 0.3 + 1e-3 * random.uniform(),
            // The same pattern in every channel, plus a weak pattern.
            4 => 0.1 * (1.0 + tilt[p]) + 1e-3 * tilt[i[0]] * random.uniform(),
            // Magnitudes over six orders of magnitude.
            _ => 10f64.powf(3.0 * random.uniform()),
        };
        value as f32
    })
    .unwrap()
}

#[test]
fn maps_in_f32_agree_with_f64_if_roundings_are_dependent() {
    let mut largest: f64 = 0.0;
    let mut compared = 0;
    let shapes = [
        [16, 30, 30],
        [49, 40, 40],
        [112, 14, 14],
        [600, 4, 4],
        [512, 7, 7],
        [2048, 3, 3],
    ];
    for shape in shapes {
        for kind in 0..6 {
            for seed in 0..3 {
                let x = with_dependent_roundings(kind, shape, seed);
                for weighting in Weighting::ALL {
                    let what = format!("{shape:?} {kind} {seed}");
                    let difference = compare_precisions(&Cam::new(weighting), &x, &what);
                    largest = largest.max(difference);
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 6 * 6 * 3 * 4);
    // Some maps come from products in f32.
    assert!(largest > 1e-7, "{largest:e}");
}

#[test]
fn maps_in_f32_agree_with_f64_at_the_ends_of_the_range() {
    for shape in [[5, 4, 6], [40, 7, 7], [64, 4, 4]] {
        let x = Random::new(3).tensor::<f32>(&shape);
        for scale in [1e-38f32, 1e-30, 1e30, 3e38] {
            let scaled = x.data().iter().map(|entry| entry * scale).collect();
            let scaled = Tensor::new(&shape, scaled).unwrap();
            for cam in cams() {
                compare_precisions(&cam, &scaled, &format!("{shape:?} {scale:e}"));
            }
        }
    }
}

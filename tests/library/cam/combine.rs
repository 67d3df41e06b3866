//! Maps of several layers, combined into one.

use proptest::prelude::*;
use tenfold::cam::{Combination, combine, normalize, resize};
use tenfold::{Error, Tensor};

use crate::common::oracle::largest_difference;
use crate::common::random::random_cases;

/// Compares with the results of the rules of pytorch-grad-cam, computed by
/// `tests/data/combine/make.py`.
#[cfg(feature = "io")]
#[test]
fn combined_maps_agree_with_pytorch_grad_cam() {
    use tenfold::io::{AnyTensor, read_npy};

    let read = |name: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/combine");
        match read_npy(format!("{folder}/{name}.npy")).unwrap() {
            AnyTensor::F32(x) => x,
            AnyTensor::F64(_) => panic!("{name}"),
        }
    };
    let maps = ["fine", "middle", "coarse"].map(read);
    let views = maps.each_ref().map(Tensor::view);
    for combination in Combination::ALL {
        let expected = read(combination.name());
        let (height, width) = (expected.shape()[0], expected.shape()[1]);
        let combined = combine(&views, height, width, combination).unwrap();
        // OpenCV rounds the positions of pixels to f32: 14·2⁻²⁴ at the most, and the slope of a map
        // is at most 1. The range of the mean is above ½. The constant 10⁻⁷ adds as much.
        let difference = largest_difference(combined.data(), expected.data());
        assert!(difference < 3e-6, "{combination}: {difference:e}");
    }
}

/// One to four maps of different sizes with entries of both signs.
fn maps() -> impl Strategy<Value = Vec<Tensor<f64>>> {
    let map = (1..6usize, 1..6usize).prop_flat_map(|(height, width)| {
        prop::collection::vec(-1.0..3.0f64, height * width)
            .prop_map(move |data| Tensor::new(&[height, width], data).unwrap())
    });
    prop::collection::vec(map, 1..5)
}

fn combined(maps: &[Tensor<f64>], combination: Combination) -> Vec<f64> {
    let views: Vec<_> = maps.iter().map(Tensor::view).collect();
    let combined = combine(&views, 7, 6, combination).unwrap();
    assert_eq!(combined.shape(), [7, 6]);
    combined.data().to_vec()
}

proptest! {
    #![proptest_config(random_cases(64, 61))]

    /// The definition, entry by entry, with the division by the number of maps.
    #[test]
    fn the_combined_map_is_that_of_the_definition(maps in maps()) {
        let layers: Vec<Tensor<f64>> = maps
            .iter()
            .map(|map| {
                let clipped = map.data().iter().map(|x| x.max(0.0)).collect();
                let clipped = Tensor::new(map.shape(), clipped).unwrap();
                resize(&normalize(&clipped).unwrap(), 7, 6).unwrap()
            })
            .collect();
        let count = layers.len() as f64;
        for combination in Combination::ALL {
            let entry = |i: usize| {
                let values = layers.iter().map(|layer| layer.data()[i]);
                match combination {
                    Combination::Mean => values.sum::<f64>() / count,
                    Combination::Max => values.fold(0.0, f64::max),
                }
            };
            let expected = Tensor::new(&[7, 6], (0..42).map(entry).collect()).unwrap();
            let [min, max] = crate::common::oracle::extremes(expected.data());
            // The rounding of the entries is divided by the range.
            if max - min > 1e-6 {
                let expected = normalize(&expected).unwrap();
                let difference = largest_difference(&combined(&maps, combination), expected.data());
                prop_assert!(difference < 1e-9, "{combination}: {difference:e}");
            }
        }
    }

    #[test]
    fn order_and_scale_of_the_maps_do_not_matter(maps in maps(), exponent in -20..20i32) {
        let mut changed: Vec<Tensor<f64>> = maps
            .iter()
            .map(|map| {
                let scaled = map.data().iter().map(|x| x * 2f64.powi(exponent)).collect();
                Tensor::new(map.shape(), scaled).unwrap()
            })
            .collect();
        let maximum = combined(&maps, Combination::Max);
        changed.reverse();
        prop_assert_eq!(combined(&changed, Combination::Max), maximum);
        changed.reverse();
        // The order of a sum changes its rounding, so that the order stays here.
        let mean = combined(&maps, Combination::Mean);
        prop_assert_eq!(combined(&changed, Combination::Mean), mean);
    }

    /// Several copies of one map are that map.
    #[test]
    fn copies_of_a_map_change_nothing(maps in maps(), copies in 0..3u32) {
        let one = &maps[..1];
        // The sum of 2ᵏ copies has no rounding.
        let copies = vec![one[0].clone(); 1 << copies];
        for combination in Combination::ALL {
            prop_assert_eq!(combined(&copies, combination), combined(one, combination));
        }
    }
}

#[test]
fn leading_modes_stay() {
    let fine = Tensor::from_fn(&[2, 4, 4], |i| (i[0] * 7 + i[1] * i[2]) as f32).unwrap();
    let coarse = Tensor::from_fn(&[2, 2, 3], |i| (3 - i[0] + i[1]) as f32).unwrap();
    let views = [fine.view(), coarse.view()];
    let combined = combine(&views, 5, 6, Combination::Mean).unwrap();
    assert_eq!(combined.shape(), [2, 5, 6]);
}

#[test]
fn constant_maps_add_nothing() {
    let map = Tensor::new(&[1, 2], vec![0.25, 0.75]).unwrap();
    let constant = Tensor::new(&[1, 1], vec![5.0]).unwrap();
    let negative = Tensor::new(&[2, 1], vec![-5.0, -1.0]).unwrap();
    let views = [map.view(), constant.view(), negative.view()];
    for combination in Combination::ALL {
        let combined = combine(&views, 1, 2, combination).unwrap();
        assert_eq!(combined.data(), [0.0, 1.0]);
        let combined = combine(&views[1..], 1, 2, combination).unwrap();
        assert_eq!(combined.data(), [0.0, 0.0]);
    }
}

#[test]
fn bad_maps_are_errors() {
    let map = Tensor::<f64>::zeros(&[2, 2]).unwrap();
    let video = Tensor::<f64>::zeros(&[3, 2, 2]).unwrap();
    let line = Tensor::<f64>::zeros(&[2]).unwrap();
    let empty = Tensor::<f64>::zeros(&[0, 2]).unwrap();
    let [nan, infinite] =
        [f64::NAN, f64::NEG_INFINITY].map(|entry| Tensor::new(&[1, 2], vec![0.0, entry]).unwrap());
    let combine = |maps: &[&Tensor<f64>], height| {
        let views: Vec<_> = maps.iter().map(|map| map.view()).collect();
        combine(&views, height, 3, Combination::Mean).unwrap_err()
    };
    assert!(matches!(combine(&[], 3), Error::NoSamples { .. }));
    assert!(matches!(combine(&[&map], 0), Error::NotPositive { .. }));
    assert!(matches!(
        combine(&[&map, &video], 3),
        Error::ShapeMismatch { expected, actual, .. } if expected.is_empty() && actual == [3]
    ));
    assert!(matches!(combine(&[&line], 3), Error::TooFewModes { .. }));
    assert!(matches!(combine(&[&map, &empty], 3), Error::Empty { .. }));
    for wrong in [&nan, &infinite] {
        assert!(matches!(
            combine(&[&map, wrong], 3),
            Error::NonFinite { index, .. } if index == [0, 1]
        ));
    }
}

//! Maps of special features: the smallest shapes, constant and degenerate maps, ties, and the
//! limits between them.

use tenfold::cam::{Cam, Decomposition, Sign, Status, Weighting};
use tenfold::{Scalar, Tensor};

use super::{map, stretched};
use crate::common::oracle::largest_difference;

#[test]
fn a_single_position_or_channel_gives_a_map() {
    for weighting in Weighting::ALL {
        let cam = Cam::new(weighting);
        for shape in [&[1, 1, 1][..], &[5, 1, 1], &[1, 1], &[3, 1, 1, 1]] {
            let x = Tensor::from_fn(shape, |i| 1.0 + i[0] as f64).unwrap();
            let map = cam.saliency_map(&x).unwrap();
            assert_eq!(map.status(), Status::Constant, "{weighting} {shape:?}");
            assert!(map.values().data().iter().all(|&v| v == 0.0));
        }
        let one_channel = Tensor::new(&[1, 1, 3], vec![1.0, 2.0, 4.0]).unwrap();
        let map = cam.saliency_map(&one_channel).unwrap();
        assert_eq!(map.status(), Status::Fine);
        assert_eq!(map.values().data()[2], 1.0);
    }
}

#[test]
fn constant_features_give_a_map_of_zeros() {
    for weighting in Weighting::ALL {
        for ranks in [None, Some(vec![2, 2, 2])] {
            if ranks.is_some() && weighting.decomposition() == Decomposition::Svd {
                continue;
            }
            let cam = Cam {
                ranks,
                ..Cam::new(weighting)
            };
            // 0.1 is not exact in binary: the mean of copies of it may differ from it.
            for value in [0.0, 0.1, -1e30, 1e-300] {
                let x = Tensor::from_fn(&[6, 7, 7], |i| value * (1.0 + i[0] as f64)).unwrap();
                let map = cam.saliency_map(&x).unwrap();
                assert_eq!(map.status(), Status::Constant, "{weighting} {value}");
                assert!(map.values().data().iter().all(|&v| v == 0.0));
            }
        }
    }
}

#[test]
fn equal_singular_values_make_a_map_degenerate() {
    let x = Tensor::new(&[2, 1, 3], vec![3.0, 0.0, 0.0, 0.0, 3.0, 0.0]).unwrap();
    let map = Cam::new(Weighting::Tsm).saliency_map(&x).unwrap();
    assert_eq!(map.status(), Status::Degenerate);
}

/// Features with σ₂ = `ratio`·σ₁, with more channels than positions and with fewer, in closed form
/// and by iteration.
fn check_degeneracy<T: Scalar>(ratio: f64, expected: Status) {
    for shape in [[2, 1, 3], [3, 1, 2]] {
        let entry = |i: &[usize]| match (i[0], i[2]) {
            (0, 0) => 1.0,
            (1, 1) => ratio,
            _ => 0.0,
        };
        let x = Tensor::from_fn(&shape, |i| T::from_f64(entry(i))).unwrap();
        for weighting in Weighting::ALL {
            for ranks in [None, Some(vec![2, 1, 2])] {
                if ranks.is_some() && weighting.decomposition() == Decomposition::Svd {
                    continue;
                }
                let cam = Cam {
                    ranks,
                    centring: Some(false),
                    ..Cam::new(weighting)
                };
                let status = cam.saliency_map(&x).unwrap().status();
                assert_eq!(status, expected, "{cam:?}, {shape:?}, {ratio}, {}", T::NAME);
            }
        }
    }
}

/// The documented ratio is 0.999.
#[test]
fn a_map_is_degenerate_only_above_the_documented_ratio() {
    for (ratio, expected) in [
        (0.5, Status::Fine),
        (0.998, Status::Fine),
        (0.9988, Status::Fine),
        (0.9992, Status::Degenerate),
        (0.9999, Status::Degenerate),
    ] {
        check_degeneracy::<f64>(ratio, expected);
        check_degeneracy::<f32>(ratio, expected);
    }
}

#[test]
fn a_map_is_constant_only_if_its_range_is_rounding() {
    for (difference, expected) in [(3e-13, Status::Constant), (3e-12, Status::Fine)] {
        let x = Tensor::new(&[1, 1, 3], vec![1.0, 1.0 + difference, 1.0]).unwrap();
        for weighting in Weighting::ALL {
            let cam = Cam {
                centring: Some(false),
                ..Cam::new(weighting)
            };
            assert_eq!(
                map(&cam, &x).status(),
                expected,
                "{weighting}, {difference:e}"
            );
        }
    }
}

#[test]
fn a_huge_offset_does_not_change_a_centred_map() {
    let x = Tensor::from_fn(&[4, 3, 3], |i| ((i[0] + 1) * (3 * i[1] + i[2])) as f64).unwrap();
    let with_offset = x.data().iter().map(|v| v + 1e12).collect();
    let with_offset = Tensor::new(x.shape(), with_offset).unwrap();
    for weighting in [Weighting::EigenCam, Weighting::MultivecEigenCam] {
        let cam = Cam::new(weighting);
        let [expected, map] = [&x, &with_offset].map(|x| map(&cam, x).into_values());
        assert!(largest_difference(expected.data(), map.data()) < 1e-12);
    }
}

#[test]
fn the_scale_of_features_in_f32_does_not_change_the_map() {
    let entry = |i: &[usize]| ((7 * i[0] + 3 * i[1] * i[2] + i[1]) % 11) as f32;
    let x = Tensor::from_fn(&[9, 4, 4], entry).unwrap();
    for weighting in Weighting::ALL {
        let cam = Cam::new(weighting);
        let expected = cam.saliency_map(&x).unwrap().into_values();
        for scale in [1e-30f32, 1e-5, 1e30] {
            let scaled = x.data().iter().map(|v| v * scale).collect();
            let scaled = Tensor::new(x.shape(), scaled).unwrap();
            let map = cam.saliency_map(&scaled).unwrap().into_values();
            // Each scaled entry is rounded to f32 once more.
            let difference = largest_difference(expected.data(), map.data());
            assert!(difference < 1e-5, "{weighting}, {scale:e}: {difference:e}");
        }
    }
}

#[test]
fn the_first_entry_decides_the_sign_if_two_magnitudes_are_equal() {
    // The two entries of a centred map always have opposite signs and equal magnitudes.
    let x = Tensor::new(&[3, 1, 2], vec![1.0, 5.0, 0.0, 2.0, 4.0, 9.0]).unwrap();
    let cam = Cam::new(Weighting::EigenCam);
    assert_eq!(map(&cam, &x).values().data(), [1.0, 0.0]);
    let opposite = Cam {
        sign: Some(Sign::Negative),
        ..cam
    };
    assert_eq!(map(&opposite, &x).values().data(), [0.0, 1.0]);
}

/// The channel vector of the best rank-one approximation, by alternating products that start from
/// vectors of ones.
fn rank_one_channels(x: &Tensor<f64>) -> Vec<f64> {
    let shape = x.shape();
    let mut vectors: Vec<Vec<f64>> = shape.iter().map(|&extent| vec![1.0; extent]).collect();
    for _ in 0..500 {
        for mode in 0..shape.len() {
            let mut vector = vec![0.0; shape[mode]];
            for i in 0..shape[0] {
                for j in 0..shape[1] {
                    for k in 0..shape[2] {
                        let index = [i, j, k];
                        let others = (0..3).filter(|&m| m != mode);
                        let weight: f64 = others.map(|m| vectors[m][index[m]]).product();
                        vector[index[mode]] += weight * x.get(&index).unwrap();
                    }
                }
            }
            let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
            vectors[mode] = vector.iter().map(|v| v / norm).collect();
        }
    }
    vectors.swap_remove(0)
}

#[test]
fn a_map_at_ranks_1_uses_the_best_rank_one_approximation() {
    // Non-negative features, so that alternating products converge to the best approximation.
    let x = Tensor::from_fn(&[6, 4, 5], |i| {
        ((11 * i[0] * i[0] + 5 * i[1] * (i[2] + i[0]) + 3 * i[2]) % 13) as f64
    })
    .unwrap();
    let v = rank_one_channels(&x);
    let projected: Vec<f64> = (0..20)
        .map(|p| {
            (0..6)
                .map(|c| v[c] * x.data()[20 * c + p])
                .sum::<f64>()
                .abs()
        })
        .collect();
    let expected = stretched(&projected);

    let full = Cam::new(Weighting::Tsm);
    let truncated = Cam {
        ranks: Some(vec![1, 1, 1]),
        ..full.clone()
    };
    let truncated = map(&truncated, &x);
    // HOOI stops when the factors are accurate to about 1e-7.
    let difference = largest_difference(truncated.values().data(), &expected);
    assert!(difference < 1e-6, "{difference:e}");
    let difference = largest_difference(truncated.values().data(), map(&full, &x).values().data());
    assert!(difference > 1e-3, "{difference:e}");
}

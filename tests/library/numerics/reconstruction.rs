//! Reconstructions, slices of them, and measured errors of large tensors.

use tenfold::{StHosvd, Tensor, Truncation};

use crate::common::oracle;
use crate::common::random::Random;

/// The measured error of a large tensor adds up several parts along the first mode, which has a
/// factor in the first case and none in the second.
#[test]
fn the_measured_error_of_a_large_tensor_is_that_of_its_reconstruction() {
    // Entries grow along the first mode, so that all parts differ.
    let x: Tensor<f32> = Tensor::from_fn(&[11, 260, 500], |i| {
        ((1 + i[0]) * ((7 * i[1] + 3 * i[2] + 5 * i[0]) % 13)) as f32
    })
    .unwrap();
    for modes in [vec![0, 1, 2], vec![1, 2]] {
        let ranks: Vec<usize> = modes
            .iter()
            .map(|&mode| if mode == 0 { 4 } else { 3 })
            .collect();
        let solver = StHosvd {
            modes: Some(modes),
            ..StHosvd::new(ranks)
        };
        let tucker = solver.decompose(&x).unwrap();
        let exact = oracle::relative_distance(&x, &tucker.reconstruct().unwrap());
        let measured = tucker.relative_error(&x).unwrap();
        assert!(
            exact > 0.1 && (measured - exact).abs() < 1e-6 * exact,
            "{measured} {exact}"
        );
    }
}

#[test]
fn a_reconstructed_slice_is_that_slice_of_the_reconstruction() {
    let x: Tensor<f64> = Random::new(9).tensor(&[6, 7, 8]);
    for modes in [None, Some(vec![0, 2]), Some(vec![1])] {
        let tucker = StHosvd {
            modes,
            ..StHosvd::new(Truncation::RelativeError(0.3))
        }
        .decompose(&x)
        .unwrap();
        let whole = tucker.reconstruct().unwrap();
        for ranges in [
            [0..6, 0..7, 0..8],
            [2..3, 0..7, 5..8],
            [5..6, 6..7, 0..1],
            [1..1, 0..7, 0..8],
            [0..2, 3..3, 8..8],
        ] {
            let part = tucker.reconstruct_slice(&ranges.clone().into()).unwrap();
            let shape: Vec<usize> = ranges.iter().map(|range| range.len()).collect();
            let expected = Tensor::from_fn(&shape, |i| {
                whole
                    .get(&[
                        i[0] + ranges[0].start,
                        i[1] + ranges[1].start,
                        i[2] + ranges[2].start,
                    ])
                    .unwrap()
            });
            assert!(oracle::distance(&part, &expected.unwrap()) < 1e-14);
        }
    }
}

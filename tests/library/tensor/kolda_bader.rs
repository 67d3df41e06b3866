//! The worked example of Kolda & Bader (SIAM Review 2009): the library and the oracle of the other
//! tests agree with it.

use faer::{Mat, mat};
use tenfold::Tensor;

use crate::common::oracle;

/// The 3×4×2 tensor of §2.4, with the frontal slices X₁ and X₁ + 12.
fn kolda_bader() -> Tensor<f64> {
    Tensor::from_fn(&[3, 4, 2], |i| (1 + i[0] + 3 * i[1] + 12 * i[2]) as f64).unwrap()
}

/// The 2×3 matrix U of §2.5.
fn kolda_bader_matrix() -> Mat<f64> {
    mat![[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]
}

/// Y = X ×₁ U in the paper, which counts modes from 1, by frontal slices.
fn kolda_bader_product() -> Tensor<f64> {
    let slices = [
        [[22.0, 49.0, 76.0, 103.0], [28.0, 64.0, 100.0, 136.0]],
        [[130.0, 157.0, 184.0, 211.0], [172.0, 208.0, 244.0, 280.0]],
    ];
    Tensor::from_fn(&[2, 4, 2], |i| slices[i[2]][i[0]][i[1]]).unwrap()
}

/// The three unfoldings. The columns are in the order of this library, in which the last index
/// runs fastest. In the paper the first index does.
fn kolda_bader_unfoldings() -> [Mat<f64>; 3] {
    [
        mat![
            [1.0, 13.0, 4.0, 16.0, 7.0, 19.0, 10.0, 22.0],
            [2.0, 14.0, 5.0, 17.0, 8.0, 20.0, 11.0, 23.0],
            [3.0, 15.0, 6.0, 18.0, 9.0, 21.0, 12.0, 24.0],
        ],
        mat![
            [1.0, 13.0, 2.0, 14.0, 3.0, 15.0],
            [4.0, 16.0, 5.0, 17.0, 6.0, 18.0],
            [7.0, 19.0, 8.0, 20.0, 9.0, 21.0],
            [10.0, 22.0, 11.0, 23.0, 12.0, 24.0],
        ],
        mat![
            [
                1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0, 3.0, 6.0, 9.0, 12.0
            ],
            [
                13.0, 16.0, 19.0, 22.0, 14.0, 17.0, 20.0, 23.0, 15.0, 18.0, 21.0, 24.0
            ],
        ],
    ]
}

#[test]
fn the_oracle_agrees_with_kolda_and_bader() {
    let x = kolda_bader();
    let y = oracle::mode_product(&x, 0, kolda_bader_matrix().as_ref());
    assert_eq!(y, kolda_bader_product());
    for (mode, unfolding) in kolda_bader_unfoldings().into_iter().enumerate() {
        assert_eq!(oracle::unfold(&x, mode), unfolding);
    }
    assert_eq!(oracle::norm(&x), 70.0); // 1² + … + 24² = 4900
}

#[test]
fn the_library_agrees_with_kolda_and_bader() {
    let x = kolda_bader();
    let y = x.mode_product(0, kolda_bader_matrix().as_ref()).unwrap();
    assert_eq!(y, kolda_bader_product());
    for (mode, unfolding) in kolda_bader_unfoldings().into_iter().enumerate() {
        assert_eq!(x.unfold(mode).unwrap(), unfolding);
        assert_eq!(
            Tensor::from_unfolding(unfolding.as_ref(), mode, x.shape()).unwrap(),
            x
        );
    }
    assert_eq!(x.norm(), 70.0);
}

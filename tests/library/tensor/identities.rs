//! Identities between mode products, and norms at every scale.

use faer::Mat;
use tenfold::{Scalar, Tensor};

use crate::common::oracle;
use crate::common::random::Random;

/// The tensor is large enough for several tasks.
#[test]
fn a_product_with_the_identity_is_the_tensor() {
    let x: Tensor<f64> = Random::new(1).tensor(&[70, 90, 80]);
    for mode in 0..3 {
        let identity = Mat::identity(x.shape()[mode], x.shape()[mode]);
        assert_eq!(x.mode_product(mode, identity.as_ref()).unwrap(), x);
    }
}

/// X ×ₘ U ×ₙ V = X ×ₙ V ×ₘ U, and X ×ₙ U ×ₙ V = X ×ₙ (V U) (Kolda & Bader, §2.5).
#[test]
fn mode_products_commute_and_compose() {
    let mut random = Random::new(2);
    let x: Tensor<f64> = random.tensor(&[8, 9, 10]);
    let (u, v, w) = (
        random.matrix(4, 8),
        random.matrix(5, 10),
        random.matrix(3, 4),
    );
    let product = |x: &Tensor<f64>, mode, u: &Mat<f64>| x.mode_product(mode, u.as_ref()).unwrap();
    let uv = product(&product(&x, 0, &u), 2, &v);
    let vu = product(&product(&x, 2, &v), 0, &u);
    assert!(oracle::relative_distance(&uv, &vu) < 1e-15);
    let one_by_one = product(&product(&x, 0, &u), 0, &w);
    let at_once = product(&x, 0, &(&w * &u));
    assert!(oracle::relative_distance(&one_by_one, &at_once) < 1e-15);
}

fn check_norms<T: Scalar>(exponents: impl Iterator<Item = i32>) {
    for exponent in exponents {
        let scale = 10f64.powi(exponent);
        let entries = [2.0, -3.0, 6.0].map(|v| T::from_f64(v * scale));
        let x = Tensor::new(&[3], entries.to_vec()).unwrap();
        let expected = oracle::norm(&x);
        assert!((expected / scale / 7.0 - 1.0).abs() < 8.0 * T::EPSILON);
        let zero = Tensor::<T>::zeros(&[3]).unwrap();
        for norm in [x.norm(), x.distance(&zero).unwrap()] {
            let error = (norm / expected - 1.0).abs();
            assert!(error < 4.0 * f64::EPSILON, "1e{exponent}: {error:e}");
        }
    }
}

#[test]
fn norms_and_distances_are_accurate_at_every_scale() {
    check_norms::<f64>((-300..=300).step_by(25));
    check_norms::<f32>((-36..=36).step_by(6));
}

#[test]
fn a_huge_entry_does_not_make_the_norm_overflow() {
    let mut x = Tensor::<f64>::zeros(&[40, 40]).unwrap();
    x.data_mut().fill(1.0);
    x.data_mut()[777] = 1e250;
    assert_eq!(x.norm(), 1e250);
}

#[test]
fn the_norm_is_0_without_entries_and_nan_with_a_nan() {
    assert_eq!(Tensor::<f64>::zeros(&[4, 0]).unwrap().norm(), 0.0);
    let x = Tensor::new(&[2], vec![1.0, f64::NAN]).unwrap();
    assert!(x.norm().is_nan());
}

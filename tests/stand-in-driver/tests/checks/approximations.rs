//! Approximate instructions: correctly rounded, or with an error within the documented one.

use stand_in_driver::approximate::{Error, rcp_f32, rsqrt_f32, rsqrt_f64};

/// The documented relative error, `2^-22.9`.
const MOST: f64 = 1.0718 / 8_388_608.0;

#[test]
fn errors_are_within_the_documented_ones() {
    let mut differ = 0;
    for k in 1..20_000u32 {
        let x = f32::from_bits(0x3f00_0000 + k * 977);
        let exact = 1.0 / f64::from(x);
        let root = exact.sqrt();
        for seed in [0, 1, 12345] {
            let reciprocal = f64::from(rcp_f32(x, Error(seed)));
            assert!((reciprocal / exact - 1.0).abs() <= MOST, "{x} {seed}");
            let found = f64::from(rsqrt_f32(x, Error(seed)));
            assert!((found / root - 1.0).abs() <= MOST, "{x} {seed}");
            let correct = found == f64::from(root as f32) && reciprocal == f64::from(exact as f32);
            assert!(seed != 0 || correct, "{x}");
            differ += u32::from(!correct);
            // The square of the double result, against one, in units of rounding.
            let double = rsqrt_f64(f64::from(x), Error(seed));
            let square = double * double;
            let rest = double.mul_add(double, -square);
            let residual = f64::from(x).mul_add(rest, f64::from(x).mul_add(square, -1.0));
            assert!(
                residual.abs() <= 2.0 * f64::EPSILON,
                "{x} {seed} {residual}"
            );
        }
    }
    assert!(differ > 10_000, "{differ}");
}

#[test]
fn zeros_infinities_and_subnormal_numbers() {
    let none = Error::NONE;
    assert_eq!(rcp_f32(0.0, none), f32::INFINITY);
    assert_eq!(rcp_f32(-1e-40, none), f32::NEG_INFINITY);
    assert_eq!(rcp_f32(f32::INFINITY, none), 0.0);
    assert_eq!(rcp_f32(3e38, none), 0.0);
    assert_eq!(rsqrt_f32(0.0, none), f32::INFINITY);
    assert_eq!(rsqrt_f32(-0.0, none), f32::NEG_INFINITY);
    assert_eq!(rsqrt_f32(f32::INFINITY, none), 0.0);
    assert!(rsqrt_f32(-1.0, none).is_nan());
    assert_eq!(rsqrt_f64(0.0, none), f64::INFINITY);
    assert_eq!(rsqrt_f64(f64::INFINITY, none), 0.0);
    assert_eq!(rsqrt_f64(4.0, none), 0.5);
}

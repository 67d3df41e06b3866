//! The interpreter's arithmetic: widths, NaN, one rounding of fused products, conversions.

use stand_in_driver::arithmetic::{compare, compute, convert};
use stand_in_driver::instruction::{Comparison, Name, Type};

#[test]
fn shifts_beyond_the_width_give_zero_or_the_sign() {
    let shift = |name, kind, a, b| compute(name, kind, [a, b, 0, 0]);
    assert_eq!(shift(Name::Shl, Type::U(4), 1, 31), Some(1 << 31));
    assert_eq!(shift(Name::Shl, Type::U(4), 1, 32), Some(0));
    assert_eq!(
        shift(Name::Shr, Type::S(4), 0x8000_0000, 40),
        Some(0xffff_ffff)
    );
    assert_eq!(shift(Name::Shr, Type::U(8), 1 << 63, 63), Some(1));
}

#[test]
fn comparisons_with_nan_follow_their_suffix() {
    let (nan, one) = (f64::NAN.to_bits(), 1f64.to_bits());
    assert_eq!(compare(Comparison::Less, Type::F64, nan, one), Some(false));
    assert_eq!(
        compare(Comparison::LessOrNan, Type::F64, nan, one),
        Some(true)
    );
    assert_eq!(
        compare(Comparison::NotEqual, Type::F64, nan, one),
        Some(false)
    );
    assert_eq!(
        compare(Comparison::NotEqualOrNan, Type::F64, nan, one),
        Some(true)
    );
    let max = compute(Name::Max, Type::F64, [nan, one, 0, 0]);
    assert_eq!(max, Some(one));
}

#[test]
fn products_are_fused() {
    let bits = [0.1f64, 10.0, -1.0, 0.0].map(f64::to_bits);
    let fused = compute(Name::Fma, Type::F64, bits);
    assert_eq!(fused.map(f64::from_bits), Some(0.5f64.powi(54)));
}

#[test]
fn conversions_keep_signs_and_round() {
    let minus = (-3i32) as u32;
    let wide = convert("", Type::S(8), Type::S(4), u64::from(minus));
    assert_eq!(wide, Some((-3i64) as u64));
    let real = convert("rn", Type::F64, Type::S(4), u64::from(minus));
    assert_eq!(real.map(f64::from_bits), Some(-3.0));
    let low = convert("rzi", Type::S(4), Type::F64, (-3.7f64).to_bits());
    assert_eq!(low, Some(u64::from(minus)));
    let floor = convert("rmi", Type::F64, Type::F64, (-3.2f64).to_bits());
    assert_eq!(floor.map(f64::from_bits), Some(-4.0));
}

#[test]
fn bits_are_inserted() {
    let value = compute(Name::BitInsert, Type::U(8), [0xabcd, 0xff, 32, 32]);
    assert_eq!(value, Some(0xabcd_0000_00ff));
    let zeros = compute(Name::CountLeadingZeros, Type::U(8), [1, 0, 0, 0]);
    assert_eq!(zeros, Some(63));
    let zeros = compute(Name::CountLeadingZeros, Type::U(4), [1, 0, 0, 0]);
    assert_eq!(zeros, Some(31));
}

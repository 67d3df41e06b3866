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

#[test]
fn high_halves_keep_signs() {
    let high = |kind, a, b| compute(Name::MulHigh, kind, [a, b, 0, 0]);
    let minus = u64::from(-3i32 as u32);
    assert_eq!(high(Type::S(4), minus, 1 << 30), Some(0xffff_ffff));
    assert_eq!(high(Type::U(4), minus, 1 << 30), Some(0x3fff_ffff));
    assert_eq!(high(Type::U(8), u64::MAX, u64::MAX), Some(u64::MAX - 1));
    assert_eq!(high(Type::S(8), u64::MAX, u64::MAX), Some(0));
}

#[test]
fn bytes_and_bits_are_picked() {
    let of = |name, kind, operands| compute(name, kind, operands);
    let bytes = [0x4433_2211, 0x8877_6655, 0x7160, 0];
    assert_eq!(of(Name::Permute, Type::U(4), bytes), Some(0x8822_7711));
    // The sign of byte 7.
    let sign = [0x4433_2211, 0x8877_6655, 0x000f, 0];
    assert_eq!(of(Name::Permute, Type::U(4), sign), Some(0x1111_11ff));
    let shifted = [0x8000_0001, 0x0000_0003, 1, 0];
    assert_eq!(of(Name::FunnelLeft, Type::U(4), shifted), Some(7));
    assert_eq!(
        of(Name::FunnelRight, Type::U(4), shifted),
        Some(0xc000_0000)
    );
    let field = [0xf0, 4, 4, 0];
    assert_eq!(of(Name::BitExtract, Type::U(4), field), Some(0xf));
    assert_eq!(of(Name::BitExtract, Type::S(4), field), Some(0xffff_ffff));
    assert_eq!(of(Name::Reverse, Type::U(4), [1, 0, 0, 0]), Some(1 << 31));
    assert_eq!(of(Name::CountOnes, Type::U(4), [0xf0f, 0, 0, 0]), Some(8));
}

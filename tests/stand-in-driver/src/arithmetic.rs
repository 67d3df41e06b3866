//! The arithmetic instructions, on the bits of registers.

use crate::instruction::{Name, Type};

fn f32_of(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

/// Sign-extends the low `size` bytes.
fn signed(bits: u64, size: usize) -> i64 {
    let shift = 64 - 8 * size as u32;
    ((bits << shift) as i64) >> shift
}

/// Keeps the low `size` bytes.
fn cut(bits: u64, size: usize) -> u64 {
    if size == 8 {
        bits
    } else {
        bits & ((1 << (8 * size)) - 1)
    }
}

/// The result of an instruction; `None` if the instruction does not exist for the type.
#[inline]
pub fn compute(name: Name, kind: Type, [a, b, c, d]: [u64; 4]) -> Option<u64> {
    if name == Name::Select {
        return Some(if c != 0 { a } else { b });
    }
    match kind {
        Type::F64 => {
            let (x, y, z) = (f64::from_bits(a), f64::from_bits(b), f64::from_bits(c));
            real(name, x, y, z).map(f64::to_bits)
        }
        Type::F32 => {
            let (x, y, z) = (f32_of(a), f32_of(b), f32_of(c));
            let value = match name {
                // One rounding. A product and a sum in double, rounded to float, would round twice.
                Name::Fma => Some(x.mul_add(y, z)),
                Name::Add => Some(x + y),
                Name::Sub => Some(x - y),
                Name::Mul => Some(x * y),
                Name::Div => Some(x / y),
                Name::Neg => Some(-x),
                Name::Abs => Some(x.abs()),
                Name::Max => Some(x.max(y)),
                Name::Min => Some(x.min(y)),
                Name::Sqrt => Some(x.sqrt()),
                Name::Rcp => Some(1.0 / x),
                _ => None,
            };
            value.map(|value| u64::from(value.to_bits()))
        }
        Type::Pred => match name {
            Name::And => Some(a & b),
            Name::Or => Some(a | b),
            Name::Xor => Some(a ^ b),
            Name::Not => Some(a ^ 1),
            _ => None,
        },
        Type::U(size) => unsigned(name, size, [a, b, c, d]).map(|value| match name {
            Name::MulWide => value,
            _ => cut(value, size),
        }),
        Type::S(size) => {
            let (x, y) = (signed(a, size), signed(b, size));
            let value = match name {
                Name::Div => x.checked_div(y).unwrap_or(-1),
                Name::Rem => x.checked_rem(y).unwrap_or(x),
                Name::Max => x.max(y),
                Name::Min => x.min(y),
                Name::Neg => x.wrapping_neg(),
                Name::Abs => x.wrapping_abs(),
                Name::Shr => x >> (b as u32).min(63),
                Name::MulWide => return Some(cut((x * y) as u64, 2 * size)),
                _ => return unsigned(name, size, [a, b, c, d]).map(|value| cut(value, size)),
            };
            Some(cut(value as u64, size))
        }
    }
}

fn real(name: Name, x: f64, y: f64, z: f64) -> Option<f64> {
    Some(match name {
        Name::Fma => x.mul_add(y, z),
        Name::Add => x + y,
        Name::Sub => x - y,
        Name::Mul => x * y,
        Name::Div => x / y,
        Name::Neg => -x,
        Name::Abs => x.abs(),
        Name::Max => x.max(y),
        Name::Min => x.min(y),
        Name::Sqrt => x.sqrt(),
        Name::Rcp => 1.0 / x,
        _ => return None,
    })
}

fn unsigned(name: Name, size: usize, [a, b, c, d]: [u64; 4]) -> Option<u64> {
    let bits = 8 * size as u64;
    // A shift uses all 32 bits of its count; counts above the width shift everything out.
    let count = b as u32;
    Some(match name {
        Name::Add => a.wrapping_add(b),
        Name::Sub => a.wrapping_sub(b),
        Name::MulLow => a.wrapping_mul(b),
        Name::MulWide => a * b,
        Name::MulHigh if size == 4 => (a * b) >> 32,
        Name::MadLow => a.wrapping_mul(b).wrapping_add(c),
        Name::Div => a.checked_div(b).unwrap_or(u64::MAX),
        Name::Rem => a.checked_rem(b).unwrap_or(a),
        Name::Max => a.max(b),
        Name::Min => a.min(b),
        Name::And => a & b,
        Name::Or => a | b,
        Name::Xor => a ^ b,
        Name::Not => !a,
        Name::Shl => a.checked_shl(count).unwrap_or(0),
        Name::Shr => a.checked_shr(count).unwrap_or(0),
        Name::CountLeadingZeros => u64::from(cut(a, size).leading_zeros()) - (64 - bits),
        Name::BitInsert => {
            let (place, len) = (c & 0xff, d & 0xff);
            let ones = if len >= 64 { u64::MAX } else { (1 << len) - 1 };
            let mask = ones.checked_shl(place as u32).unwrap_or(0);
            (b & !mask) | (a.checked_shl(place as u32).unwrap_or(0) & mask)
        }
        _ => return None,
    })
}

/// Whether a comparison holds; `None` if the comparison does not exist for the type.
#[inline]
pub fn compare(how: &str, kind: Type, a: u64, b: u64) -> Option<bool> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match kind {
        Type::F64 => f64::from_bits(a).partial_cmp(&f64::from_bits(b)),
        Type::F32 => f32_of(a).partial_cmp(&f32_of(b)),
        Type::S(size) => Some(signed(a, size).cmp(&signed(b, size))),
        Type::U(size) => Some(cut(a, size).cmp(&cut(b, size))),
        Type::Pred => return None,
    };
    let unordered = order.is_none();
    Some(match how {
        "eq" => order == Some(Equal),
        "ne" => matches!(order, Some(Less | Greater)),
        "lt" => order == Some(Less),
        "le" => matches!(order, Some(Less | Equal)),
        "gt" => order == Some(Greater),
        "ge" => matches!(order, Some(Greater | Equal)),
        "equ" => unordered || order == Some(Equal),
        "neu" => order != Some(Equal),
        "ltu" => unordered || order == Some(Less),
        "leu" => order != Some(Greater),
        "gtu" => unordered || order == Some(Greater),
        "geu" => order != Some(Less),
        "num" => !unordered,
        "nan" => unordered,
        _ => return None,
    })
}

/// Converts a value to another type; `None` if the conversion does not exist.
#[inline]
pub fn convert(rounding: &str, to: Type, from: Type, bits: u64) -> Option<u64> {
    let rounded = |value: f64| match rounding {
        "rmi" => value.floor(),
        "rpi" => value.ceil(),
        "rzi" => value.trunc(),
        "rni" => value.round_ties_even(),
        _ => value,
    };
    let real = match from {
        Type::F64 => Some(f64::from_bits(bits)),
        Type::F32 => Some(f64::from(f32_of(bits))),
        _ => None,
    };
    Some(match (to, real) {
        (Type::F64, Some(value)) => rounded(value).to_bits(),
        (Type::F32, Some(value)) => u64::from((rounded(value) as f32).to_bits()),
        // As casts in Rust, the instruction clamps to the range of the integer.
        (Type::S(4), Some(value)) => cut(rounded(value) as i32 as u64, 4),
        (Type::S(8), Some(value)) => rounded(value) as i64 as u64,
        (Type::U(4), Some(value)) => u64::from(rounded(value) as u32),
        (Type::U(8), Some(value)) => rounded(value) as u64,
        (to, None) => {
            let (wide, negative) = match from {
                Type::S(size) => (signed(bits, size) as u64, true),
                Type::U(size) => (cut(bits, size), false),
                _ => return None,
            };
            match to {
                Type::F64 if negative => (wide as i64 as f64).to_bits(),
                Type::F64 => (wide as f64).to_bits(),
                Type::F32 if negative => u64::from((wide as i64 as f32).to_bits()),
                Type::F32 => u64::from((wide as f32).to_bits()),
                Type::S(size) | Type::U(size) => cut(wide, size),
                Type::Pred => return None,
            }
        }
        _ => return None,
    })
}

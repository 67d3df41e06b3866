//! The arithmetic instructions, on the bits of registers.

use crate::approximate::{self, Error};
use crate::instruction::{Comparison, Name, Type};

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
        Type::F64 if name == Name::RsqrtApproximate => {
            Some(approximate::rsqrt_f64(f64::from_bits(a), Error::NONE).to_bits())
        }
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
                Name::CopySign => Some(y.copysign(x)),
                Name::RcpApproximate => Some(approximate::rcp_f32(x, Error::NONE)),
                Name::RsqrtApproximate => Some(approximate::rsqrt_f32(x, Error::NONE)),
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
            Name::MulWide | Name::MadWide => value,
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
                Name::MadWide => {
                    return Some(cut(((x * y) as u64).wrapping_add(c), 2 * size));
                }
                Name::MulHigh => ((i128::from(x) * i128::from(y)) >> (8 * size)) as i64,
                Name::BitExtract => {
                    let (place, len) = ((b & 0xff) as u32, (c & 0xff) as u32);
                    let bits = 8 * size as u32;
                    let len = len.min(bits - place.min(bits));
                    if len == 0 {
                        0
                    } else {
                        let above = 64 - place - len;
                        ((a << above) as i64) >> (64 - len)
                    }
                }
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
        Name::CopySign => y.copysign(x),
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
        Name::MadWide => (a * b).wrapping_add(c),
        Name::MulHigh => ((u128::from(a) * u128::from(b)) >> bits) as u64,
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
        Name::CountOnes => u64::from(cut(a, size).count_ones()),
        Name::Reverse => cut(a, size).reverse_bits() >> (64 - bits),
        Name::BitExtract => {
            let (place, len) = ((b & 0xff) as u32, c & 0xff);
            let ones = if len >= 64 { u64::MAX } else { (1 << len) - 1 };
            a.checked_shr(place).unwrap_or(0) & ones
        }
        Name::FunnelLeft => {
            let both = cut(b, 4) << 32 | cut(a, 4);
            both << (c & 31) >> 32
        }
        Name::FunnelRight => (cut(b, 4) << 32 | cut(a, 4)) >> (c & 31),
        Name::Permute => {
            let bytes = (cut(b, 4) << 32 | cut(a, 4)).to_le_bytes();
            let mut picked = [0; 8];
            for (place, byte) in picked.iter_mut().take(4).enumerate() {
                let selector = c >> (4 * place);
                let value = bytes[(selector & 7) as usize];
                let sign = if value & 0x80 == 0 { 0 } else { 0xff };
                *byte = if selector & 8 == 0 { value } else { sign };
            }
            u64::from_le_bytes(picked)
        }
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
pub fn compare(how: Comparison, kind: Type, a: u64, b: u64) -> Option<bool> {
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
        Comparison::Equal => order == Some(Equal),
        Comparison::NotEqual => matches!(order, Some(Less | Greater)),
        Comparison::Less => order == Some(Less),
        Comparison::LessEqual => matches!(order, Some(Less | Equal)),
        Comparison::Greater => order == Some(Greater),
        Comparison::GreaterEqual => matches!(order, Some(Greater | Equal)),
        Comparison::EqualOrNan => unordered || order == Some(Equal),
        Comparison::NotEqualOrNan => order != Some(Equal),
        Comparison::LessOrNan => unordered || order == Some(Less),
        Comparison::LessEqualOrNan => order != Some(Greater),
        Comparison::GreaterOrNan => unordered || order == Some(Greater),
        Comparison::GreaterEqualOrNan => order != Some(Less),
        Comparison::Number => !unordered,
        Comparison::Nan => unordered,
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

//! The names of comparisons and of arithmetic instructions in PTX.

use crate::instruction::{Comparison, Name};

/// The comparisons by name.
pub(crate) const COMPARISONS: [(&str, Comparison); 18] = [
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::LessEqual),
    ("gt", Comparison::Greater),
    ("ge", Comparison::GreaterEqual),
    ("lo", Comparison::Less),
    ("ls", Comparison::LessEqual),
    ("hi", Comparison::Greater),
    ("hs", Comparison::GreaterEqual),
    ("equ", Comparison::EqualOrNan),
    ("neu", Comparison::NotEqualOrNan),
    ("ltu", Comparison::LessOrNan),
    ("leu", Comparison::LessEqualOrNan),
    ("gtu", Comparison::GreaterOrNan),
    ("geu", Comparison::GreaterEqualOrNan),
    ("num", Comparison::Number),
    ("nan", Comparison::Nan),
];

/// The arithmetic instruction with these parts of its name; `None` for others.
pub(crate) fn arithmetic(parts: &[&str]) -> Option<Name> {
    let has = |name: &str| parts.contains(&name);
    if has("approx") {
        // Without `ftz` the hardware keeps subnormal numbers.
        return match parts {
            ["rcp", "approx", "ftz", "f32"] => Some(Name::RcpApproximate),
            ["rsqrt", "approx", "ftz", "f32"] | ["rsqrt", "approx", "f64"] => {
                Some(Name::RsqrtApproximate)
            }
            _ => None,
        };
    }
    // Only rounding to the nearest is implemented.
    let modes = ["ftz", "sat", "cc", "rz", "rm", "rp", "full", "NaN", "clamp"];
    if modes.into_iter().any(has) {
        return None;
    }
    Some(match parts[0] {
        "abs" => Name::Abs,
        "add" => Name::Add,
        "and" => Name::And,
        "bfe" => Name::BitExtract,
        "bfi" => Name::BitInsert,
        "brev" => Name::Reverse,
        "clz" => Name::CountLeadingZeros,
        "copysign" => Name::CopySign,
        "div" => Name::Div,
        "fma" => Name::Fma,
        "mad" if has("lo") => Name::MadLow,
        "mad" if has("wide") => Name::MadWide,
        "max" => Name::Max,
        "min" => Name::Min,
        "mul" if has("wide") => Name::MulWide,
        "mul" if has("hi") => Name::MulHigh,
        "mul" if has("lo") => Name::MulLow,
        "mul" => Name::Mul,
        "neg" => Name::Neg,
        "not" => Name::Not,
        "or" => Name::Or,
        "popc" => Name::CountOnes,
        "prmt" if parts == ["prmt", "b32"] => Name::Permute,
        "rcp" => Name::Rcp,
        "rem" => Name::Rem,
        "selp" => Name::Select,
        "shf" if parts == ["shf", "l", "wrap", "b32"] => Name::FunnelLeft,
        "shf" if parts == ["shf", "r", "wrap", "b32"] => Name::FunnelRight,
        "shl" => Name::Shl,
        "shr" => Name::Shr,
        "sqrt" => Name::Sqrt,
        "sub" => Name::Sub,
        "xor" => Name::Xor,
        _ => return None,
    })
}

//! The approximate instructions. The hardware's results are documented up to a relative error. The
//! interpreter rounds the exact result correctly, or changes it within the documented error.

/// The documented relative error of the instructions, `2^-22.9`, less half a unit of rounding.
const MOST: f64 = 1.0718 / 8_388_608.0 - 0.5 / 8_388_608.0;

/// The error that the interpreter adds to approximate results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Error(pub u64);

impl Error {
    /// Results are rounded correctly.
    pub const NONE: Self = Self(0);

    /// The factor on the result for an operand: from a hash of the operand and the seed.
    fn factor(self, bits: u64) -> f64 {
        if self == Self::NONE {
            return 1.0;
        }
        let mut hash = bits ^ self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash = (hash ^ hash >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash ^= hash >> 27;
        // The largest error of either sign, or one between.
        let place = match hash % 4 {
            0 => -1.0,
            1 => 1.0,
            _ => (hash >> 16) as f64 / (1u64 << 47) as f64 - 1.0,
        };
        1.0 + MOST * place
    }
}

/// Subnormal numbers become zero of the same sign.
fn flushed(x: f32) -> f32 {
    if x.is_subnormal() {
        0f32.copysign(x)
    } else {
        x
    }
}

/// `rcp.approx.ftz.f32`
pub fn rcp_f32(x: f32, error: Error) -> f32 {
    let x = flushed(x);
    flushed((error.factor(u64::from(x.to_bits())) / f64::from(x)) as f32)
}

/// `rsqrt.approx.ftz.f32`
pub fn rsqrt_f32(x: f32, error: Error) -> f32 {
    let x = flushed(x);
    (error.factor(u64::from(x.to_bits())) * rsqrt(f64::from(x))) as f32
}

/// `rsqrt.approx.f64`, which is documented up to one unit in the last place: with an error, the result
/// can be the number on the other side of the exact one.
pub fn rsqrt_f64(x: f64, error: Error) -> f64 {
    let root = rsqrt(x);
    if !root.is_finite() || root == 0.0 {
        return root;
    }
    // The product's rounding error is added to the residual.
    let square = root * root;
    let rest = root.mul_add(root, -square);
    let residual = (-x).mul_add(rest, (-x).mul_add(square, 1.0));
    let near = (0.5 * residual).mul_add(root, root);
    if error.factor(x.to_bits()) <= 1.0 {
        return near;
    }
    let square = near * near;
    let rest = near.mul_add(near, -square);
    let residual = (-x).mul_add(rest, (-x).mul_add(square, 1.0));
    if residual > 0.0 {
        near.next_up()
    } else {
        near.next_down()
    }
}

fn rsqrt(x: f64) -> f64 {
    // The root of a negative zero is negative infinity, as in hardware.
    if x == 0.0 {
        f64::INFINITY.copysign(x)
    } else {
        1.0 / x.sqrt()
    }
}

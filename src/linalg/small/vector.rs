//! Arithmetic on a register of numbers, written as on one.

use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::Simd;

/// A register of `f64`s.
#[derive(Clone, Copy)]
pub(super) struct Vector<S: Simd> {
    simd: S,
    pub(super) lanes: S::f64s,
}

impl<S: Simd> Vector<S> {
    #[inline(always)]
    pub(super) fn new(simd: S, lanes: S::f64s) -> Self {
        Self { simd, lanes }
    }

    /// Every lane the same value.
    #[inline(always)]
    pub(super) fn splat(simd: S, value: f64) -> Self {
        Self::new(simd, simd.splat_f64s(value))
    }

    /// self·b + c, rounded once.
    #[inline(always)]
    pub(super) fn mul_add(self, b: Self, c: Self) -> Self {
        let lanes = self.simd.mul_add_f64s(self.lanes, b.lanes, c.lanes);
        Self::new(self.simd, lanes)
    }

    /// Square roots, of negative numbers zero.
    #[inline(always)]
    pub(super) fn sqrt(self) -> Self {
        let zero = self.simd.splat_f64s(0.0);
        let clipped = self.simd.max_f64s(self.lanes, zero);
        Self::new(self.simd, self.simd.sqrt_f64s(clipped))
    }

    #[inline(always)]
    pub(super) fn less(self, other: Self) -> S::m64s {
        self.simd.less_than_f64s(self.lanes, other.lanes)
    }

    #[inline(always)]
    pub(super) fn at_most(self, other: Self) -> S::m64s {
        self.simd.less_than_or_equal_f64s(self.lanes, other.lanes)
    }

    #[inline(always)]
    pub(super) fn equal(self, other: Self) -> S::m64s {
        self.simd.equal_f64s(self.lanes, other.lanes)
    }

    /// self where the mask is set, `other` elsewhere.
    #[inline(always)]
    pub(super) fn where_or(self, mask: S::m64s, other: Self) -> Self {
        let lanes = self.simd.select_f64s(mask, self.lanes, other.lanes);
        Self::new(self.simd, lanes)
    }

    /// The product of the lanes.
    #[inline(always)]
    pub(super) fn product(self) -> f64 {
        self.simd.reduce_product_f64s(self.lanes)
    }
}

impl<S: Simd> Add for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.add_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Sub for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.sub_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Mul for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.mul_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Div for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.div_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Neg for Vector<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::splat(self.simd, 0.0) - self
    }
}

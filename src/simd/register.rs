//! Arithmetic on a register of `f64`, with the operators of a single number.

use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::Simd;

/// A register of `f64`. Operations act on each lane.
#[derive(Clone, Copy)]
pub(crate) struct Register<S: Simd> {
    simd: S,
    pub(crate) lanes: S::f64s,
}

impl<S: Simd> Register<S> {
    #[inline(always)]
    pub(crate) fn new(simd: S, lanes: S::f64s) -> Self {
        Self { simd, lanes }
    }

    /// `value` in every lane.
    #[inline(always)]
    pub(crate) fn splat(simd: S, value: f64) -> Self {
        Self::new(simd, simd.splat_f64s(value))
    }

    /// self·b + c, rounded once.
    #[inline(always)]
    pub(crate) fn mul_add(self, b: Self, c: Self) -> Self {
        let lanes = self.simd.mul_add_f64s(self.lanes, b.lanes, c.lanes);
        Self::new(self.simd, lanes)
    }

    /// Square roots; zero for negative numbers.
    #[inline(always)]
    pub(crate) fn sqrt(self) -> Self {
        let zero = self.simd.splat_f64s(0.0);
        let clipped = self.simd.max_f64s(self.lanes, zero);
        Self::new(self.simd, self.simd.sqrt_f64s(clipped))
    }

    /// The lanes where self < other.
    #[inline(always)]
    pub(crate) fn less(self, other: Self) -> S::m64s {
        self.simd.less_than_f64s(self.lanes, other.lanes)
    }

    /// The lanes where self ≤ other.
    #[inline(always)]
    pub(crate) fn at_most(self, other: Self) -> S::m64s {
        self.simd.less_than_or_equal_f64s(self.lanes, other.lanes)
    }

    /// The lanes where self = other.
    #[inline(always)]
    pub(crate) fn equal(self, other: Self) -> S::m64s {
        self.simd.equal_f64s(self.lanes, other.lanes)
    }

    /// `self` in the lanes of `mask`, `other` in the other lanes.
    #[inline(always)]
    pub(crate) fn where_or(self, mask: S::m64s, other: Self) -> Self {
        let lanes = self.simd.select_f64s(mask, self.lanes, other.lanes);
        Self::new(self.simd, lanes)
    }

    /// The product of the lanes.
    #[inline(always)]
    pub(crate) fn product(self) -> f64 {
        self.simd.reduce_product_f64s(self.lanes)
    }
}

impl<S: Simd> Add for Register<S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.add_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Sub for Register<S> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.sub_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Mul for Register<S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.mul_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Div for Register<S> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self::new(self.simd, self.simd.div_f64s(self.lanes, other.lanes))
    }
}

impl<S: Simd> Neg for Register<S> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self::splat(self.simd, 0.0) - self
    }
}

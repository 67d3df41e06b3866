//! Every public function gets arbitrary input. None panics, and each result is as documented.
//!
//! The first argument of [`call`] is the name of the function that is called. The test `structure`
//! checks that each public function of `tensor` and `linalg` is named here.

mod decompositions;
mod factorizations;
mod maps;
mod memory;
mod tensors;

use std::panic::{AssertUnwindSafe, catch_unwind};

use faer::Mat;
use proptest::prelude::*;
use tenfold::{Error, Scalar, Tensor};

use crate::common::random::{Random, random_cases};

/// Calls `function` and returns its result. If it panics, the test fails with its name.
fn call<R>(name: &str, function: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(function)) {
        Ok(result) => result,
        Err(_) => panic!("{name} panicked"),
    }
}

fn config(cases: u32) -> ProptestConfig {
    random_cases(cases, 14)
}

/// The kind of the entries of a tensor or a matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Entries {
    /// Between −1 and 1.
    Moderate,
    /// Zeros, subnormal numbers, the largest scalar, and anything between.
    Finite,
    /// As `Finite`, with some NaN and infinities.
    Any,
    Zero,
}

fn entries() -> impl Strategy<Value = Entries> {
    prop_oneof![
        4 => Just(Entries::Moderate),
        3 => Just(Entries::Finite),
        3 => Just(Entries::Any),
        1 => Just(Entries::Zero),
    ]
}

impl Entries {
    fn entry<T: Scalar>(self, random: &mut Random) -> T {
        let (smallest, largest) = if T::NAME == "f32" {
            (f64::from(f32::from_bits(1)), f64::from(f32::MAX))
        } else {
            (f64::from_bits(1), f64::MAX)
        };
        let value = match self {
            Self::Moderate => random.uniform(),
            Self::Zero => 0.0,
            Self::Any if random.below(6) == 0 => {
                [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][random.below(3)]
            }
            Self::Finite | Self::Any => match random.below(6) {
                0 => 0.0,
                1 => -0.0,
                2 => smallest * (1 + random.below(9)) as f64,
                3 => largest * random.uniform(),
                4 => 10f64.powf(largest.log10() * random.uniform()),
                _ => random.uniform(),
            },
        };
        T::from_f64(value)
    }

    fn tensor<T: Scalar>(self, random: &mut Random, shape: &[usize]) -> Tensor<T> {
        call("Tensor::from_fn", || {
            Tensor::from_fn(shape, |_| self.entry(random)).unwrap()
        })
    }

    fn matrix<T: Scalar>(self, random: &mut Random, rows: usize, columns: usize) -> Mat<T> {
        Mat::from_fn(rows, columns, |_, _| self.entry(random))
    }
}

/// Shapes of order 1 to 16 with extents 0 to 5 and at most 400 entries.
fn shapes() -> impl Strategy<Value = Vec<usize>> {
    let extent = prop_oneof![1 => Just(0usize), 4 => Just(1usize), 12 => 2usize..=5];
    let few = prop::collection::vec(extent.clone(), 1..=4);
    let many = prop::collection::vec(extent, 5..=16);
    prop_oneof![3 => few, 1 => many].prop_map(|mut shape| {
        let mut entries = 1;
        for extent in &mut shape {
            if entries * *extent > 400 {
                *extent = 1;
            }
            entries *= (*extent).max(1);
        }
        shape
    })
}

/// A value for an extent, a mode or a rank: mostly below `small` + 2, sometimes huge.
fn number(random: &mut Random, small: usize) -> usize {
    match random.below(8) {
        0 => [usize::MAX, usize::MAX / 2, 1 << 40][random.below(3)],
        _ => random.below(small + 2),
    }
}

/// At most `maximum` values as [`number`] returns them.
fn numbers(random: &mut Random, maximum: usize, small: usize) -> Vec<usize> {
    let count = random.below(maximum + 1);
    (0..count).map(|_| number(random, small)).collect()
}

/// Whether the error names an entry of `x` that is indeed not finite.
fn names_bad_entry<T: Scalar>(error: &Error, x: &Tensor<T>) -> bool {
    matches!(error, Error::NonFinite { index, value }
        if !value.is_finite() && x.get(index).is_some_and(|entry| !entry.as_f64().is_finite()))
}

/// Whether the function refused a result above the largest scalar. Finite input may cause this.
fn is_out_of_range<R>(result: &tenfold::Result<R>) -> bool {
    matches!(result, Err(Error::ResultOutOfRange { .. }))
}

fn all_finite<T: Scalar>(x: &Tensor<T>) -> bool {
    x.data().iter().all(|entry| entry.as_f64().is_finite())
}

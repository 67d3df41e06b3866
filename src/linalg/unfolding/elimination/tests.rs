//! Tests of the elimination: which plan a spectrum gives, and how accurate the tail is.

use faer::Mat;

use super::*;
use crate::common::oracle;
use crate::common::random::Random;
use crate::linalg::instruction_sets::on_every_instruction_set;
use crate::linalg::{Accuracy, Request, Wanted, eigh, leading_vectors, left_singular};
use crate::monitor::Cancellation;
use crate::tensor::Tensor;

/// The tail above which products in `f32` without elimination are accurate.
const RESOLVED: f64 = 2e-2;

fn unfolding<T: Scalar>(x: &Tensor<T>, mode: usize) -> Unfolding<'_, T> {
    let around = x.view().extents(mode).unwrap();
    Unfolding::new(x.view(), around, Side::smaller(around))
}

/// A tensor with an unfolding of mode `mode` that has `n` rows and the given singular values.
fn with_spectrum(mode: usize, n: usize, values: &[f64]) -> Tensor<f32> {
    let shape = [vec![n, 20, 12], vec![20, n, 12], vec![20, 12, n]][mode].clone();
    let a = Random::new(5).with_spectrum(n, 240, values);
    let x = Tensor::from_unfolding(a.as_ref(), mode, &shape).unwrap();
    oracle::scaled(&x, 1.0)
}

/// Three large values, one of them `middle`, and a flat tail of the given size.
fn three_and_tail(n: usize, middle: f64, tail: f64) -> Vec<f64> {
    let small = tail / ((n - 3) as f64).sqrt();
    let mut values = vec![1.0, 0.5, middle];
    values.resize(n, small);
    values
}

fn elimination(plan: Option<Plan<f32>>) -> Option<Elimination<f32>> {
    match plan {
        Some(Plan::Eliminate(elimination)) => Some(elimination),
        _ => None,
    }
}

#[test]
fn multiples_of_pivot_rows_are_subtracted_exactly() {
    on_every_instruction_set(|| {
        // Small integers, so that no rounding occurs.
        for shape in [[2, 21, 30], [1, 13, 47], [61, 1, 17], [5, 12, 1]] {
            let entry = |i: &[usize]| ((7 * i[0] + 5 * i[1] + 3 * i[2]) % 11) as f32 - 4.0;
            let x = Tensor::from_fn(&shape, entry).unwrap();
            for mode in 0..3 {
                let unfolding = unfolding(&x, mode);
                let n = unfolding.order;
                let mut elimination = Elimination::new(n);
                for (j, pivot) in [n - 1, 0, n / 2].into_iter().enumerate() {
                    if !elimination.pivots().contains(&pivot) {
                        let multiple = move |i: usize| ((i + j) % 3) as f32 - 1.0;
                        elimination.push(pivot, n, multiple);
                    }
                }
                let exact = unfolding.gram(Precision::Double).unwrap();
                let (gram, _) = unfolding.eliminated_gram(&elimination).unwrap();
                assert_eq!(gram.as_ref(), exact.as_ref(), "{shape:?}, mode {mode}");
            }
        }
    });
}

/// With k vectors of the spectrum that the function eigh finds in `gram`: the energy that they
/// miss of `exact`.
fn missed(gram: &Columns, exact: &Columns, k: usize) -> f64 {
    let u = eigh(gram.as_ref()).unwrap().vectors;
    let u = u.get(.., ..k);
    let rest = Mat::<f64>::identity(u.nrows(), u.nrows()) - u * u.transpose();
    let rest = &rest * exact.as_ref() * &rest;
    (0..rest.nrows()).map(|i| rest[(i, i)]).sum()
}

#[test]
fn a_small_tail_keeps_its_digits() {
    let n = 24;
    for mode in 0..3 {
        for (middle, tail) in [(0.3, 1e-2), (0.1, 1e-3), (0.02, 1e-4), (1e-3, 2e-5)] {
            let x = with_spectrum(mode, n, &three_and_tail(n, middle, tail));
            let unfolding = unfolding(&x, mode);
            for needed in [Needed::Rank(3), Needed::Rank(5), Needed::Tail(tail)] {
                let what = format!("mode {mode}, tail {tail:e}, {needed:?}");
                let plan = unfolding.plan(needed, RESOLVED).unwrap();
                let elimination = elimination(plan).expect(&what);
                let (gram, remaining) = unfolding.eliminated_gram(&elimination).unwrap();
                assert!(remaining.sqrt() <= 2.0 * REMAINING * tail, "{what}");
                // All but one ten-thousandth of the tail is resolved.
                let exact = unfolding.gram(Precision::Double).unwrap();
                let best = missed(&exact, &exact, 3);
                let energy = missed(&gram, &exact, 3);
                assert!(
                    (energy / best - 1.0).abs() < 1e-4,
                    "{what}: {energy:e}, {best:e}"
                );
                let values = eigh(gram.as_ref()).unwrap().values;
                let computed: f64 = values[3..].iter().sum();
                assert!((computed / best - 1.0).abs() < 1e-3, "{what}: {computed:e}");
            }
        }
    }
}

#[test]
fn the_plan_follows_the_spectrum() {
    let n = 24;
    let plan = |values: &[f64], needed| {
        let x = with_spectrum(1, n, values);
        match unfolding(&x, 1).plan(needed, RESOLVED).unwrap() {
            Some(Plan::Single) => "single".to_owned(),
            Some(Plan::Double) => "double".to_owned(),
            Some(Plan::Eliminate(elimination)) => elimination.pivots().len().to_string(),
            None => "none".to_owned(),
        }
    };
    // A large tail needs no pivots.
    assert_eq!(plan(&three_and_tail(n, 0.4, 0.5), Needed::Rank(3)), "0");
    assert_eq!(plan(&three_and_tail(n, 0.4, 0.5), Needed::Tail(0.3)), "0");
    // A small tail behind few directions.
    assert_eq!(plan(&three_and_tail(n, 0.4, 1e-3), Needed::Rank(3)), "3");
    // A tail behind all vectors, and a tail below the digits of the entries.
    assert_eq!(
        plan(&three_and_tail(n, 0.4, 1e-3), Needed::Rank(n)),
        "double"
    );
    assert_eq!(
        plan(&three_and_tail(n, 0.4, 1e-7), Needed::Rank(3)),
        "double"
    );
    assert_eq!(
        plan(&three_and_tail(n, 0.4, 1e-3), Needed::Tail(1e-6)),
        "double"
    );
    // More large directions than pivots: `f64`.
    let many: Vec<f64> = (0..n).map(|i| 0.3f64.powi(i as i32)).collect();
    assert_eq!(plan(&many, Needed::Tail(1e-4)), "double");
    assert_eq!(plan(&many, Needed::Rank(12)), "double");
    // A flat spectrum behind more vectors than are searched.
    assert_eq!(plan(&vec![1.0; n], Needed::Rank(12)), "single");
    // No entries that show anything.
    assert_eq!(plan(&vec![0.0; n], Needed::Rank(3)), "none");
    let mut x = with_spectrum(1, n, &three_and_tail(n, 0.4, 1e-3));
    x.data_mut().fill(f32::NAN);
    assert!(
        unfolding(&x, 1)
            .plan(Needed::Rank(3), RESOLVED)
            .unwrap()
            .is_none()
    );
}

#[test]
fn directions_outside_the_sample_do_not_harm_the_result() {
    let n = 24;
    let x = with_spectrum(1, n, &three_and_tail(n, 0.4, 1e-3));
    let around = x.view().extents(1).unwrap();
    let mut entries = x.data().to_vec();
    // A large entry in a vector that is not sampled.
    let of = unfolding(&x, 1);
    let groups = (SAMPLE * n).div_ceil(NEIGHBOURS);
    let sampled: Vec<usize> = (0..groups)
        .flat_map(|group| {
            let first = of.start_of_group(group, groups);
            first..first + NEIGHBOURS
        })
        .collect();
    let hidden = (0..of.depth).find(|k| !sampled.contains(k)).unwrap();
    let slab = hidden / around.right * n * around.right;
    entries[slab + 7 * around.right + hidden % around.right] = 3.0;
    let x = Tensor::new(x.shape(), entries).unwrap();
    let unfolding = unfolding(&x, 1);
    let plan = unfolding.plan(Needed::Rank(4), RESOLVED).unwrap();
    let (_, remaining) = unfolding
        .eliminated_gram(&elimination(plan).unwrap())
        .unwrap();
    assert!(remaining > 1.0, "the sample misses the entry");
    let exact = oracle::singular_values(oracle::unfold(&x, 1).as_ref());
    let request = Request {
        wanted: Wanted::Leading {
            count: &|_| 4,
            needed: Some(Needed::Rank(4)),
        },
        accuracy: Accuracy::default(),
        cancellation: Cancellation::default(),
    };
    let leading = leading_vectors(x.view(), 1, request).unwrap();
    let double = Accuracy {
        precision: Precision::Double,
        ..Accuracy::default()
    };
    let values = left_singular(&x, 1, double, |_| 4).unwrap().values;
    assert_eq!(leading.values, values);
    let difference = oracle::largest_difference(&values, &exact);
    assert!(difference < 1e-6, "{difference:e}");
}

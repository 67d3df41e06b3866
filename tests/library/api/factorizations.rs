//! Factorizations of arbitrary matrices and unfoldings.

use faer::{Mat, MatRef};
use proptest::prelude::*;
use tenfold::linalg::{
    Accuracy, Precision, Route, Rung, Side, eigh, eigh_leading, fix_signs, gram, leading_pair,
    left_singular, orthonormal_basis, right_singular, triangular_factor,
};
use tenfold::{Error, Result, Scalar, Tensor};

use super::{
    Entries, all_finite, call, config, entries, is_out_of_range, names_bad_entry, number, shapes,
};
use crate::common::random::Random;
use crate::common::random_layout::RandomLayout;
use crate::numerics::{THRESHOLD, orthonormality};

/// Rows and columns of a matrix: mostly small, sometimes of the orders at which the eigensolvers
/// change their method.
fn sizes() -> impl Strategy<Value = (usize, usize)> {
    prop_oneof![
        6 => (0usize..=6, 0usize..=6),
        6 => (0usize..=12).prop_map(|n| (n, n)),
        1 => (22usize..=40).prop_map(|n| (n, n)),
        1 => (13usize..=30, 1usize..=12),
    ]
}

fn assert_orthonormal<T: Scalar>(vectors: MatRef<'_, T>, what: &str) {
    if vectors.nrows() > 0 && vectors.ncols() > 0 {
        let ratio = orthonormality(vectors);
        assert!(ratio < THRESHOLD, "{what}: orthonormality {ratio:e}");
    }
}

fn assert_descending(values: &[f64], what: &str) {
    assert!(values.is_sorted_by(|a, b| a >= b), "{what}: {values:?}");
}

/// Whether the matrix was refused. Fails unless `outcome` is right: an error for the shape, or else
/// for an entry that is read and not finite, or else a result.
fn refused<T: Scalar, R>(
    outcome: &Result<R>,
    a: MatRef<'_, T>,
    shape_fits: bool,
    reads: impl Fn(usize, usize) -> bool,
) -> bool {
    let is_bad = |i: usize, j: usize| reads(i, j) && !a[(i, j)].as_f64().is_finite();
    let mut entries = (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| (i, j)));
    let has_bad = entries.any(|(i, j)| is_bad(i, j));
    match outcome {
        Err(Error::MatrixShapeMismatch { rows, columns, .. }) => {
            assert_eq!((*rows, *columns), (a.nrows(), a.ncols()));
            assert!(!shape_fits);
            true
        }
        Err(Error::NonFinite { index, value }) => {
            assert!(shape_fits && is_bad(index[0], index[1]) && !value.is_finite());
            true
        }
        Err(error) => panic!("{error}"),
        Ok(_) => {
            assert!(shape_fits && !has_bad, "accepted");
            false
        }
    }
}

/// Eigenproblems. They read the lower triangle only.
fn check_eigenproblems(s: MatRef<'_, f64>, random: &mut Random) {
    let n = s.nrows();
    let square = n == s.ncols();
    let lower = |i: usize, j: usize| i >= j;
    let all = call("eigh", || eigh(s));
    if refused(&all, s, square, lower) {
        let few = call("eigh_leading", || eigh_leading(s, |_| n));
        assert!(refused(&few, s, square, lower));
        let pair = call("leading_pair", || leading_pair(s, 0.5));
        assert!(refused(&pair, s, square, lower));
        return;
    }
    let all = all.unwrap();
    assert_eq!(
        (all.values.len(), all.vectors.nrows(), all.vectors.ncols()),
        (n, n, n)
    );
    assert_descending(&all.values, "eigh");
    assert_orthonormal(all.vectors.as_ref(), "eigh");

    let count = number(random, n);
    let few = call("eigh_leading", || eigh_leading(s, |_| count)).unwrap();
    assert_eq!((few.values.len(), few.vectors.nrows()), (n, n));
    assert_eq!(few.vectors.ncols(), count.min(n));
    assert_descending(&few.values, "eigh_leading");
    assert_orthonormal(few.vectors.as_ref(), "eigh_leading");

    let gap = [f64::NAN, -1.0, -0.0, 1e-3, 0.5, 1.0, 1.5, f64::INFINITY][random.below(8)];
    let pair = call("leading_pair", || leading_pair(s, gap));
    assert_eq!(pair.is_ok(), (0.0..=1.0).contains(&gap), "gap {gap}");
    if let Ok(Some(pair)) = pair {
        assert_eq!(pair.vector.len(), n);
        let vector = Mat::from_fn(n, 1, |i, _| pair.vector[i]);
        assert_orthonormal(vector.as_ref(), "leading_pair");
    }
}

fn check_right_singular(r: MatRef<'_, f64>) {
    let (m, n) = (r.nrows(), r.ncols());
    let svd = call("right_singular", || right_singular(r));
    if !refused(&svd, r, m >= n, |_, _| true) {
        let svd = svd.unwrap();
        assert_eq!(
            (svd.values.len(), svd.vectors.nrows(), svd.vectors.ncols()),
            (n, n, n)
        );
        assert_descending(&svd.values, "right_singular");
        assert!(svd.values.iter().all(|&value| value >= 0.0));
        assert_orthonormal(svd.vectors.as_ref(), "right_singular");
    }
}

fn check_basis<T: Scalar>(w: MatRef<'_, T>) {
    let basis = call("orthonormal_basis", || orthonormal_basis(w));
    if !refused(&basis, w, w.nrows() >= w.ncols(), |_, _| true) {
        let basis = basis.unwrap();
        assert_eq!((basis.nrows(), basis.ncols()), (w.nrows(), w.ncols()));
        assert_orthonormal(basis.as_ref(), "orthonormal_basis");
    }
}

fn check_signs<T: Scalar>(a: &Mat<T>) {
    let mut transposed = a.transpose().to_owned();
    let mut signed = a.clone();
    let signs = call("fix_signs", || fix_signs(signed.as_mut()));
    assert_eq!(signs.len(), a.ncols());
    let other_layout = call("fix_signs", || {
        fix_signs(transposed.as_mut().transpose_mut())
    });
    assert_eq!(signs, other_layout);
    for (j, &sign) in signs.iter().enumerate() {
        assert_eq!(sign.as_f64().abs(), 1.0);
        let (before, after) = (a.col(j), signed.col(j));
        for i in 0..a.nrows() {
            let (before, after) = (before[i].as_f64(), after[i].as_f64());
            assert!(after.is_nan() && before.is_nan() || after == sign.as_f64() * before);
            assert_eq!(transposed[(j, i)].as_f64().is_nan(), after.is_nan());
        }
        let column = (0..a.nrows()).map(|i| after[i].as_f64());
        let largest = column.fold(0.0f64, |m, v| if v.abs() > m.abs() { v } else { m });
        assert!(largest >= 0.0);
    }
}

/// Gram matrices and triangular factors of an unfolding, and singular vectors from them.
fn check_unfolding<T: Scalar>(x: &Tensor<T>, kind: Entries, random: &mut Random) {
    let mode = number(random, x.order());
    let exists = mode < x.order();
    let side = [Side::Mode, Side::Rest][random.below(2)];
    let precision = [Precision::Native, Precision::Double][random.below(2)];
    let square = call("gram", || gram(x, mode, side, precision));
    let factor = call("triangular_factor", || triangular_factor(x, mode, side));
    let rank = number(random, 5);
    let route = [Route::Auto, Route::Gram, Route::Qr][random.below(3)];
    let leading = call("left_singular", || {
        left_singular(x, mode, Accuracy { route, precision }, |_| rank)
    });
    if !exists {
        assert!(matches!(square, Err(Error::ModeOutOfRange { .. })));
        assert!(matches!(factor, Err(Error::ModeOutOfRange { .. })));
        assert!(matches!(leading, Err(Error::ModeOutOfRange { .. })));
        return;
    }

    let rows = x.unfold(mode).unwrap();
    let (extent, columns) = (rows.nrows(), rows.ncols());
    let order = if side == Side::Mode { extent } else { columns };
    let square = square.unwrap();
    assert_eq!((square.nrows(), square.ncols()), (order, order));
    if !all_finite(x) {
        assert!(factor.is_err_and(|error| names_bad_entry(&error, x)));
        assert!(leading.is_err_and(|error| names_bad_entry(&error, x)));
        return;
    }

    let factor = factor.unwrap();
    assert_eq!((factor.nrows(), factor.ncols()), (order, order));
    assert!((0..order).all(|j| (j + 1..order).all(|i| factor[(i, j)] == 0.0)));
    if kind == Entries::Moderate {
        let bound = 1e3 * T::EPSILON * (1.0 + square.norm_l2());
        assert!((factor.transpose() * &factor - &square).norm_max() <= bound);
    }

    if is_out_of_range(&leading) {
        assert!(!x.norm().is_finite());
        return;
    }
    let leading = leading.unwrap();
    let count = extent.min(columns);
    assert_eq!(leading.values.len(), count);
    let (found, wanted) = (&leading.vectors, rank.min(count));
    assert_eq!(
        (found.nrows(), found.ncols()),
        (extent, wanted),
        "{route:?}"
    );
    assert_descending(&leading.values, "left_singular");
    assert_orthonormal(found.as_ref(), "left_singular");
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn factorizations_of_arbitrary_matrices((rows, columns) in sizes(), kind in entries(), seed: u64) {
        let mut random = Random::new(seed);
        let a: Mat<f64> = kind.matrix(&mut random, rows, columns);
        let strided = RandomLayout::new(&mut random, &a);
        check_eigenproblems(strided.as_ref(), &mut random);
        check_right_singular(strided.as_ref());
        check_basis(strided.as_ref());
        check_signs(&a);
        let single: Mat<f32> = kind.matrix(&mut random, rows, columns);
        check_basis(RandomLayout::new(&mut random, &single).as_ref());
        check_signs(&single);
    }

    #[test]
    fn factorizations_of_arbitrary_unfoldings(shape in shapes(), kind in entries(), seed: u64) {
        let mut random = Random::new(seed);
        let x: Tensor<f64> = kind.tensor(&mut random, &shape);
        check_unfolding(&x, kind, &mut random);
        let x: Tensor<f32> = kind.tensor(&mut random, &shape);
        check_unfolding(&x, kind, &mut random);
    }
}

/// All entries of these matrices are one number in memory.
#[test]
fn matrices_with_strides_of_0_are_accepted() {
    for (rows, columns) in [(0, 0), (1, 1), (4, 4), (5, 3), (3, 5), (30, 30)] {
        let a = MatRef::from_repeated_ref(&0.5, rows, columns);
        check_eigenproblems(a, &mut Random::new(0));
        check_right_singular(a);
        check_basis(a);
        check_basis(MatRef::from_repeated_ref(&0.5f32, rows, columns));
    }
}

#[test]
fn rungs_have_different_names() {
    let rungs = [
        Rung::DivideAndConquer,
        Rung::Rescaled,
        Rung::Jacobi,
        Rung::Gram,
    ];
    let names = rungs.map(|rung| call("Rung::name", || rung.name()));
    assert!(names.iter().all(|name| !name.is_empty()));
    assert!((1..names.len()).all(|i| !names[..i].contains(&names[i])));
}

#[test]
fn matrices_with_a_wrong_shape_are_refused() {
    let wide = Mat::<f64>::zeros(2, 3);
    let square = "a square matrix was expected, the matrix is 2×3";
    assert_eq!(eigh(wide.as_ref()).unwrap_err().to_string(), square);
    let leading = eigh_leading(wide.as_ref(), |_| 1);
    assert_eq!(leading.unwrap_err().to_string(), square);
    let pair = leading_pair(wide.as_ref(), 0.5);
    assert_eq!(pair.unwrap_err().to_string(), square);
    let tall = "a matrix of at least as many rows as columns was expected, the matrix is 2×3";
    assert_eq!(right_singular(wide.as_ref()).unwrap_err().to_string(), tall);
    assert_eq!(
        orthonormal_basis(wide.as_ref()).unwrap_err().to_string(),
        tall
    );
}

#[test]
fn a_count_above_the_maximum_gives_all_vectors_on_every_route() {
    let x: Tensor<f64> = Random::new(3).tensor(&[5, 3, 4]);
    for route in [Route::Auto, Route::Gram, Route::Qr] {
        for mode in 0..3 {
            let leading = left_singular(
                &x,
                mode,
                Accuracy {
                    route,
                    ..Accuracy::default()
                },
                |_| usize::MAX,
            );
            let leading = leading.unwrap();
            let extent = x.shape()[mode];
            assert_eq!(
                (leading.vectors.nrows(), leading.vectors.ncols()),
                (extent, extent)
            );
            assert_orthonormal(leading.vectors.as_ref(), "left_singular");
        }
    }
}

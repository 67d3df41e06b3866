//! The tensor operations by their definitions, index by index, in `f64`: slow, and so plain that
//! errors are unlikely. `tests/library/tensor/kolda_bader.rs` checks them against a worked example.

use faer::{Mat, MatRef};
use tenfold::{Scalar, Tensor};

/// c·X in the scalar `T`. Each product is rounded once.
pub(crate) fn scaled<S: Scalar, T: Scalar>(x: &Tensor<S>, c: f64) -> Tensor<T> {
    let entries = x.data().iter().map(|v| T::from_f64(v.as_f64() * c));
    Tensor::new(x.shape(), entries.collect()).unwrap()
}

/// The same tensor in `f64`.
pub(crate) fn in_f64<T: Scalar>(x: &Tensor<T>) -> Tensor<f64> {
    scaled(x, 1.0)
}

/// The permutations of three modes.
pub(crate) const ORDERS_OF_THREE: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// |X|, entry by entry.
pub(crate) fn abs(x: &Tensor<f64>) -> Tensor<f64> {
    Tensor::new(x.shape(), x.data().iter().map(|v| v.abs()).collect()).unwrap()
}

/// (X ×ₙ U)[…, j, …] = Σᵢ U[j, i] X[…, i, …].
pub(crate) fn mode_product<T: Scalar>(x: &Tensor<T>, mode: usize, u: MatRef<'_, T>) -> Tensor<f64> {
    let mut shape = x.shape().to_vec();
    shape[mode] = u.nrows();
    Tensor::from_fn(&shape, |index| {
        let mut at = index.to_vec();
        (0..x.shape()[mode])
            .map(|i| {
                at[mode] = i;
                u[(index[mode], i)].as_f64() * x.get(&at).unwrap().as_f64()
            })
            .sum()
    })
    .unwrap()
}

/// The column of the entry at `index` in the mode-n unfolding. The other indices count columns in
/// their order; the last runs fastest.
pub(crate) fn column(shape: &[usize], mode: usize, index: &[usize]) -> usize {
    (0..shape.len())
        .filter(|&m| m != mode)
        .fold(0, |column, m| column * shape[m] + index[m])
}

/// X₍ₙ₎.
pub(crate) fn unfold<T: Scalar>(x: &Tensor<T>, mode: usize) -> Mat<f64> {
    let shape = x.shape();
    let columns = (0..shape.len())
        .filter(|&m| m != mode)
        .map(|m| shape[m])
        .product();
    let mut unfolding = Mat::zeros(shape[mode], columns);
    for_each_index(shape, |index| {
        unfolding[(index[mode], column(shape, mode, index))] = x.get(index).unwrap().as_f64();
    });
    unfolding
}

/// Calls `visit` with every index, in row-major order.
pub(crate) fn for_each_index(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    fn go(shape: &[usize], index: &mut Vec<usize>, visit: &mut impl FnMut(&[usize])) {
        if index.len() == shape.len() {
            return visit(index);
        }
        for i in 0..shape[index.len()] {
            index.push(i);
            go(shape, index, visit);
            index.pop();
        }
    }
    go(shape, &mut Vec::new(), &mut visit);
}

/// √Σ xᵢ². Entries are divided by the largest, so that no square overflows.
pub(crate) fn norm<T: Scalar>(x: &Tensor<T>) -> f64 {
    root_of_squares(x.data().iter().map(|v| v.as_f64()))
}

/// ‖X − Y‖.
pub(crate) fn distance<T: Scalar>(x: &Tensor<T>, y: &Tensor<T>) -> f64 {
    assert_eq!(x.shape(), y.shape());
    let pairs = x.data().iter().zip(y.data());
    root_of_squares(pairs.map(|(x, y)| x.as_f64() - y.as_f64()))
}

/// ‖X − Y‖/‖X‖, or 0 if X = Y.
pub(crate) fn relative_distance<T: Scalar>(x: &Tensor<T>, y: &Tensor<T>) -> f64 {
    match distance(x, y) {
        0.0 => 0.0,
        distance => distance / norm(x),
    }
}

/// max |xᵢ − yᵢ|. NaN if a difference is NaN.
pub(crate) fn largest_difference<S: Scalar, T: Scalar>(x: &[S], y: &[T]) -> f64 {
    assert_eq!(x.len(), y.len());
    let differences = x.iter().zip(y).map(|(x, y)| x.as_f64() - y.as_f64());
    differences.fold(0.0, |largest, difference| {
        if difference.abs() <= largest {
            largest
        } else {
            difference.abs()
        }
    })
}

/// The smallest and the largest value.
pub(crate) fn extremes(values: &[f64]) -> [f64; 2] {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [min, max]
}

fn root_of_squares(entries: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = entries.clone().map(f64::abs).fold(0.0, f64::max);
    if largest == 0.0 {
        return 0.0;
    }
    // The sum in twice the precision: `rest` adds up the rounding errors of `sum`.
    let (mut sum, mut rest) = (0.0, 0.0);
    for entry in entries {
        let square = (entry / largest).powi(2);
        let next: f64 = sum + square;
        rest += square - (next - sum);
        sum = next;
    }
    largest * (sum + rest).sqrt()
}

/// The singular values of `a` in descending order, by one-sided Jacobi rotations (Demmel &
/// Veselić, SIAM J. Matrix Anal. Appl. 1992). Entries may have any scale.
pub(crate) fn singular_values(a: MatRef<'_, f64>) -> Vec<f64> {
    let a = if a.nrows() < a.ncols() {
        a.transpose()
    } else {
        a
    };
    let n = a.ncols();
    let largest = a.norm_max();
    if largest == 0.0 || n == 0 {
        return vec![0.0; n];
    }
    let scaled = |j| (0..a.nrows()).map(move |i| a[(i, j)] / largest).collect();
    let mut w: Vec<Vec<f64>> = (0..n).map(scaled).collect();
    for _ in 0..60 {
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                let (first, second) = w.split_at_mut(j);
                let (x, y) = (&mut first[i], &mut second[0]);
                let (a, b, c) = (dot(x, x), dot(y, y), dot(x, y));
                // Columns this small consist of rounding errors. They need no rotation.
                let floor = 1e-17 * n as f64;
                if c.abs() <= 1e-16 * (a * b).sqrt() || a.min(b).sqrt() <= 1e-4 * floor {
                    continue;
                }
                turned |= c.abs() > 1e-15 * (a * b).sqrt();
                let zeta = (b - a) / (2.0 * c);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let cosine = 1.0 / (1.0 + t * t).sqrt();
                let sine = cosine * t;
                for (x, y) in x.iter_mut().zip(y) {
                    (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
                }
            }
        }
        if !turned {
            break;
        }
    }
    let mut values: Vec<f64> = w.iter().map(|w| dot(w, w).sqrt() * largest).collect();
    values.sort_by(|x, y| y.total_cmp(x));
    values
}

/// Σ xᵢ yᵢ.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// √Σ_{i ≥ rank} σᵢ² divided by `scale`, which is at least the largest σᵢ, so that no square
/// overflows.
pub(crate) fn tail(values: &[f64], rank: usize, scale: f64) -> f64 {
    if scale == 0.0 {
        return 0.0;
    }
    let squares = values[rank.min(values.len())..]
        .iter()
        .map(|v| (v / scale).powi(2));
    squares.sum::<f64>().sqrt()
}

/// The same matrix in `f64`.
pub(crate) fn matrix_in_f64<T: Scalar>(a: MatRef<'_, T>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)].as_f64())
}

/// |A| in `f64`.
pub(crate) fn magnitude<T: Scalar>(a: MatRef<'_, T>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)].as_f64().abs())
}

/// Fails unless |yᵢ − ŷᵢ| ≤ `terms`·ε·mᵢ for every entry i. Here mᵢ is the sum of the magnitudes
/// of the products that entry i adds up, and `terms` the number of roundings.
pub(crate) fn assert_rounded<T: Scalar>(
    y: &Tensor<T>,
    exact: &Tensor<f64>,
    m: &Tensor<f64>,
    terms: usize,
) {
    assert_eq!(y.shape(), exact.shape());
    for (i, ((y, exact), m)) in y.data().iter().zip(exact.data()).zip(m.data()).enumerate() {
        let bound = terms as f64 * T::EPSILON * m;
        assert!(
            (y.as_f64() - exact).abs() <= bound,
            "entry {i}: {y}, exactly {exact}, bound {bound:e}"
        );
    }
}

//! Matrices and tensors that are difficult for different reasons.

use faer::Mat;
use tenfold::{Scalar, Tensor};

use crate::common::oracle::{self, scaled};
use crate::common::random::Random;

/// Spectra of `n` values with a name each. Values are at most 1, in descending order.
pub(crate) fn spectra(n: usize) -> Vec<(&'static str, Vec<f64>)> {
    let of = |value: &dyn Fn(usize) -> f64| (0..n).map(value).collect::<Vec<f64>>();
    let share = |i: usize| i as f64 / n as f64;
    vec![
        ("even", of(&|i| 1.0 - share(i))),
        ("graded to 1e-16", of(&|i| 10f64.powf(-16.0 * share(i)))),
        ("graded to 1e-30", of(&|i| 10f64.powf(-30.0 * share(i)))),
        ("graded to 1e-6", of(&|i| 10f64.powf(-6.0 * share(i)))),
        ("one large", of(&|i| if i == 0 { 1.0 } else { 1e-12 })),
        (
            "one small",
            of(&|i| if i > 0 && i + 1 == n { 1e-12 } else { 1.0 }),
        ),
        ("all equal", of(&|_| 1.0)),
        ("pairs", of(&|i| 1.0 / (1.0 + (i / 2) as f64))),
        ("a close cluster", of(&|i| 1.0 - 1e-14 * i as f64)),
        (
            "half the rank",
            of(&|i| if 2 * i < n { 1.0 - share(i) } else { 0.0 }),
        ),
        ("rank one", of(&|i| if i == 0 { 1.0 } else { 0.0 })),
        ("zero", of(&|_| 0.0)),
    ]
}

/// Tensors of norm about 1, with a name each.
pub(crate) fn tensors<T: Scalar>() -> Vec<(String, Tensor<T>)> {
    let mut random = Random::new(2009);
    let mut tensors: Vec<(String, Tensor<f64>)> = Vec::new();
    let mut add = |name: &str, x: Tensor<f64>| tensors.push((format!("{name} {:?}", x.shape()), x));
    for shape in [
        &[9, 10, 11][..],
        &[4, 5, 3, 6],
        &[30, 3, 4],
        &[3, 4, 40],
        &[17, 23],
        &[2, 3, 2, 3, 2, 2],
        &[2, 2, 2, 2, 2, 2, 2, 2],
        &[2, 900, 3],
    ] {
        add("random", random.tensor(shape));
    }
    for shape in [
        &[1, 1, 1][..],
        &[5, 1, 1],
        &[1, 50],
        &[50, 1],
        &[7],
        &[1],
        &[2, 1, 3, 1, 2, 1, 1, 3],
        &[1, 6, 1],
    ] {
        add("degenerate", random.tensor(shape));
    }
    for (name, values) in spectra(8) {
        let unfolding = random.with_spectrum(8, 30, &values);
        add(
            name,
            Tensor::from_unfolding(unfolding.as_ref(), 1, &[5, 8, 6]).unwrap(),
        );
        let unfolding = random.with_spectrum(30, 8, &values);
        add(
            name,
            Tensor::from_unfolding(unfolding.as_ref(), 0, &[30, 4, 2]).unwrap(),
        );
    }
    add(
        "exact ranks",
        random.low_rank(&[10, 11, 12], &[3, 4, 2], 0.0),
    );
    add(
        "exact ranks and noise",
        random.low_rank(&[10, 11, 12], &[3, 4, 2], 1e-9),
    );
    add("zero", Tensor::zeros(&[4, 5, 6]).unwrap());
    add("constant", Tensor::from_fn(&[6, 5, 4], |_| 1.0).unwrap());
    add(
        "Hilbert",
        Tensor::from_fn(&[9, 9, 9], |i| 1.0 / (1 + i.iter().sum::<usize>()) as f64).unwrap(),
    );
    let mut one_huge: Tensor<f64> = random.tensor(&[7, 8, 9]);
    one_huge.data_mut()[123] = 1e7;
    one_huge.data_mut().iter_mut().for_each(|v| *v *= 1e-7);
    add("one huge entry", one_huge);
    let one_entry = |i: &[usize]| if i == [2, 3, 1] { 1.0 } else { 0.0 };
    add("one entry", Tensor::from_fn(&[4, 5, 6], one_entry).unwrap());
    add(
        "diagonal",
        Tensor::from_fn(&[6, 6, 6], |i| {
            f64::from(u8::from(i[0] == i[1] && i[1] == i[2]))
        })
        .unwrap(),
    );
    let graded_rows = |i: &[usize]| 10f64.powi(-(i[0] as i32) * 2) * random.uniform();
    add(
        "graded rows",
        Tensor::from_fn(&[8, 6, 7], graded_rows).unwrap(),
    );
    tensors
        .into_iter()
        .map(|(name, x)| (name, scaled(&x, 1.0)))
        .collect()
}

/// Σ λₖ qₖqₖᵀ with random orthonormal vectors qₖ.
pub(crate) fn symmetric(random: &mut Random, values: &[f64]) -> Mat<f64> {
    let n = values.len();
    let q = random.orthonormal(n, n);
    let rows: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|k| q[(i, k)]).collect())
        .collect();
    let mut s = Mat::zeros(n, n);
    for i in 0..n {
        let scaled: Vec<f64> = rows[i].iter().zip(values).map(|(q, v)| q * v).collect();
        for j in 0..=i {
            s[(i, j)] = oracle::dot(&scaled, &rows[j]);
            s[(j, i)] = s[(i, j)];
        }
    }
    s
}

/// The singular values of every unfolding.
pub(crate) fn spectra_of<T: Scalar>(x: &Tensor<T>) -> Vec<Vec<f64>> {
    (0..x.order())
        .map(|mode| oracle::singular_values(oracle::unfold(x, mode).as_ref()))
        .collect()
}

/// The ranks `wanted` for each extent, lowered until they are at most the extents and satisfy the
/// rank law.
pub(crate) fn feasible(shape: &[usize], wanted: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut ranks: Vec<usize> = shape
        .iter()
        .map(|&extent| wanted(extent).clamp(1, extent))
        .collect();
    loop {
        let product: usize = ranks.iter().product();
        let above = (0..ranks.len()).find(|&n| ranks[n] > product / ranks[n]);
        match above {
            Some(mode) => ranks[mode] = product / ranks[mode],
            None => return ranks,
        }
    }
}

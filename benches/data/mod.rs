//! Tensors for the benchmarks, the same in every run.
#![allow(dead_code)] // Each benchmark uses some of these functions.

use tenfold::faer::Mat;
use tenfold::linalg::orthonormal_basis;
use tenfold::{Scalar, Tensor, Tucker};

/// Uniform random numbers in [−0.5, 0.5) from the generator xorshift.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }
}

/// A tensor of uniform random numbers.
pub(crate) fn noise<T: Scalar>(shape: &[usize]) -> Tensor<T> {
    let mut random = uniform(1);
    Tensor::from_fn(shape, |_| T::from_f64(random())).expect("a shape")
}

/// A matrix with orthonormal columns.
pub(crate) fn orthonormal(rows: usize, columns: usize) -> Mat<f64> {
    let mut random = uniform(2);
    let noise = Mat::from_fn(rows, columns, |_, _| random());
    orthonormal_basis(noise.as_ref()).expect("no more columns than rows")
}

/// The norm of the noise in [`low_rank`], divided by the norm of the tensor without noise.
pub(crate) const NOISE: f64 = 0.1;

/// The relative error ‖X − X̂‖/‖X‖ of a decomposition. The loops here multiply core and factors
/// without the products of the library, so that they check it independently.
pub(crate) fn relative_error(x: &Tensor<f64>, tucker: &Tucker<f64>) -> f64 {
    let mut y = tucker.core().data().to_vec();
    let mut shape = tucker.ranks().to_vec();
    for mode in 0..shape.len() {
        let Some(a) = tucker.factor(mode) else {
            continue;
        };
        let right: usize = shape[mode + 1..].iter().product();
        let left = y.len() / (shape[mode] * right);
        let mut product = vec![0.0; left * a.nrows() * right];
        for (y, product) in y
            .chunks(shape[mode] * right)
            .zip(product.chunks_mut(a.nrows() * right))
        {
            for (i, product) in product.chunks_mut(right).enumerate() {
                for (r, y) in y.chunks(right).enumerate() {
                    let pairs = product.iter_mut().zip(y);
                    pairs.for_each(|(sum, entry)| *sum += a[(i, r)] * entry);
                }
            }
        }
        shape[mode] = a.nrows();
        y = product;
    }
    let squares = |entries: &mut dyn Iterator<Item = f64>| entries.map(|e| e * e).sum::<f64>();
    let error = squares(&mut x.data().iter().zip(&y).map(|(x, y)| x - y));
    (error / squares(&mut x.data().iter().copied())).sqrt()
}

/// A tensor of the given multilinear rank plus noise, with [`NOISE`] as the ratio of the norms.
pub(crate) fn low_rank<T: Scalar>(shape: &[usize], ranks: &[usize]) -> Tensor<T> {
    let factors = shape.iter().zip(ranks);
    let factors = factors.map(|(&extent, &rank)| Some(orthonormal(extent, rank)));
    let exact = Tucker::new(noise::<f64>(ranks), factors.collect())
        .and_then(|tucker| tucker.reconstruct())
        .expect("parts fit");
    let noise = noise::<f64>(shape);
    let factor = NOISE * exact.norm() / noise.norm();
    let entries = exact.data().iter().zip(noise.data());
    let entries = entries.map(|(x, e)| T::from_f64(x + factor * e));
    Tensor::new(shape, entries.collect()).expect("a shape")
}

/// A feature map like the output of a ReLU: a few shared patterns and noise, with negative values
/// set to zero.
pub(crate) fn features(shape: &[usize]) -> Tensor<f32> {
    let positions = shape[1..].iter().product::<usize>();
    let (left, right) = (noise::<f64>(&[shape[0], 6]), noise::<f64>(&[6, positions]));
    let mut random = uniform(3);
    let mut entries = Vec::with_capacity(shape[0] * positions);
    for channel in left.data().chunks(6) {
        for p in 0..positions {
            let shared: f64 = (0..6)
                .map(|k| (0.2 + channel[k]) * (0.2 + right.data()[k * positions + p]))
                .sum();
            entries.push((shared + 0.3 * random()).max(0.0) as f32);
        }
    }
    Tensor::new(shape, entries).expect("a shape")
}

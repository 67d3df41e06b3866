//! The data of `gpu_driver.rs`: batches of feature maps and of tensors, the same on every run.

use rayon::prelude::*;
use tenfold::faer::Mat;
use tenfold::linalg::{Precision, Side, gram};
use tenfold::{Result, Scalar, Tensor};

/// Patterns that the channels of a feature map share.
const PATTERNS: usize = 8;

/// Random numbers (SplitMix64).
struct Random(u64);

impl Random {
    /// The numbers of one item.
    fn of(item: usize) -> Self {
        Self((item as u64 + 1).wrapping_mul(0xD134_2543_DE82_EF95))
    }

    /// A number between −1 and 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// A number with mean 0 and variance 1.
    fn normal(&mut self) -> f64 {
        self.uniform() + self.uniform() + self.uniform()
    }
}

/// A batch of shape N×C×H×W of features like the output of a ReLU: smooth patterns of decreasing
/// weight, and noise.
pub(crate) fn features<T: Scalar>(shape: &[usize]) -> Result<Tensor<T>> {
    let mut batch = Tensor::<T>::zeros(shape)?;
    let width = shape.last().copied().unwrap_or(1);
    let positions: usize = shape.iter().skip(2).product();
    let extent = width.max(positions / width) as f64;
    let size = shape.iter().skip(1).product::<usize>();
    let items = batch.data_mut().par_chunks_mut(size).enumerate();
    items.for_each(|(item, entries)| {
        let mut random = Random::of(item);
        let centres: [[f64; 2]; PATTERNS] =
            std::array::from_fn(|_| [0; 2].map(|_| 0.5 + 0.5 * random.uniform()));
        let pattern = |position: usize| {
            let (y, x) = (position / width, position % width);
            centres.map(|[cy, cx]| {
                let square = (y as f64 / extent - cy).powi(2) + (x as f64 / extent - cx).powi(2);
                (-8.0 * square).exp()
            })
        };
        let patterns: Vec<[f64; PATTERNS]> = (0..positions).map(pattern).collect();
        for channel in entries.chunks_mut(positions) {
            let weights: [f64; PATTERNS] =
                std::array::from_fn(|k| 0.6f64.powi(k as i32) * random.normal());
            for (entry, pattern) in channel.iter_mut().zip(&patterns) {
                let smooth: f64 = weights.iter().zip(pattern).map(|(w, p)| w * p).sum();
                *entry = T::from_f64((smooth + 0.1 * random.normal()).max(0.0));
            }
        }
    });
    Ok(batch)
}

/// A batch of tensors of the given ranks plus noise of a tenth of their norm.
pub(crate) fn low_rank<T: Scalar>(shape: &[usize], ranks: &[usize]) -> Result<Tensor<T>> {
    let (items, extents) = (shape[0], &shape[1..]);
    let tensors = (0..items).into_par_iter().map(|item| {
        // 1. X = G ×₀ A₀ ×₁ A₁ …, with random numbers in all of them.
        let mut random = Random::of(item);
        let mut x = Tensor::<T>::from_fn(ranks, |_| T::from_f64(random.normal()))?;
        for (mode, (&extent, &rank)) in extents.iter().zip(ranks).enumerate() {
            let factor = Mat::from_fn(extent, rank, |_, _| {
                T::from_f64(random.normal() / (rank as f64).sqrt())
            });
            x = x.mode_product(mode, factor.as_ref())?;
        }
        // 2. The noise.
        let size = 0.1 * x.norm() / (x.data().len() as f64).sqrt();
        let runs = x.data_mut().par_chunks_mut(1 << 16).enumerate();
        runs.for_each(|(run, entries)| {
            let mut random = Random::of(item + (run + 1) * items);
            for entry in entries {
                *entry += T::from_f64(size * random.normal());
            }
        });
        Ok(x.into_data())
    });
    let tensors: Vec<Vec<T>> = tensors.collect::<Result<_>>()?;
    Tensor::new(shape, tensors.concat())
}

/// `items` Gram matrices of order `order` of non-negative features, one after the other.
pub(crate) fn grams(order: usize, items: usize) -> Result<Vec<f64>> {
    let matrices = (0..items).into_par_iter().map(|item| {
        let mut random = Random::of(item);
        let features =
            Tensor::<f64>::from_fn(&[2 * order, order], |_| (random.normal() + 0.3).max(0.0))?;
        let matrix = gram(&features, 0, Side::Rest, Precision::Double)?;
        let columns = (0..order).flat_map(|j| (0..order).map(move |i| (i, j)));
        Ok(columns.map(|(i, j)| matrix[(i, j)]).collect::<Vec<_>>())
    });
    Ok(matrices.collect::<Result<Vec<_>>>()?.concat())
}

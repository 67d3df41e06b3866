//! Random numbers, matrices and tensors. The same seed gives the same numbers.

use faer::Mat;
use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;
use tenfold::{Scalar, Tensor};

use super::oracle::dot;

/// The configuration of property tests: `cases` random cases, the same in every run.
pub(crate) fn random_cases(cases: u32, seed: u64) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    }
}

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [-1, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// Uniform in `0..n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// Standard normal, by the method of Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * ((self.uniform() + 1.0) / 2.0 + 1e-300).ln()).sqrt();
        radius * (std::f64::consts::PI * self.uniform()).cos()
    }

    /// A tensor of uniform entries.
    pub(crate) fn tensor<T: Scalar>(&mut self, shape: &[usize]) -> Tensor<T> {
        Tensor::from_fn(shape, |_| T::from_f64(self.uniform())).unwrap()
    }

    /// A matrix of uniform entries.
    pub(crate) fn matrix<T: Scalar>(&mut self, rows: usize, columns: usize) -> Mat<T> {
        Mat::from_fn(rows, columns, |_, _| T::from_f64(self.uniform()))
    }

    /// `columns` orthonormal vectors of `rows` entries, by the method of Gram and Schmidt. Each
    /// projection is subtracted twice, so that rounding does not leave a part of it.
    pub(crate) fn orthonormal(&mut self, rows: usize, columns: usize) -> Mat<f64> {
        assert!(columns <= rows);
        let normal = |_| (0..rows).map(|_| self.normal()).collect();
        let mut q: Vec<Vec<f64>> = (0..columns).map(normal).collect();
        for j in 0..columns {
            let (before, column) = q.split_at_mut(j);
            let column = &mut column[0];
            for before in before.iter().chain(before.iter()) {
                let along = dot(before, column);
                let pairs = column.iter_mut().zip(before);
                pairs.for_each(|(entry, before)| *entry -= along * before);
            }
            let norm = dot(column, column).sqrt();
            column.iter_mut().for_each(|entry| *entry /= norm);
        }
        Mat::from_fn(rows, columns, |i, j| q[j][i])
    }

    /// A `rows`×`columns` matrix with the given singular values.
    pub(crate) fn with_spectrum(
        &mut self,
        rows: usize,
        columns: usize,
        values: &[f64],
    ) -> Mat<f64> {
        let u = self.orthonormal(rows, values.len());
        let v = self.orthonormal(columns, values.len());
        let scaled: Vec<Vec<f64>> = (0..rows)
            .map(|i| {
                values
                    .iter()
                    .enumerate()
                    .map(|(k, value)| u[(i, k)] * value)
                    .collect()
            })
            .collect();
        let v: Vec<Vec<f64>> = (0..columns)
            .map(|j| (0..values.len()).map(|k| v[(j, k)]).collect())
            .collect();
        Mat::from_fn(rows, columns, |i, j| dot(&scaled[i], &v[j]))
    }

    /// A tensor of these multilinear ranks and of norm 1, plus normal noise of norm about `noise`.
    pub(crate) fn low_rank<T: Scalar>(
        &mut self,
        shape: &[usize],
        ranks: &[usize],
        noise: f64,
    ) -> Tensor<T> {
        let mut x: Tensor<f64> = self.tensor(ranks);
        for (mode, (&extent, &rank)) in shape.iter().zip(ranks).enumerate() {
            let a = self.orthonormal(extent, rank);
            x = super::oracle::mode_product(&x, mode, a.as_ref());
        }
        let norm = super::oracle::norm(&x);
        let spread = noise / (x.data().len() as f64).sqrt();
        let mut entries = x.data().iter();
        Tensor::from_fn(shape, |_| {
            let entry = entries.next().unwrap() / norm;
            T::from_f64(entry + spread * self.normal())
        })
        .unwrap()
    }
}

//! Random numbers from a counter: number k depends on the seed and k alone.

use faer::Mat;

use crate::scalar::Scalar;

/// A counter-based generator: the mixing function of SplitMix64 (Steele, Lea & Flood, OOPSLA
/// 2014) applied to multiples of an odd constant.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    seed: u64,
    count: u64,
}

impl Counter {
    /// The numbers of `seed`, from the first on.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// The next number, uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.count += 1;
        let mut z = self
            .seed
            .wrapping_add(self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A matrix of entries ±1/√rows with random signs: a sketch that preserves lengths on average.
pub(crate) fn random_signs<T: Scalar>(rows: usize, columns: usize, seed: u64) -> Mat<T> {
    let mut random = Counter::new(seed);
    let size = 1.0 / (rows as f64).sqrt();
    Mat::from_fn(rows, columns, |_, _| {
        T::from_f64(if random.uniform() < 0.5 { -size } else { size })
    })
}

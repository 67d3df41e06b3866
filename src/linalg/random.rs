//! Random numbers from a counter: number k depends only on the seed and on k.

use faer::Mat;

use crate::scalar::Scalar;
use crate::simd::{MIXED_ROWS, SignGroup};

/// A counter-based generator (the finaliser of SplitMix64: Steele, Lea & Flood,
/// OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    seed: u64,
    count: u64,
}

impl Counter {
    /// The start of the sequence that belongs to `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// The same sequence without its first `count` numbers.
    pub(crate) fn skip(self, count: u64) -> Self {
        Self {
            count: self.count.wrapping_add(count),
            ..self
        }
    }

    /// 1 or −1, the next random sign.
    fn sign<T: Scalar>(&mut self) -> T {
        if self.uniform() < 0.5 {
            -T::one()
        } else {
            T::one()
        }
    }

    /// The next number, uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.count = self.count.wrapping_add(1);
        let mut z = self
            .seed
            .wrapping_add(self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A matrix Ω of random signs divided by √rows: ‖Ωx‖² is ‖x‖² on average.
pub(crate) fn random_signs<T: Scalar>(rows: usize, columns: usize, seed: u64) -> Mat<T> {
    let mut random = Counter::new(seed);
    let size = T::from_f64(1.0 / (rows as f64).sqrt());
    Mat::from_fn(rows, columns, |_, _| random.sign::<T>() * size)
}

/// The groups of a matrix Ω = [E₀ H D₀, E₁ H D₁, …]/4 with [`MIXED_ROWS`] rows and random signs in Eᵢ
/// and Dᵢ: ‖Ωx‖² is ‖x‖² on average, as for [`random_signs`].
pub(crate) fn random_groups<T: Scalar>(columns: usize, seed: u64) -> Vec<SignGroup<T>> {
    let mut random = Counter::new(seed);
    let size = T::from_f64(1.0 / (MIXED_ROWS as f64).sqrt());
    let groups = (0..columns.div_ceil(MIXED_ROWS)).map(|_| SignGroup {
        inputs: std::array::from_fn(|_| random.sign()),
        outputs: std::array::from_fn(|_| random.sign::<T>() * size),
    });
    groups.collect()
}

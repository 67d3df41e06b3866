//! What the memory estimates of the solvers have in common.
//!
//! Each algorithm has its estimate beside it, in the same shape as the code: a function
//! `…_memory` that takes sizes instead of tensors and returns bytes. The estimates count
//! what an algorithm allocates beside its input, at most. A product's estimate includes its result,
//! and the estimate of singular vectors does not include the vectors. The estimates of the solvers
//! include the result, and what [`Tucker::relative_error`](super::Tucker::relative_error) allocates
//! after the solver. They do not count:
//!
//! - the scratch memory that a thread keeps for its next problem, in pieces whose sizes are
//!   powers of two: some megabytes, 32 MiB at most;
//! - the copy that is made if the norm of the tensor is near an end of the scalar's range.
//!
//! If a tolerance or a limit of entries determines the ranks, the estimates take the largest possible
//! ranks.

use super::storage::Storage;
use super::truncation::{self, Truncation};
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::{Shape, Sizes};

/// A tensor to decompose, by its sizes.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// The sizes of the tensor.
    pub(super) x: Sizes,
    /// The modes to decompose.
    pub(super) modes: Vec<usize>,
    /// The extents of the core, the largest possible ones if they are not given.
    pub(super) ranks: Vec<f64>,
}

impl Problem {
    /// The sizes for a truncation of `modes` (`None` for all modes) of a tensor of extents `shape`.
    ///
    /// # Errors
    /// Those of [`Truncation::check`].
    pub(super) fn new<T: Scalar>(
        shape: &[usize],
        modes: Option<&[usize]>,
        truncation: &Truncation,
    ) -> Result<Self> {
        let shape = Shape::new(shape)?;
        truncation.check(&shape, modes)?;
        let modes = truncation::named_modes(modes, shape.order())?;
        let x = Sizes::of::<T>(&shape);
        let mut ranks = x.extents.clone();
        for (place, &mode) in modes.iter().enumerate() {
            let law = ranks[mode].min(x.entries() / ranks[mode]);
            ranks[mode] = match truncation {
                Truncation::Ranks(ranks) => ranks[place] as f64,
                Truncation::RelativeError(_) => law,
                Truncation::MaxEntries(limit) => {
                    let ones = vec![1; modes.len()];
                    let storage = Storage::new(&shape, &modes);
                    law.min(storage.largest_rank(place, &ones, *limit) as f64)
                }
            };
        }
        Ok(Self { x, modes, ranks })
    }

    /// The core as a tensor to decompose at the same ranks.
    pub(super) fn of_core(&self) -> Self {
        Self {
            x: Sizes {
                extents: self.ranks.clone(),
                scalar: self.x.scalar,
            },
            ..self.clone()
        }
    }

    /// The given modes with their ranks.
    pub(super) fn steps(&self, modes: &[usize]) -> Vec<(usize, f64)> {
        modes.iter().map(|&mode| (mode, self.ranks[mode])).collect()
    }

    /// The bytes of the factors at these ranks.
    pub(super) fn factors(&self, ranks: &[f64]) -> f64 {
        let entries: f64 = self.x.extents.iter().zip(ranks).map(|(i, r)| i * r).sum();
        entries * self.x.scalar
    }

    /// The bytes of the core and the factors.
    pub(super) fn result(&self) -> f64 {
        self.factors(&self.ranks) + self.ranks.iter().product::<f64>() * self.x.scalar
    }
}

#[cfg(test)]
mod tests {
    use crate::tucker::{Hooi, Hosvd, StHosvd, Truncation};

    #[test]
    fn sizes_beyond_all_numbers_stay_sizes() {
        let largest = [1 << 58];
        let all = StHosvd::new(Truncation::RelativeError(0.1));
        assert!(all.memory::<f64>(&largest).unwrap() > 1 << 60);
        assert!(all.memory::<f64>(&[1 << 40, 1 << 40]).is_err());
        assert!(all.memory::<f64>(&[3, 0]).is_err());
    }

    /// At ranks near the extents, a sweep keeps the previous core and two projections at the same
    /// time. Its start keeps two tensors only.
    #[test]
    fn sweeps_count_the_core_before() {
        let (shape, ranks) = ([96, 128, 160], [90, 120, 150]);
        let core = 8 * ranks.iter().product::<usize>() as u64;
        let start = StHosvd::new(ranks).memory::<f64>(&shape).unwrap();
        let hooi = Hooi::new(ranks).memory::<f64>(&shape).unwrap();
        assert!(hooi > start + core / 2, "{hooi} {start}");
    }

    #[test]
    fn ranks_decide() {
        let shape = [200, 200, 200];
        let tensor = 200 * 200 * 200 * 8;
        let of = |ranks: [usize; 3]| StHosvd::new(ranks).memory::<f64>(&shape).unwrap();
        assert!(of([2, 2, 2]) < tensor);
        assert!(of([200, 200, 200]) > 2 * tensor);
        let hosvd = Hosvd::new([100, 100, 100]).memory::<f64>(&shape).unwrap();
        assert!(hosvd > tensor / 2 + tensor / 4);
        let hooi = Hooi::new([100, 100, 100]).memory::<f64>(&shape).unwrap();
        assert!(hooi >= of([100, 100, 100]));
    }
}

//! How much memory a decomposition takes, told from shapes alone.
//!
//! With E the entries of the tensor at hand, s the bytes of a scalar, I and R
//! the extent and the rank of a mode and n = min(I, E/I), at most:
//!
//! - singular vectors of a mode: E + 64·n² bytes for Gram matrices, triangular
//!   factors and what diagonalizes them; with I > E/I also the larger of one
//!   slab in `f64` and 40·I·R bytes;
//! - a product in a mode: s·E·R/I bytes for the result;
//! - for each thread, packed strips of min(512, E/I + 64)·(I + R)·s bytes.
//!
//! Not counted is the scratch memory that a thread keeps for its next problem, in pieces
//! whose sizes are powers of two: some megabytes, 32 MiB at most.
//!
//! A tensor whose norm is near an end of the scalar's range takes a copy more, which the
//! shape does not show.
//!
//! ST-HOSVD has one tensor beside the input and makes the next from it; HOOI
//! has a chain of projections, as deep as the tree of its modes. Where a
//! tolerance is to find the ranks, they are taken as large as can be.

use super::relative_error::SLICE_ENTRIES;
use super::slice::is_whole;
use super::{Hooi, Hosvd, Randomized, StHosvd, Start, Truncation, Tucker, truncation};
use crate::error::Result;
use crate::scalar::Scalar;
use crate::tensor::{Shape, Slice};

/// Columns that a thread packs for a product, and their results.
const STRIP: f64 = 512.0;

/// Columns by which a strip is padded, at most.
const TILE: f64 = 64.0;

/// Matrices of order n in `f64` that an eigenproblem or an SVD holds at once.
const SQUARES: f64 = 8.0;

/// Matrices of I×R in `f64` that an orthonormal basis takes.
const TALL: f64 = 5.0;

impl StHosvd {
    /// The bytes that [`StHosvd::decompose`] takes beside a tensor of extents
    /// `shape`, at most; [`Tucker::relative_error`] after it takes no more.
    ///
    /// # Errors
    /// Those of [`StHosvd::decompose`] that the shape alone tells.
    ///
    /// ```
    /// use tenfold::StHosvd;
    /// let shape = [1000, 1000, 1000];
    /// let bytes = StHosvd::new([10, 10, 10]).memory::<f32>(&shape)?;
    /// assert!(bytes < 2_000_000_000, "half of the tensor itself");
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let (sizes, modes) = Sizes::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let ranks = ranks(&self.truncation, shape, &modes);
        let order = self.order(shape, &modes)?;
        let steps: Vec<_> = order.iter().map(|&mode| (mode, ranks[mode])).collect();
        let solving = sizes.sequential(&steps).max(sizes.error(&ranks));
        Ok(bytes(
            solving + sizes.first_attempt(&self.truncation, &ranks),
        ))
    }
}

impl Hosvd {
    /// The bytes that [`Hosvd::decompose`] takes beside a tensor of extents
    /// `shape`, at most; [`Tucker::relative_error`] after it takes no more.
    ///
    /// # Errors
    /// Those of [`Hosvd::decompose`] that the shape alone tells.
    ///
    /// ```
    /// use tenfold::Hosvd;
    /// let shape = [1000, 1000, 1000];
    /// assert!(Hosvd::new([10, 10, 10]).memory::<f32>(&shape)? < 2_000_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let (sizes, modes) = Sizes::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let ranks = ranks(&self.truncation, shape, &modes);
        let solving = sizes.independent(&modes, &ranks).max(sizes.error(&ranks));
        Ok(bytes(
            solving + sizes.first_attempt(&self.truncation, &ranks),
        ))
    }
}

impl Hooi {
    /// The bytes that [`Hooi::decompose`] takes beside a tensor of extents
    /// `shape`, at most; [`Tucker::relative_error`] after it takes no more.
    ///
    /// # Errors
    /// Those of [`Hooi::decompose`] that the shape alone tells.
    ///
    /// ```
    /// use tenfold::Hooi;
    /// let shape = [1000, 1000, 1000];
    /// assert!(Hooi::new([10, 10, 10]).memory::<f32>(&shape)? < 2_000_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let (sizes, modes) = Sizes::new::<T>(shape, self.modes.as_deref(), &self.truncation)?;
        let ranks = ranks(&self.truncation, shape, &modes);
        let start = match self.start {
            Start::StHosvd => StHosvd {
                modes: self.modes.clone(),
                ..StHosvd::new(self.truncation.clone())
            }
            .memory::<T>(shape)?,
            Start::Hosvd => Hosvd {
                modes: self.modes.clone(),
                ..Hosvd::new(self.truncation.clone())
            }
            .memory::<T>(shape)?,
        };
        // The core and the factors of the sweep before stay until they are replaced.
        let sweep = sizes.held(&ranks) + sizes.sweep(&modes, &ranks);
        Ok(start.max(bytes(sweep)))
    }
}

impl Randomized {
    /// The bytes that [`Randomized::decompose`] takes beside a tensor of
    /// extents `shape`, at most; [`Tucker::relative_error`] after it takes no
    /// more.
    ///
    /// # Errors
    /// Those of [`Randomized::decompose`] that the shape alone tells.
    ///
    /// ```
    /// use tenfold::Randomized;
    /// let shape = [1000, 1000, 1000];
    /// assert!(Randomized::new([10, 10, 10]).memory::<f32>(&shape)? < 2_000_000_000);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn memory<T: Scalar>(&self, shape: &[usize]) -> Result<u64> {
        let truncation = Truncation::Ranks(self.ranks.clone());
        let (sizes, modes) = Sizes::new::<T>(shape, self.modes.as_deref(), &truncation)?;
        let ranks = ranks(&truncation, shape, &modes);
        let all: Vec<_> = modes.iter().map(|&mode| (mode, ranks[mode])).collect();
        let Some(sketched) = Self::sketched(shape, &modes) else {
            return Ok(bytes(sizes.sequential(&all).max(sizes.error(&ranks))));
        };
        let wanted = self.wanted(shape, &modes);
        let others: Vec<_> = modes.iter().filter(|&&mode| mode != sketched).collect();
        let steps: Vec<_> = others.iter().map(|&&n| (n, wanted[n] as f64)).collect();
        let rows = (2 * wanted[sketched]).min(shape[sketched]) as f64;
        let sketch = sizes.with(sketched, rows);
        // The bases of all modes are found at the same time.
        let finding = steps.iter().map(|&(n, columns)| {
            sketch.factorization(n, columns) + sizes.extents[n] * columns * sizes.scalar
        });
        let finding = finding.sum::<f64>().max(sizes.strips(sketched, rows));
        let sketching = sketch.bytes() + finding;
        let compressed = steps
            .iter()
            .fold(sizes.clone(), |z, &(mode, rows)| z.with(mode, rows));
        let solving = compressed.sequential(&all);
        // With a power iteration the last sketch is there while the next is made.
        let bases: Vec<f64> = wanted.iter().map(|&columns| columns as f64).collect();
        let before = compressed.bytes() + sizes.factors(&bases);
        let most = sketching.max(sizes.products(&steps)).max(solving);
        Ok(bytes((before + most).max(sizes.error(&ranks))))
    }
}

impl<T: Scalar> Tucker<T> {
    /// The bytes that [`Tucker::reconstruct_slice`] allocates at most for `slice`, with the
    /// result; for `None`, those of [`Tucker::reconstruct`].
    ///
    /// # Errors
    /// Those of [`Slice::resolve`].
    ///
    /// ```
    /// use tenfold::{StHosvd, Tensor};
    /// let x = Tensor::<f64>::from_fn(&[50, 50], |i| (i[0] + i[1]) as f64)?;
    /// let tucker = StHosvd::new([2, 2]).decompose(&x)?;
    /// assert!(tucker.reconstruction_memory(None)? > 50 * 50 * 8);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn reconstruction_memory(&self, slice: Option<&Slice>) -> Result<u64> {
        let shape = self.shape();
        let all = || Ok(shape.iter().map(|&extent| 0..extent).collect());
        let ranges: Vec<_> = slice.map_or_else(all, |slice| slice.resolve(&shape))?;
        let cuts = self.core_ranges(&ranges);
        let extents: Vec<usize> = cuts.iter().map(ExactSizeIterator::len).collect();
        let core = Sizes::of::<T>(&extents);
        let products: Vec<(usize, f64)> = ranges
            .iter()
            .enumerate()
            .filter(|&(mode, _)| self.factor(mode).is_some())
            .map(|(mode, range)| (mode, range.len() as f64))
            .collect();
        let mut needed = core.products(&products);
        if !is_whole(&cuts, self.ranks()) {
            needed += core.bytes();
        }
        if products.is_empty() {
            needed += core.bytes();
        }
        Ok(bytes(needed))
    }
}

/// A shape and the bytes of its scalar. In floating point, so that no size
/// overflows.
#[derive(Clone)]
struct Sizes {
    extents: Vec<f64>,
    scalar: f64,
}

impl Sizes {
    fn of<T: Scalar>(shape: &[usize]) -> Self {
        Self {
            extents: shape.iter().map(|&extent| extent as f64).collect(),
            scalar: size_of::<T>() as f64,
        }
    }

    /// The sizes of a shape, and the modes that are decomposed.
    fn new<T: Scalar>(
        shape: &[usize],
        modes: Option<&[usize]>,
        truncation: &Truncation,
    ) -> Result<(Self, Vec<usize>)> {
        let shape = Shape::new(shape)?;
        truncation.check(&shape, modes)?;
        let modes = truncation::named_modes(modes, shape.order())?;
        Ok((Self::of::<T>(&shape), modes))
    }

    fn with(&self, mode: usize, extent: f64) -> Self {
        let mut sizes = self.clone();
        sizes.extents[mode] = extent;
        sizes
    }

    fn entries(&self) -> f64 {
        self.extents.iter().product()
    }

    fn bytes(&self) -> f64 {
        self.entries() * self.scalar
    }

    /// Singular vectors of one mode, their result left out.
    fn factorization(&self, mode: usize, rank: f64) -> f64 {
        let (entries, extent) = (self.entries(), self.extents[mode]);
        let columns = entries / extent;
        let order = extent.min(columns);
        let tall = if extent > columns {
            let left: f64 = self.extents[..mode].iter().product();
            let slab = if columns == left {
                entries
            } else {
                entries / left
            };
            (8.0 * slab).max(8.0 * TALL * extent * rank)
        } else {
            0.0
        };
        entries + 8.0 * SQUARES * order * order + tall
    }

    /// What the threads pack for a product in one mode.
    fn strips(&self, mode: usize, rows: f64) -> f64 {
        let threads = rayon::current_num_threads() as f64;
        let columns = self.entries() / self.extents[mode] + TILE;
        threads * STRIP.min(columns) * (self.extents[mode] + rows) * self.scalar
    }

    /// One mode after the other, each on what those before left.
    fn sequential(&self, steps: &[(usize, f64)]) -> f64 {
        let (mut current, mut held, mut most) = (self.clone(), 0.0, 0.0f64);
        let mut beside = 0.0;
        for &(mode, rank) in steps {
            let solving = current.factorization(mode, rank);
            held += self.extents[mode] * rank * self.scalar;
            let next = current.with(mode, rank);
            let product = next.bytes() + current.strips(mode, rank);
            most = most.max(held + beside + solving.max(product));
            beside = next.bytes();
            current = next;
        }
        most
    }

    /// Every mode on its own, and the projection on all of them.
    fn independent(&self, modes: &[usize], ranks: &[f64]) -> f64 {
        let solving = modes.iter().map(|&n| self.factorization(n, ranks[n]));
        let products: Vec<_> = modes.iter().map(|&n| (n, ranks[n])).collect();
        self.held(ranks) + solving.fold(self.products(&products), f64::max)
    }

    /// Products in several modes, in the order in which they are taken: two
    /// tensors at a time, that at hand left out before the first.
    fn products(&self, products: &[(usize, f64)]) -> f64 {
        let gain = |&(n, rows): &(usize, f64)| 1.0 / rows - 1.0 / self.extents[n];
        let mut ordered = products.to_vec();
        ordered.sort_by(|a, b| gain(b).total_cmp(&gain(a)).then(b.0.cmp(&a.0)));
        let (mut current, mut beside, mut most) = (self.clone(), 0.0, 0.0f64);
        for (mode, rows) in ordered {
            let next = current.with(mode, rows);
            most = most.max(beside + next.bytes() + current.strips(mode, rows));
            beside = next.bytes();
            current = next;
        }
        most
    }

    /// A sweep of HOOI over `modes`, on a projection on all others.
    fn sweep(&self, modes: &[usize], ranks: &[f64]) -> f64 {
        if let &[mode] = modes {
            let product = self.with(mode, ranks[mode]).bytes() + self.strips(mode, ranks[mode]);
            return self.factorization(mode, ranks[mode]).max(product);
        }
        let (first, second) = modes.split_at(modes.len() / 2);
        let half = |half: &[usize], other: &[usize]| {
            let products: Vec<_> = other.iter().map(|&n| (n, ranks[n])).collect();
            let projected = products
                .iter()
                .fold(self.clone(), |y, &(mode, rank)| y.with(mode, rank));
            let deeper = projected.bytes() + projected.sweep(half, ranks);
            self.products(&products).max(deeper)
        };
        half(first, second).max(half(second, first))
    }

    /// What measuring the error takes: all but the first mode of the
    /// reconstruction, and slices of it.
    fn error(&self, ranks: &[f64]) -> f64 {
        let core = Self {
            extents: ranks.to_vec(),
            ..self.clone()
        };
        let rest: Vec<_> = self.extents.iter().copied().enumerate().skip(1).collect();
        let partial = self.with(0, ranks[0]);
        let slice = self.entries() / self.extents[0];
        let slices = slice.max(SLICE_ENTRIES as f64) * self.scalar + self.strips(0, ranks[0]);
        self.held(ranks) + core.products(&rest).max(partial.bytes() + slices)
    }

    /// A tolerance below what norms can tell is tried twice, and the first
    /// result is there until the second has been measured.
    fn first_attempt(&self, truncation: &Truncation, ranks: &[f64]) -> f64 {
        match truncation {
            Truncation::Ranks(_) => 0.0,
            Truncation::RelativeError(_) => self.held(ranks),
        }
    }

    /// A core of these ranks with its factors.
    fn held(&self, ranks: &[f64]) -> f64 {
        self.factors(ranks) + ranks.iter().product::<f64>() * self.scalar
    }

    fn factors(&self, ranks: &[f64]) -> f64 {
        let entries: f64 = self.extents.iter().zip(ranks).map(|(i, r)| i * r).sum();
        entries * self.scalar
    }
}

/// The rank of every mode, as large as it can be where none is given: that of
/// its unfolding.
fn ranks(truncation: &Truncation, shape: &[usize], modes: &[usize]) -> Vec<f64> {
    let entries: f64 = shape.iter().map(|&extent| extent as f64).product();
    let mut all: Vec<f64> = shape.iter().map(|&extent| extent as f64).collect();
    for (place, &mode) in modes.iter().enumerate() {
        all[mode] = match truncation {
            Truncation::Ranks(ranks) => ranks[place] as f64,
            Truncation::RelativeError(_) => all[mode].min(entries / all[mode]),
        };
    }
    all
}

fn bytes(bytes: f64) -> u64 {
    bytes.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_beyond_all_numbers_stay_sizes() {
        let largest = [1 << 58];
        let all = StHosvd::new(Truncation::RelativeError(0.1));
        assert!(all.memory::<f64>(&largest).unwrap() > 1 << 60);
        assert!(all.memory::<f64>(&[1 << 40, 1 << 40]).is_err());
        assert!(all.memory::<f64>(&[3, 0]).is_err());
    }

    /// At ranks near the extents a sweep has the core of the one before beside two
    /// projections, where its start has two tensors alone.
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

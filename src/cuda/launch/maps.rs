//! The kernels that make saliency maps.

use cudarc::driver::{CudaSlice, CudaView};

use super::{Around, Queue, THREADS, int, saliency_bytes};
use crate::cam::Sign;
use crate::cuda::device::DeviceScalar;
use crate::error::Result;

/// Vectors that a thread projects on, GROUP in `kernels/project.cu`.
const GROUP: usize = 8;

/// What becomes of projected maps.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuda) struct Combination {
    pub(in crate::cuda) items: usize,
    /// Singular values of an item.
    pub(in crate::cuda) values: usize,
    /// Vectors that are used, the first ones.
    pub(in crate::cuda) vectors: usize,
    pub(in crate::cuda) positions: usize,
    /// Entries from the maps of an item to those of the next.
    pub(in crate::cuda) apart: usize,
    /// Whether the maps have unit length, σᵢzᵢ being meant.
    pub(in crate::cuda) unit: bool,
    pub(in crate::cuda) sign: Sign,
}

/// The number that the kernels know a sign by.
fn sign_code(sign: Sign) -> i32 {
    match sign {
        Sign::Absolute => 0,
        Sign::Positive => 1,
        Sign::Negative => 2,
    }
}

impl Queue {
    /// Maps of C×P features with P < C, each by one block.
    pub(in crate::cuda) fn saliency<T: DeviceScalar>(
        &self,
        features: &CudaView<'_, T>,
        around: Around,
        (centring, all_vectors, sign): (bool, bool, Sign),
        maps: &mut CudaSlice<T>,
        outcomes: &mut CudaSlice<i32>,
    ) -> Result<()> {
        let (channels, positions) = (int(around.rows), int(around.columns()));
        let (centring, all) = (i32::from(centring), i32::from(all_vectors));
        let sign = sign_code(sign);
        launch!(
            self, T::KERNELS.saliency,
            grid: (around.items, 1), shared: saliency_bytes(around.columns()),
            holds: [
                features => around.items * around.size(),
                maps => around.items * around.columns(),
                outcomes => around.items,
            ],
            arguments: [features, &channels, &positions, &centring, &all, &sign, maps, outcomes],
        )
    }

    /// Sets outcomes, and zeroes Gram matrices that leave the range of squares.
    pub(in crate::cuda) fn check_gram(
        &self,
        (items, n): (usize, usize),
        grams: &mut CudaSlice<f64>,
        energies: &mut CudaSlice<f64>,
        outcomes: &mut CudaSlice<i32>,
    ) -> Result<()> {
        let order = int(n);
        launch!(
            self, "check_gram",
            grid: (1, items), shared: 0,
            holds: [grams => items * n * n, energies => items, outcomes => items],
            arguments: [grams, &order, energies, outcomes],
        )
    }

    /// Takes the channels' means out of Gram matrices of positions.
    pub(in crate::cuda) fn centre_rest(
        &self,
        (items, n): (usize, usize),
        grams: &mut CudaSlice<f64>,
        means: &mut CudaSlice<f64>,
        energies: &CudaSlice<f64>,
        outcomes: &mut CudaSlice<i32>,
    ) -> Result<()> {
        let order = int(n);
        launch!(
            self, "centre_rest",
            grid: (1, items), shared: 0,
            holds: [
                grams => items * n * n, means => items * n,
                energies => items, outcomes => items,
            ],
            arguments: [grams, &order, means, energies, outcomes],
        )
    }

    /// Sums of the rows of C×P features.
    pub(in crate::cuda) fn row_sums<T: DeviceScalar>(
        &self,
        features: &CudaView<'_, T>,
        around: Around,
        sums: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let columns = int(around.columns());
        launch!(
            self, T::KERNELS.row_sums,
            grid: (around.rows, around.items), shared: 0,
            holds: [
                features => around.items * around.size(),
                sums => around.items * around.rows,
            ],
            arguments: [features, &columns, sums],
        )
    }

    /// Takes the channels' means out of Gram matrices of channels.
    pub(in crate::cuda) fn centre_mode(
        &self,
        around: Around,
        grams: &mut CudaSlice<f64>,
        sums: &CudaSlice<f64>,
        energies: &CudaSlice<f64>,
        outcomes: &mut CudaSlice<i32>,
    ) -> Result<()> {
        let (items, n) = (around.items, around.rows);
        let (order, columns) = (int(n), int(around.columns()));
        launch!(
            self, "centre_mode",
            grid: (1, items), shared: 0,
            holds: [
                grams => items * n * n, sums => items * n,
                energies => items, outcomes => items,
            ],
            arguments: [grams, &order, &columns, sums, energies, outcomes],
        )
    }

    /// Takes its mean out of each of `rows` rows of an item.
    pub(in crate::cuda) fn centre_rows(
        &self,
        (items, rows, count): (usize, usize, usize),
        entries: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let columns = int(count);
        launch!(
            self, "centre_rows",
            grid: (rows, items), shared: 0,
            holds: [entries => items * rows * count],
            arguments: [entries, &columns],
        )
    }

    /// Copies of features scaled by powers of two, centred if asked.
    pub(in crate::cuda) fn prepare<T: DeviceScalar>(
        &self,
        features: &CudaView<'_, T>,
        around: Around,
        centring: bool,
        prepared: &mut CudaSlice<f64>,
        (exponents, outcomes): (&mut CudaSlice<i32>, &mut CudaSlice<i32>),
    ) -> Result<()> {
        let (channels, positions) = (int(around.rows), int(around.columns()));
        let centring = i32::from(centring);
        launch!(
            self, T::KERNELS.prepare,
            grid: (1, around.items), shared: 0,
            holds: [
                features => around.items * around.size(),
                prepared => around.items * around.size(),
                exponents => around.items, outcomes => around.items,
            ],
            arguments: [
                features, &channels, &positions, &centring, prepared, exponents, outcomes,
            ],
        )
    }

    /// Projections of C×P features on the first `vectors` of the `columns` columns of C×· matrices.
    pub(in crate::cuda) fn project<T: DeviceScalar>(
        &self,
        features: &CudaView<'_, T>,
        around: Around,
        u: &CudaSlice<f64>,
        (columns, vectors): (usize, usize),
        projected: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let (channels, positions) = (int(around.rows), int(around.columns()));
        let (of_u, wanted) = (int(columns), int(vectors));
        launch!(
            self, T::KERNELS.project,
            grid: (
                around.columns().div_ceil(THREADS) * vectors.div_ceil(GROUP),
                around.items
            ), shared: 0,
            holds: [
                features => around.items * around.size(),
                u => around.items * around.rows * columns,
                projected => around.items * vectors * around.columns(),
            ],
            arguments: [features, &channels, &positions, u, &of_u, &wanted, projected],
        )
    }

    /// Maps from squares of singular values and projected maps.
    pub(in crate::cuda) fn combine<T: DeviceScalar>(
        &self,
        how: Combination,
        squares: &CudaSlice<f64>,
        projected: &CudaSlice<f64>,
        sums: &mut CudaSlice<f64>,
        maps: &mut CudaSlice<T>,
        outcomes: &mut CudaSlice<i32>,
    ) -> Result<()> {
        let (values, vectors) = (int(how.values), int(how.vectors));
        let (positions, unit) = (int(how.positions), i32::from(how.unit));
        let apart = how.apart as i64;
        let sign = sign_code(how.sign);
        let used = how.vectors * how.positions;
        launch!(
            self, T::KERNELS.combine,
            grid: (1, how.items), shared: 0,
            holds: [
                squares => how.items * how.values,
                projected => (how.items - 1) * how.apart + used,
                sums => how.items * how.positions,
                maps => how.items * how.positions,
                outcomes => how.items,
            ],
            arguments: [
                squares, &values, projected, &apart, &unit, &vectors, &positions, &sign, sums,
                maps, outcomes,
            ],
        )
    }

    /// Maps at another height and width.
    pub(in crate::cuda) fn resize<T: DeviceScalar>(
        &self,
        items: usize,
        maps: &CudaSlice<T>,
        old: [usize; 2],
        new: [usize; 2],
        resized: &mut CudaSlice<T>,
    ) -> Result<()> {
        let [height, width] = old.map(int);
        let [new_height, new_width] = new.map(int);
        let pixels = new[0] * new[1];
        launch!(
            self, T::KERNELS.resize,
            grid: (pixels.div_ceil(THREADS), items), shared: 0,
            holds: [maps => items * old[0] * old[1], resized => items * pixels],
            arguments: [maps, &height, &width, &new_height, &new_width, resized],
        )
    }
}

//! Launches: one safe function for each kernel, the only place where the host's
//! types meet the kernels' parameters. What a kernel reads and writes is held
//! against the lengths of its buffers first.
#![allow(unsafe_code)]

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, CudaView, LaunchConfig, PushKernelArg};

use super::device::DeviceScalar;
use super::driver::failed;
use super::program::Program;
use crate::cam::Sign;
use crate::error::Result;

/// Threads of a block, THREADS in `kernels/block.cuh`.
const THREADS: usize = 256;
/// Warps of a block.
const WARPS: usize = THREADS / 32;
/// The side of a tile of a Gram matrix, TILE in `kernels/gram.cu`.
const TILE: usize = 32;
/// Vectors that a thread projects on, GROUP in `kernels/project.cu`.
const GROUP: usize = 8;
/// The order up to which a block has a thread for each tile of a Gram matrix, in
/// `kernels/saliency.cu`.
const MOST_POSITIONS: usize = 88;
/// No pointer.
const NOWHERE: u64 = 0;

/// Bytes of shared memory that Jacobi rotations take beside the matrices.
const fn rotation_bytes(n: usize) -> usize {
    8 * (n + 1 + WARPS) + 4 * (n + 2)
}

/// Bytes of shared memory that an eigenproblem of order n takes whose matrices are
/// in shared memory.
const fn eigen_bytes(n: usize) -> usize {
    16 * n * n + rotation_bytes(n)
}

/// Bytes of shared memory that a map of n positions takes.
const fn saliency_bytes(n: usize) -> usize {
    eigen_bytes(n) + 24 * n
}

/// A batch of tensors seen around mode n: each is (L, Iₙ, R).
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) items: usize,
    pub(super) left: usize,
    pub(super) rows: usize,
    pub(super) right: usize,
}

impl Around {
    /// Around mode `mode` of tensors of extents `shape`.
    pub(super) fn mode(items: usize, shape: &[usize], mode: usize) -> Self {
        Self {
            items,
            left: shape[..mode].iter().product(),
            rows: shape[mode],
            right: shape[mode + 1..].iter().product(),
        }
    }

    /// Columns of the unfolding.
    pub(super) fn columns(self) -> usize {
        self.left * self.right
    }

    /// Entries of a tensor.
    pub(super) fn size(self) -> usize {
        self.rows * self.columns()
    }

    /// Whether Gram matrices are those of the columns: the smaller side.
    pub(super) fn of_rest(self) -> bool {
        self.columns() < self.rows
    }

    /// The order of a Gram matrix.
    pub(super) fn order(self) -> usize {
        self.rows.min(self.columns())
    }
}

/// What becomes of projected maps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Combination {
    pub(super) items: usize,
    /// Singular values of an item.
    pub(super) values: usize,
    /// Vectors that are used, the first ones.
    pub(super) vectors: usize,
    pub(super) positions: usize,
    /// Entries from the maps of an item to those of the next.
    pub(super) apart: usize,
    /// Whether the maps have unit length, σᵢzᵢ being meant.
    pub(super) unit: bool,
    pub(super) sign: Sign,
}

/// What HOOI's sweeps are held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopping {
    /// The change of the relative error below which a sweep is the last.
    pub(super) tolerance: f64,
    /// The change of its square that rounding hides.
    pub(super) rounding: f64,
    /// The change of the captured share at which a sweep is the last.
    pub(super) energy_tolerance: f64,
}

/// The states of the items while HOOI runs.
#[derive(Debug)]
pub(super) struct States {
    pub(super) errors: CudaSlice<f64>,
    pub(super) sweeps: CudaSlice<i32>,
    pub(super) active: CudaSlice<i32>,
}

/// A stream, and the kernels that are launched on it.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    pub(super) stream: Arc<CudaStream>,
    pub(super) program: Arc<Program>,
}

/// Holds the buffers against the lengths that the kernel uses, pushes the arguments,
/// launches blocks of 256 threads.
macro_rules! launch {
    (
        $queue:expr, $kernel:expr, grid: ($across:expr, $items:expr), shared: $shared:expr,
        holds: [$($buffer:expr => $len:expr),* $(,)?],
        arguments: [$($argument:expr),* $(,)?]
        $(, active: $active:expr)? $(,)?
    ) => {{
        let kernel: &str = $kernel;
        $(assert!($buffer.len() >= $len, "{}: {kernel}", stringify!($buffer));)*
        let mut call = $queue.stream.launch_builder($queue.program.function(kernel));
        $(call.arg($argument);)*
        $(match $active {
            Some(active) => call.arg(active),
            None => call.arg(&NOWHERE),
        };)?
        let config = LaunchConfig {
            grid_dim: ($across as u32, $items as u32, 1),
            block_dim: (THREADS as u32, 1, 1),
            shared_mem_bytes: $shared as u32,
        };
        // SAFETY: the arguments are the kernel's parameters in number, order and
        // width, and with the lengths just checked the kernel stays in its buffers.
        unsafe { call.launch(config) }.map_err(failed("a launch"))?;
        Ok(())
    }};
}

/// A count as the kernels take it; extents were held against `i32` before.
fn int(count: usize) -> i32 {
    count as i32
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
    /// Whether whole maps of `positions` positions fit a block.
    pub(super) fn fits_a_block(&self, positions: usize) -> bool {
        positions <= MOST_POSITIONS && saliency_bytes(positions) <= self.program.shared_limit
    }

    /// Maps of C×P features with P < C, each by one block.
    pub(super) fn saliency<T: DeviceScalar>(
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

    /// Gram matrices of the smaller side of unfoldings.
    pub(super) fn gram<T: DeviceScalar>(
        &self,
        tensors: &CudaView<'_, T>,
        around: Around,
        grams: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (left, rows, right) = (int(around.left), int(around.rows), int(around.right));
        let of_rest = i32::from(around.of_rest());
        let tiles = around.order().div_ceil(TILE);
        launch!(
            self, T::KERNELS.gram,
            grid: (tiles * (tiles + 1) / 2, around.items), shared: 0,
            holds: [
                tensors => around.items * around.size(),
                grams => around.items * around.order().pow(2),
            ],
            arguments: [tensors, &left, &rows, &right, &of_rest, grams],
            active: active,
        )
    }

    /// Eigenvalues, largest first, and eigenvectors; `grams` is overwritten. `work` has
    /// its size where the matrices do not fit into shared memory.
    pub(super) fn eigen(
        &self,
        (items, n): (usize, usize),
        grams: &mut CudaSlice<f64>,
        work: &mut CudaSlice<f64>,
        (values, vectors): (&mut CudaSlice<f64>, &mut CudaSlice<f64>),
        outcomes: &mut CudaSlice<i32>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let order = int(n);
        if self.eigen_is_shared(n) {
            return launch!(
                self, "eigen_shared",
                grid: (1, items), shared: eigen_bytes(n),
                holds: [
                    grams => items * n * n, values => items * n,
                    vectors => items * n * n, outcomes => items,
                ],
                arguments: [&*grams, &order, values, vectors, outcomes],
                active: active,
            );
        }
        launch!(
            self, "eigen_global",
            grid: (1, items), shared: rotation_bytes(n),
            holds: [
                grams => items * n * n, work => items * n * n, values => items * n,
                vectors => items * n * n, outcomes => items,
            ],
            arguments: [grams, &order, work, values, vectors, outcomes],
            active: active,
        )
    }

    /// Whether eigenproblems of order n are solved in shared memory.
    pub(super) fn eigen_is_shared(&self, n: usize) -> bool {
        eigen_bytes(n) <= self.program.shared_limit
    }

    /// Sets outcomes, and zeroes Gram matrices that leave the range of squares.
    pub(super) fn check_gram(
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
    pub(super) fn centre_rest(
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
    pub(super) fn row_sums<T: DeviceScalar>(
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
    pub(super) fn centre_mode(
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
    pub(super) fn centre_rows(
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
    pub(super) fn prepare<T: DeviceScalar>(
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
    pub(super) fn project<T: DeviceScalar>(
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
    pub(super) fn combine<T: DeviceScalar>(
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

    /// Products with the transposes of Iₙ×J matrices in mode n.
    pub(super) fn product(
        &self,
        tensors: &CudaSlice<f64>,
        around: Around,
        (factors, rank): (&CudaSlice<f64>, usize),
        products: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (left, rows, right) = (int(around.left), int(around.rows), int(around.right));
        let columns = int(rank);
        let size = around.columns() * rank;
        launch!(
            self, "product",
            grid: (size.div_ceil(THREADS), around.items), shared: 0,
            holds: [
                tensors => around.items * around.size(),
                factors => around.items * around.rows * rank,
                products => around.items * size,
            ],
            arguments: [tensors, &left, &rows, &right, factors, &columns, products],
            active: active,
        )
    }

    /// Factors: the leading `rank` eigenvectors of Gram matrices of the mode itself.
    pub(super) fn truncate(
        &self,
        (items, rows, rank): (usize, usize, usize),
        vectors: &CudaSlice<f64>,
        factors: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (extent, columns) = (int(rows), int(rank));
        launch!(
            self, "truncate",
            grid: (rank, items), shared: 0,
            holds: [vectors => items * rows * rows, factors => items * rows * rank],
            arguments: [vectors, &extent, &columns, factors],
            active: active,
        )
    }

    /// Factors from the leading `rank` eigenvectors of Gram matrices of the columns.
    pub(super) fn lift(
        &self,
        tensors: &CudaSlice<f64>,
        around: Around,
        (vectors, rank): (&CudaSlice<f64>, usize),
        factors: &mut CudaSlice<f64>,
        active: Option<&CudaSlice<i32>>,
    ) -> Result<()> {
        let (left, rows, right) = (int(around.left), int(around.rows), int(around.right));
        let columns = int(rank);
        let size = around.rows * rank;
        let lifted: Result<()> = launch!(
            self, "lift",
            grid: (size.div_ceil(THREADS), around.items), shared: 0,
            holds: [
                tensors => around.items * around.size(),
                vectors => around.items * around.columns().pow(2),
                factors => around.items * size,
            ],
            arguments: [tensors, &left, &rows, &right, vectors, &columns, &mut *factors],
            active: active,
        );
        lifted?;
        launch!(
            self, "orthonormalise",
            grid: (1, around.items), shared: 0,
            holds: [factors => around.items * size],
            arguments: [factors, &rows, &columns],
            active: active,
        )
    }

    /// Σ of squares of each of `slices` slices of an item, of `size` entries.
    pub(super) fn energy(
        &self,
        (items, slices, size): (usize, usize, usize),
        tensors: &CudaSlice<f64>,
        energies: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let entries = size as i64;
        launch!(
            self, "energy",
            grid: (slices, items), shared: 0,
            holds: [tensors => items * slices * size, energies => items * slices],
            arguments: [tensors, &entries, energies],
        )
    }

    /// The errors after sweep `sweep`, and which items go on.
    pub(super) fn settle(
        &self,
        items: usize,
        sweep: usize,
        (norms, cores): (&CudaSlice<f64>, &CudaSlice<f64>),
        stopping: Stopping,
        states: &mut States,
    ) -> Result<()> {
        let (count, made) = (int(items), int(sweep));
        let States {
            errors,
            sweeps,
            active,
        } = states;
        launch!(
            self, "settle",
            grid: (items.div_ceil(THREADS), 1), shared: 0,
            holds: [
                norms => items, cores => items,
                errors => items, sweeps => items, active => items,
            ],
            arguments: [
                norms, cores, &count, &made, &stopping.tolerance, &stopping.rounding,
                &stopping.energy_tolerance, errors, sweeps, active,
            ],
        )
    }

    /// Maps at another height and width.
    pub(super) fn resize<T: DeviceScalar>(
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

//! The kernels of saliency maps. The unfolding of a feature map is C×P: C channels, P
//! positions.

use cudarc::driver::{CudaSlice, CudaView};

use super::blocks::{int, launch};
use super::constants::{GROUP, THREADS, WARPS, sign_code};
use super::shared_memory::saliency_bytes;
use super::unfoldings::Unfoldings;
use crate::cam::Sign;
use crate::cuda::queue::Queue;
use crate::cuda::scalar::DeviceScalar;
use crate::error::Result;

/// The kind of map: which vectors it uses, centring, and sign.
#[derive(Clone, Copy, Debug)]
pub(in crate::cuda) struct Request {
    /// All vectors, or the first alone.
    pub(in crate::cuda) all_vectors: bool,
    /// Whether each channel's mean is subtracted.
    pub(in crate::cuda) centring: bool,
    pub(in crate::cuda) sign: Sign,
}

/// A chunk of feature maps, and memory for their maps and outcomes.
pub(in crate::cuda) struct MapChunk<'a, T> {
    pub(in crate::cuda) features: &'a CudaView<'a, T>,
    pub(in crate::cuda) unfoldings: Unfoldings,
    pub(in crate::cuda) request: Request,
    pub(in crate::cuda) maps: &'a mut CudaSlice<T>,
    pub(in crate::cuda) outcomes: &'a mut CudaSlice<i32>,
}

/// Gram matrices, checked and centred.
pub(in crate::cuda) struct Grams<'a> {
    pub(in crate::cuda) items: usize,
    /// The order of each matrix.
    pub(in crate::cuda) order: usize,
    pub(in crate::cuda) matrices: &'a mut CudaSlice<f64>,
    /// The trace of each matrix before centring.
    pub(in crate::cuda) energies: &'a mut CudaSlice<f64>,
    pub(in crate::cuda) outcomes: &'a mut CudaSlice<i32>,
}

/// Rows of `columns` entries, `rows` for each item.
pub(in crate::cuda) struct Rows<'a> {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) rows: usize,
    pub(in crate::cuda) columns: usize,
    pub(in crate::cuda) entries: &'a mut CudaSlice<f64>,
}

/// Projections Zᵢ = uᵢᵀF of features F on the leading columns uᵢ of a C×`columns` matrix for
/// each item.
pub(in crate::cuda) struct Projection<'a, T> {
    pub(in crate::cuda) features: &'a CudaView<'a, T>,
    pub(in crate::cuda) unfoldings: Unfoldings,
    pub(in crate::cuda) matrices: &'a CudaSlice<f64>,
    /// The number of columns of each matrix.
    pub(in crate::cuda) columns: usize,
    /// The number of leading columns on which the features are projected.
    pub(in crate::cuda) vectors: usize,
    pub(in crate::cuda) projected: &'a mut CudaSlice<f64>,
}

/// Projections uᵢᵀs of the sums s of the `channels` on the leading columns uᵢ of a
/// `channels`×`columns` matrix for each item.
pub(in crate::cuda) struct SumProjection<'a> {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) channels: usize,
    pub(in crate::cuda) sums: &'a CudaSlice<f64>,
    pub(in crate::cuda) matrices: &'a CudaSlice<f64>,
    pub(in crate::cuda) columns: usize,
    pub(in crate::cuda) vectors: usize,
    pub(in crate::cuda) projected: &'a mut CudaSlice<f64>,
}

/// Maps from singular values and projected maps.
pub(in crate::cuda) struct Combination<'a, T> {
    pub(in crate::cuda) items: usize,
    /// The number of singular values of an item.
    pub(in crate::cuda) values: usize,
    /// The number of leading vectors that are used.
    pub(in crate::cuda) vectors: usize,
    pub(in crate::cuda) positions: usize,
    /// The distance, in entries, between the starts of the projected maps of two neighbouring
    /// items.
    pub(in crate::cuda) stride: usize,
    /// Whether the projected maps have unit length, so that the kernel multiplies each by
    /// its singular value.
    pub(in crate::cuda) unit: bool,
    pub(in crate::cuda) sign: Sign,
    /// Squares of the singular values.
    pub(in crate::cuda) squares: &'a CudaSlice<f64>,
    pub(in crate::cuda) projected: &'a CudaSlice<f64>,
    /// If the projected maps are sums of products in `f32`: a map that is too flat for their error
    /// gets the outcome `CANCELLED`.
    pub(in crate::cuda) single: Option<SinglePrecision<'a>>,
    /// Maps before normalisation.
    pub(in crate::cuda) sums: &'a mut CudaSlice<f64>,
    pub(in crate::cuda) maps: &'a mut CudaSlice<T>,
    pub(in crate::cuda) outcomes: &'a mut CudaSlice<i32>,
}

/// The rounding error of projections in `f32`.
#[derive(Clone, Copy)]
pub(in crate::cuda) struct SinglePrecision<'a> {
    /// The error relative to the norm of the features at a position.
    pub(in crate::cuda) relative_error: f64,
    /// The sum of the squares of the features, for each item.
    pub(in crate::cuda) energies: &'a CudaSlice<f64>,
}

/// Maps of height and width `old`, resized to `new`.
pub(in crate::cuda) struct Resizing<'a, T> {
    pub(in crate::cuda) items: usize,
    pub(in crate::cuda) maps: &'a CudaSlice<T>,
    pub(in crate::cuda) old: [usize; 2],
    pub(in crate::cuda) new: [usize; 2],
    pub(in crate::cuda) resized: &'a mut CudaSlice<T>,
}

impl Queue {
    /// Computes each map by one block, for P < C.
    pub(in crate::cuda) fn saliency<T: DeviceScalar>(&self, chunk: MapChunk<'_, T>) -> Result<()> {
        let MapChunk {
            features,
            unfoldings,
            request,
            maps,
            outcomes,
        } = chunk;
        let (items, positions) = (unfoldings.items, unfoldings.columns());
        let (channels, columns) = (int(unfoldings.rows()), int(positions));
        let centring = i32::from(request.centring);
        let all_vectors = i32::from(request.all_vectors);
        let sign = sign_code(request.sign);
        launch!(
            self, T::KERNELS.saliency,
            grid: (items, 1), shared: saliency_bytes(positions),
            holds: [
                features => items * unfoldings.size(),
                maps => items * positions, outcomes => items,
            ],
            arguments: [
                features, &channels, &columns, &centring, &all_vectors, &sign, maps, outcomes,
            ],
        )
    }

    /// Sets the energies and the outcomes. If squares of the entries of a Gram matrix leave the
    /// range of `f64`, the outcome is `OUT_OF_RANGE`, and the matrix is set to zero.
    pub(in crate::cuda) fn check_gram(&self, grams: &mut Grams<'_>) -> Result<()> {
        let (items, n) = (grams.items, grams.order);
        let order = int(n);
        let Grams {
            matrices,
            energies,
            outcomes,
            ..
        } = grams;
        launch!(
            self, "check_gram",
            grid: (1, items), shared: 0,
            holds: [matrices => items * n * n, energies => items, outcomes => items],
            arguments: [&mut **matrices, &order, &mut **energies, &mut **outcomes],
        )
    }

    /// Centres P×P Gram matrices. `means` is scratch memory.
    pub(in crate::cuda) fn centre_rest(
        &self,
        grams: &mut Grams<'_>,
        means: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let (items, n) = (grams.items, grams.order);
        let order = int(n);
        let Grams {
            matrices,
            energies,
            outcomes,
            ..
        } = grams;
        launch!(
            self, "centre_rest",
            grid: (1, items), shared: 0,
            holds: [
                matrices => items * n * n, means => items * n,
                energies => items, outcomes => items,
            ],
            arguments: [&mut **matrices, &order, means, &**energies, &mut **outcomes],
        )
    }

    /// Sums of the rows of C×P features.
    pub(in crate::cuda) fn row_sums<T: DeviceScalar>(
        &self,
        features: &CudaView<'_, T>,
        unfoldings: Unfoldings,
        sums: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let (items, rows) = (unfoldings.items, unfoldings.rows());
        let columns = int(unfoldings.columns());
        launch!(
            self, T::KERNELS.row_sums,
            grid: (rows, items), shared: 0,
            holds: [features => items * unfoldings.size(), sums => items * rows],
            arguments: [features, &columns, sums],
        )
    }

    /// Centres C×C Gram matrices. `sums` holds the sum of the `positions` entries of each channel.
    pub(in crate::cuda) fn centre_mode(
        &self,
        grams: &mut Grams<'_>,
        positions: usize,
        sums: &CudaSlice<f64>,
    ) -> Result<()> {
        let (items, n) = (grams.items, grams.order);
        let (order, columns) = (int(n), int(positions));
        let Grams {
            matrices,
            energies,
            outcomes,
            ..
        } = grams;
        launch!(
            self, "centre_mode",
            grid: (1, items), shared: 0,
            holds: [
                matrices => items * n * n, sums => items * n,
                energies => items, outcomes => items,
            ],
            arguments: [
                &mut **matrices, &order, &columns, sums, &**energies, &mut **outcomes,
            ],
        )
    }

    /// Subtracts from each row the mean of the row.
    pub(in crate::cuda) fn centre_rows(&self, rows: Rows<'_>) -> Result<()> {
        let Rows {
            items,
            rows,
            columns,
            entries,
        } = rows;
        let count = int(columns);
        launch!(
            self, "centre_rows",
            grid: (rows, items), shared: 0,
            holds: [entries => items * rows * columns],
            arguments: [entries, &count],
        )
    }

    /// Projects features on vectors.
    pub(in crate::cuda) fn project<T: DeviceScalar>(
        &self,
        projection: Projection<'_, T>,
    ) -> Result<()> {
        let Projection {
            features,
            unfoldings,
            matrices,
            columns,
            vectors,
            projected,
        } = projection;
        let (items, positions) = (unfoldings.items, unfoldings.columns());
        let extents = [unfoldings.rows(), positions, columns, vectors];
        let [c, p, of_matrix, wanted] = extents.map(int);
        launch!(
            self, T::KERNELS.project,
            grid: (positions.div_ceil(THREADS) * vectors.div_ceil(GROUP), items), shared: 0,
            holds: [
                features => items * unfoldings.size(),
                matrices => items * unfoldings.rows() * columns,
                projected => items * vectors * positions,
            ],
            arguments: [features, &c, &p, matrices, &of_matrix, &wanted, projected],
        )
    }

    /// Projects the sums of the channels on vectors: the sums of the projected maps.
    pub(in crate::cuda) fn project_sums(&self, projection: SumProjection<'_>) -> Result<()> {
        let SumProjection {
            items,
            channels,
            sums,
            matrices,
            columns,
            vectors,
            projected,
        } = projection;
        let [c, of_matrix, wanted] = [channels, columns, vectors].map(int);
        launch!(
            self, "project_sums",
            grid: (vectors.div_ceil(WARPS), items), shared: 0,
            holds: [
                sums => items * channels,
                matrices => items * channels * columns,
                projected => items * vectors,
            ],
            arguments: [sums, &c, matrices, &of_matrix, &wanted, projected],
        )
    }

    /// Combines projected maps. Items already marked as failed are skipped.
    pub(in crate::cuda) fn combine<T: DeviceScalar>(
        &self,
        combination: Combination<'_, T>,
    ) -> Result<()> {
        let Combination {
            items,
            values,
            vectors,
            positions,
            stride,
            unit,
            sign,
            squares,
            projected,
            single,
            sums,
            maps,
            outcomes,
        } = combination;
        let relative_error = single.map_or(0.0, |single| single.relative_error);
        let energies = single.map(|single| single.energies);
        assert!(energies.is_none_or(|energies| energies.len() >= items));
        let [count, used, p] = [values, vectors, positions].map(int);
        let (maps_apart, unit, sign) = (stride as i64, i32::from(unit), sign_code(sign));
        launch!(
            self, T::KERNELS.combine,
            grid: (1, items), shared: 0,
            holds: [
                squares => items * values,
                projected => (items - 1) * stride + vectors * positions,
                sums => items * positions, maps => items * positions, outcomes => items,
            ],
            arguments: [
                squares, &count, projected, &maps_apart, &unit, &used, &p, &sign, sums, maps,
                outcomes, &relative_error,
            ],
            // The last argument may be null, as `active` may be.
            active: energies,
        )
    }

    /// Resizes maps.
    pub(in crate::cuda) fn resize<T: DeviceScalar>(&self, resizing: Resizing<'_, T>) -> Result<()> {
        let Resizing {
            items,
            maps,
            old,
            new,
            resized,
        } = resizing;
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

// Factors: leading left singular vectors of a batch of unfoldings, from the eigenvectors of their
// Gram matrices. The entry of largest magnitude of each vector is positive. If several entries have
// this magnitude, the first of them is positive.
//
//   Gram matrix of the rows      truncate          A = the leading eigenvectors
//   Gram matrix of the columns   lift,             W = X_(n) V, columns sigma_k u_k
//                                orthonormalise    A = the columns of W, made orthonormal
//
// 256 threads a block. `truncate` (grid (rank, items), 64 bytes of shared memory) and `lift` (grid
// (blocks of 256 entries, items)) read and write each entry once; `lift` has 2 |X| r flops.
// `orthonormalise` (grid (1, items), 2.1 KB) applies Gram-Schmidt twice, 8 I r^2 flops. It computes
// the inner products of a column with all columns before it at once, a warp for each, so that a
// column takes some 10 barriers and not 2 for each column before it: about 10 us a column (estimate).
// Registers (sm_90): lift_f32 37, lift_f64 37, orthonormalise 48, truncate 32.

#include "parts.cuh"

// The number of inner products that `orthonormalise` computes at once.
#define PRODUCTS 256

// Makes the entry of largest magnitude of a column of `rows` entries positive. Here and in all
// callers, thread t reads and writes the entries t, t + THREADS, …. So the reads here need no
// barrier after the writes of the callers.
__device__ inline void fix_sign(double* column, int rows, double* scratch) {
    double largest = largest_magnitude(column, rows, scratch);
    bool down = first_is_negative(column, rows, largest, scratch);
    __syncthreads();
    for (int i = threadIdx.x; down && i < rows; i += THREADS) {
        column[i] = -column[i];
    }
}

// A = the leading `rank` columns of V, which has order `rows`. `selected` names the item of V for
// each item of A; without it they are the same.
extern "C" __global__ void __launch_bounds__(THREADS)
truncate(const double* vectors, int rows, int rank, double* factors, const int* selected,
         const int* active) {
    __shared__ double scratch[WARPS];
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y, k = blockIdx.x;
    const double* v = vectors + (source_of(selected) * rows + k) * rows;
    double* column = factors + (item * rank + k) * rows;
    for (int i = threadIdx.x; i < rows; i += THREADS) {
        column[i] = v[i];
    }
    fix_sign(column, rows, scratch);
}

// W = X_(n) V for the leading `rank` columns of V, which has order L R. Column k is sigma_k times
// the left singular vector. `selected` names the item of X and V for each item of W.
template <class Real>
__device__ void lift(const Real* tensors, int left, int rows, int right, const double* vectors,
                     int rank, double* lifted, const int* selected, const int* active) {
    size_t columns = (size_t)left * right, item = blockIdx.y;
    size_t place = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (idle(active) || place >= (size_t)rows * rank) {
        return;
    }
    size_t i = place % rows, k = place / rows, source = source_of(selected);
    const Real* x = tensors + source * rows * columns;
    const double* v = vectors + (source * columns + k) * columns;
    double sum = 0.0;
    for (size_t column = 0; column < columns; column++) {
        size_t l = column / right, r = column % right;
        sum = fma(v[column], (double)x[(l * rows + i) * right + r], sum);
    }
    lifted[item * rows * rank + place] = sum;
}

extern "C" __global__ void __launch_bounds__(THREADS)
lift_f32(const float* tensors, int left, int rows, int right, const double* vectors, int rank,
         double* lifted, const int* selected, const int* active) {
    lift(tensors, left, rows, right, vectors, rank, lifted, selected, active);
}

extern "C" __global__ void __launch_bounds__(THREADS)
lift_f64(const double* tensors, int left, int rows, int right, const double* vectors, int rank,
         double* lifted, const int* selected, const int* active) {
    lift(tensors, left, rows, right, vectors, rank, lifted, selected, active);
}

// Subtracts from `column` its projection on the first `before` columns of `basis`, which are
// orthonormal. Returns the square of the length of the result to every thread. `along` holds
// PRODUCTS entries.
__device__ inline double orthogonalise(double* column, const double* basis, int rows, int before,
                                       double* along, double* scratch) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (int first = 0; first < before; first += PRODUCTS) {
        int count = before - first < PRODUCTS ? before - first : PRODUCTS;
        const double* others = basis + (size_t)first * rows;
        // 1. The inner products. A warp reads entries that other warps wrote.
        __syncthreads();
        for (int k = warp; k < count; k += WARPS) {
            double sum = 0.0;
            for (int i = lane; i < rows; i += 32) {
                sum = fma(others[(size_t)k * rows + i], column[i], sum);
            }
            for (int step = 16; step > 0; step /= 2) {
                sum += __shfl_down_sync(0xffffffffu, sum, step);
            }
            if (lane == 0) {
                along[k] = sum;
            }
        }
        __syncthreads();
        // 2. The difference.
        for (int i = threadIdx.x; i < rows; i += THREADS) {
            double entry = column[i];
            for (int k = 0; k < count; k++) {
                entry = fma(-along[k], others[(size_t)k * rows + i], entry);
            }
            column[i] = entry;
        }
    }
    double square = 0.0;
    for (int i = threadIdx.x; i < rows; i += THREADS) {
        square = fma(column[i], column[i], square);
    }
    return block_sum(square, scratch);
}

// Makes the columns of W orthonormal, in order of decreasing length. A column that is negligible
// compared with the first is replaced by a unit vector e_i with a large enough part outside the
// span of the k columns before it. The squares of these parts of all e_i add up to rows - k, so
// that one is at least (rows - k) / rows. The first e_i with at least half of this number is used.
extern "C" __global__ void __launch_bounds__(THREADS)
orthonormalise(double* matrices, int rows, int rank, const int* active) {
    __shared__ double scratch[WARPS], along[PRODUCTS];
    if (idle(active)) {
        return;
    }
    double* w = matrices + (size_t)blockIdx.y * rows * rank;
    double first = 0.0;
    for (int k = 0; k < rank; k++) {
        double* column = w + (size_t)k * rows;
        double before = orthogonalise(column, w, rows, 0, along, scratch);
        first = k == 0 ? before : first;
        double square = orthogonalise(column, w, rows, k, along, scratch);
        // A length of at most 1e-14 of the first column is rounding error, before or after the
        // projection.
        bool lost = !(before > 1e-28 * first) || !(square > 1e-28 * first);
        for (int unit = 0; lost && unit < rows; unit++) {
            for (int i = threadIdx.x; i < rows; i += THREADS) {
                column[i] = i == unit ? 1.0 : 0.0;
            }
            square = orthogonalise(column, w, rows, k, along, scratch);
            lost = square < 0.5 * (rows - k) / rows;
        }
        // Normalise, project once more to remove rounding errors, and normalise again.
        for (int turn = 0; turn < 2; turn++) {
            double length = sqrt(square);
            for (int i = threadIdx.x; i < rows; i += THREADS) {
                column[i] /= length;
            }
            square = orthogonalise(column, w, rows, turn == 0 ? k : 0, along, scratch);
        }
        fix_sign(column, rows, scratch);
    }
}

// Centring: subtracts each channel's mean over the positions.
// - centre_rest and centre_mode centre Gram matrices, if that keeps enough digits.
// - centre_rows centres projected maps, and scaled copies of the features themselves.
//
// Grid (1, items) or (rows, items), 256 threads a block; 64 bytes of shared memory.
// Bytes: one pass over the centred data. Memory bandwidth bounds the time of all kernels.
// Registers (sm_90): centre_mode 32, centre_rest 32, centre_rows 32, check_gram 31,
// row_sums_f32 32, row_sums_f64 30.

#include "block.cuh"

// Sets energies[item] to the trace of a Gram matrix, and outcomes[item] to FINE. If squares of
// the entries leave the range of a double, the outcome is OUT_OF_RANGE instead; the matrix is
// then set to zero, so that the eigenproblem ends at once.
extern "C" __global__ void __launch_bounds__(THREADS)
check_gram(double* grams, int n, double* energies, int* outcomes) {
    __shared__ double scratch[WARPS];
    size_t item = blockIdx.y;
    double* g = grams + item * n * n;
    double energy = trace(g, n, scratch);
    bool fine = energy > LEAST_TRACE && energy < LARGEST_TRACE;
    for (int k = threadIdx.x; !fine && k < n * n; k += THREADS) {
        g[k] = 0.0;
    }
    if (threadIdx.x == 0) {
        energies[item] = fine ? energy : 0.0;
        outcomes[item] = fine ? FINE : OUT_OF_RANGE;
    }
}

// Sets the outcome to CANCELLED if the trace after centring is too small a share of `energy`, the
// trace before.
__device__ inline void check_share(const double* g, int n, double energy, int* outcome,
                                   double* scratch) {
    double left = trace(g, n, scratch);
    if (threadIdx.x == 0 && *outcome == FINE && left < CENTRED_SHARE * energy) {
        *outcome = CANCELLED;
    }
}

// Centres G = F^T F, the Gram matrix of positions (centre_both in block.cuh). `means` holds n
// entries for each item.
extern "C" __global__ void __launch_bounds__(THREADS)
centre_rest(double* grams, int n, double* means, const double* energies, int* outcomes) {
    __shared__ double scratch[WARPS];
    size_t item = blockIdx.y;
    double* g = grams + item * n * n;
    centre_both(g, n, means + item * n, scratch);
    check_share(g, n, energies[item], &outcomes[item], scratch);
}

// sums[c] = the sum of row c of each item. Grid (rows, items).
template <class Real>
__device__ void row_sums(const Real* x, int columns, double* sums) {
    __shared__ double scratch[WARPS];
    size_t row = (size_t)blockIdx.y * gridDim.x + blockIdx.x;
    double sum = 0.0;
    for (int p = threadIdx.x; p < columns; p += THREADS) {
        sum += (double)x[row * columns + p];
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) {
        sums[row] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
row_sums_f32(const float* x, int columns, double* sums) {
    row_sums(x, columns, sums);
}

extern "C" __global__ void __launch_bounds__(THREADS)
row_sums_f64(const double* x, int columns, double* sums) {
    row_sums(x, columns, sums);
}

// Centres G = F F^T, the Gram matrix of channels: G_ij -= P m_i m_j with P = `columns` positions
// and the mean m_i of channel i.
extern "C" __global__ void __launch_bounds__(THREADS)
centre_mode(double* grams, int n, int columns, const double* sums, const double* energies,
            int* outcomes) {
    __shared__ double scratch[WARPS];
    size_t item = blockIdx.y;
    double* g = grams + item * n * n;
    const double* sum_of = sums + item * n;
    bool fine = outcomes[item] == FINE;
    double share = 1.0 / columns;
    for (int k = threadIdx.x; fine && k < n * n; k += THREADS) {
        g[k] -= sum_of[k % n] * sum_of[k / n] * share;
    }
    __syncthreads();
    check_share(g, n, energies[item], &outcomes[item], scratch);
}

// Subtracts from a row of `count` entries the mean of the row, twice: the second time removes the
// rounding error of the first mean.
__device__ inline void centre_row(double* row, int count, double* scratch) {
    for (int turn = 0; turn < 2; turn++) {
        double sum = 0.0;
        for (int p = threadIdx.x; p < count; p += THREADS) {
            sum += row[p];
        }
        double mean = block_sum(sum, scratch) / count;
        for (int p = threadIdx.x; p < count; p += THREADS) {
            row[p] -= mean;
        }
    }
}

// Centres each of the rows of an item. Grid (rows, items).
extern "C" __global__ void __launch_bounds__(THREADS)
centre_rows(double* rows, int count) {
    __shared__ double scratch[WARPS];
    centre_row(rows + ((size_t)blockIdx.y * gridDim.x + blockIdx.x) * count, count, scratch);
}

// Eigenvalues and eigenvectors of a batch of positive semidefinite matrices of order n <= ORDER,
// G = V diag(values) V^T, largest value first. One warp solves one matrix in registers
// (columns.cuh).
//
// Grid (1, items), 32 threads a block. Shared memory: ORDER (ORDER + 3) doubles at most.
// V has n orthonormal columns for a G of any rank. Values of a deficient G are rounding errors of
// either sign, of about n eps times the largest value.
// Bytes of an item: n^2 doubles read and written. Flops: about 33 n^3 for 8 sweeps. Measured on an
// H100 for n = 49: 0.36 us a matrix with the card full, that is 1056 matrices at a time. Registers
// limit a multiprocessor to 8 warps; the latency of double arithmetic and of shuffles bounds the
// time.
//
// G is not changed. If the iteration does not converge, outcomes[item] becomes NO_CONVERGENCE and
// nothing else is written. Otherwise outcomes[item] is unchanged.

#include "columns.cuh"

extern "C" __global__ void __launch_bounds__(32)
eigen_lane(const double* grams, int n, double* values, double* vectors, int* outcomes,
           const int* active) {
    if (idle(active)) {
        return;
    }
    double* scratch = (double*)aligned_shared;
    int lane = threadIdx.x;
    size_t item = blockIdx.y;
    const double* g = grams + item * n * n;
    double scale = scale_for(trace_of(g, n));
    Columns columns;
    load(columns, g, n, scale);
    add_to_diagonal(columns, n, SHIFT);
    factorise(columns, n, scratch);
    if (!orthogonalise(columns, n)) {
        if (lane == 0) {
            outcomes[item] = NO_CONVERGENCE;
        }
        return;
    }
    // Column j of the lane's two becomes eigenvector `rank`, the number of larger values. The zero
    // column of an odd n has the value -1 and comes last.
    double square[2] = {dot(columns.x, columns.x), dot(columns.y, columns.y)};
    int rank[2] = {0, 0};
    for (int j = 0; j < 2; j++) {
        if (2 * lane < n) {
            scratch[2 * lane + j] = square[j] > 0.0 ? square[j] : -1.0;
        }
    }
    __syncwarp();
    for (int other = 0; other < n + n % 2; other++) {
        double value = scratch[other];
        for (int j = 0; j < 2; j++) {
            int mine = 2 * lane + j;
            rank[j] += value > square[j] || (value == square[j] && other < mine);
        }
    }
    __syncwarp();
    bool has_x = 2 * lane < n + n % 2 && rank[0] < n, has_y = 2 * lane < n + n % 2 && rank[1] < n;
    double inverse_x = 1.0 / sqrt(square[0]), inverse_y = 1.0 / sqrt(square[1]);
    if (has_x) {
        values[item * n + rank[0]] = (square[0] - SHIFT) / scale;
    }
    if (has_y) {
        values[item * n + rank[1]] = (square[1] - SHIFT) / scale;
    }
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        if (i < n && has_x) {
            scratch[rank[0] * n + i] = columns.x[i] * inverse_x;
        }
        if (i < n && has_y) {
            scratch[rank[1] * n + i] = columns.y[i] * inverse_y;
        }
    }
    __syncwarp();
    for (int k = lane; k < n * n; k += 32) {
        vectors[item * n * n + k] = scratch[k];
    }
}

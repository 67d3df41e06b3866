// Eigenvalues and eigenvectors of a batch of positive semidefinite matrices of order n <= ORDER <=
// 128, G = V diag(values) V^T, largest value first: one block solves one matrix (wide.cuh).
//
// Grid (1, items), a warp for 8 columns of ORDER. Shared memory: the boxes of 2 sets of columns for
// each warp, 8 ORDER doubles a warp, 139 KB for ORDER = 128.
// Bytes of an item: n^2 doubles read and written. Flops: about 37 n^3 for 9 sweeps. Measured on an
// H100: n = 119 7.8 us a matrix with the card full, n = 128 9.2 us. Registers limit a multiprocessor
// to one block of 16 warps; latency and barriers bound the time.
//
// G is not changed. outcomes[item] becomes NO_CONVERGENCE if the iteration does not converge, and is
// unchanged otherwise.

#include "wide.cuh"

static_assert(ORDER >= 9 && ORDER <= 128, "");

extern "C" __global__ void __launch_bounds__(32 * COLUMN_WARPS)
eigen_wide(const double* grams, int n, double* values, double* vectors, int* outcomes,
           const int* active) {
    if (idle(active)) {
        return;
    }
    eigen<COLUMN_WARPS, 1>({grams, n, values, vectors, outcomes});
}

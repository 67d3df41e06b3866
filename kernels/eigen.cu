// Eigenvalues and eigenvectors of a batch of symmetric matrices, G = V diag(values) V^T,
// largest value first (jacobi.cuh).
//
// Grid (1, items), 256 threads a block. `eigen_shared` works on copies in shared memory,
// `eigen_global` on the matrices in global memory. The L2 cache of an H100, 50 MB, holds G and V
// of about 130 items of order 150, one for each multiprocessor.
//
// Shared memory: n + 9 doubles and n + 2 integers. `eigen_shared` needs 2n^2 doubles more: n <= 55
// fits in 48 KB, n <= 120 in the 227 KB of an H100.
// Bytes of an item: 2n^2 doubles read and written once (shared), or 4n^2 doubles of L2 traffic in
// each round (global). Flops: about 36 n^3. The time of `eigen_shared` is bound by the barriers of
// the rounds up to n = 64, and by the bandwidth of shared memory above. The bandwidth of L2 bounds
// the time of `eigen_global`.
//
// G is overwritten. outcomes[item] becomes NO_CONVERGENCE if the iteration does not converge,
// and is unchanged otherwise.
// Registers (sm_90): eigen_global 66, eigen_shared 60, largest_first 32.

#include "jacobi.cuh"

// Diagonalises `a` and computes its eigenvectors in `v`. Copies the eigenvalues to `values` and the
// eigenvectors to `vectors`, largest value first. `rest` is the shared memory after the matrices.
__device__ inline void decompose(double* a, double* v, int n, double* rest, double* values,
                                 double* vectors, int* outcome) {
    double* scratch = rest + n + 1;
    int* order = (int*)(scratch + WARPS);
    if (!jacobi(a, v, n, rest, scratch, order + n) && threadIdx.x == 0) {
        *outcome = NO_CONVERGENCE;
    }
    sort_diagonal(a, n, order);
    for (int r = threadIdx.x; r < n; r += THREADS) {
        values[r] = a[order[r] * (n + 1)];
    }
    for (int k = threadIdx.x; k < n * n; k += THREADS) {
        vectors[k] = v[k % n + order[k / n] * n];
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
eigen_shared(const double* grams, int n, double* values, double* vectors, int* outcomes,
             const int* active) {
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y;
    double* a = shared;
    double* v = a + n * n;
    for (int k = threadIdx.x; k < n * n; k += THREADS) {
        a[k] = grams[item * n * n + k];
    }
    decompose(a, v, n, v + n * n, values + item * n, vectors + item * n * n, &outcomes[item]);
}

// `work` holds V and has the size of `grams`.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
eigen_global(double* grams, int n, double* work, double* values, double* vectors, int* outcomes,
             const int* active) {
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y;
    decompose(grams + item * n * n, work + item * n * n, n, shared, values + item * n,
              vectors + item * n * n, &outcomes[item]);
}

// Copies the eigenpairs of a batch in the opposite order. Before, the smallest value is the first,
// and the vectors are the columns of `from`. A failure other than 0 becomes NO_CONVERGENCE.
//
// Grid (n, items), 256 threads a block: a block copies one vector.
extern "C" __global__ void __launch_bounds__(THREADS)
largest_first(const double* ascending, const double* from, const int* failures, int n,
              double* values, double* vectors, int* outcomes, const int* active) {
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y, target = blockIdx.x, source = n - 1 - target;
    from += (item * n + source) * n;
    vectors += (item * n + target) * n;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        vectors[i] = from[i];
    }
    if (threadIdx.x == 0) {
        values[item * n + target] = ascending[item * n + source];
        if (target == 0 && failures[item] != 0) {
            outcomes[item] = NO_CONVERGENCE;
        }
    }
}

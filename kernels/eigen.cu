// Eigenvalues and eigenvectors of a batch of symmetric matrices, G = V diag(values) V^T,
// largest value first (jacobi.cuh).
//
// Grid (1, items), 256 threads a block. `eigen_shared` works on copies in shared
// memory, `eigen_global` where they are: in L2, of 50 MB on an H100, for some 130
// matrices of order 150 at a time.
//
// Shared memory: n + 9 doubles and n + 2 integers; `eigen_shared` 2n^2 doubles more: n <= 54 in
// 48 KB, n <= 119 in the 227 KB of an H100.
// Bytes an item: 2n^2 doubles read and written once (shared), or 4n^2 doubles of L2 traffic a
// round (global). Flops: some 36 n^3. Bound by the barriers of its rounds up to n = 64,
// by shared memory's bandwidth above, by L2's in `eigen_global`.
//
// G is overwritten. outcomes[item] becomes NO_CONVERGENCE where the iteration does not
// converge and keeps its value elsewhere.
// Registers (sm_90): eigen_global 66, eigen_shared 60.

#include "jacobi.cuh"

// Diagonalises `a` with `v` for its vectors, and copies both out in the order of the
// values. `rest` is the shared memory behind what else there is.
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

// `work` has the size of `grams`.
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

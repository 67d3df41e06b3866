// Eigenvalues and eigenvectors of a batch of positive semidefinite matrices of order n <= ORDER <=
// 400, G = V diag(values) V^T, largest value first: a cluster of blocks solves one matrix (wide.cuh).
//
//     eigen_cluster       4 blocks up to ORDER = 256, above as eigen_cluster_one: for batches
//     eigen_cluster_one   blocks of 4 warps, 7 for ORDER = 196 and 13 for 400: for a few matrices,
//                         which then use more multiprocessors
//
// The results of both kernels have the same bits.
//
// Grid (blocks of a cluster, items). Shared memory: the boxes, 69 KB for ORDER = 196 and 135 KB for
// 256 in eigen_cluster.
// Bytes of an item: n^2 doubles read and written. Flops: about 40 n^3 for 10 sweeps. Measured on an
// H100: n = 196 65 us a matrix with the card full, n = 256 93 us; one of n = 200 1.65 ms. Each of n / 4
// phases of a sweep ends with a barrier of the cluster, which takes about 0.5 us. Remote arrivals at
// barriers of neighbours, which need PTX 8.0, gained 5% in a prototype. Registers and shared memory
// limit a multiprocessor to one block; the latency of double arithmetic bounds the time.
//
// G is not changed. outcomes[item] becomes NO_CONVERGENCE if the iteration does not converge, and is
// unchanged otherwise.

#include "wide.cuh"

static_assert(ORDER > 128 && ORDER <= 400, "");

#define ONE_WARPS 4
#define ONE_BLOCKS ((COLUMN_WARPS + ONE_WARPS - 1) / ONE_WARPS)
#define BATCH_BLOCKS (ORDER <= 256 ? 4 : ONE_BLOCKS)
#define BATCH_WARPS ((COLUMN_WARPS + BATCH_BLOCKS - 1) / BATCH_BLOCKS)

extern "C" __global__ void __cluster_dims__(BATCH_BLOCKS, 1, 1) __launch_bounds__(32 * BATCH_WARPS)
eigen_cluster(const double* grams, int n, double* values, double* vectors, int* outcomes,
              const int* active) {
    if (idle(active)) {
        return;
    }
    eigen<BATCH_WARPS, BATCH_BLOCKS>({grams, n, values, vectors, outcomes});
}

extern "C" __global__ void __cluster_dims__(ONE_BLOCKS, 1, 1) __launch_bounds__(32 * ONE_WARPS)
eigen_cluster_one(const double* grams, int n, double* values, double* vectors, int* outcomes,
                  const int* active) {
    if (idle(active)) {
        return;
    }
    eigen<ONE_WARPS, ONE_BLOCKS>({grams, n, values, vectors, outcomes});
}

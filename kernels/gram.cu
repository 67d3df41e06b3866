// Gram matrices of a batch of unfoldings.
//
// Around mode n a tensor has the extents (L, I, R). Without `of_rest`, G = X_(n) X_(n)^T has order
// I and sums over the L R columns. With `of_rest`, G = X_(n)^T X_(n) has order L R and sums over
// the I rows. X_(n) is never formed. The "vectors" are its rows, or with `of_rest` its columns: G
// holds their inner products.
//
// Grid (tiles of the lower triangle, items), 256 threads a block. A block computes a tile of
// 32x32 entries and also writes its mirror image. The tiles are numbered as follows:
//
//     0
//     1  2
//     3  4  5
//
// A thread has 2x2 sums in double. The block reads panels of 32 vectors by 16 places along the
// sum into shared memory, transposed, so that each warp reads without bank conflicts. Sums run
// in index order.
//
// Shared memory: 2 x 16 x 33 entries, 4.2 KB (f32), 8.4 KB (f64).
// Bytes of an item: each entry of X is read (order/32 + 1)/2 times, all but the first time from
// L2; order^2 doubles are written. Flops: |X| (order + 1). The arithmetic in double bounds the
// time, with 34 Tflop/s on an H100: 200^3 takes 47 us, 256x56x56 6 us.
// Registers (sm_90): gram_f32 58, gram_f64 52.

#include "block.cuh"

#define TILE 32
#define DEPTH 16

// The entry at place k of vector v.
template <class Real>
__device__ Real entry(const Real* x, int rows, int right, int of_rest, size_t v, size_t k) {
    size_t row = of_rest ? k : v, column = of_rest ? v : k;
    return x[(column / right * rows + row) * right + column % right];
}

template <class Real>
__device__ void gram(const Real* tensors, int left, int rows, int right, int of_rest, double* grams,
                     const int* active) {
    __shared__ Real a[DEPTH][TILE + 1], b[DEPTH][TILE + 1];
    if (idle(active)) {
        return;
    }
    size_t columns = (size_t)left * right;
    size_t order = of_rest ? columns : rows;
    size_t depth = of_rest ? rows : columns;
    const Real* x = tensors + (size_t)blockIdx.y * rows * columns;
    double* g = grams + (size_t)blockIdx.y * order * order;
    // 1. The row and the column of the tile.
    size_t row = 0, column = blockIdx.x;
    while (column > row) {
        row++;
        column -= row;
    }
    row *= TILE;
    column *= TILE;
    int i = threadIdx.x % 16, j = threadIdx.x / 16;
    // 2. The sums, panel by panel.
    double sums[2][2] = {};
    for (size_t first = 0; first < depth; first += DEPTH) {
        for (int t = threadIdx.x; t < TILE * DEPTH; t += THREADS) {
            // Neighbouring threads read neighbouring entries: along the sum if the vectors are
            // rows, across the vectors if they are columns.
            int v = of_rest ? t % TILE : t / DEPTH, k = of_rest ? t / TILE : t % DEPTH;
            bool within = first + k < depth;
            a[k][v] = within && row + v < order
                ? entry(x, rows, right, of_rest, row + v, first + k) : (Real)0;
            b[k][v] = within && column + v < order
                ? entry(x, rows, right, of_rest, column + v, first + k) : (Real)0;
        }
        __syncthreads();
        for (int k = 0; k < DEPTH; k++) {
            double a0 = a[k][i], a1 = a[k][i + 16], b0 = b[k][j], b1 = b[k][j + 16];
            sums[0][0] = fma(a0, b0, sums[0][0]);
            sums[0][1] = fma(a0, b1, sums[0][1]);
            sums[1][0] = fma(a1, b0, sums[1][0]);
            sums[1][1] = fma(a1, b1, sums[1][1]);
        }
        __syncthreads();
    }
    // 3. The tile and its mirror image.
    for (int s = 0; s < 2; s++) {
        for (int t = 0; t < 2; t++) {
            size_t p = row + i + 16 * s, q = column + j + 16 * t;
            if (p < order && q <= p) {
                g[p + q * order] = sums[s][t];
                g[q + p * order] = sums[s][t];
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
gram_f32(const float* tensors, int left, int rows, int right, int of_rest, double* grams,
         const int* active) {
    gram(tensors, left, rows, right, of_rest, grams, active);
}

extern "C" __global__ void __launch_bounds__(THREADS)
gram_f64(const double* tensors, int left, int rows, int right, int of_rest, double* grams,
         const int* active) {
    gram(tensors, left, rows, right, of_rest, grams, active);
}

// Mode-n products of a batch, Y = X x_n U^T: Y[l, j, r] = sum_i U[i, j] X[l, i, r].
//
// Around mode n a tensor has the extents (L, I, R). Each item has its own U, I x J, column-major.
// Grid (blocks of 256 entries of Y, items). A thread computes one entry of Y. In the last mode
// neighbouring threads read neighbouring columns of U, in any other mode neighbouring entries of
// X; all other reads hit the L1 cache.
//
// Shared memory: none. Bytes of an item: |X| J from L1, |X| from memory, |Y| written.
// Flops: 2 J |X|. The L1 cache bounds the time. The first product of 20^3 to 8^3 has 128 kflop and
// 64 kB, about 0.1 us for each item on a whole H100.
// Registers (sm_90): product 40.

#include "block.cuh"

extern "C" __global__ void __launch_bounds__(THREADS)
product(const double* tensors, int left, int rows, int right, const double* u, int columns,
        double* products, const int* active) {
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y;
    size_t size = (size_t)left * columns * right;
    size_t place = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (place >= size) {
        return;
    }
    size_t r = place % right, j = place / right % columns, l = place / right / columns;
    const double* x = tensors + (item * left + l) * rows * right + r;
    const double* column = u + (item * columns + j) * rows;
    double sum = 0.0;
    for (int i = 0; i < rows; i++) {
        sum = fma(column[i], x[(size_t)i * right], sum);
    }
    products[item * size + place] = sum;
}

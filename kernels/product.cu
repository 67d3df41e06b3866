// Mode-n products of a batch, Y = X x_n U^T: Y[l, j, r] = sum_i U[i, j] X[l, i, r].
//
// Around mode n a tensor has the extents (L, I, R). Seen as a matrix, X has I rows and the L R
// columns c = (l, r); Y has J rows and the same columns. Each item has its own U; entry (i, j) is
// at place i*down + j*across, so that the kernel multiplies by U^T or by U.
//
// A block computes a tile of Y: SPAN columns c and up to 4 SIDE WIDE rows j. It walks along i in
// panels of 8:
//
//       c ->  SPAN                     j ->
//     +-----------------+            +------+
//   i |  panel of X (8) |          i | U(8) |      both in shared memory
//     +-----------------+            +------+
//
//   a warp has 32 columns, a thread 4 columns (8 apart) times SIDE rows of Y, in registers.
//
// While it multiplies, the next panel is on its way into registers. In the last mode (R = 1)
// neighbouring threads read neighbouring i, in any other mode neighbouring columns. Each entry of Y
// is one chain of fused multiply-adds in the order of i, so that the bits depend neither on the tile
// nor on the number of columns.
//
//   J        SIDE x WIDE   rows j of a block   columns c of a block
//   <= 8     2 x 1          8                  256
//   <= 12    3 x 1         12                  256
//   <= 20    5 x 1         20                  256
//   above    5 x 2         40                  128
//
// Grid (tiles, items), 256 threads a block. Shared memory: 19 KB.
// Bytes: |X| read from memory, once more from L2 for each further 40 rows j; |Y| written.
// Flops: 2 J |X|. Memory bandwidth bounds the time up to J = 20: the first product of 200^3 to 20
// reads 64 MB, 24 us on an H100; above, the arithmetic in double: 400^3 to 40 has 5.1 Gflop, some
// 0.25 ms (estimates).
// Registers (sm_90): product_f32 128, product_f64 126.

#include "parts.cuh"

// The number of places i of a panel.
#define PANEL 8

// The number of columns that a thread computes.
#define STRIPES 4

// The tensors and the matrices of a product.
template <class Real>
struct Product {
    const Real* x;
    int left, rows, right;
    const double* u;
    int columns, down, across;
    double* y;
};

// What a thread loads of each panel of X: entry m is at x[first + m * step], for the place
// `at + m * along` of the panel and the column `column + m * beside` of the tile.
struct Load {
    size_t first, step;
    int at, along, column, beside;
};

template <class Real, int SPAN>
__device__ Load load_of(const Product<Real>& p, size_t start) {
    int t = threadIdx.x, lines = THREADS / SPAN;
    if (p.right == 1) {
        int column = t / PANEL, at = t % PANEL;
        size_t beside = THREADS / PANEL;
        return {(start + column) * p.rows + at, beside * p.rows, at, 0, column, (int)beside};
    }
    size_t right = p.right, c = start + t % SPAN;
    size_t at = t / SPAN;
    return {(c / right * p.rows + at) * right + c % right, lines * right, (int)at, lines, t % SPAN,
            0};
}

// A block's tile of Y: the columns from `start` on and the rows from `top` on.
template <class Real, int SIDE, int WIDE>
__device__ void multiply(const Product<Real>& p, size_t start, int top, double* panel,
                         double* vectors) {
    const int SPAN = THREADS / WIDE, PITCH = SPAN + 2, REACH = 4 * SIDE * WIDE;
    const int EACH = PANEL / WIDE, FEW = (PANEL * REACH + THREADS - 1) / THREADS;
    size_t total = (size_t)p.left * p.right;
    int t = threadIdx.x, lane = t % 32, warp = t / 32;
    int column = warp % (WARPS / WIDE) * 32 + lane % 8;
    int row = (warp / (WARPS / WIDE) * 4 + lane / 8) * SIDE;
    Load load = load_of<Real, SPAN>(p, start);
    double sums[STRIPES][SIDE] = {};
    Real entries[EACH];
    double factors[FEW];
    for (int first = -PANEL; first < p.rows; first += PANEL) {
        // 1. The panel that was loaded in the turn before goes to shared memory.
        if (first >= 0) {
#pragma unroll
            for (int m = 0; m < EACH; m++) {
                int at = load.at + m * load.along, c = load.column + m * load.beside;
                panel[at * PITCH + c] = (double)entries[m];
            }
#pragma unroll
            for (int m = 0; m < FEW; m++) {
                int k = t + m * THREADS;
                if (k < PANEL * REACH) {
                    vectors[k % PANEL * REACH + k / PANEL] = factors[m];
                }
            }
            __syncthreads();
        }
        // 2. The next panel.
        int next = first + PANEL;
#pragma unroll
        for (int m = 0; m < EACH; m++) {
            bool within = next + load.at + m * load.along < p.rows
                && start + load.column + m * load.beside < total;
            entries[m] = within ? p.x[load.first + m * load.step + (size_t)next * p.right]
                                : (Real)0;
        }
#pragma unroll
        for (int m = 0; m < FEW; m++) {
            int k = t + m * THREADS, i = next + k % PANEL, j = top + k / PANEL;
            bool within = k < PANEL * REACH && i < p.rows && j < p.columns;
            factors[m] = within ? p.u[(size_t)i * p.down + (size_t)j * p.across] : 0.0;
        }
        // 3. The products. The places after the last row are zeros.
        if (first >= 0) {
#pragma unroll
            for (int k = 0; k < PANEL; k++) {
                double x[STRIPES], u[SIDE];
#pragma unroll
                for (int s = 0; s < STRIPES; s++) {
                    x[s] = panel[k * PITCH + column + 8 * s];
                }
#pragma unroll
                for (int j = 0; j < SIDE; j++) {
                    u[j] = vectors[k * REACH + row + j];
                }
#pragma unroll
                for (int s = 0; s < STRIPES; s++) {
#pragma unroll
                    for (int j = 0; j < SIDE; j++) {
                        sums[s][j] = fma(u[j], x[s], sums[s][j]);
                    }
                }
            }
            __syncthreads();
        }
    }
    // 4. The tile.
#pragma unroll
    for (int s = 0; s < STRIPES; s++) {
        size_t c = start + column + 8 * s;
        size_t l = c / p.right, r = c % p.right;
#pragma unroll
        for (int j = 0; j < SIDE; j++) {
            int place = top + row + j;
            if (c < total && place < p.columns) {
                p.y[(l * p.columns + place) * p.right + r] = sums[s][j];
            }
        }
    }
}

// `reach` is the number of rows j of a block. `selected` names the item of X for each item of U and
// Y; without it they are the same.
template <class Real>
__device__ void product(const Real* tensors, int left, int rows, int right, const double* u,
                        int columns, int down, int across, int reach, double* products,
                        const int* selected, const int* active) {
    __shared__ double panel[PANEL * (THREADS + 4)], vectors[PANEL * 40];
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y, source = source_of(selected), size = (size_t)left * right;
    Product<Real> p = {
        tensors + source * size * rows, left, rows, right,
        u + item * rows * columns, columns, down, across,
        products + item * size * columns,
    };
    int tiles = (columns + reach - 1) / reach;
    int top = blockIdx.x % tiles * reach;
    size_t block = blockIdx.x / tiles;
    if (reach == 8) {
        multiply<Real, 2, 1>(p, block * THREADS, top, panel, vectors);
    } else if (reach == 12) {
        multiply<Real, 3, 1>(p, block * THREADS, top, panel, vectors);
    } else if (reach == 20) {
        multiply<Real, 5, 1>(p, block * THREADS, top, panel, vectors);
    } else {
        multiply<Real, 5, 2>(p, block * (THREADS / 2), top, panel, vectors);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
product_f32(const float* tensors, int left, int rows, int right, const double* u, int columns,
            int down, int across, int reach, double* products, const int* selected,
            const int* active) {
    product(tensors, left, rows, right, u, columns, down, across, reach, products, selected,
            active);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
product_f64(const double* tensors, int left, int rows, int right, const double* u, int columns,
            int down, int across, int reach, double* products, const int* selected,
            const int* active) {
    product(tensors, left, rows, right, u, columns, down, across, reach, products, selected,
            active);
}

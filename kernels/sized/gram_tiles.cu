// Gram matrices of a batch of unfoldings on double tensor cores, any order and depth.
//
// G holds the inner products of `order` vectors of `depth` entries. A block computes one tile of
// 64 x 64 entries of the lower triangle; the tiles are numbered as in gram.cu:
//
//     0                     A warp has 32 x 32 entries of the tile:     0  1
//     1  2                                                              2  3
//     3  4  5
//
// The unfolding is never formed. Along one direction, the vectors or the depth, neighbours are
// neighbours in memory, in runs of `run` entries, `apart` entries from one run to the next. Along the
// other direction they are `pitch` entries apart:
//
//     gram_rows     entry k of vector v at   v pitch + (k / run) apart + k % run
//     gram_columns  entry k of vector v at   k pitch + (v / run) apart + v % run
//
// For a tensor of extents (L, I, R) around mode n:
//     X X^T of the rows:      gram_rows     run R,  apart I R,  pitch R     (R > 1; one run if L = 1)
//                             gram_columns  run I,  pitch I                 (R = 1)
//     X^T X of the columns:   gram_columns  run R,  apart I R,  pitch R     (R > 1)
//                             gram_rows     run I,  pitch I                 (R = 1)
//
// The block copies panels of 64 vectors by 32 entries of the depth into shared memory, one for the
// rows of the tile and one for its columns, asynchronously, while it multiplies the panels before
// them. A thread copies the same place of several lines. It divides by `run` once, when it starts,
// and then steps its pointers from panel to panel. Zeros stand for what lies outside the matrix. So
// the products themselves need no conditions:
// a warp has one of four roles for the whole depth (`Role`). The roles turn from block to block, so
// that the idle warps of diagonal tiles do not meet on one scheduler of a multiprocessor.
//
// A deep sum is split into parts. Part y of a tile goes to `sums`, and `gram_sum` adds the parts in
// their order. The number of parts depends on the shape alone.
//
// Kernels with 16 in their names copy 16 bytes at a time: `run` entries and the address of the data
// are multiples of 16 bytes. The others copy one entry at a time.
//
// Grid (tiles, parts, items), 128 threads a block. ORDER is the side of a tile, 64.
// Shared memory: 36 KB (f32), 73 KB (f64).
// Bytes of an item: each entry is read (order / 64 + 1) / 2 times, all but the first time from L2;
// order^2 doubles are written, and 64 KB for each tile and part. Flops: depth order (order + 1).
// Measured on an H100: 2048x14x14 f32 2.31 us, 256x56x56 f32 4.35 us (47 Tflop/s), the first mode of
// 200^3 f64 100 us, of 400^3 701 us. Tensor cores are busy 54% of the time, the L2 cache 61%.

#include "tiles.cuh"

// Where the entries are: see the head of this file.
struct Place {
    int run, apart, pitch;
};

// What a warp computes of its 32 x 32 entries.
enum Role { NOTHING, ALL, UPPER_HALF, LOWER_TRIANGLE };

// The products of a panel. PAIRS: how many 16 rows the warp has. With `TRIANGLE` the rows and the
// columns are the same vectors, and products right of the diagonal are left out.
template <class Real, bool COLUMNS, int PAIRS, bool TRIANGLE>
__device__ inline void multiply(double (&sums)[2][4][4], const Real* rows, const Real* columns) {
    using P = Panel<Real, COLUMNS>;
    int lane = threadIdx.x % 32;
    int start = lane / 4 * P::VECTOR + lane % 4 * P::PLACE;
    rows += start;
    columns += start;
    // Half of the loop at a time in double: all of it needs more registers than there are.
#pragma unroll(sizeof(Real) == 4 ? 8 : 4)
    for (int k = 0; k < DEPTH; k += 4) {
        double u[2 * PAIRS], v[4];
#pragma unroll
        for (int i = 0; i < 2 * PAIRS; i++) {
            u[i] = (double)rows[8 * i * P::VECTOR + k * P::PLACE];
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            v[j] = TRIANGLE ? u[j % (2 * PAIRS)] : (double)columns[8 * j * P::VECTOR + k * P::PLACE];
        }
#pragma unroll
        for (int i = 0; i < PAIRS; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                if (!TRIANGLE || j < 2 * i + 2) {
                    multiply_add(sums[i][j], u[2 * i], u[2 * i + 1], v[j]);
                }
            }
        }
    }
}

// `part_depth`, a multiple of DEPTH, is the depth of a part. With one part the tile goes to `out`,
// an order x order matrix for each item, and otherwise to `out` as a tile of its own.
template <class Real, bool COLUMNS, int VEC>
__device__ inline void gram_tile(const Real* data, int order, int depth, Place place, int part_depth,
                                 double* out, const int* active) {
    using P = Panel<Real, COLUMNS>;
    using C = Copier<Real, COLUMNS, VEC>;
    size_t item = blockIdx.z;
    if (active != nullptr && active[item] == 0) {
        return;
    }
    const Real* x = data + item * order * depth;
    Real* panels = (Real*)aligned_shared;
    // 1. The row and the column of the tile.
    int row = 0, column = blockIdx.x;
    while (column > row) {
        row++;
        column -= row;
    }
    bool diagonal = row == column;
    // 2. What the thread copies: VEC entries from `along` on of every LINES_AT_ONCE-th line.
    int line = threadIdx.x / C::THREADS_OF_LINE, along = threadIdx.x % C::THREADS_OF_LINE * VEC;
    int begin = blockIdx.y * part_depth;
    int end = begin + part_depth < depth ? begin + part_depth : depth;
    unsigned from[2];
    for (int side = 0; side < 2; side++) {
        int vectors = (side == 0 ? row : column) * WIDTH;
        int in_runs = (COLUMNS ? vectors : begin) + along, across = (COLUMNS ? begin : vectors) + line;
        from[side] = across * place.pitch + in_runs / place.run * place.apart + in_runs % place.run;
    }
    // The way to the next panel. Along the runs it crosses DEPTH / run whole runs, and perhaps the
    // end of one more.
    int in_run = (begin + along) % place.run, rest = DEPTH % place.run;
    int step = COLUMNS ? DEPTH * place.pitch : DEPTH / place.run * place.apart + rest;
    auto fetch = [&](int panel) {
        int k = begin + panel * DEPTH;
        if (k < end) {
            Real* to = panels + (size_t)(panel % STAGES) * 2 * P::SIZE + line * P::PITCH + along;
#pragma unroll
            for (int side = 0; side < 2; side++) {
                int vectors = (side == 0 ? row : column) * WIDTH;
                int lines = COLUMNS ? (vectors + along < order ? end - k : 0)
                                    : (k + along < end ? order - vectors : 0);
                if (side == 0 || !diagonal) {
                    C::copy(to + side * P::SIZE, x, from[side], place.pitch, line, lines);
                }
            }
            in_run += rest;
            int next = step;
            if (!COLUMNS && in_run >= place.run) {
                in_run -= place.run;
                next += place.apart - place.run;
            }
            from[0] += next;
            from[1] += next;
        }
        end_group();
    };
    // 3. The role of the warp, and its first row and column in the tile.
    int warp = (threadIdx.x / 32 + blockIdx.x + blockIdx.y + blockIdx.z) % TILE_WARPS;
    int first_row = warp / 2 * 32, first_column = warp % 2 * 32;
    int rows = order - row * WIDTH - first_row, columns = order - column * WIDTH - first_column;
    Role role = rows <= 0 || columns <= 0 || (diagonal && first_row < first_column) ? NOTHING
                : diagonal && first_row == first_column                             ? LOWER_TRIANGLE
                : rows <= 16                                                        ? UPPER_HALF
                                                                                    : ALL;
    // 4. The products, panel by panel.
    double sums[2][4][4] = {};
    int count = (end - begin + DEPTH - 1) / DEPTH;
    fetch(0);
    for (int panel = 0; panel < count; panel++) {
        wait_for_copies<0>();
        __syncthreads();
        fetch(panel + 1);
        const Real* left = panels + (size_t)(panel % STAGES) * 2 * P::SIZE;
        const Real* right = diagonal ? left : left + P::SIZE;
        left += first_row * P::VECTOR;
        right += first_column * P::VECTOR;
        if (role == ALL) {
            multiply<Real, COLUMNS, 2, false>(sums, left, right);
        } else if (role == UPPER_HALF) {
            multiply<Real, COLUMNS, 1, false>(sums, left, right);
        } else if (role == LOWER_TRIANGLE) {
            multiply<Real, COLUMNS, 2, true>(sums, left, right);
        }
    }
    // 5. The tile, and its mirror image.
    if (role == NOTHING) {
        return;
    }
    bool partial = gridDim.y > 1;
    size_t tile = (item * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    double* g = partial ? out + tile * WIDTH * WIDTH : out + item * order * order;
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                int a = first_row + 16 * i + 8 * (e / 2) + lane / 4;
                int b = first_column + 8 * j + 2 * (lane % 4) + e % 2;
                int p = row * WIDTH + a, q = column * WIDTH + b;
                if (p < order && q <= p) {
                    if (partial) {
                        g[a * WIDTH + b] = sums[i][j][e];
                    } else {
                        g[(size_t)p * order + q] = sums[i][j][e];
                        g[(size_t)q * order + p] = sums[i][j][e];
                    }
                }
            }
        }
    }
}

// Adds the parts of each tile in their order. Grid (tiles, groups of 8 rows of a tile, items), 256
// threads a block.
extern "C" __global__ void __launch_bounds__(256)
gram_sum(const double* sums, int order, int parts, double* grams, const int* active) {
    size_t item = blockIdx.z;
    if (active != nullptr && active[item] == 0) {
        return;
    }
    int row = 0, column = blockIdx.x;
    while (column > row) {
        row++;
        column -= row;
    }
    const double* tile = sums + (item * parts * gridDim.x + blockIdx.x) * WIDTH * WIDTH;
    double* g = grams + item * order * order;
#pragma unroll
    for (int turn = 0; turn < 8 * WIDTH / 256; turn++) {
        int a = blockIdx.y * 8 + threadIdx.x / WIDTH + turn * (256 / WIDTH), b = threadIdx.x % WIDTH;
        int p = row * WIDTH + a, q = column * WIDTH + b;
        if (p < order && q <= p) {
            double sum = 0.0;
            for (int part = 0; part < parts; part++) {
                sum += tile[(size_t)part * gridDim.x * WIDTH * WIDTH + a * WIDTH + b];
            }
            g[(size_t)p * order + q] = sum;
            g[(size_t)q * order + p] = sum;
        }
    }
}

// Blocks on a multiprocessor: 4 (f32) and 3 (f64), by registers and by shared memory.
#define GRAM_KERNEL(NAME, REAL, COLUMNS, VEC)                                                      \
    extern "C" __global__ void __launch_bounds__(TILE_THREADS, sizeof(REAL) == 4 ? 4 : 3)          \
    NAME(const REAL* data, int order, int depth, int run, int apart, int pitch, int part_depth,    \
         double* out, const int* active) {                                                         \
        gram_tile<REAL, COLUMNS, VEC>(data, order, depth, {run, apart, pitch}, part_depth, out,    \
                                      active);                                                     \
    }

GRAM_KERNEL(gram_rows_f32, float, false, 1)
GRAM_KERNEL(gram_rows16_f32, float, false, 4)
GRAM_KERNEL(gram_columns_f32, float, true, 1)
GRAM_KERNEL(gram_columns16_f32, float, true, 4)
GRAM_KERNEL(gram_rows_f64, double, false, 1)
GRAM_KERNEL(gram_rows16_f64, double, false, 2)
GRAM_KERNEL(gram_columns_f64, double, true, 1)
GRAM_KERNEL(gram_columns16_f64, double, true, 2)

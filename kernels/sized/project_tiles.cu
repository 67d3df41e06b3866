// Projected maps on double tensor cores, and their sum: z_i[p] = sum_c v_i[c] F[c, p] - o_i for the
// leading `count` vectors v_i.
//
//   project    z_i
//   sum        sum_i (sigma_i / sigma_1) |z_i|, which needs no memory for the z_i
//
// A block computes tiles of 64 vectors by 64 positions, with a depth of C channels, from panels in
// shared memory (tiles.cuh):
//
//     V, rows         64 vectors by 32 channels      neighbours in memory are channels
//     F, columns      32 channels by 64 positions    neighbours in memory are positions
//
// `project` computes one tile, `sum` the tiles of all vectors one after the other: a lane adds the
// terms of its rows in their order, then the lanes of a column are added, then the two warps that share
// it. A warp has 32 x 32 entries of a tile, or 16 x 32 if no more than 16 vectors are left, or none.
//
// `vectors` holds `columns` vectors of C entries for each item. `squares` holds the squares of `values`
// singular values for each item. `offsets` holds P o_i, `count` numbers for each item; without it they
// are zero. An item with an outcome of OUT_OF_RANGE or above is skipped.
//
// Kernels with 16 in their names copy 16 bytes at a time: rows of V and F, and the address of the
// features, are multiples of 16 bytes. The others copy one entry at a time.
//
// Grid (tiles of positions, tiles of vectors for `project` and 1 for `sum`, items), 128 threads. ORDER is
// the side of a tile, 64. Shared memory: 55 KB (f32), 72 KB (f64).
// Bytes of an item: F is read count / 64 times, all but the first time from L2; V P / 64 times from L2;
// `project` writes count P doubles, `sum` P doubles. Flops: 2 C P count. Tensor cores bound the time for
// many vectors: 256x56x56 with all vectors has 411 Mflop. Memory bounds it for one vector: 3.2 MB.

#include "../map.cuh"
#include "tiles.cuh"

template <class Real>
struct Projection {
    const Real* features;
    int channels, positions;
    const double* vectors;
    int columns, count;
    const double* squares;
    int values;
    const double* offsets;
    double* out;
    const int* outcomes;
};

// The products of two panels. PAIRS: how many 16 rows the warp has.
template <class Real, int PAIRS>
__device__ inline void multiply(double (&sums)[2][4][4], const double* rows, const Real* columns) {
    using V = Panel<double, false>;
    using F = Panel<Real, true>;
    int lane = threadIdx.x % 32;
    rows += lane / 4 * V::VECTOR + lane % 4 * V::PLACE;
    columns += lane / 4 * F::VECTOR + lane % 4 * F::PLACE;
#pragma unroll 4
    for (int k = 0; k < DEPTH; k += 4) {
        double u[2 * PAIRS], v[4];
#pragma unroll
        for (int i = 0; i < 2 * PAIRS; i++) {
            u[i] = rows[8 * i * V::VECTOR + k * V::PLACE];
        }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            v[j] = (double)columns[8 * j * F::VECTOR + k * F::PLACE];
        }
#pragma unroll
        for (int i = 0; i < PAIRS; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                multiply_add(sums[i][j], u[2 * i], u[2 * i + 1], v[j]);
            }
        }
    }
}

template <class Real, int VEC, bool SUM>
__device__ inline void project(const Projection<Real>& a) {
    using V = Panel<double, false>;
    using F = Panel<Real, true>;
    constexpr int VEC_V = VEC == 1 ? 1 : 2;
    using CopyV = Copier<double, false, VEC_V>;
    using CopyF = Copier<Real, true, VEC>;
    constexpr int STAGE = V::SIZE * sizeof(double) + F::SIZE * sizeof(Real);
    size_t item = blockIdx.z;
    if (a.outcomes[item] >= OUT_OF_RANGE) {
        return;
    }
    char* stages = (char*)aligned_shared;
    const double* vectors = a.vectors + item * a.columns * a.channels;
    const Real* features = a.features + item * a.channels * a.positions;
    int first_position = blockIdx.x * WIDTH;
    int first_tile = SUM ? 0 : blockIdx.y;
    int panels = (a.channels + DEPTH - 1) / DEPTH;
    int steps = (SUM ? (a.count + WIDTH - 1) / WIDTH : 1) * panels;
    // 1. What the thread copies of a panel: VEC entries from `along` on of every LINES_AT_ONCE-th line.
    int line_v = threadIdx.x / CopyV::THREADS_OF_LINE, along_v = threadIdx.x % CopyV::THREADS_OF_LINE * VEC_V;
    int line_f = threadIdx.x / CopyF::THREADS_OF_LINE, along_f = threadIdx.x % CopyF::THREADS_OF_LINE * VEC;
    auto fetch = [&](int step) {
        if (step < steps) {
            char* stage = stages + step % STAGES * STAGE;
            double* to_v = (double*)stage + line_v * V::PITCH + along_v;
            Real* to_f = (Real*)(stage + V::SIZE * sizeof(double)) + line_f * F::PITCH + along_f;
            int first_vector = (first_tile + step / panels) * WIDTH, k = step % panels * DEPTH;
            int lines = k + along_v < a.channels ? a.count - first_vector : 0;
            unsigned from = (first_vector + line_v) * a.channels + k + along_v;
            CopyV::copy(to_v, vectors, from, a.channels, line_v, lines);
            lines = first_position + along_f < a.positions ? a.channels - k : 0;
            from = (k + line_f) * a.positions + first_position + along_f;
            CopyF::copy(to_f, features, from, a.positions, line_f, lines);
        }
        end_group();
    };
    // 2. The part of a tile that the warp has, and this lane's entries of it.
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int first_row = warp / 2 * 32, first_column = warp % 2 * 32;
    int row = first_row + lane / 4, column = first_position + first_column + 2 * (lane % 4);
    double largest = SUM ? sqrt(fmax(a.squares[item * a.values], 0.0)) : 0.0;
    double added[4][2] = {}, sums[2][4][4] = {};
    fetch(0);
    for (int step = 0; step < steps; step++) {
        wait_for_copies<0>();
        __syncthreads();
        fetch(step + 1);
        int tile = first_tile + step / panels;
        int rows = a.count - tile * WIDTH - first_row;
        // 3. The products of a panel.
        const char* stage = stages + step % STAGES * STAGE;
        const double* left = (const double*)stage + first_row * V::VECTOR;
        const Real* right = (const Real*)(stage + V::SIZE * sizeof(double)) + first_column * F::VECTOR;
        if (rows > 16) {
            multiply<Real, 2>(sums, left, right);
        } else if (rows > 0) {
            multiply<Real, 1>(sums, left, right);
        }
        if ((step + 1) % panels != 0) {
            continue;
        }
        // 4. The entries of a tile.
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int vector = tile * WIDTH + row + 8 * i;
            if (vector < a.count) {
                double offset = a.offsets != nullptr ? a.offsets[item * a.count + vector] / a.positions : 0.0;
                double weight = 0.0;
                if (SUM && largest > 0.0) {
                    weight = sqrt(fmax(a.squares[item * a.values + vector], 0.0)) / largest;
                }
#pragma unroll
                for (int j = 0; j < 4; j++) {
#pragma unroll
                    for (int e = 0; e < 2; e++) {
                        double z = sums[i / 2][j][i % 2 * 2 + e] - offset;
                        int p = column + 8 * j + e;
                        if (SUM) {
                            added[j][e] = fma(weight, fabs(z), added[j][e]);
                        } else if (p < a.positions) {
                            a.out[(item * a.count + vector) * a.positions + p] = z;
                        }
                        sums[i / 2][j][i % 2 * 2 + e] = 0.0;
                    }
                }
            }
        }
    }
    if (!SUM) {
        return;
    }
    // 5. The sums over the lanes of a column, and over the two warps that share it.
    __syncthreads();
    double* shared = (double*)stages;
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
            double sum = added[j][e];
            sum += __shfl_xor_sync(ALL_LANES, sum, 4);
            sum += __shfl_xor_sync(ALL_LANES, sum, 8);
            sum += __shfl_xor_sync(ALL_LANES, sum, 16);
            if (lane < 4) {
                shared[first_row / 32 * WIDTH + first_column + 2 * lane + 8 * j + e] = sum;
            }
        }
    }
    __syncthreads();
    int p = first_position + threadIdx.x;
    if (threadIdx.x < WIDTH && p < a.positions) {
        a.out[item * a.positions + p] = shared[threadIdx.x] + shared[WIDTH + threadIdx.x];
    }
}

// Blocks on a multiprocessor: 3, by registers and by shared memory.
#define PROJECTION_KERNEL(NAME, REAL, VEC, SUM)                                                    \
    extern "C" __global__ void __launch_bounds__(TILE_THREADS, 3)                                  \
    NAME(const REAL* features, int channels, int positions, const double* vectors, int columns,    \
         int count, const double* squares, int values, double* out, const int* outcomes,           \
         const double* offsets) {                                                                  \
        project<REAL, VEC, SUM>({features, channels, positions, vectors, columns, count, squares,  \
                                 values, offsets, out, outcomes});                                 \
    }

PROJECTION_KERNEL(project_tiles_f32, float, 1, false)
PROJECTION_KERNEL(project_tiles16_f32, float, 4, false)
PROJECTION_KERNEL(project_tiles_f64, double, 1, false)
PROJECTION_KERNEL(project_tiles16_f64, double, 2, false)
PROJECTION_KERNEL(sum_tiles_f32, float, 1, true)
PROJECTION_KERNEL(sum_tiles16_f32, float, 4, true)
PROJECTION_KERNEL(sum_tiles_f64, double, 1, true)
PROJECTION_KERNEL(sum_tiles16_f64, double, 2, true)

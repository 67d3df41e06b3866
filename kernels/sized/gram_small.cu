// Gram matrices of positions, G = F^T F, for at most 56 positions, on double tensor cores.
//
// F is C x n row-major. Vectors are columns of F. One block computes G and reads F once. ORDER is
// 8 B or 8 B + 1; B blocks of eight vectors are multiplied by tensor cores (`mma`), and the last
// vector of n = 8 B + 1 by multiply-adds: padding it to eight vectors would nearly double the
// products of n = 9 and add a seventh to those of n = 49. A file compiled for ORDER = 8 B serves
// every n with ORDER - 8 < n <= ORDER; then vectors n ... ORDER - 1 are zero.
//
//              vectors 0-7   8-15    16-23   24-31  ...
//   rows 0-15  [ tile        tile  ]                     a tile has 16 x 8 entries of G. The lower
//   rows 16-31 [ tile        tile    tile    tile ]      triangle is computed. B = 6 has 12 tiles.
//
// Each of 4 warps computes all tiles for a quarter of the channels:
//   1. It copies its next 32 channels (16 in f64) into shared memory, asynchronously and without
//      registers, while it multiplies the previous ones. No other warp uses them, so that the loop
//      has no barrier of the block.
//   2. It multiplies them, four channels at a time. Lane l holds channel l % 4 of the four, and
//      entry l / 4 of each block of vectors. A block has the same layout as the left factor of a
//      product, where it is transposed, and as the right factor, and is loaded once for both.
// At the end the block adds the sums of the warps in a fixed order.
//
// The four channels of a product are `apart` channels apart, not neighbours, so that the 32 lanes
// read 32 banks of shared memory: in f32, rows of an odd length n that are 8 apart start 8 banks
// apart. Each factor 2 of n halves the distance in channels.
//
// Feature maps that start at a multiple of 16 bytes are copied 16 bytes at a time, others 8 or 4.
// Grid (items), 128 threads a block. Shared memory: 1 KB ORDER.
// Bytes of an item: C n read, n^2 doubles written. Flops: C n (n + 1). Measured on an H100 for
// 2048x7x7 in f32: 0.150 us, 2.67 TB/s, 89% of the bandwidth of its memory; registers limit a
// multiprocessor to 3 blocks. For compute capability 8.0 a product of 16 x 8 is two of 8 x 8.

#include "instructions.cuh"

#define GRAM_WARPS 4
#define GRAM_STAGES 2
// The bytes of a stage for each vector: 32 channels in f32, or 16 in f64.
#define STAGE_BYTES 128

// The number of channels in a stage.
template <class Real>
__device__ constexpr int channels_of_stage() {
    return STAGE_BYTES / sizeof(Real);
}

static_assert(ORDER % 8 < 2 && ORDER >= 8 && ORDER <= 56, "");
#define LAST (ORDER % 8)
#define BLOCKS (ORDER / 8)
#define PAIRS ((BLOCKS + 1) / 2)

// The number of tiles in the rows of a pair of blocks, and in the rows of all pairs before it.
__device__ constexpr int tiles_of_pair(int pair) {
    return 2 * pair + 2 < BLOCKS ? 2 * pair + 2 : BLOCKS;
}
__device__ constexpr int tiles_before(int pair) {
    return pair * (pair + 1);
}
#define TILES (tiles_before(PAIRS - 1) + tiles_of_pair(PAIRS - 1))

// The number of blocks on a multiprocessor, by registers.
#define RESIDENT (ORDER <= 49 ? 3 : 2)

// The sums of a lane.
struct Sums {
    double tiles[TILES][4];
    // The products of the last vector with the lane's entry of each block, and with itself.
    double last[LAST ? BLOCKS + 1 : 1];
};

// Calls `visit(sum, k)` for each sum, with k = 0, 1, ....
template <class Visit>
__device__ inline void for_each(Sums& sums, Visit visit) {
#pragma unroll
    for (int t = 0; t < TILES; t++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
            visit(sums.tiles[t][e], 4 * t + e);
        }
    }
#pragma unroll
    for (int i = 0; LAST && i <= BLOCKS; i++) {
        visit(sums.last[i], 4 * TILES + i);
    }
}

// A warp starts to copy a chunk of `size` bytes, of which `left` exist, BYTES at a time.
template <int BYTES>
__device__ inline void copy_in_pieces(char* to, const char* from, int size, int left) {
    for (int at = threadIdx.x % 32 * BYTES; at < size; at += 32 * BYTES) {
        int rest = left - at < BYTES ? left - at : BYTES;
        start_copy<BYTES>(to + at, from + at, rest > 0 ? rest : 0);
    }
}

// A warp starts to copy a chunk of which `rows` channels exist, at least one. The others become 0.
template <class Real>
__device__ inline void copy_chunk(char* to, const char* from, int n, int rows) {
    int size = STAGE_BYTES * n;
    int exist = rows < channels_of_stage<Real>() ? rows * n * (int)sizeof(Real) : size;
    unsigned place = (unsigned)(size_t)from;
    if (place % 16 == 0 && exist == size) {
        int lane = threadIdx.x % 32;
#pragma unroll
        for (int first = 0; first < STAGE_BYTES * ORDER; first += 512) {
            if (first + 16 * lane < size) {
                start_copy<16>(to + first + 16 * lane, from + first + 16 * lane, 16);
            }
        }
    } else if (place % 16 == 0) {
        copy_in_pieces<16>(to, from, size, exist);
    } else if (place % 8 == 0) {
        copy_in_pieces<8>(to, from, size, exist);
    } else {
        copy_in_pieces<4>(to, from, size, exist);
    }
}

// Adds the products of a chunk.
template <class Real>
__device__ inline void multiply_chunk(const Real* chunk, int n, Sums& sums) {
    constexpr int STEPS = channels_of_stage<Real>() / 4;
    int lane = threadIdx.x % 32;
    int apart = STEPS;
    for (int factor = n; !LAST && factor % 2 == 0 && apart > 1; factor /= 2) {
        apart /= 2;
    }
    const Real* entries = chunk + lane % 4 * apart * n;
    bool in_last_block = LAST || ORDER - 8 + lane / 4 < n;
#pragma unroll 4
    for (int k = 0; k < STEPS; k++) {
        // Steps 0 ... apart - 1 use the first 4 apart channels, and so on.
        const Real* row = entries + ((k & -apart) * 4 + (k & (apart - 1))) * n;
        double v[2 * PAIRS];
#pragma unroll
        for (int i = 0; i < 2 * PAIRS; i++) {
            bool exists = i < BLOCKS && (i < BLOCKS - 1 || in_last_block);
            v[i] = exists ? (double)row[8 * i + lane / 4] : 0.0;
        }
#pragma unroll
        for (int pair = 0; pair < PAIRS; pair++) {
#pragma unroll
            for (int j = 0; j < BLOCKS; j++) {
                if (j < tiles_of_pair(pair)) {
                    double* sum = sums.tiles[tiles_before(pair) + j];
                    multiply_add(sum, v[2 * pair], v[2 * pair + 1], v[j]);
                }
            }
        }
        if (LAST) {
            double last = (double)row[ORDER - 1];
#pragma unroll
            for (int i = 0; i < BLOCKS; i++) {
                sums.last[i] = fma(last, v[i], sums.last[i]);
            }
            sums.last[BLOCKS] = fma(last, last, sums.last[BLOCKS]);
        }
    }
}

// Adds the sums of all warps; warp 0 gets the result. Half of the warps hand their sums to the
// other half, and so on: (0 + 2) + (1 + 3).
__device__ inline void add_warps(Sums& sums, double* scratch) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    constexpr int LEN = 32 * (4 * TILES + LAST * (BLOCKS + 1));
#pragma unroll
    for (int half = GRAM_WARPS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (warp >= half && warp < 2 * half) {
            double* mine = scratch + (warp - half) * LEN + lane;
            for_each(sums, [=](double& sum, int k) { mine[32 * k] = sum; });
        }
        __syncthreads();
        if (warp < half) {
            const double* others = scratch + warp * LEN + lane;
            for_each(sums, [=](double& sum, int k) { sum += others[32 * k]; });
        }
    }
    __syncthreads();
}

// A warp writes its sums to both triangles of `g`.
__device__ inline void write_triangles(const Sums& sums, int n, double* g) {
    int lane = threadIdx.x % 32;
    auto put = [=](int row, int column, double sum) {
        g[row * n + column] = sum;
        g[column * n + row] = sum;
    };
#pragma unroll
    for (int pair = 0; pair < PAIRS; pair++) {
#pragma unroll
        for (int j = 0; j < BLOCKS; j++) {
#pragma unroll
            for (int e = 0; e < 4 && j < tiles_of_pair(pair); e++) {
                int row = 16 * pair + lane / 4 + 8 * (e / 2);
                int column = 8 * j + 2 * (lane % 4) + e % 2;
                if (row < n - LAST && column <= row) {
                    put(row, column, sums.tiles[tiles_before(pair) + j][e]);
                }
            }
        }
    }
#pragma unroll
    for (int i = 0; LAST && i < BLOCKS; i++) {
        if (lane % 4 == 0) {
            put(ORDER - 1, 8 * i + lane / 4, sums.last[i]);
        }
    }
    if (LAST && lane == 0) {
        put(ORDER - 1, ORDER - 1, sums.last[LAST ? BLOCKS : 0]);
    }
}

template <class Real>
__device__ inline void gram_small(const Real* features, int channels, int positions,
                                  double* grams) {
    char* memory = (char*)aligned_shared;
    double* scratch = (double*)aligned_shared;
    int warp = threadIdx.x / 32;
    int n = LAST ? ORDER : positions;
    int size = STAGE_BYTES * n;
    size_t item = blockIdx.x;
    const char* f = (const char*)(features + item * channels * n);
    Sums sums;
    for_each(sums, [](double& sum, int) { sum = 0.0; });

    // 1. The sums of a warp: chunk by chunk, and the copies of the next chunk meanwhile.
    int chunks = (channels + channels_of_stage<Real>() - 1) / channels_of_stage<Real>();
    int mine = (chunks - warp + GRAM_WARPS - 1) / GRAM_WARPS;
    char* stages = memory + warp * GRAM_STAGES * size;
    auto copy = [=](int turn) {
        if (turn < mine) {
            int chunk = warp + turn * GRAM_WARPS;
            copy_chunk<Real>(stages + turn % GRAM_STAGES * size, f + (size_t)chunk * size, n,
                             channels - chunk * channels_of_stage<Real>());
        }
        end_group();
    };
    for (int turn = 0; turn < GRAM_STAGES - 1; turn++) {
        copy(turn);
    }
    for (int turn = 0; turn < mine; turn++) {
        copy(turn + GRAM_STAGES - 1);
        wait_for_copies<GRAM_STAGES - 1>();
        __syncwarp();
        multiply_chunk((const Real*)(stages + turn % GRAM_STAGES * size), n, sums);
        __syncwarp();
    }
    // The four lanes with the same entry of a block hold the last vector's sums of different
    // channels.
#pragma unroll
    for (int i = 0; LAST && i <= BLOCKS; i++) {
#pragma unroll
        for (int step = 1; step < 4; step *= 2) {
            sums.last[i] += __shfl_xor_sync(ALL_LANES, sums.last[i], step);
        }
    }
    // 2. The sums of all warps, in shared memory as a matrix and then in global memory.
    add_warps(sums, scratch);
    if (warp == 0) {
        write_triangles(sums, n, scratch);
    }
    __syncthreads();
    for (int k = threadIdx.x; k < n * n; k += 32 * GRAM_WARPS) {
        grams[item * n * n + k] = scratch[k];
    }
}

extern "C" __global__ void __launch_bounds__(32 * GRAM_WARPS, RESIDENT)
gram_small_f32(const float* features, int channels, int positions, double* grams) {
    gram_small(features, channels, positions, grams);
}

extern "C" __global__ void __launch_bounds__(32 * GRAM_WARPS, RESIDENT)
gram_small_f64(const double* features, int channels, int positions, double* grams) {
    gram_small(features, channels, positions, grams);
}

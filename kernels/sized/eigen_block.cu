// Eigenvalues and eigenvectors of a batch of positive semidefinite matrices of order n <= ORDER,
// G = V diag(values) V^T, largest value first (rotation.cuh): one block solves one matrix in
// registers, four lanes to four columns.
//
//   group          0              1              2        ...        A group of 4 lanes has 4 columns.
//   columns     0  1  2  3     4  5  6  7     8  9 10 11             Lane l of the group has the rows
//   row 0      [ lane 0   ]   [ lane 0   ]                           l, l + 4, l + 8, ... of them.
//   row 1      [ lane 1   ]   [ lane 1   ]                           Columns and rows n ... ORDER - 1
//   row 2      [ lane 2   ]       ...                                are zero.
//   ...
//
// Pairs of columns walk through an odd-even tournament. In a group, the first pair of columns is the
// pair x, the second pair y. For M = 3 groups, with the pairs of columns by number:
//
//   phase 0    0 1   2 3   4 5     each group rotates x with y, and x moves to the next group
//   phase 1      1 0   3 2   5 4   each group but the first rotates x with y, and y moves back
//
// Rotating x with y means four rotations: each column of x with each of y. After M rounds of both
// phases every two pairs have met; the columns of a pair meet once a sweep. Columns move through
// shared memory, one barrier a phase: a phase writes its own half of the boxes.
//
// Grid (1, items), ORDER threads a block, rounded up to whole warps. Shared memory: the boxes,
// 2 (ORDER / 2 + 4) ORDER doubles, 35 KB for ORDER = 64 and 106 KB for 100.
// Bytes of an item: n^2 doubles read and written. Flops: about 37 n^3 for 9 sweeps. Measured on an
// H100: n = 64 0.96 us a matrix with the card full, n = 100 5.8 us. Registers limit a multiprocessor
// to two blocks for n = 100; the latency of double arithmetic bounds the time.
//
// G is not changed. outcomes[item] becomes NO_CONVERGENCE if the iteration does not converge, and is
// unchanged otherwise.

#include "rotation.cuh"

static_assert(ORDER >= 5 && ORDER <= 112, "");

#define SHARES 4
#define COLUMN_GROUPS ((ORDER + 3) / 4)
#define ROWS ((ORDER + SHARES - 1) / SHARES)
#define BLOCK_THREADS ((COLUMN_GROUPS * SHARES + 31) / 32 * 32)
// What a thread passes on: its rows of two columns, and their squared lengths.
#define PASSED (2 * ROWS + 2)
// A pivot's column in shared memory.
#define COLUMN_LENGTH (ROWS * SHARES)

// The four columns of a group: this lane's rows. Columns 0 and 1 are the pair x, 2 and 3 the pair y.
struct Group {
    double c[4][ROWS];
};

__device__ inline double dot(const double (&p)[ROWS], const double (&q)[ROWS]) {
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        sums[r % 4] = fma(p[r], q[r], sums[r % 4]);
    }
    double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
#pragma unroll
    for (int step = 1; step < SHARES; step *= 2) {
        sum += __shfl_xor_sync(ALL_LANES, sum, step);
    }
    return sum;
}

// Pivoted Cholesky in place: column p of G becomes the column of L for pivot p. `offered` holds two
// columns, and `keys` two keys for each warp.
__device__ inline void factorise(Group& g, int n, double* offered, unsigned* keys) {
    int group = threadIdx.x / SHARES, share = threadIdx.x % SHARES;
    // What is left of the diagonal, or -1 in the columns that have been pivots.
    double left[4];
#pragma unroll
    for (int c = 0; c < 4; c++) {
        int j = 4 * group + c;
        double entry = 0.0;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            entry = r * SHARES + share == j ? g.c[c][r] : entry;
        }
#pragma unroll
        for (int step = 1; step < SHARES; step *= 2) {
            entry += __shfl_xor_sync(ALL_LANES, entry, step);
        }
        left[c] = j < n ? fmax(entry, 0.0) : -1.0;
    }
#pragma unroll 1
    for (int k = 0; k < n; k++) {
        // 1. The pivot p: the largest diagonal entry, to about 14 bits; the first of equal ones. The
        // last nine bits of a key hold 511 - p.
        unsigned key = 0;
#pragma unroll
        for (int c = 0; c < 4; c++) {
            unsigned bits = __float_as_uint((float)left[c]) & ~511u;
            unsigned one = left[c] >= 0.0 ? bits | (511 - (4 * group + c)) : 0;
            key = one > key ? one : key;
        }
        key = __reduce_max_sync(ALL_LANES, key);
        unsigned* slots = keys + k % 2 * (BLOCK_THREADS / 32);
        if (threadIdx.x % 32 == 0) {
            slots[threadIdx.x / 32] = key;
        }
        __syncthreads();
#pragma unroll
        for (int warp = 0; warp < BLOCK_THREADS / 32; warp++) {
            key = slots[warp] > key ? slots[warp] : key;
        }
        int p = 511 - (int)(key & 511);
        // 2. Its column, for all threads.
        double* column = offered + k % 2 * COLUMN_LENGTH;
        bool owner = p / 4 == group;
        if (owner) {
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                double low = p % 2 == 0 ? g.c[0][r] : g.c[1][r];
                double high = p % 2 == 0 ? g.c[2][r] : g.c[3][r];
                column[r * SHARES + share] = p % 4 < 2 ? low : high;
            }
        }
        __syncthreads();
        // 3. What is left of G: G - c c^T / pivot.
        double pivot = fmax(column[p], 0.25 * SHIFT);
        double inverse = 1.0 / pivot;
        double by[4];
#pragma unroll
        for (int c = 0; c < 4; c++) {
            double entry = left[c] >= 0.0 ? column[4 * group + c] : 0.0;
            by[c] = entry * inverse;
            left[c] = left[c] >= 0.0 ? fmax(fma(-entry, by[c], left[c]), 0.0) : left[c];
        }
        // 4. Column k of L: column p over the square root of the pivot.
        double root = owner ? 1.0 / sqrt(pivot) : 0.0;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            double entry = column[r * SHARES + share];
            double factor = (r * SHARES + share == p ? pivot : entry) * root;
#pragma unroll
            for (int c = 0; c < 4; c++) {
                g.c[c][r] = fma(-entry, by[c], g.c[c][r]);
                g.c[c][r] = 4 * group + c == p ? factor : g.c[c][r];
            }
        }
#pragma unroll
        for (int c = 0; c < 4; c++) {
            left[c] = 4 * group + c == p ? -1.0 : left[c];
        }
    }
    __syncthreads();
}

// Rotates columns p and q, if that changes any column of the warp.
__device__ inline void rotate(double (&p)[ROWS], double (&q)[ROWS], Shears shears) {
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        apply(shears, p[r], q[r]);
    }
}

// One-sided Jacobi: makes the columns orthogonal. Returns whether it converged. `boxes` holds
// 2 PASSED BLOCK_THREADS doubles, and `seen` two numbers for each warp.
__device__ inline bool orthogonalise(Group& l, int n, double* boxes, float* seen) {
    int thread = threadIdx.x, group = thread / SHARES, share = thread % SHARES;
    int groups = (n + 3) / 4;
    bool used = group < groups, first = group == 0;
    int before = (first ? groups - 1 : group - 1) * SHARES + share;
    int after = (group == groups - 1 ? 0 : group + 1) * SHARES + share;
    for (int sweep = 0; sweep < MOST_SWEEPS_OF_COLUMNS; sweep++) {
        Largest largest = {0.0f, 0.0f};
        bool turns[2];
        // 1. The columns of each pair. a and b: the squared lengths of x and y.
        double a[2] = {dot(l.c[0], l.c[0]), dot(l.c[1], l.c[1])};
        double b[2] = {dot(l.c[2], l.c[2]), dot(l.c[3], l.c[3])};
        {
            double g[2] = {dot(l.c[0], l.c[1]), dot(l.c[2], l.c[3])};
            Shears of_x = shears_of(a[0], a[1], g[0], true, turns[0], largest);
            Shears of_y = shears_of(b[0], b[1], g[1], true, turns[1], largest);
            if (__any_sync(ALL_LANES, turns[0] | turns[1])) {
                rotate(l.c[0], l.c[1], of_x);
                rotate(l.c[2], l.c[3], of_y);
            }
        }
        // 2. The tournament of the pairs.
#pragma unroll 1
        for (int round = 0; round < groups; round++) {
#pragma unroll
            for (int phase = 0; phase < 2; phase++) {
                bool active = phase == 0 || !first;
#pragma unroll
                for (int turn = 0; turn < 2; turn++) {
                    double(&y0)[ROWS] = l.c[2 + turn];
                    double(&y1)[ROWS] = l.c[3 - turn];
                    double g[2] = {dot(l.c[0], y0), dot(l.c[1], y1)};
                    Shears one = shears_of(a[0], b[turn], g[0], active, turns[0], largest);
                    Shears two = shears_of(a[1], b[1 - turn], g[1], active, turns[1], largest);
                    if (__any_sync(ALL_LANES, turns[0] | turns[1])) {
                        rotate(l.c[0], y0, one);
                        rotate(l.c[1], y1, two);
                    }
                }
                // x moves on, or y moves back. In phase 1 the first group passes x on in place of y,
                // and its y becomes x: there the columns turn round.
                double* half = boxes + phase * PASSED * BLOCK_THREADS;
                double* put = half + thread;
                bool passes_x = phase == 0 || first;
#pragma unroll
                for (int c = 0; c < 2; c++) {
#pragma unroll
                    for (int r = 0; r < ROWS; r++) {
                        put[(c * ROWS + r) * BLOCK_THREADS] = passes_x ? l.c[c][r] : l.c[2 + c][r];
                        if (phase == 1) {
                            l.c[c][r] = first ? l.c[2 + c][r] : l.c[c][r];
                        }
                    }
                    put[(2 * ROWS + c) * BLOCK_THREADS] = passes_x ? a[c] : b[c];
                    if (phase == 1) {
                        a[c] = first ? b[c] : a[c];
                    }
                }
                __syncthreads();
                if (used) {
                    const double* get = half + (phase == 0 ? before : after);
#pragma unroll
                    for (int c = 0; c < 2; c++) {
#pragma unroll
                        for (int r = 0; r < ROWS; r++) {
                            l.c[2 * phase + c][r] = get[(c * ROWS + r) * BLOCK_THREADS];
                        }
                        double length = get[(2 * ROWS + c) * BLOCK_THREADS];
                        if (phase == 0) {
                            a[c] = length;
                        } else {
                            b[c] = length;
                        }
                    }
                }
            }
        }
        // 3. The largest angle of the block.
        largest.cosine = largest_of_lanes(largest.cosine);
        largest.tau = largest_of_lanes(largest.tau);
        if (thread % 32 == 0) {
            seen[thread / 32 * 2] = largest.cosine;
            seen[thread / 32 * 2 + 1] = largest.tau;
        }
        __syncthreads();
        for (int warp = 0; warp < BLOCK_THREADS / 32; warp++) {
            largest.cosine = fmaxf(largest.cosine, seen[2 * warp]);
            largest.tau = fmaxf(largest.tau, seen[2 * warp + 1]);
        }
        __syncthreads();
        if (settled(largest)) {
            return true;
        }
    }
    return false;
}

extern "C" __global__ void __launch_bounds__(BLOCK_THREADS)
eigen_block(const double* grams, int n, double* values, double* vectors, int* outcomes,
            const int* active) {
    if (idle(active)) {
        return;
    }
    // Shared memory: the boxes, or in their place what the factorisation needs | lengths | seen.
    double* boxes = (double*)aligned_shared;
    double* lengths = boxes + 2 * PASSED * BLOCK_THREADS;
    float* seen = (float*)(lengths + 4 * COLUMN_GROUPS);
    int group = threadIdx.x / SHARES, share = threadIdx.x % SHARES;
    size_t item = blockIdx.y;
    const double* g = grams + item * n * n;
    double scale = scale_for(trace_of(g, n));
    // 1. G, scaled and shifted.
    Group columns;
#pragma unroll
    for (int c = 0; c < 4; c++) {
        int j = 4 * group + c;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            int i = r * SHARES + share;
            double shift = i == j ? SHIFT : 0.0;
            columns.c[c][r] = i < n && j < n ? fma(g[(size_t)j * n + i], scale, shift) : 0.0;
        }
    }
    // 2. Its factor, with orthogonal columns.
    factorise(columns, n, boxes, (unsigned*)(boxes + 2 * COLUMN_LENGTH));
    if (!orthogonalise(columns, n, boxes, seen) && threadIdx.x == 0) {
        outcomes[item] = NO_CONVERGENCE;
    }
    // 3. Column j becomes eigenvector `rank`, the number of larger values. Zero columns come last.
    double square[4];
#pragma unroll
    for (int c = 0; c < 4; c++) {
        square[c] = dot(columns.c[c], columns.c[c]);
        if (share == 0 && group < COLUMN_GROUPS) {
            lengths[4 * group + c] = square[c];
        }
    }
    __syncthreads();
    int count = (n + 3) / 4 * 4;
#pragma unroll
    for (int c = 0; c < 4; c++) {
        int rank = 0;
        for (int other = share; other < count; other += SHARES) {
            double length = lengths[other];
            rank += length > square[c] || (length == square[c] && other < 4 * group + c);
        }
#pragma unroll
        for (int step = 1; step < SHARES; step *= 2) {
            rank += __shfl_xor_sync(ALL_LANES, rank, step);
        }
        if (square[c] > 0.0 && rank < n) {
            double inverse = 1.0 / sqrt(square[c]);
            if (share == 0) {
                values[item * n + rank] = (square[c] - SHIFT) / scale;
            }
            double* vector = vectors + (item * n + rank) * n;
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                int i = r * SHARES + share;
                if (i < n) {
                    vector[i] = columns.c[c][r] * inverse;
                }
            }
        }
    }
}

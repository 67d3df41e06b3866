// Eigenvalues and eigenvectors of a positive semidefinite matrix of order n <= ORDER in the registers
// of several warps (rotation.cuh), in one block or in a cluster of blocks.
//
//   warp           0                1                ...       A warp has 8 columns, in two sets of four:
//   columns     0-3   4-7        8-11  12-15                   x and y. Lane l has the rows l, l + 32,
//   set          x     y           x     y                     l + 64, ... of them. Columns and rows
//   row 0       [ lane 0 ]       [ lane 0 ]                    n ... ORDER - 1 are zero.
//   row 1       [ lane 1 ]       [ lane 1 ]
//   ...
//
// The sets walk through an odd-even tournament. For M = 3 warps, with the sets by number:
//
//   phase 0    0 1   2 3   4 5     each warp rotates x with y, and x moves to the next warp
//   phase 1      1 0   3 2   5 4   each warp but the first rotates x with y, and y moves back
//
// Rotating x with y takes four turns of four rotations: in turn t, column i of x with column
// (i + t) % 4 of y. Lane l computes the angle of rotation l % 4, and the other lanes get it by
// shuffles. After M rounds of both phases every two sets have met. The columns of a set meet once a
// sweep, in three turns.
//
// Sets move through shared memory, with one barrier of all warps in each phase: a phase writes its own
// half of the boxes. A warp writes its set into its neighbour's box, in whichever block of the cluster
// that is.
//
// Every number is computed by the same warp in the same order for every number of blocks, so that the
// blocks do not change a bit of the result.

#ifndef TENFOLD_WIDE_CUH
#define TENFOLD_WIDE_CUH

#include "cluster.cuh"
#include "rotation.cuh"

// The columns of a set, and of a warp.
#define SET 4
#define WARP_COLUMNS (2 * SET)
#define COLUMN_WARPS ((ORDER + WARP_COLUMNS - 1) / WARP_COLUMNS)
#define ROWS ((ORDER + 31) / 32)
// What a lane passes on: its rows of a set, and a squared length.
#define PASSED (SET * ROWS + 1)
// A pivot's column in shared memory, and its key.
#define COLUMN_LENGTH (ROWS * 32)
#define OFFER (COLUMN_LENGTH + 1)

// The shared memory of a block of WARPS_HERE warps, in a cluster of BLOCKS blocks: boxes of both
// phases, or in their place what the factorisation needs | lengths | seen.
template <int WARPS_HERE, int BLOCKS>
struct Room {
    static constexpr int THREADS_HERE = 32 * WARPS_HERE;
    static constexpr int BOXES = 2 * PASSED * THREADS_HERE;
    static constexpr int OFFERS = 2 * BLOCKS * OFFER;
    static constexpr int FIRST = BOXES > OFFERS + WARPS_HERE ? BOXES : OFFERS + WARPS_HERE;
    static constexpr int LENGTHS = WARP_COLUMNS * COLUMN_WARPS;
    static_assert(WARPS_HERE * BLOCKS >= COLUMN_WARPS, "");
};

// The columns of a warp: this lane's rows.
struct Wide {
    double c[WARP_COLUMNS][ROWS];
};

// Waits for all threads of the matrix.
template <int BLOCKS>
__device__ inline void meet() {
    if (BLOCKS > 1) {
        cluster_barrier();
    } else {
        __syncthreads();
    }
}

template <int BLOCKS, class Type>
__device__ inline Type* of_block(Type* here, int rank) {
    return BLOCKS > 1 ? in_block(here, rank) : here;
}

// This lane's share of a product of columns.
__device__ inline double dot(const double (&p)[ROWS], const double (&q)[ROWS]) {
    double sums[2] = {0.0, 0.0};
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        sums[r % 2] = fma(p[r], q[r], sums[r % 2]);
    }
    return sums[0] + sums[1];
}

// The sums of four numbers over the warp: lane l gets the sum of number l % 4.
__device__ inline double sums_of_four(const double (&d)[SET]) {
    bool odd = threadIdx.x & 1, high = threadIdx.x & 2;
    double low = (odd ? d[1] : d[0]) + __shfl_xor_sync(ALL_LANES, odd ? d[0] : d[1], 1);
    double top = (odd ? d[3] : d[2]) + __shfl_xor_sync(ALL_LANES, odd ? d[2] : d[3], 1);
    double sum = (high ? top : low) + __shfl_xor_sync(ALL_LANES, high ? low : top, 2);
#pragma unroll
    for (int step = 4; step < 32; step *= 2) {
        sum += __shfl_xor_sync(ALL_LANES, sum, step);
    }
    return sum;
}

// The two columns of rotation i in a turn: between the sets in turns 0 to 3, and within them in turns
// 4 to 6.
__device__ constexpr int first_of(int turn, int i) {
    return turn < SET ? i : i / 2 * 4 + (turn == 4 ? i % 2 * 2 : i % 2);
}
__device__ constexpr int second_of(int turn, int i) {
    return turn < SET    ? SET + (i + turn) % SET
           : turn == 4   ? i / 2 * 4 + i % 2 * 2 + 1
           : turn == 5   ? i / 2 * 4 + 2 + i % 2
                         : i / 2 * 4 + 3 - i % 2;
}

// Four rotations. a and b: the squared lengths of the columns of this lane's rotation.
template <int TURN>
__device__ inline void turn(Wide& l, double& a, double& b, bool active, Largest& largest) {
    double products[SET];
#pragma unroll
    for (int i = 0; i < SET; i++) {
        products[i] = dot(l.c[first_of(TURN, i)], l.c[second_of(TURN, i)]);
    }
    bool rotates;
    Shears mine = shears_of(a, b, sums_of_four(products), active, rotates, largest);
    if (__any_sync(ALL_LANES, rotates)) {
        Shears each[SET];
#pragma unroll
        for (int i = 0; i < SET; i++) {
            each[i].tau = __shfl_sync(ALL_LANES, mine.tau, i);
            each[i].sine = __shfl_sync(ALL_LANES, mine.sine, i);
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
#pragma unroll
            for (int i = 0; i < SET; i++) {
                apply(each[i], l.c[first_of(TURN, i)][r], l.c[second_of(TURN, i)][r]);
            }
        }
    }
}

// Four rotations within the sets.
template <int TURN>
__device__ inline void turn_within(Wide& l, Largest& largest) {
    double firsts[SET], seconds[SET];
#pragma unroll
    for (int i = 0; i < SET; i++) {
        firsts[i] = dot(l.c[first_of(TURN, i)], l.c[first_of(TURN, i)]);
        seconds[i] = dot(l.c[second_of(TURN, i)], l.c[second_of(TURN, i)]);
    }
    double a = sums_of_four(firsts), b = sums_of_four(seconds);
    turn<TURN>(l, a, b, true, largest);
}

// Pivoted Cholesky in place: column p of G becomes the column of L for pivot p. In each step every
// block offers the column of its largest diagonal entry to all blocks, and all take the best offer.
template <int WARPS_HERE, int BLOCKS>
__device__ inline void factorise(Wide& g, int n, double* offers, int rank, int warp) {
    using R = Room<WARPS_HERE, BLOCKS>;
    int lane = threadIdx.x % 32;
    unsigned* keys = (unsigned*)(offers + R::OFFERS);
    // Lane c < 8: what is left of the diagonal in column c of the warp, or -1 in the columns that have
    // been pivots.
    double left = -1.0;
    int own = WARP_COLUMNS * warp + lane;
#pragma unroll
    for (int c = 0; c < WARP_COLUMNS; c++) {
        int j = WARP_COLUMNS * warp + c;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            double entry = __shfl_sync(ALL_LANES, g.c[c][r], j % 32);
            left = j < n && j / 32 == r && lane == c ? fmax(entry, 0.0) : left;
        }
    }
#pragma unroll 1
    for (int k = 0; k < n; k++) {
        // 1. The pivot p of the block: the largest diagonal entry, to about 14 bits; the first of
        // equal ones. The last nine bits of a key hold 511 - p. Without a candidate the key is 0.
        unsigned bits = __float_as_uint((float)left) & ~511u;
        unsigned key = left >= 0.0 ? bits | (511 - own) : 0;
        key = __reduce_max_sync(ALL_LANES, key);
        unsigned* slots = keys + k % 2 * WARPS_HERE;
        if (lane == 0) {
            slots[threadIdx.x / 32] = key;
        }
        __syncthreads();
#pragma unroll
        for (int w = 0; w < WARPS_HERE; w++) {
            key = slots[w] > key ? slots[w] : key;
        }
        int p = 511 - (int)(key & 511);
        // 2. The offer of the block.
        double* offer = offers + (k % 2 * BLOCKS + rank) * OFFER;
        if (key != 0 && p / WARP_COLUMNS == warp) {
            double entries[ROWS];
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                entries[r] = g.c[0][r];
#pragma unroll
                for (int c = 1; c < WARP_COLUMNS; c++) {
                    entries[r] = select(p % WARP_COLUMNS == c, g.c[c][r], entries[r]);
                }
            }
#pragma unroll
            for (int block = 0; block < BLOCKS; block++) {
                double* to = of_block<BLOCKS>(offer, block);
#pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    to[r * 32 + lane] = entries[r];
                }
                if (BLOCKS > 1 && lane == 0) {
                    to[COLUMN_LENGTH] = __hiloint2double(0, (int)key);
                }
            }
        } else if (BLOCKS > 1 && key == 0 && threadIdx.x < BLOCKS) {
            of_block<BLOCKS>(offer, threadIdx.x)[COLUMN_LENGTH] = 0.0;
        }
        meet<BLOCKS>();
        // 3. The best offer.
        const double* column = offers + k % 2 * BLOCKS * OFFER;
        if (BLOCKS > 1) {
            unsigned most = 0;
            int best = 0;
#pragma unroll
            for (int block = 0; block < BLOCKS; block++) {
                unsigned one = (unsigned)__double2loint(column[block * OFFER + COLUMN_LENGTH]);
                best = one > most ? block : best;
                most = one > most ? one : most;
            }
            column += best * OFFER;
            p = 511 - (int)(most & 511);
        }
        // 4. What is left of G: G - c c^T / pivot.
        double pivot = fmax(column[p], 0.25 * SHIFT);
        double inverse = refined_reciprocal(pivot, quick_reciprocal((float)pivot));
        double entry = left >= 0.0 ? column[own] : 0.0;
        double by = entry * inverse;
        left = left >= 0.0 ? fmax(fma(-entry, by, left), 0.0) : left;
        double pivots[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            pivots[r] = column[r * 32 + lane];
        }
#pragma unroll
        for (int c = 0; c < WARP_COLUMNS; c++) {
            double of_column = __shfl_sync(ALL_LANES, by, c);
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                g.c[c][r] = fma(-pivots[r], of_column, g.c[c][r]);
            }
        }
        // 5. Column k of L: column p over the square root of the pivot.
        if (p / WARP_COLUMNS == warp) {
            double root = 1.0 / sqrt(pivot);
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                double factor = (r * 32 + lane == p ? pivot : pivots[r]) * root;
#pragma unroll
                for (int c = 0; c < WARP_COLUMNS; c++) {
                    g.c[c][r] = select(p % WARP_COLUMNS == c, factor, g.c[c][r]);
                }
            }
            left = lane == p % WARP_COLUMNS ? -1.0 : left;
        }
    }
    meet<BLOCKS>();
}

// The place of a warp in the tournament.
struct Place {
    // Whether the warp has columns, and whether it is the first one.
    bool used, first;
    // This lane's entry of the boxes to which the warp writes: of the warp after it in phase 0, and of
    // the warp before it in phase 1.
    double* put[2];
    // This lane's entry of the boxes of this warp.
    const double* get[2];
};

// A phase of the tournament: the rotations of x with y, and the exchange. a and b: the squared lengths
// of column lane % 4 of x and y. The phase is a template argument so that each register has a constant
// index: the compiler moves an array with another index to local memory.
template <int PHASE, int WARPS_HERE, int BLOCKS>
__device__ __forceinline__ void phase(Wide& l, double& a, double& b, const Place& place,
                                      Largest& largest) {
    constexpr int STEP = 32 * WARPS_HERE;
    int lane = threadIdx.x % 32;
    int next = (lane & ~(SET - 1)) | ((lane + 1) & (SET - 1));
    bool active = PHASE == 0 || !place.first;
    // 1. Lane i has the length of column (i + t) % 4 of y in turn t.
    turn<0>(l, a, b, active, largest);
    b = __shfl_sync(ALL_LANES, b, next);
    turn<1>(l, a, b, active, largest);
    b = __shfl_sync(ALL_LANES, b, next);
    turn<2>(l, a, b, active, largest);
    b = __shfl_sync(ALL_LANES, b, next);
    turn<3>(l, a, b, active, largest);
    b = __shfl_sync(ALL_LANES, b, next);
    // 2. x moves on, or y moves back. In phase 1 the first warp passes x on in place of y, and its y
    // becomes x: there the columns turn round.
    if (place.used) {
        bool passes_x = PHASE == 0 || place.first;
        double* put = place.put[PHASE];
#pragma unroll
        for (int c = 0; c < SET; c++) {
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                put[(c * ROWS + r) * STEP] = passes_x ? l.c[c][r] : l.c[SET + c][r];
                if (PHASE == 1) {
                    l.c[c][r] = place.first ? l.c[SET + c][r] : l.c[c][r];
                }
            }
        }
        put[SET * ROWS * STEP] = passes_x ? a : b;
        if (PHASE == 1) {
            a = place.first ? b : a;
        }
    }
    meet<BLOCKS>();
    // 3. The set that the neighbour wrote.
    if (place.used) {
        const double* get = place.get[PHASE];
#pragma unroll
        for (int c = 0; c < SET; c++) {
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                l.c[PHASE * SET + c][r] = get[(c * ROWS + r) * STEP];
            }
        }
        (PHASE == 0 ? a : b) = get[SET * ROWS * STEP];
    }
}

// One-sided Jacobi: makes the columns orthogonal. Returns whether it converged.
template <int WARPS_HERE, int BLOCKS>
__device__ inline bool orthogonalise(Wide& l, int n, double* boxes, int rank, int warp) {
    using R = Room<WARPS_HERE, BLOCKS>;
    float* seen = (float*)(boxes + R::FIRST + R::LENGTHS);
    int lane = threadIdx.x % 32, here = threadIdx.x / 32;
    int warps = (n + WARP_COLUMNS - 1) / WARP_COLUMNS;
    bool used = warp < warps, first = warp == 0;
    int before = first ? warps - 1 : warp - 1, after = warp == warps - 1 ? 0 : warp + 1;
    Place place = {used, first, {boxes, boxes + PASSED * R::THREADS_HERE}, {boxes, boxes}};
    if (used) {
        place.put[0] = of_block<BLOCKS>(place.put[0], after / WARPS_HERE) + after % WARPS_HERE * 32 + lane;
        place.put[1] = of_block<BLOCKS>(place.put[1], before / WARPS_HERE) + before % WARPS_HERE * 32 + lane;
        place.get[0] = boxes + threadIdx.x;
        place.get[1] = boxes + PASSED * R::THREADS_HERE + threadIdx.x;
    }
    for (int sweep = 0; sweep < MOST_SWEEPS_OF_COLUMNS; sweep++) {
        // 1. The columns of each set.
        Largest largest = {0.0f, 0.0f};
        turn_within<4>(l, largest);
        turn_within<5>(l, largest);
        turn_within<6>(l, largest);
        // The squared lengths of column lane % 4 of each set.
        double of_x[SET], of_y[SET];
#pragma unroll
        for (int c = 0; c < SET; c++) {
            of_x[c] = dot(l.c[c], l.c[c]);
            of_y[c] = dot(l.c[SET + c], l.c[SET + c]);
        }
        double a = sums_of_four(of_x), b = sums_of_four(of_y);
        // 2. The tournament of the sets.
#pragma unroll 1
        for (int round = 0; round < warps; round++) {
            phase<0, WARPS_HERE, BLOCKS>(l, a, b, place, largest);
            phase<1, WARPS_HERE, BLOCKS>(l, a, b, place, largest);
        }
        // 3. The largest angle of all warps.
        largest.cosine = largest_of_lanes(largest.cosine);
        largest.tau = largest_of_lanes(largest.tau);
        if (lane == 0) {
            seen[2 * here] = largest.cosine;
            seen[2 * here + 1] = largest.tau;
        }
        meet<BLOCKS>();
        for (int block = 0; block < BLOCKS; block++) {
            const float* of_others = of_block<BLOCKS>(seen, block);
            for (int w = 0; w < WARPS_HERE; w++) {
                largest.cosine = fmaxf(largest.cosine, of_others[2 * w]);
                largest.tau = fmaxf(largest.tau, of_others[2 * w + 1]);
            }
        }
        meet<BLOCKS>();
        if (settled(largest)) {
            return true;
        }
    }
    return false;
}

// The arguments of the kernels.
struct Problem {
    const double* grams;
    int n;
    double *values, *vectors;
    int* outcomes;
};

template <int WARPS_HERE, int BLOCKS>
__device__ inline void eigen(const Problem& problem) {
    using R = Room<WARPS_HERE, BLOCKS>;
    double* boxes = (double*)aligned_shared;
    double* lengths = boxes + R::FIRST;
    int n = problem.n, lane = threadIdx.x % 32;
    int rank = BLOCKS > 1 ? cluster_rank() : 0;
    int warp = rank * WARPS_HERE + threadIdx.x / 32;
    size_t item = blockIdx.y;
    const double* g = problem.grams + item * n * n;
    double scale = scale_for(trace_of(g, n));
    // 1. G, scaled and shifted. All blocks have started before one writes to another's memory.
    Wide columns;
#pragma unroll
    for (int c = 0; c < WARP_COLUMNS; c++) {
        int j = WARP_COLUMNS * warp + c;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            int i = r * 32 + lane;
            double shift = i == j ? SHIFT : 0.0;
            columns.c[c][r] = i < n && j < n ? fma(g[(size_t)j * n + i], scale, shift) : 0.0;
        }
    }
    if (BLOCKS > 1) {
        cluster_barrier();
    }
    // 2. Its factor, with orthogonal columns.
    factorise<WARPS_HERE, BLOCKS>(columns, n, boxes, rank, warp);
    bool converged = orthogonalise<WARPS_HERE, BLOCKS>(columns, n, boxes, rank, warp);
    if (!converged && threadIdx.x == 0 && rank == 0) {
        problem.outcomes[item] = NO_CONVERGENCE;
    }
    // 3. Column j becomes eigenvector `rank`, the number of larger values. Zero columns come last.
    double square[WARP_COLUMNS];
#pragma unroll
    for (int c = 0; c < WARP_COLUMNS; c++) {
        square[c] = sum_of_lanes(dot(columns.c[c], columns.c[c]));
        if (warp < COLUMN_WARPS && lane < BLOCKS) {
            of_block<BLOCKS>(lengths, lane)[WARP_COLUMNS * warp + c] = square[c];
        }
    }
    meet<BLOCKS>();
    int count = (n + WARP_COLUMNS - 1) / WARP_COLUMNS * WARP_COLUMNS;
#pragma unroll
    for (int c = 0; c < WARP_COLUMNS; c++) {
        int larger = 0;
        for (int other = lane; other < count; other += 32) {
            double length = lengths[other];
            larger += length > square[c] || (length == square[c] && other < WARP_COLUMNS * warp + c);
        }
#pragma unroll
        for (int step = 1; step < 32; step *= 2) {
            larger += __shfl_xor_sync(ALL_LANES, larger, step);
        }
        if (square[c] > 0.0 && larger < n) {
            double inverse = 1.0 / sqrt(square[c]);
            if (lane == 0) {
                problem.values[item * n + larger] = (square[c] - SHIFT) / scale;
            }
            double* vector = problem.vectors + (item * n + larger) * n;
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                int i = r * 32 + lane;
                if (i < n) {
                    vector[i] = columns.c[c][r] * inverse;
                }
            }
        }
    }
}

#endif

// A warp holds a symmetric matrix of order n <= ORDER in registers: lane l has columns 2 l and
// 2 l + 1 in x and y.
//
//   lane          0     1     2   ...            Rows and columns n ... ORDER - 1 are zero, and so
//   x, y        0  1  2  3  4  5  ...            are the columns of the lanes behind the last one.
//   row 0       .  .  .  .  .  .
//   row 1       .  .  .  .  .  .                 Every index of x and y is a constant, so that the
//   ...                                          compiler can keep them in registers.
//
// `factorise` and `orthogonalise` are the two steps of rotation.cuh.
//
// Flops: 2/3 n^3 for the factor, 4 n^3 for a sweep of n^2 / 2 rotations (a product and three
// shears), 8 sweeps.

#ifndef TENFOLD_COLUMNS_CUH
#define TENFOLD_COLUMNS_CUH

#include "rotation.cuh"

static_assert(ORDER >= 2 && ORDER <= 54, "");

// The number of doubles from one column to the next in shared memory, an even number: two entries
// are loaded at a time.
#define PITCH (ORDER + ORDER % 2)

// The columns of a lane.
struct Columns {
    double x[ORDER], y[ORDER];
};

__device__ inline double dot(const double (&p)[ORDER], const double (&q)[ORDER]) {
    constexpr int CHAINS = ORDER > 30 ? 8 : 4;
    double sums[CHAINS];
#pragma unroll
    for (int k = 0; k < CHAINS; k++) {
        sums[k] = 0.0;
    }
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        sums[i % CHAINS] = fma(p[i], q[i], sums[i % CHAINS]);
    }
#pragma unroll
    for (int k = 4; k < CHAINS; k++) {
        sums[k - 4] += sums[k];
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The diagonal entries of G in the lane's columns.
struct Diagonal {
    double x, y;
};

__device__ inline Diagonal diagonal_of(const Columns& g) {
    int lane = threadIdx.x % 32;
    Diagonal diagonal = {0.0, 0.0};
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        diagonal.x = i == 2 * lane ? g.x[i] : diagonal.x;
        diagonal.y = i == 2 * lane + 1 ? g.y[i] : diagonal.y;
    }
    return diagonal;
}

// Adds `amount` to the first n diagonal entries.
__device__ inline void add_to_diagonal(Columns& g, int n, double amount) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        g.x[i] += i == 2 * lane && i < n ? amount : 0.0;
        g.y[i] += i == 2 * lane + 1 && i < n ? amount : 0.0;
    }
}

// Loads a matrix of order n from global memory, multiplied by `scale`.
__device__ inline void load(Columns& to, const double* g, int n, double scale) {
    int lane = threadIdx.x % 32;
    bool has_x = 2 * lane < n, has_y = 2 * lane + 1 < n;
    const double* row = g + 2 * lane;
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        to.x[i] = i < n && has_x ? row[0] * scale : 0.0;
        to.y[i] = i < n && has_y ? row[1] * scale : 0.0;
        row += n;
    }
}

// Subtracts by_x and by_y times a column in shared memory, of PITCH entries, from the lane's two
// columns.
__device__ inline void subtract_product(Columns& g, const double* column, double by_x,
                                        double by_y) {
#pragma unroll
    for (int i = 0; i < ORDER; i += 2) {
        double2 two = *(const double2*)(column + i);
        g.x[i] = fma(-two.x, by_x, g.x[i]);
        g.y[i] = fma(-two.x, by_y, g.y[i]);
        if (i + 1 < ORDER) {
            g.x[i + 1] = fma(-two.y, by_x, g.x[i + 1]);
            g.y[i + 1] = fma(-two.y, by_y, g.y[i + 1]);
        }
    }
}

// Copies column p from its lane to shared memory.
__device__ inline void share_column(const Columns& g, int p, double* column) {
    int lane = threadIdx.x % 32;
    if (2 * lane == p) {
#pragma unroll
        for (int i = 0; i < ORDER; i++) {
            column[i] = g.x[i];
        }
    }
    if (2 * lane + 1 == p) {
#pragma unroll
        for (int i = 0; i < ORDER; i++) {
            column[i] = g.y[i];
        }
    }
    if (ORDER % 2 == 1 && lane == 0) {
        column[PITCH - 1] = 0.0;
    }
    __syncwarp();
}

// Pivoted Cholesky: the columns of G become the columns of L, in the order of the pivots. `scratch`
// holds ORDER columns of PITCH entries, and ORDER entries.
__device__ inline void factorise(Columns& g, int n, double* scratch) {
    int lane = threadIdx.x % 32;
    bool has_x = 2 * lane < n, has_y = 2 * lane + 1 < n;
    double* pivots = scratch + ORDER * PITCH;
    // What is left of the diagonal, or -1 in the columns that have been pivots.
    Diagonal left = diagonal_of(g);
    left.x = has_x ? fmax(left.x, 0.0) : -1.0;
    left.y = has_y ? fmax(left.y, 0.0) : -1.0;
#pragma unroll 1
    for (int k = 0; k < n; k++) {
        // 1. The pivot p: the largest diagonal entry to about 17 bits; the first of equal ones.
        // The last six bits of a key hold 63 - p.
        unsigned bits_x = __float_as_uint((float)left.x), bits_y = __float_as_uint((float)left.y);
        unsigned key_x = left.x >= 0.0 ? (bits_x & ~63u) | (63 - 2 * lane) : 0;
        unsigned key_y = left.y >= 0.0 ? (bits_y & ~63u) | (62 - 2 * lane) : 0;
        unsigned key = __reduce_max_sync(ALL_LANES, key_x > key_y ? key_x : key_y);
        int p = 63 - (int)(key & 63);
        // 2. Its column, for all lanes. The rows of earlier pivots hold rounding errors, which the
        // next steps do not amplify.
        double* column = scratch + k * PITCH;
        share_column(g, p, column);
        // 3. What is left of G: G - c c^T / pivot.
        double pivot = fmax(column[p], 0.25 * SHIFT);
        double inverse = refined_reciprocal(pivot, quick_reciprocal((float)pivot));
        double of_x = has_x ? column[2 * lane] : 0.0, of_y = has_y ? column[2 * lane + 1] : 0.0;
        double by_x = of_x * inverse, by_y = of_y * inverse;
        subtract_product(g, column, by_x, by_y);
        left.x = left.x < 0.0 || p == 2 * lane ? -1.0 : fmax(fma(-of_x, by_x, left.x), 0.0);
        left.y = left.y < 0.0 || p == 2 * lane + 1 ? -1.0 : fmax(fma(-of_y, by_y, left.y), 0.0);
        __syncwarp();
        if (lane == 0) {
            pivots[k] = pivot;
            column[p] = pivot;
        }
    }
    __syncwarp();
    // 4. Column k of L: column k over the square root of its pivot.
    double scale_x = has_x ? 1.0 / sqrt(pivots[2 * lane]) : 0.0;
    double scale_y = has_y ? 1.0 / sqrt(pivots[2 * lane + 1]) : 0.0;
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        g.x[i] = has_x ? scratch[2 * lane * PITCH + i] * scale_x : 0.0;
        g.y[i] = has_y ? scratch[(2 * lane + 1) * PITCH + i] * scale_y : 0.0;
    }
    __syncwarp();
}

// One-sided Jacobi: makes the columns orthogonal. Returns whether it converged.
//
// The columns walk through an odd-even tournament. After each rotation the two columns of a lane
// have changed places, which costs nothing: the names x and y stand for the places. Then every lane
// passes one column to a neighbour by shuffles. For n = 6, with M = 3 lanes:
//
//   phase 0    0 1   2 3   4 5          lane l rotates places 2 l and 2 l + 1; x moves to the right
//   phase 1      1 0   3 2   5 4        lane l rotates places 2 l - 1 and 2 l;  y moves to the left
//
// A round has both phases; after M rounds every two columns have met. In phase 1 the first and the
// last column meet nobody. Two special shears copy them from one place to the other.
__device__ inline bool orthogonalise(Columns& l, int n) {
    int lane = threadIdx.x % 32;
    int pairs = (n + 1) / 2;
    bool first = lane == 0, last = lane == pairs;
    int left = lane == 0 || lane > pairs ? 31 : lane - 1;
    int right = lane < pairs ? lane + 1 : 31;
    bool converged = false;
    for (int sweep = 0; sweep < MOST_SWEEPS_OF_COLUMNS && !converged; sweep++) {
        double a = dot(l.x, l.x), b = dot(l.y, l.y);
        Largest largest = {0.0f, 0.0f};
#pragma unroll 1
        for (int round = 0; round < pairs; round++) {
#pragma unroll
            for (int phase = 0; phase < 2; phase++) {
                bool active = lane < pairs && !(phase == 1 && first);
                bool rotates;
                Shears shears = shears_of(a, b, dot(l.x, l.y), active, rotates, largest);
                if (phase == 1 && first) {
                    shears = {-0.5, 0.0};
                    a = b;
                }
                if (phase == 1 && last) {
                    shears = {0.0, 1.0};
                    b = a;
                }
                if (phase == 1 || __any_sync(ALL_LANES, rotates)) {
#pragma unroll
                    for (int i = 0; i < ORDER; i++) {
                        apply(shears, l.x[i], l.y[i]);
                    }
                }
                if (phase == 0) {
#pragma unroll
                    for (int i = 0; i < ORDER; i++) {
                        l.x[i] = __shfl_sync(ALL_LANES, l.x[i], left);
                    }
                    a = __shfl_sync(ALL_LANES, a, left);
                } else {
#pragma unroll
                    for (int i = 0; i < ORDER; i++) {
                        l.y[i] = __shfl_sync(ALL_LANES, l.y[i], right);
                    }
                    b = __shfl_sync(ALL_LANES, b, right);
                }
            }
        }
        largest.cosine = largest_of_lanes(largest.cosine);
        largest.tau = largest_of_lanes(largest.tau);
        converged = settled(largest);
    }
    // The lane behind the last one is left with a column that has moved on.
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        l.x[i] = lane < pairs ? l.x[i] : 0.0;
        l.y[i] = lane < pairs ? l.y[i] : 0.0;
    }
    return converged;
}

#endif

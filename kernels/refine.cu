// Singular values and vectors with all digits: the second pass after a Gram matrix.
//
// The eigenvectors V of G = M M^T resolve singular values down to sqrt(eps) sigma_1 only. But they
// are orthogonal to eps, so that the rows of B = V^T M hold M without loss, and are nearly orthogonal
// to each other. The Gram matrix B B^T of such rows is known to eps |b_i| |b_j| in each entry, and its
// Cholesky factor K, with B = K Q^T, to eps |b_i| in each row:
//
//     M  ->  V        B = V^T M        K K^T = B B^T        J^T K = rows of length sigma_i
//            eigen    product          gram, this kernel    this kernel: rotations J of rows
//
// Then M = (V J) Sigma (...)^T. This is Cholesky-QR in two passes (Yamamoto, Nakatsukasa, Yanagisawa
// & Fukaya, ETNA 2015) with an orthogonal first pass, which no condition number breaks: rows that the
// first pass could not separate are at most sqrt(n eps) sigma_1 long, and the second pass has an error
// of sqrt(n eps) of their length, together n eps sigma_1.
//
// One block solves one matrix of order n:
//   1. D = the lengths of the rows, from the diagonal of G = B B^T. S = D^-1 G D^-1.
//   2. Pivoted Cholesky of S, column by column, until the largest remaining diagonal entry is rounding
//      error. The rows stay in place.
//   3. K = D L, by rows, in the memory of G.
//   4. One-sided Jacobi: rotates pairs of rows of K, and the same columns of V, until all rows are
//      orthogonal to each other.
//   5. The squares of the lengths and the vectors, largest first.
//
// Grid (1, items), 256 threads a block. Shared memory: 3n + 9 doubles and n + 2 integers. Bytes: K and
// V, 2n^2 doubles, from L2 in each of n - 1 rounds of a sweep. Flops: n^3 / 3 and some 6 n^3 for each
// of 3 to 6 sweeps. Latency bounds the time: some 20 ms for n = 200 (estimate).
// Registers (sm_90): refine 126.

#include "jacobi.cuh"
#include "parts.cuh"

// A row of at most this length, relative to the longest row, counts as zero.
#define ZERO_ROW 1e-30

// The sum of `value` over the warp, in its first lane.
__device__ inline double warp_sum(double value) {
    for (int step = 16; step > 0; step /= 2) {
        value += __shfl_down_sync(0xffffffffu, value, step);
    }
    return value;
}

// The index of the largest of n entries of `left`, the first of equal ones. Returns it and the entry
// to every thread.
__device__ inline int pivot_of(const double* left, int n, double* largest, double* scratch) {
    double most = -1.0;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        most = fmax(most, left[i]);
    }
    most = block_max(most, scratch);
    int place = n;
    for (int i = threadIdx.x; i < n && place == n; i += THREADS) {
        place = left[i] == most ? i : n;
    }
    *largest = most;
    return (int)-block_max(-(double)place, scratch);
}

// L with L L^T = S up to rounding, where S_ij = g_ij / (d_i d_j), column by column. Returns the number
// of columns to every thread. left[i] is the part of S_ii that the columns so far do not explain, and
// negative for a row that was a pivot.
__device__ inline int factorise(const double* g, int n, const double* d, double* left, double* l,
                                double* scratch) {
    for (int i = threadIdx.x; i < n; i += THREADS) {
        left[i] = d[i] > 0.0 ? 1.0 : -1.0;
    }
    for (int step = 0; step < n; step++) {
        double largest;
        int p = pivot_of(left, n, &largest, scratch);
        if (!(largest > n * EPSILON)) {
            return step;
        }
        double pivot = sqrt(largest);
        for (int i = threadIdx.x; i < n; i += THREADS) {
            double sum = 0.0;
            if (left[i] >= 0.0) {
                sum = g[(size_t)p * n + i] / d[p] / d[i];
                for (int t = 0; t < step; t++) {
                    sum = fma(-l[(size_t)t * n + p], l[(size_t)t * n + i], sum);
                }
                sum = i == p ? pivot : sum / pivot;
                left[i] = i == p ? -1.0 : fmax(fma(-sum, sum, left[i]), 0.0);
            }
            l[(size_t)step * n + i] = sum;
        }
        __syncthreads();
    }
    return n;
}

// The rotation that makes rows p and q of K orthogonal: its cosine and sine in turn[0] and turn[1].
// A warp computes it; `columns` is the number of entries of a row. Sets `rotated` if they are not
// orthogonal. A row with a squared length of at most `least` counts as zero.
__device__ inline void find_rotation(const double* k, int n, int columns, int p, int q, double least,
                                     double* turn, int* rotated) {
    int lane = threadIdx.x % 32;
    const double* a = k + (size_t)p * n;
    const double* b = k + (size_t)q * n;
    double aa = 0.0, bb = 0.0, ab = 0.0;
    for (int i = lane; i < columns; i += 32) {
        aa = fma(a[i], a[i], aa);
        bb = fma(b[i], b[i], bb);
        ab = fma(a[i], b[i], ab);
    }
    aa = warp_sum(aa);
    bb = warp_sum(bb);
    ab = warp_sum(ab);
    if (lane == 0) {
        double c = 1.0, s = 0.0;
        bool zero = fmin(aa, bb) <= least;
        if (!zero && fabs(ab) > 0.5 * (n + 16) * EPSILON * sqrt(aa) * sqrt(bb)) {
            rotation(aa, bb, ab, &c, &s);
            atomicOr(rotated, 1);
        }
        turn[0] = c;
        turn[1] = s;
    }
}

// Rotates the entries x and y.
__device__ inline void rotate(double* x, double* y, double c, double s) {
    double a = *x, b = *y;
    *x = c * a - s * b;
    *y = s * a + c * b;
}

// Makes all rows of K orthogonal to each other, and applies the same rotations to the columns of V.
// `turns` holds n + 1 entries, `rotated` two flags that are 0. Returns to every thread whether the
// iteration converged. If K has more rows than columns, some rows become zero: each sweep shrinks them
// to a rounding error of themselves, and they never become orthogonal to the others. `least` is the
// squared length at which such a row counts as zero.
__device__ inline bool orthogonalise_rows(double* k, double* v, int n, int columns, double least,
                                          double* turns, int* rotated) {
    int warp = threadIdx.x / 32, m = n + n % 2, half = m / 2;
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        for (int round = 0; round < m - 1; round++) {
            // 1. The rotations, a warp for each pair of rows (jacobi.cuh).
            for (int pair = warp; pair < half; pair += WARPS) {
                int p, q;
                pair_of_round(pair, round, m, &p, &q);
                if (q < n) {
                    find_rotation(k, n, columns, p, q, least, &turns[2 * pair],
                                  &rotated[sweep % 2]);
                }
            }
            __syncthreads();
            // 2. The rows of K and the columns of V.
            for (int b = threadIdx.x; b < half * n; b += THREADS) {
                int pair = b / n, i = b % n;
                int p, q;
                pair_of_round(pair, round, m, &p, &q);
                if (q < n && turns[2 * pair + 1] != 0.0) {
                    double c = turns[2 * pair], s = turns[2 * pair + 1];
                    rotate(&v[(size_t)p * n + i], &v[(size_t)q * n + i], c, s);
                    if (i < columns) {
                        rotate(&k[(size_t)p * n + i], &k[(size_t)q * n + i], c, s);
                    }
                }
            }
            __syncthreads();
        }
        if (rotated[sweep % 2] == 0) {
            return true;
        }
        // Clears the flag of the next sweep. All threads have read its old value one sweep earlier.
        if (threadIdx.x == 0) {
            rotated[(sweep + 1) % 2] = 0;
        }
        __syncthreads();
    }
    return false;
}

// `grams` holds B B^T and is overwritten. `vectors` holds V and becomes V J, column by column. `work`
// has the size of `grams`. outcomes[item] becomes NO_CONVERGENCE if the rotations do not converge.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
refine(double* grams, int n, double* work, double* values, double* vectors, int* outcomes,
       const int* active) {
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y;
    double* k = grams + item * n * n;
    double* l = work + item * n * n;
    double* v = vectors + item * n * n;
    double* d = shared;
    double* left = d + n;
    double* turns = left + n;
    double* scratch = turns + n + 1;
    int* order = (int*)(scratch + WARPS);
    int* rotated = order + n;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    // 1. The lengths of the rows.
    double largest = 0.0;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        d[i] = sqrt(fmax(k[(size_t)i * (n + 1)], 0.0));
        largest = fmax(largest, d[i]);
    }
    double least = ZERO_ROW * block_max(largest, scratch);
    least *= least;
    if (threadIdx.x < 2) {
        rotated[threadIdx.x] = 0;
    }
    __syncthreads();
    // 2. The Cholesky factor.
    int columns = factorise(k, n, d, left, l, scratch);
    __syncthreads();
    // 3. K, by rows.
    for (int e = threadIdx.x; e < n * n; e += THREADS) {
        int i = e / n, t = e % n;
        k[e] = t < columns ? d[i] * l[(size_t)t * n + i] : 0.0;
    }
    __syncthreads();
    // 4. The rotations.
    if (!orthogonalise_rows(k, v, n, columns, least, turns, rotated) && threadIdx.x == 0) {
        outcomes[item] = NO_CONVERGENCE;
    }
    __syncthreads();
    // 5. Squares and vectors in decreasing order.
    for (int i = warp; i < n; i += WARPS) {
        double square = 0.0;
        for (int t = lane; t < columns; t += 32) {
            square = fma(k[(size_t)i * n + t], k[(size_t)i * n + t], square);
        }
        square = warp_sum(square);
        if (lane == 0) {
            left[i] = square;
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += THREADS) {
        int larger = 0;
        for (int j = 0; j < n; j++) {
            larger += left[j] > left[i] || (left[j] == left[i] && j < i);
        }
        order[larger] = i;
        values[item * n + larger] = left[i];
    }
    __syncthreads();
    for (int e = threadIdx.x; e < n * n; e += THREADS) {
        l[e] = v[(size_t)order[e / n] * n + e % n];
    }
    __syncthreads();
    for (int e = threadIdx.x; e < n * n; e += THREADS) {
        v[e] = l[e];
    }
}

// The symmetric eigenproblem A = V Λ Vᵀ of order n by cyclic Jacobi rotations, n/2
// at a time (Golub & Van Loan, section 8.5; Brent & Luk 1985).
//
// One block solves one matrix. A sweep is a tournament of m indices, where m is the even one of n
// and n + 1. In each round every index is paired with another index. After m - 1 rounds every two
// indices have been paired once. For m = 4:
//
//   round 0: (3,0) (1,2)      round 1: (3,1) (2,0)      round 2: (3,2) (0,1)
//
// A round has two steps with a barrier after each:
//   1. One thread for each pair (p, q) computes the rotation that makes a_pq zero.
//   2. All threads apply all rotations: to the 2x2 blocks of A where the rows of one pair meet
//      the columns of another, and to pairs of columns of V. No two threads use the same entry.
// A and V are column-major, in shared or global memory.
//
// Flops: a sweep has n(n-1)/2 rotations of 9n flops each, about 4.5 n^3; 6 to 10 sweeps.

#ifndef TENFOLD_JACOBI_CUH
#define TENFOLD_JACOBI_CUH

#include "block.cuh"

#define MOST_SWEEPS 40

// Off-diagonal entries of at most this size, relative to the largest entry, count as zero. The
// number is half the unit roundoff.
#define NEGLIGIBLE 5.6e-17

// The two indices, first < second, of pair `k` in round `round` of a tournament of m indices,
// m even.
__device__ inline void pair_of_round(int k, int round, int m, int* first, int* second) {
    int p = k == 0 ? m - 1 : (round + k) % (m - 1);
    int q = k == 0 ? round : (round + m - 1 - k) % (m - 1);
    *first = p < q ? p : q;
    *second = p < q ? q : p;
}

// The cosine and the sine of the rotation that makes a_pq zero. Of the two possible angles, the
// smaller one is used.
__device__ inline void rotation(double a_pp, double a_qq, double a_pq, double* c, double* s) {
    double theta = (a_qq - a_pp) / (2.0 * a_pq);
    double t = copysign(1.0, theta) / (fabs(theta) + sqrt(fma(theta, theta, 1.0)));
    *c = 1.0 / sqrt(fma(t, t, 1.0));
    *s = t * *c;
}

// Rotates the 2x2 block of A where the rows of pair (p, q) meet the columns of pair (u, v), and
// its mirror image. `q` or `v` is n if n is odd and the pair has one index only.
__device__ inline void rotate_block(double* a, int n, int p, int q, int u, int v,
                                    const double* rows, const double* columns) {
    double c = rows[0], s = rows[1];
    double d = columns[0], t = columns[1];
    bool has_q = q < n, has_v = v < n;
    double pu = a[p + u * n];
    double pv = has_v ? a[p + v * n] : 0.0;
    double qu = has_q ? a[q + u * n] : 0.0;
    double qv = has_q && has_v ? a[q + v * n] : 0.0;
    double pu1 = c * pu - s * qu, qu1 = s * pu + c * qu;
    double pv1 = c * pv - s * qv, qv1 = s * pv + c * qv;
    pu = d * pu1 - t * pv1;
    pv = t * pu1 + d * pv1;
    qu = d * qu1 - t * qv1;
    qv = t * qu1 + d * qv1;
    a[p + u * n] = pu;
    a[u + p * n] = pu;
    if (has_v) {
        a[p + v * n] = pv;
        a[v + p * n] = pv;
    }
    if (has_q) {
        a[q + u * n] = qu;
        a[u + q * n] = qu;
    }
    if (has_q && has_v) {
        a[q + v * n] = qv;
        a[v + q * n] = qv;
    }
}

// Diagonalises `a`: the eigenvalues are on its diagonal afterwards, the eigenvectors in `v`.
// `rotations` holds n + 1 entries, `scratch` WARPS entries, `rotated` two flags, all in shared
// memory. Returns to every thread whether the iteration converged, that is, had a sweep without a
// rotation.
__device__ inline bool jacobi(double* a, double* v, int n, double* rotations, double* scratch,
                              int* rotated) {
    double largest = 0.0;
    for (int k = threadIdx.x; k < n * n; k += THREADS) {
        v[k] = k / n == k % n ? 1.0 : 0.0;
        largest = fmax(largest, fabs(a[k]));
    }
    if (threadIdx.x < 2) {
        rotated[threadIdx.x] = 0;
    }
    // The barriers of block_max order the writes above before the reads below.
    double negligible = NEGLIGIBLE * block_max(largest, scratch);
    int m = n + n % 2;
    int half = m / 2;
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        for (int round = 0; round < m - 1; round++) {
            // 1. The rotations of the round.
            for (int k = threadIdx.x; k < half; k += THREADS) {
                int p, q;
                pair_of_round(k, round, m, &p, &q);
                double c = 1.0, s = 0.0;
                if (q < n && fabs(a[p + q * n]) > negligible) {
                    rotation(a[p + p * n], a[q + q * n], a[p + q * n], &c, &s);
                    atomicOr(&rotated[sweep % 2], 1);
                }
                rotations[2 * k] = c;
                rotations[2 * k + 1] = s;
            }
            __syncthreads();
            // 2. The blocks of A, for pairs k and k + d (mod half): every two pairs meet once. The
            // block of a pair with itself (d = 0) becomes diagonal.
            for (int b = threadIdx.x; b < half * (half / 2 + 1); b += THREADS) {
                int k = b % half, d = b / half;
                if (2 * d == half && k >= d) {
                    continue;
                }
                int l = (k + d) % half;
                int p, q, u, w;
                pair_of_round(k, round, m, &p, &q);
                if (d > 0) {
                    pair_of_round(l, round, m, &u, &w);
                    rotate_block(a, n, p, q, u, w, &rotations[2 * k], &rotations[2 * l]);
                } else if (q < n && rotations[2 * k + 1] != 0.0) {
                    double shift = rotations[2 * k + 1] / rotations[2 * k] * a[p + q * n];
                    a[p + p * n] -= shift;
                    a[q + q * n] += shift;
                    a[p + q * n] = 0.0;
                    a[q + p * n] = 0.0;
                }
            }
            // The columns of V.
            for (int b = threadIdx.x; b < half * n; b += THREADS) {
                int k = b / n, i = b % n;
                int p, q;
                pair_of_round(k, round, m, &p, &q);
                if (q < n) {
                    double c = rotations[2 * k], s = rotations[2 * k + 1];
                    double vp = v[i + p * n], vq = v[i + q * n];
                    v[i + p * n] = c * vp - s * vq;
                    v[i + q * n] = s * vp + c * vq;
                }
            }
            __syncthreads();
        }
        if (m < 2 || rotated[sweep % 2] == 0) {
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

// order[r] = the index of the r-th largest of the n diagonal entries of `a`. Equal entries keep
// their order.
__device__ inline void sort_diagonal(const double* a, int n, int* order) {
    for (int i = threadIdx.x; i < n; i += THREADS) {
        double value = a[i + i * n];
        int larger = 0;
        for (int j = 0; j < n; j++) {
            double other = a[j + j * n];
            larger += other > value || (other == value && j < i);
        }
        order[larger] = i;
    }
    __syncthreads();
}

#endif

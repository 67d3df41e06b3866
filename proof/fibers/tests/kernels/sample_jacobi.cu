// Eigenvalues and eigenvectors of a batch of symmetric matrices by parallel Jacobi
// rotations. One block a matrix, of up to 256 threads; A and V, n x n each, and
// n + 1 rotations' cosines and sines in dynamic shared memory:
// 8 (2 n^2 + n + n % 2) bytes.

#include "sample_block.cuh"

extern __shared__ double matrices[];

#ifdef MUTANT_PAST_SHARED
#define LAST_PAIR(pairs) ((pairs) + 1)
#else
#define LAST_PAIR(pairs) (pairs)
#endif

// Which two indices, p < q, pair k of a round joins in a tournament of m players.
__device__ inline void players(int k, int round, int m, int* p, int* q) {
    int a = k == 0 ? m - 1 : (round + k) % (m - 1);
    int b = k == 0 ? round : (round + m - 1 - k) % (m - 1);
    *p = min(a, b);
    *q = max(a, b);
}

// Rotates entries `at_p` and `at_q` of a.
__device__ inline void rotate(double* a, int at_p, int at_q, double c, double s) {
    double p = a[at_p], q = a[at_q];
    a[at_p] = c * p - s * q;
    a[at_q] = s * p + c * q;
}

extern "C" __global__ void __launch_bounds__(256)
sample_jacobi(const double* symmetric, double* values, double* vectors, int* sweeps, int n,
              double tolerance, int most_sweeps) {
    __shared__ double scratch[8];
    double* a = matrices;
    double* v = a + n * n;
    double* cosines = v + n * n;
    int players_in_all = n + n % 2, pairs = players_in_all / 2;
    double* sines = cosines + pairs;
    size_t item = blockIdx.x;
    double square = 0.0;
    for (int k = threadIdx.x; k < n * n; k += blockDim.x) {
        a[k] = symmetric[item * n * n + k];
        v[k] = k / n == k % n ? 1.0 : 0.0;
        square = fma(a[k], a[k], square);
    }
    square = block_sum(square, scratch);
    int sweep = 0;
    for (; sweep < most_sweeps; sweep++) {
        double apart = 0.0;
        for (int k = threadIdx.x; k < n * n; k += blockDim.x) {
            apart += k / n == k % n ? 0.0 : a[k] * a[k];
        }
        if (block_sum(apart, scratch) <= tolerance * tolerance * square) {
            break;
        }
        for (int round = 0; round < players_in_all - 1; round++) {
            for (int k = threadIdx.x; k < LAST_PAIR(pairs); k += blockDim.x) {
                int p, q;
                players(k, round, players_in_all, &p, &q);
                double c = 1.0, s = 0.0;
                if (q < n && a[p * n + q] != 0.0) {
                    double theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
                    double t = copysign(1.0, theta) / (fabs(theta) + hypot(theta, 1.0));
                    c = rsqrt(fma(t, t, 1.0));
                    s = t * c;
                }
                cosines[k] = c;
                sines[k] = s;
            }
            __syncthreads();
            for (int k = threadIdx.x; k < pairs * n; k += blockDim.x) {
                int p, q, row = k % n;
                players(k / n, round, players_in_all, &p, &q);
                if (q < n) {
                    rotate(a, row * n + p, row * n + q, cosines[k / n], sines[k / n]);
                    rotate(v, row * n + p, row * n + q, cosines[k / n], sines[k / n]);
                }
            }
#ifndef MUTANT_LOST_BARRIER
            __syncthreads();
#endif
            for (int k = threadIdx.x; k < pairs * n; k += blockDim.x) {
                int p, q, column = k % n;
                players(k / n, round, players_in_all, &p, &q);
                if (q < n) {
                    rotate(a, p * n + column, q * n + column, cosines[k / n], sines[k / n]);
                }
            }
            __syncthreads();
        }
    }
    for (int k = threadIdx.x; k < n; k += blockDim.x) {
        values[item * n + k] = a[k * n + k];
    }
    for (int k = threadIdx.x; k < n * n; k += blockDim.x) {
        vectors[item * n * n + k] = v[k];
    }
    if (threadIdx.x == 0) {
        sweeps[item] = sweep < most_sweeps ? sweep : -1;
    }
}

// The largest eigenvalue of the tridiagonal matrix of Lanczos steps, and the limits of the steps.

#ifndef TENFOLD_TRIDIAGONAL_CUH
#define TENFOLD_TRIDIAGONAL_CUH

#include "instructions.cuh"

#define MOST_STEPS 32

// The residual at which the steps end, and the largest one that is accepted, in units of n theta.
// Both are multiples of the unit of rounding: rounding in the steps does not let the residual shrink
// much further.
#define SMALL_RESIDUAL 4.4e-16
#define ACCEPTED_RESIDUAL 8.8e-16

// The ratio of eigenvalues that a certificate excludes. Its square root, the ratio of singular values,
// is just below DEGENERATE_RATIO.
#define APART 0.998

// The largest step that is a rounding error: the q_j span an invariant subspace.
#define NO_STEP 1e-15

// Entry i of the start, a number in [0, 2] from a hash of i: equal for all matrices.
__device__ inline double start_entry(int i) {
    unsigned hash = (unsigned)i * 2654435761u + 12345u;
    hash ^= hash >> 15;
    hash *= 2246822519u;
    hash ^= hash >> 13;
    double fraction = (double)(hash & 0xffff) * (1.0 / 65536.0);
    return (hash >> 20 & 1) != 0 ? 1.0 + fraction : 1.0 - fraction;
}

// The largest eigenvalue of a tridiagonal matrix, and entry `lane` of its vector.
struct Top {
    double value, entry;
    // The magnitude of beta_k s_k.
    double residual;
};

// T has k rows, with the diagonal `alphas` and beside it `betas`, all in shared memory. Its
// eigenvalues are between 0 and 1. The determinants p_i of x I - T_i of the leading rows follow the
// recurrence p_i = (x - alpha_i) p_{i-1} - beta_{i-1}^2 p_{i-2}.
__device__ inline Top top_of_tridiagonal(const double* alphas, const double* betas, int k) {
    int lane = threadIdx.x % 32;
    // 1. Bracket the value: it is below x if and only if all p_i are positive. Three times, the lanes
    // try 32 points of the interval.
    double low = 0.0, high = 1.0;
    for (int turn = 0; turn < 3; turn++) {
        double width = (high - low) * (1.0 / 33.0);
        double x = low + width * (lane + 1);
        double before = 1.0, p = x - alphas[0];
        bool above = p > 0.0;
        for (int i = 1; i < k; i++) {
            double next = fma(x - alphas[i], p, -betas[i - 1] * betas[i - 1] * before);
            before = p;
            p = next;
            above = above && p > 0.0;
        }
        low += width * sum_of_lanes(above ? 0.0 : 1.0);
        high = low + width;
    }
    // 2. Newton steps from above, which approach the value from one side.
    double x = high;
    for (int step = 0; step < 40; step++) {
        double before = 1.0, p = x - alphas[0], slope_before = 0.0, slope = 1.0;
        for (int i = 1; i < k; i++) {
            double square = betas[i - 1] * betas[i - 1];
            double shift = x - alphas[i];
            double next = fma(shift, p, -square * before);
            double next_slope = fma(shift, slope, p - square * slope_before);
            before = p;
            p = next;
            slope_before = slope;
            slope = next_slope;
        }
        double move = p / slope;
        if (!(move > 2e-16 * x)) {
            break;
        }
        x -= move;
    }
    // 3. The vector from its last entry backwards, then divided by its length.
    double after = 0.0, entry = 1.0, sum = 1.0;
    double mine = lane == k - 1 ? 1.0 : 0.0;
    for (int i = k - 1; i > 0; i--) {
        double rest = (x - alphas[i]) * entry - (i < k - 1 ? betas[i] * after : 0.0);
        after = entry;
        entry = rest / betas[i - 1];
        sum = fma(entry, entry, sum);
        mine = lane == i - 1 ? entry : mine;
    }
    double inverse = 1.0 / sqrt(sum);
    return {x, mine * inverse, betas[k - 1] * inverse};
}

#endif

// The largest eigenvalue of the tridiagonal matrix of Lanczos steps, and the limits of the steps.
//
// The eigenvalue of a small tridiagonal matrix is a long chain of dependent operations: for 10 rows it
// takes as long as several Lanczos steps. `next_look` therefore estimates, from the residual of one
// look, the step at which the next look will find the vector converged.

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

// The step of the first look at the tridiagonal matrix, and the most steps from one look to the next.
#define FIRST_LOOK 6
#define MOST_STEPS_BETWEEN 8

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

// A tridiagonal matrix in shared memory: the diagonal, the numbers beside it, and their inverses.
struct Tridiagonal {
    double *alphas, *betas, *inverses;
};

__device__ inline Tridiagonal tridiagonal_in(double* shared) {
    return {shared, shared + MOST_STEPS, shared + 2 * MOST_STEPS};
}

// The leading k rows T_k. Their eigenvalues are between 0 and 1. The determinants p_i of x I - T_i
// follow the recurrence p_i = (x - alpha_i) p_{i-1} - beta_{i-1}^2 p_{i-2}.
__device__ inline Top top_of(Tridiagonal t, int k) {
    int lane = threadIdx.x % 32;
    // 1. Bracket the value: it is below x if and only if all p_i are positive. Three times, the lanes
    // try 32 points of the interval.
    double low = 0.0, high = 1.0;
    for (int turn = 0; turn < 3; turn++) {
        double width = (high - low) * (1.0 / 33.0);
        double x = low + width * (lane + 1);
        double before = 1.0, p = x - t.alphas[0];
        bool above = p > 0.0;
        for (int i = 1; i < k; i++) {
            double next = fma(x - t.alphas[i], p, -t.betas[i - 1] * t.betas[i - 1] * before);
            before = p;
            p = next;
            above = above && p > 0.0;
        }
        low += width * __popc(__ballot_sync(ALL_LANES, !above));
        high = low + width;
    }
    // 2. Newton steps from above, which approach the value from one side.
    double x = high;
    for (int step = 0; step < 40; step++) {
        double before = 1.0, p = x - t.alphas[0], slope_before = 0.0, slope = 1.0;
        for (int i = 1; i < k; i++) {
            double square = t.betas[i - 1] * t.betas[i - 1];
            double shift = x - t.alphas[i];
            double next = fma(shift, p, -square * before);
            double next_slope = fma(shift, slope, fma(-square, slope_before, p));
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
        double rest = (x - t.alphas[i]) * entry - (i < k - 1 ? t.betas[i] * after : 0.0);
        after = entry;
        entry = rest * t.inverses[i - 1];
        sum = fma(entry, entry, sum);
        mine = lane == i - 1 ? entry : mine;
    }
    double inverse = 1.0 / sqrt(sum);
    return {x, mine * inverse, t.betas[k - 1] * inverse};
}

// The number of leading binary zeros of a fraction.
__device__ inline int digits_of(double fraction) {
    return 1023 - (__double2hiint(fraction) >> 20 & 0x7ff);
}

// The step of the next look, if the look at step k found a residual that should shrink to `small`, both
// relative to the value: the residual shrinks by about the same factor in each step, and faster at the
// end.
__device__ inline int next_look(int k, double residual, double small) {
    int have = digits_of(residual), need = digits_of(small);
    int next = have > 0 ? k * need / have : k + MOST_STEPS_BETWEEN;
    next = next < k + MOST_STEPS_BETWEEN ? next : k + MOST_STEPS_BETWEEN;
    return next > k ? next : k + 1;
}

#endif

// The first eigenvector of a positive semidefinite matrix in the registers of a warp (columns.cuh),
// by Lanczos steps, with a certificate that the second eigenvalue is smaller.
//
//   1. Lanczos: orthonormal q_1, q_2, ... with G q_j = beta_{j-1} q_{j-1} + alpha_j q_j + beta_j q_{j+1}.
//      After k steps the largest eigenvalue theta of the tridiagonal matrix T of the alphas and
//      betas, with vector s, approximates that of G: the vector v = sum_j s_j q_j has the residual
//      ||G v - theta v|| = beta_k |s_k|. About 10 steps make it negligible.
//   2. One product with G measures the residual, which guards against lost orthogonality of the q_j.
//      The same product is a step of the power method: it shrinks the error of v a little more.
//   3. Certificate: the second eigenvalue lambda_2 is below APART theta, so that v belongs to the
//      first eigenvalue and the map is not degenerate. Either the other eigenvalues are small
//      together, lambda_2^2 <= ||G||_F^2 - theta^2; or else APART theta I - (G - theta v v^T) has a
//      Cholesky factorisation, which exists if and only if no eigenvalue of G - theta v v^T reaches
//      APART theta; lambda_2 is at most the largest of them (Weyl).
//
// Without a certificate, the vector has to be computed by Jacobi rotations.
// Flops: 2 n^2 for a step; n^3 / 3 for the factorisation.

#ifndef TENFOLD_LANCZOS_CUH
#define TENFOLD_LANCZOS_CUH

#include "columns.cuh"

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

// A vector: the lane's two entries.
struct Entries {
    double x, y;
};

__device__ inline double dot(Entries p, Entries q) {
    return sum_of_lanes(fma(p.x, q.x, p.y * q.y));
}

__device__ inline Entries scaled(Entries v, double factor) {
    return {v.x * factor, v.y * factor};
}

// v + factor w
__device__ inline Entries plus(Entries v, double factor, Entries w) {
    return {fma(factor, w.x, v.x), fma(factor, w.y, v.y)};
}

// Writes a vector to shared memory, for all lanes.
__device__ inline void share(Entries v, double* to) {
    int lane = threadIdx.x % 32;
    __syncwarp();
    if (2 * lane < ORDER) {
        to[2 * lane] = v.x;
    }
    if (2 * lane + 1 < ORDER) {
        to[2 * lane + 1] = v.y;
    }
    __syncwarp();
}

// G v, for a vector in shared memory.
__device__ inline Entries times(const Columns& g, const double* v) {
    double x[2] = {0.0, 0.0}, y[2] = {0.0, 0.0};
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        x[i % 2] = fma(g.x[i], v[i], x[i % 2]);
        y[i % 2] = fma(g.y[i], v[i], y[i % 2]);
    }
    return {x[0] + x[1], y[0] + y[1]};
}

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

// Whether APART theta I - (G - theta v v^T) is positive definite, by a Cholesky factorisation.
// Overwrites G. `shared_v` holds v, `pivot_columns` two columns of PITCH entries.
__device__ inline bool stands_apart(Columns& g, int n, Entries v, double theta,
                                    const double* shared_v, double* pivot_columns) {
    int lane = threadIdx.x % 32;
    double apart = APART * theta;
    Entries factor = scaled(v, theta);
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        g.x[i] = fma(shared_v[i], factor.x, -g.x[i]) + (i == 2 * lane ? apart : 0.0);
        g.y[i] = fma(shared_v[i], factor.y, -g.y[i]) + (i == 2 * lane + 1 ? apart : 0.0);
    }
#pragma unroll 1
    for (int k = 0; k < n; k++) {
        // Two columns in turn: a lane may still read the previous one.
        double* column = pivot_columns + k % 2 * PITCH;
        share_column(g, k, column);
        double pivot = column[k];
        if (!(pivot > 1e-14 * theta)) {
            return false;
        }
        double inverse = 1.0 / pivot;
        bool has_x = 2 * lane > k && 2 * lane < ORDER;
        bool has_y = 2 * lane + 1 > k && 2 * lane + 1 < ORDER;
        double by_x = has_x ? column[2 * lane] * inverse : 0.0;
        double by_y = has_y ? column[2 * lane + 1] * inverse : 0.0;
        subtract_product(g, column, by_x, by_y);
    }
    return true;
}

// The first eigenvector of G, scaled to a trace in [0.5, 1), into `v`. Returns whether it has a
// certificate. Overwrites G. `scratch` holds MOST_STEPS + 1 vectors of PITCH entries, and 2 MOST_STEPS
// entries.
__device__ inline bool first_vector(Columns& g, int n, Entries& v, double* scratch) {
    int lane = threadIdx.x % 32;
    double* alphas = scratch + (MOST_STEPS + 1) * PITCH;
    double* betas = alphas + MOST_STEPS;
    double square = sum_of_lanes(dot(g.x, g.x) + dot(g.y, g.y));
    // 1. Lanczos steps from G times the start. q_j is in shared memory.
    v.x = 2 * lane < n ? start_entry(2 * lane) : 0.0;
    v.y = 2 * lane + 1 < n ? start_entry(2 * lane + 1) : 0.0;
    share(v, scratch);
    Entries now = times(g, scratch), before = {0.0, 0.0};
    now = scaled(now, 1.0 / sqrt(dot(now, now)));
    double beta = 0.0;
    int k = 0;
    Top top;
    while (true) {
        double* q = scratch + k * PITCH;
        share(now, q);
        Entries next = times(g, q);
        double alpha = dot(next, now);
        next = plus(plus(next, -beta, before), -alpha, now);
        beta = sqrt(dot(next, next));
        if (lane == 0) {
            alphas[k] = alpha;
            betas[k] = beta;
        }
        k++;
        __syncwarp();
        if ((k >= 4 && k % 2 == 0) || beta < NO_STEP) {
            top = top_of_tridiagonal(alphas, betas, k);
            if (top.residual < SMALL_RESIDUAL * n * top.value || k == MOST_STEPS || beta < NO_STEP) {
                break;
            }
        }
        before = now;
        now = scaled(next, 1.0 / beta);
    }
    v = {0.0, 0.0};
    for (int j = 0; j < k; j++) {
        double s = __shfl_sync(ALL_LANES, top.entry, j);
        const double* q = scratch + j * PITCH;
        Entries mine = {2 * lane < n ? q[2 * lane] : 0.0, 2 * lane + 1 < n ? q[2 * lane + 1] : 0.0};
        v = plus(v, s, mine);
    }
    v = scaled(v, 1.0 / sqrt(dot(v, v)));
    // 2. The residual, and a step of the power method.
    share(v, scratch);
    Entries product = times(g, scratch);
    double theta = dot(product, v);
    Entries error = plus(product, -theta, v);
    double residual = sqrt(dot(error, error));
    v = scaled(product, 1.0 / sqrt(dot(product, product)));
    if (!(residual < ACCEPTED_RESIDUAL * n * theta)) {
        return false;
    }
    // 3. The certificate. The factor 0.9 covers the rounding errors of the difference.
    double others = sqrt(fmax(square - theta * theta, 0.0));
    if (others < 0.9 * APART * theta) {
        return true;
    }
    share(v, scratch);
    return stands_apart(g, n, v, theta, scratch, scratch + PITCH);
}

#endif

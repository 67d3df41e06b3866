// The first eigenvector of a positive semidefinite matrix in the registers of a warp (columns.cuh),
// by Lanczos steps, with a certificate that the second eigenvalue is smaller.
//
//   1. Lanczos: orthonormal q_1, q_2, ... with
//      G q_j = beta_{j-1} q_{j-1} + alpha_j q_j + beta_j q_{j+1}.
//      After k steps the largest eigenvalue theta of the tridiagonal matrix T of the alphas and
//      betas, with vector s, approximates that of G: the vector v = sum_j s_j q_j has the residual
//      ||G v - theta v|| = beta_k |s_k|. About 10 steps make it negligible.
//   2. One product with G measures the residual, because rounding errors destroy the orthogonality
//      of the q_j. The product is also a step of the power method, which makes the error of v
//      smaller.
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
#include "tridiagonal.cuh"

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
// certificate. Overwrites G. `scratch` holds MOST_STEPS + 1 vectors of PITCH entries, and
// 3 MOST_STEPS entries.
__device__ inline bool first_vector(Columns& g, int n, Entries& v, double* scratch) {
    int lane = threadIdx.x % 32;
    Tridiagonal t = tridiagonal_in(scratch + (MOST_STEPS + 1) * PITCH);
    double square = sum_of_lanes(dot(g.x, g.x) + dot(g.y, g.y));
    // 1. Lanczos steps from G times the start. q_j is in shared memory.
    v.x = 2 * lane < n ? start_entry(2 * lane) : 0.0;
    v.y = 2 * lane + 1 < n ? start_entry(2 * lane + 1) : 0.0;
    share(v, scratch);
    Entries now = times(g, scratch), before = {0.0, 0.0};
    now = scaled(now, inverse_root(dot(now, now)));
    double beta = 0.0, small = SMALL_RESIDUAL * n;
    int k = 0, look = FIRST_LOOK;
    Top top;
    while (true) {
        double* q = scratch + k * PITCH;
        share(now, q);
        Entries next = times(g, q);
        double alpha = dot(next, now);
        next = plus(plus(next, -beta, before), -alpha, now);
        double square_of_next = dot(next, next);
        double inverse = inverse_root(square_of_next);
        beta = square_of_next * inverse;
        if (lane == 0) {
            t.alphas[k] = alpha;
            t.betas[k] = beta;
            t.inverses[k] = inverse;
        }
        k++;
        __syncwarp();
        bool last = k == MOST_STEPS || beta < NO_STEP;
        if (last || k == look) {
            top = top_of(t, k);
            if (last || top.residual < small * top.value) {
                break;
            }
            look = next_look(k, top.residual / top.value, small);
        }
        before = now;
        now = scaled(next, inverse);
    }
    v = {0.0, 0.0};
    for (int j = 0; j < k; j++) {
        double s = __shfl_sync(ALL_LANES, top.entry, j);
        const double* q = scratch + j * PITCH;
        Entries mine = {2 * lane < n ? q[2 * lane] : 0.0, 2 * lane + 1 < n ? q[2 * lane + 1] : 0.0};
        v = plus(v, s, mine);
    }
    v = scaled(v, inverse_root(dot(v, v)));
    // 2. The residual, and a step of the power method.
    share(v, scratch);
    Entries product = times(g, scratch);
    double theta = dot(product, v);
    Entries error = plus(product, -theta, v);
    double residual = sqrt(dot(error, error));
    v = scaled(product, inverse_root(dot(product, product)));
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

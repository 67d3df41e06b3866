// Rotations of one-sided Jacobi, and the scale of a Gram matrix.
//
// A positive semidefinite G, scaled to a trace near 1, is diagonalised in two steps:
//   1. Cholesky with pivots, G + SHIFT I = L L^T.
//   2. One-sided Jacobi: rotations J make the columns of L orthogonal. With L J = U sqrt(Lambda),
//      G + SHIFT I = U Lambda U^T: the squared lengths and the directions of the columns are the
//      result, and J is not needed.
// The factor makes Jacobi fast (Demmel and Veselic 1992): 8 to 11 sweeps for every spectrum, where
// the columns of G themselves would take up to 20.

#ifndef TENFOLD_ROTATION_CUH
#define TENFOLD_ROTATION_CUH

#include "../block.cuh"
#include "instructions.cuh"

// Added to the diagonal of G, two units of rounding of its trace: the factor then has n columns that
// are not zero, so that Jacobi returns n orthonormal vectors for a G of any rank.
#define SHIFT 4.4e-16

#define MOST_SWEEPS_OF_COLUMNS 40

// Columns with a cosine of at most this number count as orthogonal.
#define SMALLEST_COSINE 1e-15f

// The trace of a matrix of order n in global memory.
__device__ inline double trace_of(const double* g, int n) {
    double sum = 0.0;
    for (int i = threadIdx.x % 32; i < n; i += 32) {
        sum += g[(size_t)i * (n + 1)];
    }
    return sum_of_lanes(sum);
}

// The power of two that scales `trace` to [0.5, 1).
__device__ inline double scale_for(double trace) {
    int exponent = (__double2hiint(trace) >> 20) & 0x7ff;
    int opposite = 2045 - exponent;
    return __hiloint2double((opposite > 1 ? opposite : 1) << 20, 0);
}

// A rotation by theta as three shears: tau = tan(theta / 2), sine = sin(theta).
struct Shears {
    double tau, sine;
};

// What a sweep has met: the largest cosine between two columns, and the largest tau.
struct Largest {
    float cosine, tau;
};

// The rotation that makes two columns with squared lengths a, b and product g orthogonal, or none
// where they are; a and b become the new squared lengths. With d = b - a, h = 2 g and r^2 = d^2 + h^2
// the angle has
//   cos 2 theta = |d| / r,  c = cos theta = sqrt((1 + cos 2 theta) / 2),
//   sin theta = h / (2 r c),  tau = sin theta / (1 + c).
// The angle need not be exact, only the rotation orthogonal. So tau is computed in single precision,
// without branches and in short chains, because every rotation waits for it. sin theta =
// 2 tau / (1 + tau^2) has double precision.
__device__ inline Shears shears_of(double& a, double& b, double g, bool active, bool& rotates,
                                   Largest& largest) {
    double gap = b - a;
    float fa = (float)a, fb = (float)b, fg = (float)g, d = (float)gap;
    // A power of two near 1 / (a + b) brings d and h into the range of single precision.
    float unit = __uint_as_float(0x7e800000u - (__float_as_uint(fa + fb) & 0x7f800000u));
    float cosine = fabsf(fg) * quick_rsqrt(fa * fb);
    d *= unit;
    float h = 2.0f * fg * unit;
    float inverse_r = quick_rsqrt(fmaf(d, d, h * h));
    float u = fmaf(0.5f * fabsf(d), inverse_r, 0.5f);
    float inverse_c = quick_rsqrt(u);
    float tau = 0.5f * h * inverse_r * inverse_c * quick_reciprocal(fmaf(u, inverse_c, 1.0f));
    tau = d < 0.0f ? -tau : tau;
    rotates = active && cosine > SMALLEST_COSINE;
    tau = rotates ? tau : 0.0f;
    // A cosine that is no number comes from a length that cancelled to zero. It counts as 1: the
    // next sweep computes the lengths anew.
    bool meets = active && fg != 0.0f && !(cosine <= SMALLEST_COSINE);
    largest.cosine = fmaxf(largest.cosine, meets ? fminf(cosine, 1.0f) : 0.0f);
    largest.tau = fmaxf(largest.tau, fabsf(tau));
    Shears shears;
    double t = (double)tau;
    shears.tau = t;
    shears.sine = (t + t) * refined_reciprocal(fma(t, t, 1.0), quick_reciprocal(fmaf(tau, tau, 1.0f)));
    double c = fma(-t, shears.sine, 1.0);
    double moved = fma(-shears.sine, gap, 2.0 * c * g);
    a = fma(-shears.sine, moved, a);
    b = fma(shears.sine, moved, b);
    return shears;
}

__device__ inline void apply(Shears shears, double& p, double& q) {
    p = fma(-shears.tau, q, p);
    q = fma(shears.sine, p, q);
    p = fma(-shears.tau, q, p);
}

// Whether a sweep left nothing for the next one: Jacobi converges quadratically, so that the cosines
// after it are at most about the product. The first condition matters where tau is small although
// the columns are far from orthogonal, because their lengths differ.
__device__ inline bool settled(Largest largest) {
    return largest.cosine < 5e-9f && largest.cosine * largest.tau < 2e-16f;
}

#endif

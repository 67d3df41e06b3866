// A saliency map from singular values and projected maps:
//   map = norm( sum_i (sigma_i / sigma_1) * phi(projected_i) ).
// phi is the absolute value, or the part of one sign. norm scales a map to [0, 1] by its minimum
// and maximum.

#ifndef TENFOLD_MAP_CUH
#define TENFOLD_MAP_CUH

#include "block.cuh"

// The choice of phi. The host uses the same numbers (src/cuda/launch/constants.rs).
enum Sign { ABSOLUTE = 0, POSITIVE = 1, NEGATIVE = 2 };

// Magnitudes with a relative difference of at most this number are tied.
#define TIE_TOLERANCE 1e-12
// A map is constant if its range is at most this number times its largest magnitude.
#define CONSTANT_TOLERANCE 1e-12
// A map is degenerate if sigma_2 / sigma_1 is above this number: the first vector is then not well
// determined.
#define DEGENERATE_RATIO 0.999

// A map from sums in single precision is exact enough if the estimate of its error is at most this
// number.
#define MAP_TOLERANCE 5e-5
// Between these norms of a vector, its products in single precision neither overflow nor underflow.
#define LEAST_SINGLE_LENGTH 1e-25
#define LARGEST_SINGLE_LENGTH 1e37

// Whether the entry of largest magnitude is negative. Of tied entries the first counts. A single
// thread does the work, so that the threads can do it for different maps.
__device__ inline bool points_down(const double* entries, int n) {
    double largest = 0.0;
    for (int i = 0; i < n; i++) {
        largest = fmax(largest, fabs(entries[i]));
    }
    double tied = largest * (1.0 - TIE_TOLERANCE);
    for (int i = 0; i < n; i++) {
        if (fabs(entries[i]) >= tied) {
            return entries[i] < 0.0;
        }
    }
    return false;
}

// The factor, 1 or -1, by which a projected map is multiplied before its negative entries become 0.
// With POSITIVE, the entry of largest magnitude becomes positive, with NEGATIVE negative. With
// ABSOLUTE the factor is 1.
__device__ inline double orientation(const double* projected, int n, int sign) {
    if (sign == ABSOLUTE) {
        return 1.0;
    }
    return points_down(projected, n) != (sign == NEGATIVE) ? -1.0 : 1.0;
}

// The outcome of a map from its two largest singular values.
__device__ inline Outcome outcome_of_map(bool constant, double first, double second) {
    return constant ? CONSTANT : second > DEGENERATE_RATIO * first ? DEGENERATE : FINE;
}

// weight * phi(value).
__device__ inline double contribution(double weight, double value, int sign) {
    return sign == ABSOLUTE ? weight * fabs(value) : fmax(weight * value, 0.0);
}

// Writes the map of n values, scaled to [0, 1], or zeros if the map is constant. Returns whether
// the map is constant. Halves of the values are subtracted, so that the range does not overflow.
template <class Real>
__device__ bool normalise(const double* map, int n, Real* out, double* scratch) {
    double least = 0.5 * map[0], most = least;
    for (int p = threadIdx.x; p < n; p += THREADS) {
        least = fmin(least, 0.5 * map[p]);
        most = fmax(most, 0.5 * map[p]);
    }
    least = -block_max(-least, scratch);
    most = block_max(most, scratch);
    double range = most - least;
    bool varies = range > CONSTANT_TOLERANCE * fmax(fabs(least), fabs(most));
    for (int p = threadIdx.x; p < n; p += THREADS) {
        out[p] = varies ? (Real)((0.5 * map[p] - least) / range) : (Real)0;
    }
    return !varies;
}

#endif

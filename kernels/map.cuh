// From singular values and projected maps to a saliency map:
//   map = norm( sum_i (sigma_i / sigma_1) * phi(projected_i) ),
// phi the absolute value or the part of one sign, norm min-max to [0, 1].

#ifndef TENFOLD_MAP_CUH
#define TENFOLD_MAP_CUH

#include "block.cuh"

// What becomes of signs; the host knows the same numbers.
enum Sign { ABSOLUTE = 0, POSITIVE = 1, NEGATIVE = 2 };

// Magnitudes that differ by no more count as tied.
#define TIE_TOLERANCE 1e-12
// A map whose values differ by no more, relatively, is constant.
#define CONSTANT_TOLERANCE 1e-12
// The ratio sigma_2 / sigma_1 above which the first vector does not stand apart.
#define DEGENERATE_RATIO 0.999

// Whether the entry of largest magnitude of n is negative, the first of those tied
// up to rounding.
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

// The factor of a projected map that makes the wanted part of it positive.
__device__ inline double orientation(const double* projected, int n, int sign) {
    if (sign == ABSOLUTE) {
        return 1.0;
    }
    return points_down(projected, n) != (sign == NEGATIVE) ? -1.0 : 1.0;
}

// What a map is worth whose two largest singular values are these.
__device__ inline Outcome outcome_of_map(bool constant, double first, double second) {
    return constant ? CONSTANT : second > DEGENERATE_RATIO * first ? DEGENERATE : FINE;
}

// weight * phi(value).
__device__ inline double contribution(double weight, double value, int sign) {
    return sign == ABSOLUTE ? weight * fabs(value) : fmax(weight * value, 0.0);
}

// Writes the min-max normalised map of n values; returns whether it is constant.
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

// Saliency maps from singular values and projected maps (map.cuh):
//   map = norm sum_i (sigma_i / sigma_1) phi(projected_i).
//
// `squares` holds the squares of the `count` singular values of each item. `projected` holds the
// projected maps of an item one after the other. The maps of two neighbouring items start
// `maps_apart` entries apart. With `unit`, `projected` holds maps z_i of unit length, and the kernel
// uses sigma_i z_i. An item with an outcome of OUT_OF_RANGE or above is skipped.
//
// In combine_f32, `energies` may hold the traces of the uncentred Gram matrices. The projected maps
// are then sums of products in single precision. Their error, relative to the norm of the features
// at a position, is `relative_error`. A map that is too flat for this error gets the outcome
// CANCELLED.
//
// Grid (1, items), 256 threads a block; 64 bytes of shared memory, and `sums`, P doubles for each
// item, in global memory. Bytes: one pass over the projected maps, three for signs other than
// the absolute value. Memory bandwidth bounds the time: 256x56x56 with all vectors is 6.4 MB, 2 us.
// Registers (sm_90): combine_f32 40, combine_f64 48.

#include "map.cuh"

// The projected maps that are added at a time: a thread loads an entry of each before it uses one, which
// hides the latency of the memory.
#define AT_ONCE 2

// The same as `orientation` in map.cuh, but computed by all threads of the block.
__device__ inline double block_orientation(const double* z, int n, int sign, double* scratch) {
    if (sign == ABSOLUTE) {
        return 1.0;
    }
    double tied = largest_magnitude(z, n, scratch) * (1.0 - TIE_TOLERANCE);
    bool down = first_is_negative(z, n, tied, scratch);
    return down != (sign == NEGATIVE) ? -1.0 : 1.0;
}

// Whether the range of the sum of projected maps exceeds 2 / MAP_TOLERANCE times `error`, the error
// of the sum relative to the root mean square of the norms of the features at the n positions. Both
// sides are squared. The features have the sum of squares `energy`.
__device__ inline bool is_resolved(const double* sum, int n, double error, double energy,
                                   double* scratch) {
    double least = LARGEST, most = -LARGEST, infinite = 0.0;
    for (int p = threadIdx.x; p < n; p += THREADS) {
        least = fmin(least, sum[p]);
        most = fmax(most, sum[p]);
        infinite = fabs(sum[p]) <= LARGEST ? infinite : 1.0;
    }
    double range = block_max(most, scratch) + block_max(-least, scratch);
    bool finite = block_max(infinite, scratch) == 0.0;
    bool safe = energy >= LEAST_SINGLE_LENGTH * LEAST_SINGLE_LENGTH * n &&
                energy < LARGEST_SINGLE_LENGTH * LARGEST_SINGLE_LENGTH * n;
    double bound = MAP_TOLERANCE * range;
    return finite && safe && 4.0 * error * error * energy <= bound * bound * n;
}

template <class Real>
__device__ void combine(const double* squares, int count, const double* projected,
                        long long maps_apart, int unit, int vectors, int n, int sign,
                        double* sums, Real* maps, int* outcomes, double relative_error,
                        const double* energies) {
    __shared__ double scratch[WARPS];
    size_t item = blockIdx.y;
    if (outcomes[item] >= OUT_OF_RANGE) {
        return;
    }
    const double* square = squares + item * count;
    const double* z = projected + item * maps_apart;
    double* sum = sums + item * n;
    double first = sqrt(fmax(square[0], 0.0));
    double second = count > 1 ? sqrt(fmax(square[1], 0.0)) : 0.0;
    // 1. The weighted sum of the projected maps.
    for (int p = threadIdx.x; p < n; p += THREADS) {
        sum[p] = 0.0;
    }
    double error = 0.0;
    for (int start = 0; start < vectors && first > 0.0; start += AT_ONCE) {
        double weights[AT_ONCE];
#pragma unroll
        for (int k = 0; k < AT_ONCE; k++) {
            int i = start + k;
            if (i < vectors) {
                double sigma = sqrt(fmax(square[i], 0.0));
                error += sigma / first * relative_error;
                weights[k] = sigma / first * block_orientation(z + (size_t)i * n, n, sign, scratch);
                weights[k] *= unit ? sigma : 1.0;
            }
        }
        for (int p = threadIdx.x; p < n; p += THREADS) {
            double value = sum[p];
#pragma unroll
            for (int k = 0; k < AT_ONCE; k++) {
                if (start + k < vectors) {
                    value += contribution(weights[k], z[(size_t)(start + k) * n + p], sign);
                }
            }
            sum[p] = value;
        }
    }
    __syncthreads();
    // 2. The map and its outcome.
    bool constant = normalise(sum, n, maps + item * n, scratch);
    bool flat = false;
    if (sizeof(Real) == sizeof(float) && energies != nullptr) {
        flat = !is_resolved(sum, n, error, energies[item], scratch);
    }
    if (threadIdx.x == 0) {
        outcomes[item] = flat ? CANCELLED : outcome_of_map(constant, first, second);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
combine_f32(const double* squares, int count, const double* projected, long long maps_apart,
            int unit, int vectors, int positions, int sign, double* sums, float* maps,
            int* outcomes, double relative_error, const double* energies) {
    combine(squares, count, projected, maps_apart, unit, vectors, positions, sign, sums, maps,
            outcomes, relative_error, energies);
}

extern "C" __global__ void __launch_bounds__(THREADS)
combine_f64(const double* squares, int count, const double* projected, long long maps_apart,
            int unit, int vectors, int positions, int sign, double* sums, double* maps,
            int* outcomes, double relative_error, const double* energies) {
    combine(squares, count, projected, maps_apart, unit, vectors, positions, sign, sums, maps,
            outcomes, relative_error, energies);
}

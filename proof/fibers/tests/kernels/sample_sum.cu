// The sum and the sum of squares of an array, and a histogram: shuffles, atomics in shared
// and in global memory.

#include "sample_block.cuh"

#ifdef MUTANT_LOST_ATOMIC
#define ADD(place, value) (*(place) += (value))
#else
#define ADD(place, value) atomicAdd(place, value)
#endif

#ifdef MUTANT_PAST_SHARED
#define PLACES 1
#else
#define PLACES 8
#endif

// sums[0] += sum x, sums[1] += sum x^2.
extern "C" __global__ void __launch_bounds__(256)
sample_sum(const float* x, long long count, double* sums) {
    __shared__ double scratch[PLACES];
    double sum = 0.0, square = 0.0;
    long long step = (long long)gridDim.x * blockDim.x;
    for (long long k = (long long)blockIdx.x * blockDim.x + threadIdx.x; k < count; k += step) {
        sum += x[k];
        square = fma((double)x[k], (double)x[k], square);
    }
    sum = block_sum(sum, scratch);
    square = block_sum(square, scratch);
    if (threadIdx.x == 0) {
        ADD(&sums[0], sum);
        ADD(&sums[1], square);
    }
}

#define BINS 16

// bins[b] += how many of x, in [0, 1), lie in part b of 16; lasts[w] = the largest of
// x in warp w of the only block. One block.
extern "C" __global__ void __launch_bounds__(256)
sample_histogram(const float* x, int count, unsigned* bins, float* largest) {
    __shared__ unsigned counts[BINS];
    __shared__ __align__(8) float most;
    if (threadIdx.x < BINS) {
        counts[threadIdx.x] = 0;
    }
    if (threadIdx.x == 0) {
        most = 0.0f;
    }
    __syncthreads();
    float value = (int)threadIdx.x < count ? x[threadIdx.x] : 0.0f;
    if ((int)threadIdx.x < count) {
        ADD(&counts[min((unsigned)(value * BINS), BINS - 1u)], 1u);
    }
    for (int mask = 16; mask > 0; mask >>= 1) {
        value = fmax(value, __shfl_xor_sync(ALL_LANES, value, mask));
    }
    if (threadIdx.x % warpSize == 0) {
        atomicMax((int*)&most, __float_as_int(value));
    }
#ifdef MUTANT_DIVERGENT_BARRIER
    if (threadIdx.x < BINS)
#endif
        __syncthreads();
    if (threadIdx.x < BINS) {
        atomicAdd(&bins[threadIdx.x], counts[threadIdx.x]);
    }
    if (threadIdx.x == 0) {
        *largest = most;
    }
}

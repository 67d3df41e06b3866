// The sum over a block, by shuffles within a warp and through shared memory between
// warps.

#ifndef SAMPLE_BLOCK_CUH
#define SAMPLE_BLOCK_CUH

#define ALL_LANES 0xffffffffu

__device__ inline double warp_sum(double value) {
    for (int step = 16; step > 0; step /= 2) {
        value += __shfl_down_sync(ALL_LANES, value, step);
    }
    return value;
}

// The sum of `value` over the block, in each thread. `scratch` has a place a warp.
__device__ inline double block_sum(double value, double* scratch) {
    int warps = blockDim.x / warpSize;
    value = warp_sum(value);
    if (threadIdx.x % warpSize == 0) {
        scratch[threadIdx.x / warpSize] = value;
    }
    __syncthreads();
    double sum = 0.0;
    for (int warp = 0; warp < warps; warp++) {
        sum += scratch[warp];
    }
#ifndef MUTANT_SILENT_RACE
    __syncthreads();
#endif
    return sum;
}

#endif

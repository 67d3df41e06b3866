// The end of a sweep of HOOI: energies, relative errors, and which items continue.
//
// `energy` (grid (slices, items), 256 threads a block, 64 bytes of shared memory) reads its slice
// once. `settle` has one thread for each item. Memory bandwidth bounds the time of both, which is
// negligible.
// Registers (sm_90): energy 29, settle 29.

#include "block.cuh"

// energies[item * slices + s] = the sum of squares of slice s of `size` entries.
extern "C" __global__ void __launch_bounds__(THREADS)
energy(const double* tensors, long long size, double* energies) {
    __shared__ double scratch[WARPS];
    size_t slice = (size_t)blockIdx.y * gridDim.x + blockIdx.x;
    const double* x = tensors + slice * size;
    double sum = 0.0;
    for (long long k = threadIdx.x; k < size; k += THREADS) {
        sum = fma(x[k], x[k], sum);
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) {
        energies[slice] = sum;
    }
}

// Sets the relative error and the number of sweeps of each item after a sweep. Sweep 0 is the
// start. `norms` and `cores` hold ||X||^2 and ||G||^2 of each item.
// An item has converged, and active[item] becomes 0,
// - with a `tolerance` above 0: if the error changed by less than `tolerance`, if the square of the
//   error changed by at most `rounding`, or if the error is zero;
// - with an `energy_tolerance` above 0: if the square of the error changed by at most
//   `energy_tolerance`.
extern "C" __global__ void __launch_bounds__(THREADS)
settle(const double* norms, const double* cores, int items, int sweep, double tolerance,
       double rounding, double energy_tolerance, double* errors, int* sweeps, int* active) {
    int item = blockIdx.x * THREADS + threadIdx.x;
    if (item >= items || (sweep > 0 && active[item] == 0)) {
        return;
    }
    double share = norms[item] > 0.0 ? cores[item] / norms[item] : 1.0;
    double error = sqrt(fmax(1.0 - share, 0.0));
    bool done = false;
    if (sweep > 0) {
        double change = errors[item] - error;
        bool seen = fabs(change * (errors[item] + error)) > rounding;
        bool settled = fabs(change) < tolerance || !seen || error == 0.0;
        bool energy_settled = 2.0 * error * fabs(change) <= energy_tolerance;
        done = (tolerance > 0.0 && settled) || (energy_tolerance > 0.0 && energy_settled);
    }
    errors[item] = error;
    sweeps[item] = sweep;
    active[item] = !done;
}

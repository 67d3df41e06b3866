// The stops of HOOI: energies, relative errors, and which items go on.
//
// `energy` (grid (slices, items), 256 threads, 64 bytes of shared memory) reads what it
// sums once. `settle` has a thread an item. Bound by memory; both take next to nothing.
// Registers (sm_90): energy 29, settle 27.

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

// The relative errors after a sweep (sweep 0: at the start) and which items are done:
// where the error changed by less than `tolerance`, or its square by less than `rounding`
// lets be seen while a tolerance is given, or by no more than `energy_tolerance`, or where it
// is zero. sweeps[item] counts the sweeps of each.
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
        done = fabs(change) < tolerance || (!seen && tolerance > 0.0) || error == 0.0
            || 2.0 * error * fabs(change) <= energy_tolerance;
    }
    errors[item] = error;
    sweeps[item] = sweep;
    active[item] = !done;
}

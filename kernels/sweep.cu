// The end of a sweep of HOOI: energies, relative errors, and which items continue.
//
// A slice is split into parts, so that one large tensor uses all multiprocessors. `energy` sums the
// squares of each part, `sum_parts` adds the sums of the parts in a fixed order. The number of parts
// depends on the size of a slice alone.
//
// `energy` (grid (slices times parts, items), 256 threads a block, 64 bytes of shared memory) reads
// each entry once; `sum_parts` (grid (slices, items)) reads a number for each part. `settle` has one
// thread for each item. Memory bandwidth bounds the time of all three: 200^3 in f64 takes 24 us on
// an H100 (estimate).
// Registers (sm_90): energy_f32 32, energy_f64 32, settle 29, sum_parts 30.

#include "parts.cuh"

// energies[(item * slices + s) * parts + part] = the sum of squares of a part of slice s of `size`
// entries, where gridDim.x = slices * parts. With `others`, the sum of (x - other)^2.
template <class Real>
__device__ void energy(const Real* tensors, long long size, int parts, double* energies,
                       const double* others) {
    __shared__ double scratch[WARPS];
    size_t place = (size_t)blockIdx.y * gridDim.x + blockIdx.x;
    size_t start = place / parts * size;
    Part part = part_of(size, place % parts, parts);
    double sum = 0.0;
    for (size_t k = start + part.first + threadIdx.x; k < start + part.last; k += THREADS) {
        double entry = (double)tensors[k] - (others == nullptr ? 0.0 : others[k]);
        sum = fma(entry, entry, sum);
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) {
        energies[place] = sum;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
energy_f32(const float* tensors, long long size, int parts, double* energies,
           const double* others) {
    energy(tensors, size, parts, energies, others);
}

extern "C" __global__ void __launch_bounds__(THREADS)
energy_f64(const double* tensors, long long size, int parts, double* energies,
           const double* others) {
    energy(tensors, size, parts, energies, others);
}

// sums[k] = the sum of `parts` entries from k * parts on.
extern "C" __global__ void __launch_bounds__(THREADS)
sum_parts(const double* entries, int parts, double* sums) {
    __shared__ double scratch[WARPS];
    size_t place = (size_t)blockIdx.y * gridDim.x + blockIdx.x;
    double sum = 0.0;
    for (int k = threadIdx.x; k < parts; k += THREADS) {
        sum += entries[place * parts + k];
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) {
        sums[place] = sum;
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

// Scaled copies: tensors in double, divided by powers of two, so that no square leaves the range of
// a double.
//
// An item is split into parts, so that one large tensor uses all multiprocessors:
//
//     1. magnitudes: a block a part       largest |x| of each part
//     2. prepare:    a block a part       e from the largest of all parts; x / 2^e of its part
//
// Grid (parts, items), 256 threads a block, 64 bytes of shared memory. The number of parts depends
// on the size of an item alone. A maximum does not depend on the order, so that neither do the bits.
// Bytes: each kernel reads the items once, `prepare` writes 8 bytes an entry. Memory bandwidth
// bounds the time: 200^3 in f64 takes some 80 us on an H100 (estimate).
// Registers (sm_90): magnitudes_f32 27, magnitudes_f64 28, prepare_f32 32, prepare_f64 32,
// round_f32 14, round_f64 12.

#include "parts.cuh"

// largest[item * parts + part] = the largest magnitude of the part, and infinity if an entry is not
// finite.
template <class Real>
__device__ void magnitudes(const Real* entries, long long size, double* largest) {
    __shared__ double scratch[WARPS];
    const Real* x = entries + (size_t)blockIdx.y * size;
    Part part = part_of(size, blockIdx.x, gridDim.x);
    double most = 0.0;
    for (size_t k = part.first + threadIdx.x; k < part.last; k += THREADS) {
        double magnitude = fabs((double)x[k]);
        // A NaN needs its own test, because fmax ignores it.
        most = fmax(most, magnitude <= LARGEST ? magnitude : INFINITE);
    }
    most = block_max(most, scratch);
    if (threadIdx.x == 0) {
        largest[(size_t)blockIdx.y * gridDim.x + blockIdx.x] = most;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
magnitudes_f32(const float* entries, long long size, double* largest) {
    magnitudes(entries, size, largest);
}

extern "C" __global__ void __launch_bounds__(THREADS)
magnitudes_f64(const double* entries, long long size, double* largest) {
    magnitudes(entries, size, largest);
}

// Copies the entries divided by 2^e. exponents[item] = e is the binary exponent of the largest
// magnitude, and 0 for an item of zeros. If an entry is not finite, the copy is zero and
// outcomes[item] is OUT_OF_RANGE. Otherwise outcomes[item] is FINE. `largest` is the result of
// `magnitudes`.
template <class Real>
__device__ void prepare(const Real* entries, long long size, const double* largest,
                        double* prepared, int* exponents, int* outcomes) {
    __shared__ double scratch[WARPS];
    size_t item = blockIdx.y;
    const Real* x = entries + item * size;
    double* target = prepared + item * size;
    // 1. The exponent.
    double most = largest_magnitude(largest + item * gridDim.x, gridDim.x, scratch);
    bool fine = most <= LARGEST;
    int exponent = fine && most > 0.0 ? ilogb(most) : 0;
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        outcomes[item] = fine ? FINE : OUT_OF_RANGE;
        exponents[item] = exponent;
    }
    // 2. The copy.
    Part part = part_of(size, blockIdx.x, gridDim.x);
    for (size_t k = part.first + threadIdx.x; k < part.last; k += THREADS) {
        target[k] = fine ? scalbn((double)x[k], -exponent) : 0.0;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
prepare_f32(const float* entries, long long size, const double* largest, double* prepared,
            int* exponents, int* outcomes) {
    prepare(entries, size, largest, prepared, exponents, outcomes);
}

extern "C" __global__ void __launch_bounds__(THREADS)
prepare_f64(const double* entries, long long size, const double* largest, double* prepared,
            int* exponents, int* outcomes) {
    prepare(entries, size, largest, prepared, exponents, outcomes);
}

// Rounds results: results[k] = x[k] 2^e in the scalar, where e = exponents[item]. Without
// `exponents` e is 0. If a result is not finite, flags[item] becomes 1. Grid (blocks of 256 entries,
// items).
template <class Real>
__device__ void round_results(const double* entries, int size, Real* results, int* flags,
                              const int* exponents) {
    size_t item = blockIdx.y;
    int k = blockIdx.x * THREADS + threadIdx.x;
    if (k >= size) {
        return;
    }
    double entry = entries[item * size + k];
    Real result = (Real)(exponents == nullptr ? entry : scalbn(entry, exponents[item]));
    results[item * size + k] = result;
    if (!(fabs((double)result) <= LARGEST)) {
        atomicOr(&flags[item], 1);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
round_f32(const double* entries, int size, float* results, int* flags, const int* exponents) {
    round_results(entries, size, results, flags, exponents);
}

extern "C" __global__ void __launch_bounds__(THREADS)
round_f64(const double* entries, int size, double* results, int* flags, const int* exponents) {
    round_results(entries, size, results, flags, exponents);
}

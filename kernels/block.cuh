// What the threads of a block do together. Every sum has a fixed order: results
// do not depend on the schedule. Blocks have THREADS threads.

#ifndef TENFOLD_BLOCK_CUH
#define TENFOLD_BLOCK_CUH

#define THREADS 256
#define WARPS (THREADS / 32)

// The shared memory that a launch asks for.
extern __shared__ double shared[];

// What became of an item; the host knows the same numbers.
enum Outcome {
    FINE = 0,
    CONSTANT = 1,
    DEGENERATE = 2,
    OUT_OF_RANGE = 3,
    CANCELLED = 4,
    NO_CONVERGENCE = 5,
};

// The traces of Gram matrices whose entries can be squared within the range of a
// double.
#define LEAST_TRACE 1e-120
#define LARGEST_TRACE 1e120

// The largest finite double.
#define LARGEST 1.7976931348623157e308

// The share of the trace of a Gram matrix that centring must leave: as many digits
// are cancelled as this has zeros.
#define CENTRED_SHARE 1e-3

// Σ of `value` over the block, in every thread. `scratch` holds WARPS entries.
__device__ inline double block_sum(double value, double* scratch) {
    for (int step = 16; step > 0; step /= 2) {
        value += __shfl_down_sync(0xffffffffu, value, step);
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    double sum = 0.0;
    for (int warp = 0; warp < WARPS; warp++) {
        sum += scratch[warp];
    }
    return sum;
}

// The largest `value` of the block, in every thread.
__device__ inline double block_max(double value, double* scratch) {
    for (int step = 16; step > 0; step /= 2) {
        value = fmax(value, __shfl_down_sync(0xffffffffu, value, step));
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    double largest = scratch[0];
    for (int warp = 1; warp < WARPS; warp++) {
        largest = fmax(largest, scratch[warp]);
    }
    return largest;
}

// The largest magnitude of n entries, in every thread.
__device__ inline double largest_magnitude(const double* entries, int n, double* scratch) {
    double largest = 0.0;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        largest = fmax(largest, fabs(entries[i]));
    }
    return block_max(largest, scratch);
}

// Whether the first of n entries whose magnitude is at least `least` is negative, in
// every thread.
__device__ inline bool first_is_negative(const double* entries, int n, double least,
                                         double* scratch) {
    int first = n;
    for (int i = threadIdx.x; i < n && first == n; i += THREADS) {
        if (fabs(entries[i]) >= least) {
            first = i;
        }
    }
    int place = (int)-block_max(-(double)first, scratch);
    return place < n && entries[place] < 0.0;
}

// The sum of the diagonal of a matrix of order n, in every thread.
__device__ inline double trace(const double* g, int n, double* scratch) {
    double sum = 0.0;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        sum += g[(size_t)i * (n + 1)];
    }
    return block_sum(sum, scratch);
}

// Subtracts from G = F^T F what each channel's mean adds to it: with the means of
// rows and of all entries, G_ij - g_i - g_j + g.
__device__ inline void centre_both(double* g, int n, double* means, double* scratch) {
    double sum = 0.0;
    for (int j = threadIdx.x; j < n; j += THREADS) {
        double column = 0.0;
        for (int i = 0; i < n; i++) {
            column += g[i + j * n];
        }
        means[j] = column / n;
        sum += column / n;
    }
    double mean = block_sum(sum, scratch) / n;
    for (int k = threadIdx.x; k < n * n; k += THREADS) {
        g[k] -= means[k % n] + means[k / n] - mean;
    }
    __syncthreads();
}

// Whether this block's item is left alone: `active`, if given, says so.
__device__ inline bool idle(const int* active) {
    return active != nullptr && active[blockIdx.y] == 0;
}

#endif

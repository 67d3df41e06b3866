// Functions that all threads of a block call together, and constants. A block has THREADS threads.
// Every sum has a fixed order, so that results do not depend on the order in which threads run.

#ifndef TENFOLD_BLOCK_CUH
#define TENFOLD_BLOCK_CUH

#define THREADS 256
#define WARPS (THREADS / 32)

// The dynamic shared memory. The launch sets its size.
extern __shared__ double shared[];

// The number that a kernel writes for an item: the status of the item's map, or the reason why the
// item has no map. The host uses the same numbers (src/cuda/launch/constants.rs).
enum Outcome {
    FINE = 0,
    CONSTANT = 1,
    DEGENERATE = 2,
    OUT_OF_RANGE = 3,
    CANCELLED = 4,
    NO_CONVERGENCE = 5,
};

// Between these traces, the squares of a Gram matrix's entries stay in the range of a double.
#define LEAST_TRACE 1e-120
#define LARGEST_TRACE 1e120

// The largest finite double.
#define LARGEST 1.7976931348623157e308

// The minimum share of the trace that centring may leave of a Gram matrix. With less, the rounding
// error of the uncentred matrix would be too large for the centred one.
#define CENTRED_SHARE 0.03

// Returns the sum of `value` over the block to every thread. `scratch` holds WARPS entries.
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

// Returns the largest `value` of the block to every thread. `scratch` holds WARPS entries.
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

// Returns the largest magnitude of n entries to every thread.
__device__ inline double largest_magnitude(const double* entries, int n, double* scratch) {
    double largest = 0.0;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        largest = fmax(largest, fabs(entries[i]));
    }
    return block_max(largest, scratch);
}

// Searches n entries for the first of magnitude at least `least`, and returns to every thread
// whether it is negative.
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

// Returns the trace of a matrix of order n to every thread.
__device__ inline double trace(const double* g, int n, double* scratch) {
    double sum = 0.0;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        sum += g[(size_t)i * (n + 1)];
    }
    return block_sum(sum, scratch);
}

// Centres G = F^T F, the Gram matrix of positions, as if each channel's mean had been subtracted
// from F: G_ij becomes G_ij - g_i - g_j + g, with the mean g_i of row i and the mean g of all
// entries. `means` holds n entries.
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

// Whether the block skips its item: `active` is not null, and is 0 for the item.
__device__ inline bool idle(const int* active) {
    return active != nullptr && active[blockIdx.y] == 0;
}

#endif

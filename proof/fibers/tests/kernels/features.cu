// One use of each thing that the engine knows of CUDA's language.

struct Pair {
    float2 a;
    double2 b;
    __device__ double sum() const { return a.x + a.y + b.x + b.y; }
};

__constant__ int primes[4] = {2, 3, 5, 7};

template <class T>
__device__ __forceinline__ T twice(T value) {
    __shared__ T slot;
    if (threadIdx.x == 0) {
        slot = value + value;
    }
    __syncthreads();
    return slot;
}

// Each thread of 64 writes one integer an operation: out[operation * 64 + thread].
extern "C" __global__ void __launch_bounds__(64, 4) feature_warp(int* out) {
    int t = threadIdx.x;
    int place = t;
    auto put = [&](int value) {
        out[place] = value;
        place += 64;
    };
    put(__shfl_sync(0xffffffffu, t, 5));
    put(__shfl_sync(0xffffffffu, t, 9, 8));
    put(__shfl_up_sync(0xffffffffu, t, 3));
    put(__shfl_up_sync(0xffffffffu, t, 3, 16));
    put(__shfl_down_sync(0xffffffffu, t, 3));
    put(__shfl_down_sync(0xffffffffu, t, 3, 16));
    put(__shfl_xor_sync(0xffffffffu, t, 6));
    put((int)__ballot_sync(0xffffffffu, t % 3 == 0));
    put(__any_sync(0xffffffffu, t == 40));
    put(__all_sync(0xffffffffu, t < 32));
    put(__syncthreads_count(t % 4 == 0));
    put(__syncthreads_or(t == 63));
    put(__syncthreads_and(t < 63));
    // Two halves of a warp shuffle apart from each other.
    put(t % 32 < 16 ? __shfl_sync(0x0000ffffu, t, 2) : __shfl_sync(0xffff0000u, t, 30));
    __syncwarp();
    put(twice(t + 4));
    put((int)twice(1.5f));
}

// All threads of a grid change the integers; a 64-bit and a floating sum, too.
extern "C" __global__ void feature_atomics(int* integers, unsigned long long* wide, double* real) {
    int t = blockIdx.x * blockDim.x + threadIdx.x;
    atomicAdd(&integers[0], t);
    atomicSub(&integers[1], 1);
    atomicMax(&integers[2], t);
    atomicMin(&integers[3], -t);
    atomicOr(&integers[4], 1 << t % 8);
    atomicAnd(&integers[5], ~(1 << t % 8));
    int old = integers[6], seen;
    do {
        seen = old;
        old = atomicCAS(&integers[6], seen, seen + 2);
    } while (old != seen);
    atomicExch(&integers[7], 5);
    atomicInc((unsigned*)&integers[8], 9);
    atomicAdd(wide, 1ull << 32);
    atomicAdd(real, 0.5);
}

// Where each thread of a three-dimensional grid of three-dimensional blocks is.
extern "C" __global__ void feature_indices(unsigned* out, unsigned long long total) {
    unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    unsigned place = block * (blockDim.x * blockDim.y * blockDim.z) + thread;
    if (place < total) {
        out[place] = place;
    }
}

// Functions and types, one result an entry.
extern "C" __global__ void feature_functions(double x, float y, unsigned u, double* out) {
    Pair pair = {make_float2(1.0f, 2.0f), make_double2(3.0, 4.0)};
    float4 four = make_float4(y, y, y, y);
    out[0] = fma(x, x, 1.0);
    out[1] = sqrt(x) + sqrtf(y);
    out[2] = fabs(-x) + fabsf(-y);
    out[3] = rsqrt(x) + rsqrtf(y);
    out[4] = fmin(x, 1.0) + fmax(x, 100.0) + min(1, 2u) + max(3, 4);
    out[5] = hypot(3.0, 4.0) + copysign(2.0, -x);
    out[6] = isfinite(x) + 2 * isnan(x) + 4 * isnan(0.0 * (x / 0.0)) + 8 * isfinite(y / 0.0f);
    out[7] = pair.sum() + four.x + four.w;
    out[8] = __popc(u) + 100 * __clz(1) + 10000 * __ffs(8);
    out[9] = __longlong_as_double(__double_as_longlong(x)) + __int_as_float(__float_as_int(y));
    out[10] = primes[3] + ilogb(x) + scalbn(1.0, 3);
}

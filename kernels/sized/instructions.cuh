// Instructions that CUDA C++ has no functions for. Compute capability 8.0 and newer.

#ifndef TENFOLD_INSTRUCTIONS_CUH
#define TENFOLD_INSTRUCTIONS_CUH

#define ALL_LANES 0xffffffffu

// The dynamic shared memory, aligned for accesses of 16 bytes. The launch sets its size.
extern __shared__ double2 aligned_shared[];

// c += A B on tensor cores, for A of 16 x 4, B of 4 x 8, and c of 16 x 8 entries. Lane l of the warp
// holds
//   A: entries (l / 4, l % 4) and (8 + l / 4, l % 4);   B: entry (l % 4, l / 4);
//   c: entries (l / 4, 2 (l % 4) + e) in c[e] and (8 + l / 4, 2 (l % 4) + e) in c[2 + e], e = 0, 1.
// A block of eight vectors has the same layout in A, transposed, and in B.
__device__ inline void multiply_add(double* c, double above, double below, double b) {
#if __CUDA_ARCH__ >= 900
    asm("mma.sync.aligned.m16n8k4.row.col.f64.f64.f64.f64 {%0,%1,%2,%3},{%4,%5},{%6},{%0,%1,%2,%3};"
        : "+d"(c[0]), "+d"(c[1]), "+d"(c[2]), "+d"(c[3]) : "d"(above), "d"(below), "d"(b));
#else
    asm("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1},{%2},{%3},{%0,%1};"
        : "+d"(c[0]), "+d"(c[1]) : "d"(above), "d"(b));
    asm("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1},{%2},{%3},{%0,%1};"
        : "+d"(c[2]), "+d"(c[3]) : "d"(below), "d"(b));
#endif
}

// Starts a copy of BYTES bytes, 4, 8 or 16, from global to shared memory. Only the first `size`
// bytes are read; the others become 0. Both addresses are multiples of BYTES.
template <int BYTES>
__device__ inline void start_copy(void* to, const void* from, int size) {
    unsigned place = (unsigned)__cvta_generic_to_shared(to);
    if (BYTES == 16) {
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                     :: "r"(place), "l"(from), "r"(size) : "memory");
    } else {
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;"
                     :: "r"(place), "l"(from), "n"(BYTES), "r"(size) : "memory");
    }
}

// Ends a group of copies.
__device__ inline void end_group() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits until at most `GROUPS` groups of this thread's copies are unfinished.
template <int GROUPS>
__device__ inline void wait_for_copies() {
    asm volatile("cp.async.wait_group %0;" :: "n"(GROUPS) : "memory");
}

// `yes` or `no`, as one instruction. The compiler may turn a chain of conditions over an array in
// registers into an index, which moves the array to local memory.
__device__ inline double select(bool condition, double yes, double no) {
    double chosen;
    asm("{\n.reg .pred condition;\nsetp.ne.s32 condition, %3, 0;\nselp.f64 %0, %1, %2, condition;\n}"
        : "=d"(chosen) : "d"(yes), "d"(no), "r"((int)condition));
    return chosen;
}

// Approximations of 1 / sqrt(x) and 1 / x to about 22 bits.
__device__ inline float quick_rsqrt(float x) {
    float y;
    asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ inline float quick_reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// `approximation`, an approximation of 1 / x, to double precision: 1 / x = y / (1 - e) for
// e = 1 - x y, and 1 / (1 - e) = 1 + e + e^2 + e^3 ....
__device__ inline double refined_reciprocal(double x, float approximation) {
    double y = (double)approximation;
    double e = fma(-x, y, 1.0);
    return fma(y, fma(e, fma(e, e, e), e), y);
}

// 1 / sqrt(x) to double precision, for x up to 1e38; 0 for x below 1e-37. With e = 1 - x y^2 of an
// approximation y, 1 / sqrt(x) = y / sqrt(1 - e), and 1 / sqrt(1 - e) = 1 + e / 2 + 3 e^2 / 8 + ....
__device__ inline double inverse_root(double x) {
    double y = (double)quick_rsqrt((float)x);
    double e = fma(-x * y, y, 1.0);
    return x > 1e-37 ? fma(y * e, fma(0.375, e, 0.5), y) : 0.0;
}

// The sum of `value` over the lanes of the warp, in a fixed order.
__device__ inline double sum_of_lanes(double value) {
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
        value += __shfl_xor_sync(ALL_LANES, value, step);
    }
    return value;
}

// The largest `value` of the warp.
template <class Real>
__device__ inline Real largest_of_lanes(Real value) {
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
        Real other = __shfl_xor_sync(ALL_LANES, value, step);
        value = other > value ? other : value;
    }
    return value;
}

#endif

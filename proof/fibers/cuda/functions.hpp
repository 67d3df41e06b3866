// CUDA's arithmetic functions beyond those of <math.h>.

#pragma once

#include "cuda.hpp"

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float rsqrt(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }

inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __dsqrt_rn(double a) { return sqrt(a); }

template <class A, class B>
constexpr std::common_type_t<A, B> min(A a, B b) {
    using Both = std::common_type_t<A, B>;
    return static_cast<Both>(b) < static_cast<Both>(a) ? b : a;
}

template <class A, class B>
constexpr std::common_type_t<A, B> max(A a, B b) {
    using Both = std::common_type_t<A, B>;
    return static_cast<Both>(a) < static_cast<Both>(b) ? b : a;
}

template <class T>
T __ldg(const T* place) {
    return *place;
}

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __clz(int bits) { return bits == 0 ? 32 : __builtin_clz(bits); }

namespace cuda {

template <class To, class From>
To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "types of different size");
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

}

inline int __float_as_int(float x) { return cuda::same_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return cuda::same_bits<unsigned>(x); }
inline float __int_as_float(int x) { return cuda::same_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return cuda::same_bits<float>(x); }
inline long long __double_as_longlong(double x) { return cuda::same_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return cuda::same_bits<double>(x); }

// CUDA's language as C++: what a kernel's source may use. A translated source (see
// src/translate.rs) compiles with this header before it.

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <math.h>
#include <type_traits>

#include "types.hpp"

// The thread that runs, kept by the engine whenever it goes from one to the next.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace cuda {

// A place in a kernel's source that threads wait at.
struct Site {
    const char* file;
    int line;
};

// Waits until all threads of the block are at this site; tells how many gave `vote`.
unsigned barrier(Site site, bool vote);

// Lets other threads run in between, where the schedule wants that.
void pause();

// Memory that the threads of a block share, the same for the life of the program.
void* allocate_slot(std::size_t bytes, const char* type);

template <class T>
T& shared_slot() {
    return *static_cast<T*>(allocate_slot(sizeof(T), __PRETTY_FUNCTION__));
}

}

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

#define FIBER_SITE (cuda::Site{__FILE__, __LINE__})
#define __syncthreads() ((void)cuda::barrier(FIBER_SITE, false))
#define __syncthreads_count(vote) ((int)cuda::barrier(FIBER_SITE, (vote) != 0))
#define __syncthreads_or(vote) (cuda::barrier(FIBER_SITE, (vote) != 0) > 0)
#define __syncthreads_and(vote) (cuda::barrier(FIBER_SITE, !(vote)) == 0)

#include "atomics.hpp"
#include "entry.hpp"
#include "functions.hpp"
#include "warp.hpp"

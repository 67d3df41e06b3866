// CUDA's atomic functions: each is one relaxed step, as on the device, and orders
// nothing else. The schedule may let other threads run before it.

#pragma once

#include "cuda.hpp"

namespace cuda {

// Puts change(old) in place of old; returns old.
template <class T, class Change>
T replace(T* place, Change change) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "atomics have 4 or 8 bytes");
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    pause();
    Bits* bits = reinterpret_cast<Bits*>(place);
    Bits before = __atomic_load_n(bits, __ATOMIC_RELAXED), after;
    T old, fresh;
    do {
        std::memcpy(&old, &before, sizeof old);
        fresh = change(old);
        std::memcpy(&after, &fresh, sizeof after);
    } while (!__atomic_compare_exchange_n(bits, &before, after, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return old;
}

// Keeps a second parameter out of the deduction of T.
template <class T>
using As = std::common_type_t<T>;

}

template <class T>
T atomicAdd(T* place, cuda::As<T> value) {
    return cuda::replace(place, [=](T old) { return static_cast<T>(old + value); });
}

template <class T>
T atomicSub(T* place, cuda::As<T> value) {
    return cuda::replace(place, [=](T old) { return static_cast<T>(old - value); });
}

template <class T>
T atomicMax(T* place, cuda::As<T> value) {
    return cuda::replace(place, [=](T old) { return old < value ? value : old; });
}

template <class T>
T atomicMin(T* place, cuda::As<T> value) {
    return cuda::replace(place, [=](T old) { return value < old ? value : old; });
}

template <class T>
T atomicAnd(T* place, cuda::As<T> value) {
    return cuda::replace(place, [=](T old) { return static_cast<T>(old & value); });
}

template <class T>
T atomicOr(T* place, cuda::As<T> value) {
    return cuda::replace(place, [=](T old) { return static_cast<T>(old | value); });
}

template <class T>
T atomicExch(T* place, cuda::As<T> value) {
    return cuda::replace(place, [=](T) { return value; });
}

template <class T>
T atomicCAS(T* place, cuda::As<T> expected, cuda::As<T> value) {
    return cuda::replace(place, [=](T old) { return old == expected ? value : old; });
}

// The next ticket of `last + 1`, then 0 again.
inline unsigned atomicInc(unsigned* place, unsigned last) {
    return cuda::replace(place, [=](unsigned old) { return old >= last ? 0 : old + 1; });
}

// Fibers take turns on one processor and see what others wrote.
inline void __threadfence() { __asm__ volatile("" ::: "memory"); }
inline void __threadfence_block() { __asm__ volatile("" ::: "memory"); }

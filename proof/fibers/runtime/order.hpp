// What orders memory: threads release before a barrier and acquire after it. Only the
// thread sanitizer asks.

#pragma once

#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace fiber {

inline void release([[maybe_unused]] void* tag) {
#ifdef FIBER_TSAN
    __tsan_release(tag);
#endif
}

inline void acquire([[maybe_unused]] void* tag) {
#ifdef FIBER_TSAN
    __tsan_acquire(tag);
#endif
}

}

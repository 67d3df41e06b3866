// The switch from one stack to another: a few instructions on x86-64, ucontext elsewhere.

#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) && !defined(FIBER_UCONTEXT)

namespace fiber {

struct Context {
    void* stack_pointer = nullptr;
};

// Keeps what a function must preserve on the stack, and the stack's place in `from`.
extern "C" void fiber_switch_stack(void** from, void* to);

inline void switch_context(Context& from, Context& to) {
    fiber_switch_stack(&from.stack_pointer, to.stack_pointer);
}

// Makes a context that calls `start`, which must not return, at its first switch.
inline void make_context(Context& context, void* stack, std::size_t bytes, void (*start)()) {
    // Six registers, the address of `start`, and as its caller's address, zero.
    constexpr std::size_t WORDS = 8;
    auto* top = reinterpret_cast<std::uintptr_t*>(static_cast<char*>(stack) + bytes) - WORDS;
    for (std::size_t word = 0; word < WORDS; word++) {
        top[word] = 0;
    }
    top[6] = reinterpret_cast<std::uintptr_t>(start);
    context.stack_pointer = top;
}

}

#else

#include <ucontext.h>

namespace fiber {

struct Context {
    ucontext_t registers;
};

inline void switch_context(Context& from, Context& to) {
    swapcontext(&from.registers, &to.registers);
}

inline void make_context(Context& context, void* stack, std::size_t bytes, void (*start)()) {
    getcontext(&context.registers);
    context.registers.uc_stack.ss_sp = stack;
    context.registers.uc_stack.ss_size = bytes;
    context.registers.uc_link = nullptr;
    makecontext(&context.registers, start, 0);
}

}

#endif

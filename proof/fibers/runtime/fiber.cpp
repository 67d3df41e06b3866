// Fibers, and what sanitizers must know of them. The runtime itself is never compiled
// with a sanitizer; FIBER_ASAN or FIBER_TSAN says which the kernels are compiled with.

#include "fiber.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

#include "context.hpp"
#include "entry.hpp"

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if defined(__x86_64__) && !defined(FIBER_UCONTEXT)
__asm__(R"(
    .text
    .globl fiber_switch_stack
    .type fiber_switch_stack, @function
fiber_switch_stack:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size fiber_switch_stack, .-fiber_switch_stack
)");
#endif

namespace fiber {

namespace {

constexpr std::size_t STACK_BYTES = 64 * 1024;
// Below each stack lies a page that nobody may touch.
constexpr std::size_t GUARD_BYTES = 4096;
constexpr std::size_t STRIDE = STACK_BYTES + GUARD_BYTES;

struct Fiber {
    Context context;
    void* address_sanitizer;
    void* thread_sanitizer;
};

struct Scheduler {
    Context context;
    void* address_sanitizer;
    const void* stack;
    std::size_t stack_bytes;
    void* thread_sanitizer;
};

Fiber fibers[cuda::MOST_THREADS];
Scheduler scheduler;
unsigned running;
void (*body_of_all)(unsigned);
char* stacks;

#ifdef FIBER_TSAN
// The thread sanitizer may give a new fiber the number of one that is gone, and takes
// what both did for the work of one. So the fibers of earlier blocks are kept, as many as
// leave room for others.
constexpr unsigned MOST_DROPPED = 4096;
void* dropped[MOST_DROPPED];
unsigned dropped_count;
#endif

char* stack_of(unsigned number) { return stacks + number * STRIDE + GUARD_BYTES; }

void* map(void* place, std::size_t bytes, int protection, int flags) {
    void* mapped = mmap(place, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (mapped == MAP_FAILED) {
        std::perror("no memory for stacks");
        std::abort();
    }
    return mapped;
}

// Takes address space for all stacks; memory comes when they are used.
void reserve_stacks() {
    stacks = static_cast<char*>(
        map(nullptr, STRIDE * cuda::MOST_THREADS, PROT_NONE, MAP_NORESERVE));
    for (unsigned number = 0; number < cuda::MOST_THREADS; number++) {
        map(stack_of(number), STACK_BYTES, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_NORESERVE);
    }
}

// Makes a stack forget which frames lay on it before.
void clear_stack([[maybe_unused]] unsigned number) {
#ifdef FIBER_ASAN
    __asan_unpoison_memory_region(stack_of(number), STACK_BYTES);
#endif
#ifdef FIBER_TSAN
    map(stack_of(number), STACK_BYTES, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_NORESERVE);
#endif
}

void leave([[maybe_unused]] bool for_good) {
    Fiber& fiber = fibers[running];
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fiber.address_sanitizer,
                                   scheduler.stack, scheduler.stack_bytes);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(scheduler.thread_sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
    switch_context(fiber.context, scheduler.context);
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fiber.address_sanitizer, &scheduler.stack,
                                    &scheduler.stack_bytes);
#endif
}

void start() {
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &scheduler.stack, &scheduler.stack_bytes);
#endif
    body_of_all(running);
    leave(true);
    std::abort();
}

}

void make_fibers(unsigned count, void (*body)(unsigned number)) {
    if (stacks == nullptr) {
        reserve_stacks();
    }
    body_of_all = body;
#ifdef FIBER_TSAN
    scheduler.thread_sanitizer = __tsan_get_current_fiber();
#endif
    for (unsigned number = 0; number < count; number++) {
        clear_stack(number);
        make_context(fibers[number].context, stack_of(number), STACK_BYTES, start);
#ifdef FIBER_TSAN
        fibers[number].thread_sanitizer = __tsan_create_fiber(0);
#endif
    }
}

void drop_fibers([[maybe_unused]] unsigned count) {
#ifdef FIBER_TSAN
    if (dropped_count + count > MOST_DROPPED) {
        forget_fibers();
    }
    for (unsigned number = 0; number < count; number++) {
        dropped[dropped_count++] = fibers[number].thread_sanitizer;
    }
#endif
}

void forget_fibers() {
#ifdef FIBER_TSAN
    while (dropped_count > 0) {
        __tsan_destroy_fiber(dropped[--dropped_count]);
    }
#endif
}

void name_fiber([[maybe_unused]] unsigned number, [[maybe_unused]] const char* name) {
#ifdef FIBER_TSAN
    __tsan_set_fiber_name(fibers[number].thread_sanitizer, name);
#endif
}

void resume(unsigned number) {
    running = number;
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&scheduler.address_sanitizer, stack_of(number), STACK_BYTES);
#endif
#ifdef FIBER_TSAN
    // A switch orders nothing: only barriers do.
    __tsan_switch_to_fiber(fibers[number].thread_sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
    switch_context(scheduler.context, fibers[number].context);
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(scheduler.address_sanitizer, nullptr, nullptr);
#endif
}

void give_back() { leave(false); }

}

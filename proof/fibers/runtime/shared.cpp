// Shared memory with guards: an address sanitizer sees each access to one, and without it
// a changed one is found at the end of the block.

#include "shared.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

#include "cuda.hpp"

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace {

constexpr std::size_t PAGE = 4096;
constexpr std::size_t SLOT_BYTES = 1024 * PAGE;
constexpr std::size_t DYNAMIC_BYTES = (fiber::MOST_SHARED / PAGE + 5) * PAGE;
// More than any type's alignment; the guard between slots is as large or larger.
constexpr std::size_t ALIGNMENT = 256;
constexpr std::size_t DYNAMIC_GUARD = PAGE;
constexpr std::size_t MOST_SLOTS = 4096;
constexpr unsigned char GARBAGE = 0xff;

struct Slot {
    std::size_t start, bytes;
    const char* type;
};

alignas(PAGE) unsigned char slot_memory[SLOT_BYTES];
Slot slots[MOST_SLOTS];
std::size_t slot_count;
// A guard comes first.
std::size_t slots_end = ALIGNMENT;
std::size_t dynamic_bytes;
char message[512];

}

// The kernels' `extern __shared__` arrays, behind a guard.
extern "C" {
alignas(PAGE) unsigned char fiber_dynamic_memory[PAGE + DYNAMIC_BYTES];
}
__asm__(".globl cuda_dynamic_shared\n.set cuda_dynamic_shared, fiber_dynamic_memory + 4096");

namespace {

unsigned char* const dynamic_memory = fiber_dynamic_memory + PAGE;

void poison([[maybe_unused]] void* start, [[maybe_unused]] std::size_t bytes) {
#ifdef FIBER_ASAN
    __asan_poison_memory_region(start, bytes);
#endif
}

void unpoison([[maybe_unused]] void* start, [[maybe_unused]] std::size_t bytes) {
#ifdef FIBER_ASAN
    __asan_unpoison_memory_region(start, bytes);
#endif
}

// Makes the thread sanitizer forget the accesses of other blocks, which own other memory.
void renew([[maybe_unused]] void* start, [[maybe_unused]] std::size_t bytes) {
#ifdef FIBER_TSAN
    void* mapped = mmap(start, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (mapped != start) {
        std::perror("no memory for shared memory");
        std::abort();
    }
#endif
}

bool is_garbage(const unsigned char* start, const unsigned char* end) {
    for (; start < end; start++) {
        if (*start != GARBAGE) {
            return false;
        }
    }
    return true;
}

std::size_t end_of_guard(std::size_t slot) {
    return slot + 1 < slot_count ? slots[slot + 1].start : slots_end;
}

}

void* cuda::allocate_slot(std::size_t bytes, const char* type) {
    std::size_t start = slots_end;
    std::size_t end = (start + bytes + 2 * ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (end > SLOT_BYTES || slot_count == MOST_SLOTS) {
        std::fprintf(stderr, "no more room for static shared memory\n");
        std::abort();
    }
    slots[slot_count++] = {start, bytes, type};
    slots_end = end;
    unpoison(slot_memory + start, end - start);
    for (std::size_t place = start; place < end; place++) {
        slot_memory[place] = GARBAGE;
    }
    poison(slot_memory + start + bytes, end - start - bytes);
    return slot_memory + start;
}

void fiber::begin_block(std::size_t bytes) {
    dynamic_bytes = bytes;
    std::size_t used_pages = (slots_end + PAGE - 1) / PAGE * PAGE;
    renew(slot_memory, used_pages);
    renew(fiber_dynamic_memory, sizeof fiber_dynamic_memory);
    unpoison(slot_memory, slots_end);
    std::memset(slot_memory, GARBAGE, slots_end);
    poison(slot_memory, ALIGNMENT);
    for (std::size_t slot = 0; slot < slot_count; slot++) {
        std::size_t end = slots[slot].start + slots[slot].bytes;
        poison(slot_memory + end, end_of_guard(slot) - end);
    }
    unpoison(fiber_dynamic_memory, sizeof fiber_dynamic_memory);
    std::memset(fiber_dynamic_memory, GARBAGE, PAGE + bytes + DYNAMIC_GUARD);
    poison(fiber_dynamic_memory, PAGE);
    poison(dynamic_memory + bytes, DYNAMIC_BYTES - bytes);
}

const char* fiber::overrun() {
    for (std::size_t slot = 0; slot < slot_count; slot++) {
        std::size_t end = slots[slot].start + slots[slot].bytes;
        if (!is_garbage(slot_memory + end, slot_memory + end_of_guard(slot))) {
            std::snprintf(message, sizeof message, "written past the end of %zu bytes of static "
                          "shared memory: %s", slots[slot].bytes, slots[slot].type);
            return message;
        }
    }
    const unsigned char* end = dynamic_memory + dynamic_bytes;
    if (!is_garbage(fiber_dynamic_memory, dynamic_memory)
        || !is_garbage(end, end + DYNAMIC_GUARD)) {
        std::snprintf(message, sizeof message,
                      "written outside of %zu bytes of dynamic shared memory", dynamic_bytes);
        return message;
    }
    return nullptr;
}

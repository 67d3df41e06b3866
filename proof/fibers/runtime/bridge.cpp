// The functions that the engine's Rust side calls.

#include <cstdio>

#include "launch.hpp"

using fiber::Schedule;

// Zero, or one with what went wrong in `message`.
extern "C" int fiber_launch(Schedule schedule, std::uint64_t seed, const char* name,
                            const unsigned* grid, const unsigned* block,
                            std::size_t shared_bytes, const cuda::Argument* arguments,
                            std::size_t count, char* message, std::size_t capacity) {
    const char* error = fiber::launch(schedule, seed, name, {grid[0], grid[1], grid[2]},
                                      {block[0], block[1], block[2]}, shared_bytes, arguments,
                                      count);
    std::snprintf(message, capacity, "%s", error == nullptr ? "" : error);
    return error != nullptr;
}

// The name of a kernel, or null.
extern "C" const char* fiber_kernel_name(std::size_t number) {
    const cuda::Entry* entry = fiber::entry_at(number);
    return entry == nullptr ? nullptr : entry->name;
}

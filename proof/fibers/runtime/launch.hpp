// Launches of kernels by name.

#pragma once

#include <cstddef>
#include <cstdint>

#include "block.hpp"

namespace fiber {

// Runs a grid, block after block; returns null, or what went wrong, which stays valid
// until the next launch. One launch at a time.
const char* launch(Schedule schedule, std::uint64_t seed, const char* name, dim3 grid, dim3 block,
                   std::size_t shared_bytes, const cuda::Argument* arguments, std::size_t count);

// The kernel with a number, or null.
const cuda::Entry* entry_at(std::size_t number);

}

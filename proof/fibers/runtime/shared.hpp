// Shared memory: one slot for each static variable of the kernels, and the dynamic part.

#pragma once

#include <cstddef>

namespace fiber {

// The most dynamic shared memory of a block, that of an H100.
constexpr std::size_t MOST_SHARED = 227 * 1024;

// Fills all shared memory with garbage, NaN as floating point; the dynamic part has `bytes`.
void begin_block(std::size_t bytes);

// What a block wrote to beyond its shared memory, or null.
const char* overrun();

}

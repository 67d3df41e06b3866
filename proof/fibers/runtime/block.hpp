// One block of a grid: its threads as fibers.

#pragma once

#include <cstddef>
#include <cstdint>

#include "entry.hpp"
#include "types.hpp"

namespace fiber {

// Which of the threads that can run does: the first, the last, or any. The bridge knows
// the same numbers.
enum class Schedule : std::uint32_t { Forward = 0, Backward = 1, Shuffled = 2 };

// Pseudo-random numbers (xorshift64*).
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}

    unsigned below(unsigned limit) {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return static_cast<unsigned>((state_ * 0x2545f4914f6cdd1dull) >> 33) % limit;
    }

private:
    std::uint64_t state_;
};

// What all blocks of a launch share.
struct Work {
    const cuda::Entry* entry;
    const cuda::Argument* arguments;
    dim3 grid, block;
    Schedule schedule;
    Random* random;
    // Released by all threads at their end.
    void* end;
};

// Runs a block; returns null, or what went wrong.
const char* run_block(const Work& work, uint3 index);

// From now on threads pass this barrier without waiting; no file: all wait again.
void skip_barrier(const char* file, int line);

// How often threads passed it so.
std::uint64_t skipped_count();

}

// Functions and constants of the kernels of Tucker decompositions.

#ifndef TENFOLD_PARTS_CUH
#define TENFOLD_PARTS_CUH

#include "block.cuh"

// Twice the unit roundoff of a double.
#define EPSILON 2.220446049250313e-16

// What stands for an entry that is not finite.
#define INFINITE __longlong_as_double(0x7ff0000000000000ll)

// A part of `size` entries: the first, and the one after the last.
struct Part {
    size_t first, last;
};

// Part `part` of `parts` parts of equal length; the last ones may be shorter.
__device__ inline Part part_of(size_t size, size_t part, size_t parts) {
    size_t length = (size + parts - 1) / parts;
    size_t first = part * length, last = first + length;
    return {first < size ? first : size, last < size ? last : size};
}

// The item of a batch that the block reads: `selected` names it, and is null if the block reads the
// item of its own number.
__device__ inline size_t source_of(const int* selected) {
    return selected != nullptr ? selected[blockIdx.y] : blockIdx.y;
}

#endif

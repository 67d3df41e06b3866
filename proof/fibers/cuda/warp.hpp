// CUDA's functions of a warp: shuffles, votes and its barrier. Each waits for the
// lanes of its mask. Only __syncwarp orders memory.

#pragma once

#include "cuda.hpp"

namespace cuda {

// What a lane gets from the others of a mask.
struct Exchanged {
    std::uint64_t value;  // of the source lane; garbage where that is not in the mask
    unsigned votes;       // the lanes whose value is not zero
};

Exchanged exchange(Site site, unsigned mask, std::uint64_t value, int source);
void sync_warp(Site site, unsigned mask);
int lane();

template <class T>
T shuffle(Site site, unsigned mask, T value, int source) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles have 4 or 8 bytes");
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = exchange(site, mask, bits, source).value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// The source lanes within segments of `width` lanes; a lane's own where the segment ends.
inline int indexed(int source, int width = warpSize) {
    return lane() / width * width + (source & (width - 1));
}

inline int below(unsigned delta, int width = warpSize) {
    return lane() % width < static_cast<int>(delta) ? lane() : lane() - static_cast<int>(delta);
}

inline int above(unsigned delta, int width = warpSize) {
    return lane() % width + static_cast<int>(delta) < width ? lane() + static_cast<int>(delta)
                                                            : lane();
}

inline int crossed(int mask, int width = warpSize) {
    int source = lane() ^ mask;
    return source / width > lane() / width ? lane() : source;
}

constexpr unsigned warp_mask(unsigned mask = 0xffffffffu) { return mask; }

}

#define __shfl_sync(mask, value, ...) \
    cuda::shuffle(FIBER_SITE, mask, value, cuda::indexed(__VA_ARGS__))
#define __shfl_up_sync(mask, value, ...) \
    cuda::shuffle(FIBER_SITE, mask, value, cuda::below(__VA_ARGS__))
#define __shfl_down_sync(mask, value, ...) \
    cuda::shuffle(FIBER_SITE, mask, value, cuda::above(__VA_ARGS__))
#define __shfl_xor_sync(mask, value, ...) \
    cuda::shuffle(FIBER_SITE, mask, value, cuda::crossed(__VA_ARGS__))
#define __ballot_sync(mask, vote) cuda::exchange(FIBER_SITE, mask, (vote) != 0, 0).votes
#define __any_sync(mask, vote) (__ballot_sync(mask, vote) != 0)
#define __all_sync(mask, vote) (cuda::exchange(FIBER_SITE, mask, !(vote), 0).votes == 0)
#define __syncwarp(...) cuda::sync_warp(FIBER_SITE, cuda::warp_mask(__VA_ARGS__))

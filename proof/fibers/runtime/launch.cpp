// Launches: the device's limits, the arguments' types, and the blocks in order.

#include "launch.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fiber.hpp"
#include "order.hpp"
#include "shared.hpp"

namespace fiber {

namespace {

char message[1024];

template <class... T>
const char* say(const char* format, T... values) {
    std::snprintf(message, sizeof message, format, values...);
    return message;
}

const cuda::Entry* find(const char* name) {
    const cuda::Entry* entry;
    for (std::size_t number = 0; (entry = entry_at(number)) != nullptr; number++) {
        if (std::strcmp(entry->name, name) == 0) {
            break;
        }
    }
    return entry;
}

const char* check_sizes(const cuda::Entry& entry, dim3 grid, dim3 block, std::size_t shared) {
    constexpr std::uint64_t WIDEST = 0x7fffffff, HIGHEST = 65535, DEEPEST_BLOCK = 64;
    std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > WIDEST || grid.y > HIGHEST
        || grid.z > HIGHEST) {
        return say("%s: no grid can be (%u, %u, %u)", entry.name, grid.x, grid.y, grid.z);
    }
    if (block.x > cuda::MOST_THREADS || block.y > cuda::MOST_THREADS || block.z > DEEPEST_BLOCK
        || threads == 0 || threads > cuda::MOST_THREADS) {
        return say("%s: no block can be (%u, %u, %u)", entry.name, block.x, block.y, block.z);
    }
    if (threads > entry.most_threads) {
        return say("%s: %u threads a block, its launch bounds allow %u", entry.name,
                   static_cast<unsigned>(threads), entry.most_threads);
    }
    if (shared > MOST_SHARED) {
        return say("%s: %zu bytes of shared memory, a block has at most %zu", entry.name, shared,
                   MOST_SHARED);
    }
    return nullptr;
}

const char* name_of(cuda::Kind kind) {
    const char* const names[] = {"Pointer", "I32", "U32", "I64", "F32", "F64"};
    return names[static_cast<std::uint32_t>(kind)];
}

const char* check_arguments(const cuda::Entry& entry, const cuda::Argument* arguments,
                            std::size_t count) {
    if (count != entry.count) {
        return say("%s: %zu arguments, it has %zu parameters", entry.name, count, entry.count);
    }
    for (std::size_t place = 0; place < count; place++) {
        if (arguments[place].kind != entry.kinds[place]) {
            return say("%s: argument %zu is %s, the parameter %s", entry.name, place,
                       name_of(arguments[place].kind), name_of(entry.kinds[place]));
        }
    }
    return nullptr;
}

std::uint64_t common_divisor(std::uint64_t a, std::uint64_t b) {
    return b == 0 ? a : common_divisor(b, a % b);
}

// Blocks in order: number `turn` is (start + turn * step) mod count.
struct BlockOrder {
    std::uint64_t start, step, count;

    BlockOrder(Schedule schedule, dim3 grid, Random& random)
        : start(0), step(1), count(std::uint64_t{grid.x} * grid.y * grid.z) {
        if (schedule == Schedule::Backward) {
            start = step = count - 1;
        } else if (schedule == Schedule::Shuffled && count > 1) {
            start = random.below(0x7fffffff) % count;
            do {
                step = 1 + random.below(0x7fffffff) % (count - 1);
            } while (common_divisor(step, count) != 1);
        }
    }

    uint3 index(std::uint64_t turn, dim3 grid) const {
        // Below 2^63 for grids of up to 2^31 blocks.
        std::uint64_t number = (start + turn * step) % count;
        return {static_cast<unsigned>(number % grid.x),
                static_cast<unsigned>(number / grid.x % grid.y),
                static_cast<unsigned>(number / grid.x / grid.y)};
    }
};

}

const cuda::Entry* entry_at(std::size_t number) {
    for (auto list = cuda::all_entries; *list != nullptr; list++) {
        for (const cuda::Entry* entry = **list; entry->name != nullptr; entry++) {
            if (number-- == 0) {
                return entry;
            }
        }
    }
    return nullptr;
}

const char* launch(Schedule schedule, std::uint64_t seed, const char* name, dim3 grid, dim3 block,
                   std::size_t shared_bytes, const cuda::Argument* arguments, std::size_t count) {
    const cuda::Entry* entry = find(name);
    if (entry == nullptr) {
        return say("no kernel with the name %s", name);
    }
    if (const char* error = check_sizes(*entry, grid, block, shared_bytes)) {
        return error;
    }
    if (const char* error = check_arguments(*entry, arguments, count)) {
        return error;
    }
    Random random(seed);
    BlockOrder order(schedule, grid, random);
    void* end = std::malloc(8);
    Work work{entry, arguments, grid, block, schedule, &random, end};
    const char* error = nullptr;
    for (std::uint64_t turn = 0; turn < order.count && error == nullptr; turn++) {
        uint3 index = order.index(turn, grid);
        begin_block(shared_bytes);
        error = run_block(work, index);
        if (error != nullptr) {
            error = say("%s: %s", name, error);
        } else if (const char* where = overrun()) {
            error = say("%s: block (%u, %u, %u): %s", name, index.x, index.y, index.z, where);
        }
    }
    acquire(end);
    std::free(end);
    forget_fibers();
    return error;
}

}

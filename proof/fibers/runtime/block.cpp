// The threads of a block: who runs next, who waits for whom.

#include "block.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "cuda.hpp"
#include "fiber.hpp"
#include "order.hpp"
#include "ready.hpp"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace fiber {

namespace {

constexpr unsigned WARP = 32;
constexpr unsigned MOST_WARPS = cuda::MOST_THREADS / WARP;
// More than may be in use at once: each has one lane or more that waits or wakes.
constexpr unsigned WARP_TAGS = 64;

enum class State { Ready, AtBarrier, InWarp, Ended };

struct Thread {
    State state;
    cuda::Site site;
    unsigned barriers;
    unsigned mask;
    std::uint64_t value;
    int source;
    cuda::Exchanged exchanged;
    void* tag;
};

// Addresses that stand for barriers. A late thread of one barrier must not meet early
// ones of the next, so that barriers take turns.
struct Tags {
    std::uint64_t barrier[2];
    std::uint64_t warp[MOST_WARPS][WARP_TAGS];
};

Thread threads[cuda::MOST_THREADS];
ReadySet ready;
const Work* work;
Tags* tags;
unsigned thread_count, running, waiting, ended, votes_so_far, votes_of_barrier;
unsigned next_tag[MOST_WARPS];
char failure[512];
char skipped_file[256];
int skipped_line;
std::uint64_t times_skipped;

bool same_site(cuda::Site a, cuda::Site b) {
    return a.line == b.line && std::strcmp(a.file, b.file) == 0;
}

uint3 index_of(unsigned number) {
    dim3 size = work->block;
    return {number % size.x, number / size.x % size.y, number / (size.x * size.y)};
}

void wake(unsigned number) {
    threads[number].state = State::Ready;
    ready.insert(number);
}

bool all_at_one_site() {
    for (unsigned number = 1; number < thread_count; number++) {
        if (!same_site(threads[number].site, threads[0].site)) {
            return false;
        }
    }
    return true;
}

// The lanes of a mask that the warp of `number` has.
unsigned existing_lanes(unsigned number, unsigned mask) {
    unsigned count = thread_count - number / WARP * WARP;
    return count < WARP ? mask & ((1u << count) - 1) : mask;
}

// Whether lane `other` waits for the same as `thread`.
bool meets(const Thread& thread, const Thread& other) {
    return other.state == State::InWarp && other.mask == thread.mask
        && same_site(other.site, thread.site);
}

// The tag of those who wait for the same as `thread`, or a fresh one.
void* warp_tag(unsigned number) {
    unsigned warp = number / WARP;
    for (unsigned lane = 0; lane < WARP && warp * WARP + lane < thread_count; lane++) {
        unsigned other = warp * WARP + lane;
        if (other != number && meets(threads[number], threads[other])) {
            return threads[other].tag;
        }
    }
    return &tags->warp[warp][next_tag[warp]++ % WARP_TAGS];
}

// Wakes the lanes of a mask, each with what it gets, once all of them are there.
void exchange_when_complete(unsigned number) {
    unsigned first = number / WARP * WARP;
    unsigned lanes = existing_lanes(number, threads[number].mask);
    cuda::Exchanged all{0, 0};
    for (unsigned lane = 0; lane < WARP; lane++) {
        if ((lanes >> lane & 1) == 0) {
            continue;
        }
        const Thread& other = threads[first + lane];
        if (!meets(threads[number], other)) {
            return;
        }
        all.votes |= (other.value != 0 ? 1u : 0u) << lane;
    }
    for (unsigned lane = 0; lane < WARP; lane++) {
        if ((lanes >> lane & 1) == 0) {
            continue;
        }
        Thread& thread = threads[first + lane];
        bool known = thread.source >= 0 && thread.source < static_cast<int>(WARP)
            && (lanes >> thread.source & 1) != 0;
        all.value = known ? threads[first + thread.source].value : ~0ull;
        thread.exchanged = all;
        wake(first + lane);
    }
}

const char* text_of(State state) { return state == State::Ended ? "has ended" : "waits at"; }

// Tells of a thread that waits, and of one that does not come.
void describe_deadlock() {
    unsigned number = 0;
    while (threads[number].state == State::Ended) {
        number++;
    }
    const Thread& thread = threads[number];
    bool in_warp = thread.state == State::InWarp;
    unsigned first = in_warp ? number / WARP * WARP : 0;
    unsigned last = in_warp ? first + WARP : thread_count;
    unsigned other = first;
    for (; other < last; other++) {
        if (in_warp && (existing_lanes(number, thread.mask) >> (other - first) & 1) == 0) {
            continue;
        }
        if (in_warp ? !meets(thread, threads[other])
                    : threads[other].state != thread.state
                          || !same_site(threads[other].site, thread.site)) {
            break;
        }
    }
    uint3 a = index_of(number), b = index_of(other);
    const Thread& absent = threads[other];
    int length = std::snprintf(
        failure, sizeof failure,
        "block (%u, %u, %u): thread (%u, %u, %u) waits at %s:%d, thread (%u, %u, %u) %s",
        blockIdx.x, blockIdx.y, blockIdx.z, a.x, a.y, a.z, thread.site.file, thread.site.line, b.x,
        b.y, b.z, text_of(absent.state));
    if (absent.state != State::Ended && length > 0) {
        std::snprintf(failure + length, sizeof failure - length, " %s:%d", absent.site.file,
                      absent.site.line);
    }
}

void run_thread(unsigned number) {
    work->entry->call(work->arguments);
    release(work->end);
    threads[number].state = State::Ended;
    ended++;
}

unsigned choose() {
    switch (work->schedule) {
    case Schedule::Forward:
        return ready.first();
    case Schedule::Backward:
        return ready.last();
    case Schedule::Shuffled:
        break;
    }
    return ready.from(work->random->below(thread_count));
}

void name_fibers() {
#ifdef FIBER_TSAN
    for (unsigned number = 0; number < thread_count; number++) {
        char name[96];
        uint3 index = index_of(number);
        std::snprintf(name, sizeof name, "block (%u, %u, %u) thread (%u, %u, %u)", blockIdx.x,
                      blockIdx.y, blockIdx.z, index.x, index.y, index.z);
        name_fiber(number, name);
    }
#endif
}

}

const char* run_block(const Work& launched, uint3 index) {
    work = &launched;
    blockIdx = index;
    blockDim = launched.block;
    gridDim = launched.grid;
    thread_count = launched.block.x * launched.block.y * launched.block.z;
    waiting = ended = votes_so_far = 0;
    failure[0] = '\0';
    std::memset(next_tag, 0, sizeof next_tag);
    // Blocks are not ordered among each other: each has tags of its own.
    tags = static_cast<Tags*>(std::malloc(sizeof(Tags)));
    make_fibers(thread_count, run_thread);
    name_fibers();
    ready.clear();
    for (unsigned number = 0; number < thread_count; number++) {
        threads[number] = Thread{};
        wake(number);
    }
    while (failure[0] == '\0' && !ready.empty()) {
        running = choose();
        ready.remove(running);
        threadIdx = index_of(running);
        resume(running);
    }
    if (failure[0] == '\0' && ended < thread_count) {
        describe_deadlock();
    }
    drop_fibers(thread_count);
    std::free(tags);
    return failure[0] == '\0' ? nullptr : failure;
}

void skip_barrier(const char* file, int line) {
    std::snprintf(skipped_file, sizeof skipped_file, "%s", file);
    skipped_line = line;
    times_skipped = 0;
}

std::uint64_t skipped_count() { return times_skipped; }

}

unsigned cuda::barrier(Site site, bool vote) {
    using namespace fiber;
    if (skipped_file[0] != '\0' && same_site(site, {skipped_file, skipped_line})) {
        times_skipped++;
        return vote;
    }
    void* tag = &tags->barrier[threads[running].barriers++ % 2];
    release(tag);
    votes_so_far += vote;
    waiting++;
    threads[running].state = State::AtBarrier;
    threads[running].site = site;
    if (waiting == thread_count && all_at_one_site()) {
        waiting = 0;
        votes_of_barrier = votes_so_far;
        votes_so_far = 0;
        for (unsigned number = 0; number < thread_count; number++) {
            wake(number);
        }
    }
    give_back();
    acquire(tag);
    return votes_of_barrier;
}

void cuda::pause() {
    using namespace fiber;
    if (work->schedule == Schedule::Shuffled) {
        wake(running);
        give_back();
    }
}

int cuda::lane() { return static_cast<int>(fiber::running % fiber::WARP); }

cuda::Exchanged cuda::exchange(Site site, unsigned mask, std::uint64_t value, int source) {
    using namespace fiber;
    unsigned number = running;
    Thread& thread = threads[number];
    if ((mask >> number % WARP & 1) == 0) {
        uint3 index = index_of(number);
        std::snprintf(failure, sizeof failure,
                      "block (%u, %u, %u): thread (%u, %u, %u) is not in its own mask at %s:%d",
                      blockIdx.x, blockIdx.y, blockIdx.z, index.x, index.y, index.z, site.file,
                      site.line);
    }
    thread.state = State::InWarp;
    thread.site = site;
    thread.mask = mask;
    thread.value = value;
    thread.source = source;
    exchange_when_complete(number);
    give_back();
    return thread.exchanged;
}

void cuda::sync_warp(Site site, unsigned mask) {
    using namespace fiber;
    Thread& thread = threads[running];
    thread.site = site;
    thread.mask = mask;
    void* tag = thread.tag = warp_tag(running);
    release(tag);
    exchange(site, mask, 0, 0);
    acquire(tag);
}

// Runs the checks in all schedules:
//
//   sanitize [--without-barrier FILE LINE] [CHECK...]
//
// The checks named, or all; with a barrier left out, as if its line were not there.
// Tells of each check that fails in which schedule; the exit status is 1 then, and 2 where
// no thread came by the barrier.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "checks/check.hpp"

namespace {

struct Check {
    const char* name;
    void (*run)();
};

struct Order {
    const char* name;
    fiber::Schedule schedule;
    std::uint64_t seed;
};

const Order ORDERS[] = {
    {"forward", fiber::Schedule::Forward, 0},
    {"backward", fiber::Schedule::Backward, 0},
    {"shuffled 1", fiber::Schedule::Shuffled, 1},
    {"shuffled 2", fiber::Schedule::Shuffled, 2},
    {"shuffled 3", fiber::Schedule::Shuffled, 3},
};

Order order;

// A function's, so that it is there before the checks are registered.
std::vector<Check>& checks() {
    static std::vector<Check> list;
    return list;
}

bool is_wanted(const char* name, int count, char** names) {
    for (int place = 0; place < count; place++) {
        if (std::strcmp(names[place], name) == 0) {
            return true;
        }
    }
    return count == 0;
}

}

check::Registration::Registration(const char* name, void (*run)()) {
    checks().push_back({name, run});
}

void check::launch_arguments(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes,
                             const std::vector<cuda::Argument>& arguments) {
    const char* error = fiber::launch(order.schedule, order.seed, name, grid, block, shared_bytes,
                                      arguments.data(), arguments.size());
    if (error != nullptr) {
        throw Failure{error};
    }
}

void check::require_close(double value, double expected, double tolerance, const char* what) {
    if (!(std::fabs(value - expected) <= tolerance)) {
        char text[256];
        std::snprintf(text, sizeof text, "%s is %.17g, not %.17g", what, value, expected);
        throw Failure{text};
    }
}

std::vector<float> check::noise(std::size_t count) {
    fiber::Random random(2024);
    std::vector<float> values(count);
    for (float& value : values) {
        value = static_cast<float>(random.below(1 << 24)) / (1 << 24);
    }
    return values;
}

int main(int count, char** arguments) {
    count--;
    arguments++;
    bool skips = count >= 3 && std::strcmp(arguments[0], "--without-barrier") == 0;
    if (skips) {
        fiber::skip_barrier(arguments[1], std::atoi(arguments[2]));
        count -= 3;
        arguments += 3;
    }
    int run = 0, failed = 0;
    for (const Check& check : checks()) {
        if (!is_wanted(check.name, count, arguments)) {
            continue;
        }
        for (const Order& next : ORDERS) {
            order = next;
            run++;
            try {
                check.run();
            } catch (const check::Failure& failure) {
                std::printf("wrong: %s, %s: %s\n", check.name, order.name, failure.text.c_str());
                failed++;
            }
        }
    }
    std::printf("%d runs, %d failed\n", run, failed);
    if (skips && fiber::skipped_count() == 0) {
        return 2;
    }
    return failed > 0 || run == 0;
}

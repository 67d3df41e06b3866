// What a check of a kernel uses: it launches the kernel on small inputs and requires
// what plain loops give. Each check runs in each schedule.

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "launch.hpp"

namespace check {

struct Failure {
    std::string text;
};

// Adds a check to the list; use CHECK.
struct Registration {
    Registration(const char* name, void (*run)());
};

// Launches in the schedule of the moment; throws a Failure with the engine's error.
void launch_arguments(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes,
                      const std::vector<cuda::Argument>& arguments);

// Each value is one argument, of the type of the kernel's parameter or a pointer.
template <class... T>
void launch(const char* name, dim3 grid, dim3 block, std::size_t shared_bytes, T... values) {
    launch_arguments(name, grid, block, shared_bytes, {cuda::argument(values)...});
}

// Throws a Failure unless |value - expected| <= tolerance.
void require_close(double value, double expected, double tolerance, const char* what);

// Numbers in [0, 1) that look random, the same each time.
std::vector<float> noise(std::size_t count);

}

#define CHECK(name)                                                          \
    static void check_##name();                                              \
    static const check::Registration registration_##name(#name, check_##name); \
    static void check_##name()

// The bridge to a kernel: a list of arguments becomes a call, by the kernel's own
// parameter types.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace cuda {

constexpr unsigned MOST_THREADS = 1024;

// Kinds of parameters; the engine's Rust side knows the same numbers.
enum class Kind : std::uint32_t { Pointer = 0, I32 = 1, U32 = 2, I64 = 3, F32 = 4, F64 = 5 };

struct Argument {
    Kind kind;
    std::uint64_t bits;
};

template <class T>
constexpr Kind kind_of() {
    if constexpr (std::is_pointer_v<T>) {
        return Kind::Pointer;
    } else if constexpr (std::is_same_v<T, float>) {
        return Kind::F32;
    } else if constexpr (std::is_same_v<T, double>) {
        return Kind::F64;
    } else {
        static_assert(std::is_integral_v<T> && sizeof(T) >= 4, "no such kind of parameter");
        return sizeof(T) == 8 ? Kind::I64 : std::is_signed_v<T> ? Kind::I32 : Kind::U32;
    }
}

template <class T>
Argument argument(T value) {
    Argument result{kind_of<T>(), 0};
    std::memcpy(&result.bits, &value, sizeof value);
    return result;
}

// A kernel, and what a launch of it must respect.
struct Entry {
    const char* name = nullptr;
    const char* file = nullptr;
    unsigned most_threads = 0;
    std::size_t count = 0;
    const Kind* kinds = nullptr;
    void (*call)(const Argument*) = nullptr;
};

template <auto kernel>
struct Caller;

template <class... T, void (*kernel)(T...)>
struct Caller<kernel> {
    static constexpr std::size_t count = sizeof...(T);
    // A kernel without parameters has a list, too.
    static constexpr Kind kinds[] = {kind_of<T>()..., Kind::Pointer};

    template <class U>
    static U value(const Argument& argument) {
        U result;
        std::memcpy(&result, &argument.bits, sizeof result);
        return result;
    }

    template <std::size_t... place>
    static void unpack(const Argument* arguments, std::index_sequence<place...>) {
        kernel(value<T>(arguments[place])...);
    }

    static void call(const Argument* arguments) {
        unpack(arguments, std::index_sequence_for<T...>{});
    }
};

// The second number that launch bounds may have is advice to a compiler.
template <auto kernel>
constexpr Entry entry(const char* name, const char* file, unsigned most_threads, unsigned = 0) {
    using Call = Caller<kernel>;
    return {name, file, most_threads, Call::count, Call::kinds, &Call::call};
}

// The lists of all sources, null at the end; each ends with an entry without a name.
extern const Entry* const* const all_entries[];

}

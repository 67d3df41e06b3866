// The threads of a block that can run.

#pragma once

#include <cstdint>

#include "entry.hpp"

namespace fiber {

class ReadySet {
public:
    void clear() {
        for (std::uint64_t& word : words_) {
            word = 0;
        }
    }

    void insert(unsigned number) { words_[number / BITS] |= std::uint64_t{1} << number % BITS; }
    void remove(unsigned number) { words_[number / BITS] &= ~(std::uint64_t{1} << number % BITS); }
    bool empty() const { return first() == NONE; }
    unsigned first() const { return first_from(0); }

    unsigned last() const {
        for (unsigned word = WORDS; word-- > 0;) {
            if (words_[word] != 0) {
                return word * BITS + BITS - 1 - __builtin_clzll(words_[word]);
            }
        }
        return NONE;
    }

    // The first from `number` on, or else the first.
    unsigned from(unsigned number) const {
        unsigned found = first_from(number);
        return found == NONE ? first() : found;
    }

private:
    static constexpr unsigned BITS = 64;
    static constexpr unsigned WORDS = cuda::MOST_THREADS / BITS;
    static constexpr unsigned NONE = cuda::MOST_THREADS;

    unsigned first_from(unsigned number) const {
        for (unsigned word = number / BITS; word < WORDS; word++) {
            unsigned skipped = word == number / BITS ? number % BITS : 0;
            std::uint64_t left = words_[word] >> skipped << skipped;
            if (left != 0) {
                return word * BITS + __builtin_ctzll(left);
            }
        }
        return NONE;
    }

    std::uint64_t words_[WORDS];
};

}

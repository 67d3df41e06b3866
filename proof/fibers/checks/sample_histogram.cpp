#include "check.hpp"

CHECK(sample_histogram) {
    const int count = 60, bins = 16;
    std::vector<float> x = check::noise(count);
    std::vector<unsigned> counts(bins, 0), expected(bins, 0);
    std::vector<float> largest(1, NAN);
    check::launch("sample_histogram", {1}, {64}, 0, x.data(), count, counts.data(),
                  largest.data());
    float most = 0.0f;
    for (float value : x) {
        expected[static_cast<int>(value * bins)]++;
        most = std::fmax(most, value);
    }
    for (int bin = 0; bin < bins; bin++) {
        check::require_close(counts[bin], expected[bin], 0.0, "a bin");
    }
    check::require_close(largest[0], most, 0.0, "the largest");
}

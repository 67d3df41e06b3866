#include "check.hpp"

CHECK(sample_sum) {
    const long long count = 1000;
    std::vector<float> x = check::noise(count);
    std::vector<double> sums(2, 0.0);
    check::launch("sample_sum", {3}, {64}, 0, x.data(), count, sums.data());
    double sum = 0.0, square = 0.0;
    for (float value : x) {
        sum += value;
        square += static_cast<double>(value) * value;
    }
    check::require_close(sums[0], sum, 1e-10, "the sum");
    check::require_close(sums[1], square, 1e-10, "the sum of squares");
}

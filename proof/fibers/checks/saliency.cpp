#include "check.hpp"

// The map of one vector is |F^T u| for the leading u: found by power iteration.
CHECK(saliency) {
    const int items = 2, channels = 19, n = 5;
    const std::vector<float> f = check::noise(items * channels * n);
    std::vector<float> maps(items * n, NAN);
    std::vector<int> outcomes(items, -1);
    const std::size_t bytes = 8 * (2 * n * n + 4 * n + 9) + 4 * (n + 2);
    check::launch("saliency_f32", {items}, {256}, bytes, f.data(), channels, n, 1, 1, 1,
                  maps.data(), outcomes.data());
    check::launch("saliency_f32", {items}, {256}, bytes, f.data(), channels, n, 0, 0, 0,
                  maps.data(), outcomes.data());
    for (int item = 0; item < items; item++) {
        check::require_close(outcomes[item], 0, 0, "the outcome");
        std::vector<double> z(n, 1.0);
        for (int turn = 0; turn < 200; turn++) {
            std::vector<double> next(n, 0.0);
            double length = 0.0;
            for (int c = 0; c < channels; c++) {
                const float* row = f.data() + (item * channels + c) * n;
                double dot = 0.0;
                for (int p = 0; p < n; p++) {
                    dot += row[p] * z[p];
                }
                for (int p = 0; p < n; p++) {
                    next[p] += dot * row[p];
                }
            }
            for (double entry : next) {
                length += entry * entry;
            }
            for (int p = 0; p < n; p++) {
                z[p] = next[p] / std::sqrt(length);
            }
        }
        double least = z[0], most = z[0];
        for (double entry : z) {
            least = std::fmin(least, entry);
            most = std::fmax(most, entry);
        }
        for (int p = 0; p < n; p++) {
            check::require_close(maps[item * n + p], (z[p] - least) / (most - least), 1e-5,
                                 "a position");
        }
    }
}

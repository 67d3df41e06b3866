#include "check.hpp"

// sum_i (sigma_i / sigma_1) |z_i|, stretched to [0, 1].
CHECK(combine) {
    const int vectors = 3, n = 7;
    const std::vector<float> noise = check::noise(vectors * n);
    std::vector<double> z(noise.begin(), noise.end());
    const double squares[vectors] = {9.0, 4.0, 1.0};
    std::vector<double> sums(n, NAN), maps(n, NAN), expected(n, 0.0);
    int outcome = 0;
    for (int sign : {1, 0}) {
        check::launch("combine_f64", {1, 1}, {256}, 0, static_cast<const double*>(squares), vectors,
                      static_cast<const double*>(z.data()), static_cast<long long>(vectors * n), 0,
                      vectors, n, sign, sums.data(), maps.data(), &outcome);
        check::require_close(outcome, 0, 0, "the outcome");
    }
    double least = 1e9, most = 0.0;
    for (int p = 0; p < n; p++) {
        for (int i = 0; i < vectors; i++) {
            expected[p] += std::sqrt(squares[i]) / 3.0 * std::fabs(z[i * n + p]);
        }
        least = std::fmin(least, expected[p]);
        most = std::fmax(most, expected[p]);
    }
    for (int p = 0; p < n; p++) {
        const double value = (expected[p] - least) / (most - least);
        check::require_close(maps[p], value, 1e-13, "a position");
    }
}

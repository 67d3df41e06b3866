#include "check.hpp"

// Gram matrices centred are those of centred features, on both sides; and the copies.
CHECK(centre) {
    const int channels = 6, positions = 4;
    const std::vector<float> f = check::noise(channels * positions);
    std::vector<double> centred(channels * positions);
    for (int c = 0; c < channels; c++) {
        double mean = 0.0;
        for (int p = 0; p < positions; p++) {
            mean += f[c * positions + p] / static_cast<double>(positions);
        }
        for (int p = 0; p < positions; p++) {
            centred[c * positions + p] = f[c * positions + p] - mean;
        }
    }
    const auto gram = [&](auto entry, int order, int depth) {
        std::vector<double> g(order * order, 0.0);
        for (int k = 0; k < order * order; k++) {
            for (int s = 0; s < depth; s++) {
                g[k] += entry(k / order, s) * entry(k % order, s);
            }
        }
        return g;
    };
    const auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
        for (std::size_t k = 0; k < b.size(); k++) {
            check::require_close(a[k], b[k], 1e-13, "a centred entry");
        }
    };
    const auto raw = [&](int c, int p) -> double { return f[c * positions + p]; };
    const auto free = [&](int c, int p) { return centred[c * positions + p]; };
    const auto raw_rest = [&](int p, int c) { return raw(c, p); };
    const auto free_rest = [&](int p, int c) { return free(c, p); };
    double energy = NAN;
    int outcome = -1;

    std::vector<double> rest = gram(raw_rest, positions, channels), means(positions, NAN);
    check::launch("check_gram", {1, 1}, {256}, 0, rest.data(), positions, &energy, &outcome);
    check::launch("centre_rest", {1, 1}, {256}, 0, rest.data(), positions, means.data(),
                  static_cast<const double*>(&energy), &outcome);
    same(rest, gram(free_rest, positions, channels));

    std::vector<double> mode = gram(raw, channels, positions), sums(channels, NAN);
    check::launch("check_gram", {1, 1}, {256}, 0, mode.data(), channels, &energy, &outcome);
    check::launch("row_sums_f32", {channels, 1}, {256}, 0, f.data(), positions, sums.data());
    check::launch("centre_mode", {1, 1}, {256}, 0, mode.data(), channels, positions,
                  static_cast<const double*>(sums.data()), static_cast<const double*>(&energy),
                  &outcome);
    same(mode, gram(free, channels, positions));
    check::require_close(outcome, 0, 0, "the outcome");

    std::vector<double> rows(f.begin(), f.end());
    check::launch("centre_rows", {channels, 1}, {256}, 0, rows.data(), positions);
    same(rows, centred);

    // The largest of the entries is below one: they are doubled.
    std::vector<double> prepared(channels * positions, NAN);
    int exponent = 0;
    check::launch("prepare_f32", {1, 1}, {256}, 0, f.data(), channels, positions, 1,
                  prepared.data(), &exponent, &outcome);
    for (double& entry : prepared) {
        entry = std::ldexp(entry, exponent);
    }
    same(prepared, centred);
    check::require_close(exponent, -1, 0, "the exponent");
}

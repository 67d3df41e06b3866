#include "check.hpp"

namespace {

// A V = V diag(values), values falling, V orthonormal.
void of(const char* kernel, int n, bool shared) {
    const int items = 2;
    const std::vector<float> x = check::noise(items * n * n);
    std::vector<double> a(items * n * n), work(items * n * n, NAN);
    for (int k = 0; k < items * n * n; k++) {
        const int start = k / n / n * n * n, i = k / n % n, j = k % n;
        a[k] = x[start + i * n + j] + x[start + j * n + i];
    }
    const std::vector<double> before = a;
    std::vector<double> values(items * n, NAN), vectors(items * n * n, NAN);
    std::vector<int> outcomes(items, 0);
    const std::size_t bytes = 8 * (n + 9) + 4 * (n + 2) + (shared ? 16 * n * n : 0);
    if (shared) {
        check::launch(kernel, {1, items}, {256}, bytes, static_cast<const double*>(a.data()), n,
                      values.data(), vectors.data(), outcomes.data(),
                      static_cast<const int*>(nullptr));
    } else {
        check::launch(kernel, {1, items}, {256}, bytes, a.data(), n, work.data(), values.data(),
                      vectors.data(), outcomes.data(), static_cast<const int*>(nullptr));
    }
    for (int item = 0; item < items; item++) {
        check::require_close(outcomes[item], 0, 0, "the outcome");
        const double* v = vectors.data() + item * n * n;
        for (int j = 0; j < n; j++) {
            const double value = values[item * n + j];
            for (int i = 0; i < n; i++) {
                double product = 0.0, dot = 0.0;
                for (int k = 0; k < n; k++) {
                    product += before[item * n * n + i + k * n] * v[k + j * n];
                    dot += v[k + i * n] * v[k + j * n];
                }
                check::require_close(product, value * v[i + j * n], 1e-12, "a residual");
                check::require_close(dot, i == j, 1e-12, "orthonormality");
            }
            if (j > 0) {
                check::require_close(value <= values[item * n + j - 1], 1, 0, "the order");
            }
        }
    }
}

}

CHECK(eigen) {
    of("eigen_shared", 5, true);
    of("eigen_global", 4, false);
}

#include "check.hpp"

// A V = V diag(values), V^T V = 1.
CHECK(sample_jacobi) {
    const int items = 2, n = 9;
    std::vector<float> x = check::noise(items * n * n);
    std::vector<double> a(x.size()), values(items * n, NAN), vectors(x.size(), NAN);
    std::vector<int> sweeps(items, -2);
    for (int k = 0; k < items * n * n; k++) {
        int item = k / n / n * n * n;
        a[k] = x[item + k / n % n * n + k % n] + x[item + k % n * n + k / n % n];
    }
    check::launch("sample_jacobi", {items}, {64}, 8 * (2 * n * n + n + n % 2), a.data(),
                  values.data(), vectors.data(), sweeps.data(), n, 1e-15, 30);
    for (int k = 0; k < items * n * n; k++) {
        int item = k / n / n, i = k / n % n, j = k % n;
        const double* matrix = &a[item * n * n];
        const double* v = &vectors[item * n * n];
        double image = 0.0, product = 0.0;
        for (int c = 0; c < n; c++) {
            image += matrix[i * n + c] * v[c * n + j];
            product += v[c * n + i] * v[c * n + j];
        }
        check::require_close(image, values[item * n + j] * v[i * n + j], 1e-12, "A V");
        check::require_close(product, i == j, 1e-13, "V^T V");
        check::require_close(sweeps[item], 6, 6, "the sweeps");
    }
}

#include "check.hpp"

// Products and projections against plain sums, and pixels between pixels.
CHECK(product) {
    const int left = 2, rows = 4, right = 3, columns = 2;
    const std::vector<float> noise = check::noise(left * rows * right + rows * columns);
    const std::vector<double> x(noise.begin(), noise.begin() + left * rows * right);
    const std::vector<double> u(noise.begin() + left * rows * right, noise.end());
    std::vector<double> y(left * columns * right, NAN);
    check::launch("product", {1, 1}, {256}, 0, x.data(), left, rows, right, u.data(), columns,
                  y.data(), static_cast<const int*>(nullptr));
    for (int k = 0; k < left * columns * right; k++) {
        const int r = k % right, j = k / right % columns, l = k / right / columns;
        double sum = 0.0;
        for (int i = 0; i < rows; i++) {
            sum += u[i + j * rows] * x[(l * rows + i) * right + r];
        }
        check::require_close(y[k], sum, 1e-13, "an entry of Y");
    }
}

CHECK(project) {
    const int channels = 40, positions = 3, vectors = 9;
    const std::vector<float> f = check::noise(channels * positions);
    const std::vector<float> noise = check::noise(channels * vectors);
    const std::vector<double> u(noise.begin(), noise.end());
    std::vector<double> z(vectors * positions, NAN);
    check::launch("project_f32", {2, 1}, {256}, 0, f.data(), channels, positions, u.data(), vectors,
                  vectors, z.data());
    for (int k = 0; k < vectors * positions; k++) {
        double sum = 0.0;
        for (int c = 0; c < channels; c++) {
            sum += u[c + k / positions * channels] * f[c * positions + k % positions];
        }
        check::require_close(z[k], sum, 1e-5, "a projection");
    }
}

CHECK(resize) {
    const float map[2] = {0.0f, 1.0f};
    float resized[4] = {NAN, NAN, NAN, NAN};
    check::launch("resize_f32", {1, 1}, {256}, 0, static_cast<const float*>(map), 1, 2, 1, 4,
                  static_cast<float*>(resized));
    const double expected[4] = {0.0, 0.25, 0.75, 1.0};
    for (int p = 0; p < 4; p++) {
        check::require_close(resized[p], expected[p], 1e-7, "a pixel");
    }
}

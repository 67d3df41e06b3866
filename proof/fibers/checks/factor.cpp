#include "check.hpp"

namespace {

// Orthonormal columns, the entry of largest magnitude of each positive.
void require_factor(const std::vector<double>& a, int rows, int rank) {
    for (int j = 0; j < rank; j++) {
        double largest = 0.0;
        for (int k = 0; k <= j; k++) {
            double dot = 0.0;
            for (int i = 0; i < rows; i++) {
                dot += a[i + j * rows] * a[i + k * rows];
            }
            check::require_close(dot, j == k, 1e-13, "orthonormality");
        }
        for (int i = 0; i < rows; i++) {
            const double entry = a[i + j * rows];
            largest = std::fabs(entry) > std::fabs(largest) ? entry : largest;
        }
        check::require_close(largest > 0.0, 1, 0, "the sign");
    }
}

}

CHECK(factor) {
    const int rows = 5, rank = 2;
    const std::vector<double> identity = {-1, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 1,
                                          0,  0, 0, 0, 0, 1, 0, 0, 0,  0, 0, 1};
    std::vector<double> a(rows * rank, NAN);
    check::launch("truncate", {rank, 1}, {256}, 0, identity.data(), rows, rank, a.data(),
                  static_cast<const int*>(nullptr));
    require_factor(a, rows, rank);

    // Five rows, three columns; the third vector is zero and has to be made up.
    const int columns = 3;
    const std::vector<float> noise = check::noise(rows * columns);
    const std::vector<double> x(noise.begin(), noise.end());
    const std::vector<double> v = {1, 0, 0, 0, 1, 0, 0, 0, 0};
    std::vector<double> w(rows * columns, NAN);
    check::launch("lift", {1, 1}, {256}, 0, x.data(), 1, rows, columns, v.data(), columns, w.data(),
                  static_cast<const int*>(nullptr));
    check::require_close(w[1], x[columns], 1e-15, "a lifted entry");
    check::launch("orthonormalise", {1, 1}, {256}, 0, w.data(), rows, columns,
                  static_cast<const int*>(nullptr));
    require_factor(w, rows, columns);
}

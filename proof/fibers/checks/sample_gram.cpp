#include "check.hpp"

CHECK(sample_gram) {
    const int items = 2, rows = 11, columns = 21;
    std::vector<float> x = check::noise(items * rows * columns);
    std::vector<double> g(items * rows * rows, NAN);
    check::launch("sample_gram", {2, 2, items}, {8, 8}, 0, x.data(), g.data(), rows, columns);
    for (int k = 0; k < items * rows * rows; k++) {
        const float* item = x.data() + k / rows / rows * rows * columns;
        const float* left = item + k / rows % rows * columns;
        const float* right = item + k % rows * columns;
        double sum = 0.0;
        for (int c = 0; c < columns; c++) {
            sum += static_cast<double>(left[c]) * right[c];
        }
        check::require_close(g[k], sum, 1e-12, "an entry of G");
    }
}

#include "check.hpp"

namespace {

// Gram matrices of both sides of tensors (left, rows, right), against plain sums.
void of(int left, int rows, int right, int of_rest) {
    const int items = 2, columns = left * right, order = of_rest ? columns : rows;
    const std::vector<float> x = check::noise(items * rows * columns);
    std::vector<double> g(items * order * order, NAN);
    const unsigned tiles = (order + 31) / 32;
    check::launch("gram_f32", {tiles * (tiles + 1) / 2, items}, {256}, 0, x.data(), left, rows,
                  right, of_rest, g.data(), static_cast<const int*>(nullptr));
    const auto entry = [&](int item, int row, int column) -> double {
        return x[((item * left + column / right) * rows + row) * right + column % right];
    };
    for (int k = 0; k < items * order * order; k++) {
        const int item = k / order / order, p = k / order % order, q = k % order;
        double sum = 0.0;
        for (int s = 0; s < (of_rest ? rows : columns); s++) {
            sum += of_rest ? entry(item, s, p) * entry(item, s, q)
                           : entry(item, p, s) * entry(item, q, s);
        }
        check::require_close(g[k], sum, 1e-12, "an entry of G");
    }
}

}

CHECK(gram) {
    of(2, 5, 3, 0);
    of(1, 34, 20, 0);
    of(3, 20, 2, 1);
}

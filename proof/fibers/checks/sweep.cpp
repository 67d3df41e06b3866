#include "check.hpp"

// Energies of slices, and the items that go on: one has converged, one has not.
CHECK(sweep) {
    const std::vector<double> x = {1, 2, 3, 4, 5, 6};
    double energies[2] = {NAN, NAN};
    check::launch("energy", {2, 1}, {256}, 0, x.data(), 3LL, static_cast<double*>(energies));
    check::require_close(energies[0], 14, 0, "an energy");
    check::require_close(energies[1], 77, 0, "an energy");

    const double norms[2] = {100, 100}, cores[2] = {75, 84};
    double errors[2] = {0.5, 0.5};
    int sweeps[2] = {3, 3}, active[2] = {1, 1};
    check::launch("settle", {1}, {256}, 0, static_cast<const double*>(norms),
                  static_cast<const double*>(cores), 2, 4, 1e-8, 1e-15, -1.0,
                  static_cast<double*>(errors), static_cast<int*>(sweeps),
                  static_cast<int*>(active));
    check::require_close(errors[1], 0.4, 1e-15, "an error");
    check::require_close(active[0], 0, 0, "an item at rest");
    check::require_close(active[1], 1, 0, "an item that goes on");
    check::require_close(sweeps[1], 4, 0, "the sweeps");
}

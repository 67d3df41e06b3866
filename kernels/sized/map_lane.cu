// Saliency maps from Gram matrices of positions, n <= ORDER positions: one warp computes a map in
// registers (columns.cuh).
//
//   G, centred if requested; G = Z S^2 Z^T; map = norm sum_i (s_i/s_1) phi(s_i z_i)
//
//   1. The warp loads G, checks its trace, scales it by a power of two, and centres it.
//   2. map_first, for one vector: Lanczos steps with a certificate that sigma_2 <= 0.999 sigma_1
//      (lanczos.cuh). Without a certificate the outcome is UNCERTAIN.
//      map_all, for all vectors, and for one vector of the items with the outcome UNCERTAIN: the
//      pivoted Cholesky factor of G, and one-sided Jacobi. The columns become s_i z_i.
//   3. The map and its outcome, as `saliency` and `combine` compute them (map.cuh).
// For one vector, map_first and then map_all are launched for all items. For the items with a map,
// map_all ends at once.
//
// Grid (items), 32 threads a block. Shared memory: the larger of ORDER (ORDER + 3) and
// 34 ORDER + 132 doubles.
// Bytes of an item: n^2 doubles read, n numbers written. Flops: 20 n^2 for the first vector and
// 2/3 n^3 more if the norm of G is no certificate; 33 n^3 for all vectors. Measured on an H100 for
// n = 49 with the card full: 0.03 us a map for the first vector (0.05 centred), 0.42 us for all
// vectors. Registers limit a multiprocessor to 8 warps; latency bounds the time (eigen_lane.cu).

#include "../map.cuh"
#include "columns.cuh"
#include "lanczos.cuh"

// The outcome between map_first and map_all of an item without a certificate.
#define UNCERTAIN 6

// Centres G, of trace `energy`, as if each channel's mean had been subtracted from F (`centre_both`
// in block.cuh): G_ij becomes G_ij - g_i - g_j + g, with the mean g_i of row i and the mean g of
// all entries. The trace becomes energy - n g. Returns whether it is large enough. `scratch` holds
// ORDER entries.
__device__ inline bool centre(Columns& g, int n, double energy, double* scratch) {
    int lane = threadIdx.x % 32;
    Entries means = {0.0, 0.0};
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        means.x += g.x[i];
        means.y += g.y[i];
    }
    means = scaled(means, 1.0 / n);
    double mean = sum_of_lanes(means.x + means.y) / n;
    share(means, scratch);
    bool has_x = 2 * lane < n, has_y = 2 * lane + 1 < n;
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        double of_row = scratch[i] - mean;
        g.x[i] -= i < n && has_x ? of_row + means.x : 0.0;
        g.y[i] -= i < n && has_y ? of_row + means.y : 0.0;
    }
    __syncwarp();
    return energy - n * mean >= CENTRED_SHARE * energy;
}

// As `orientation` in map.cuh, for a vector that the lanes share.
__device__ inline double orientation_of_lanes(Entries v, int sign) {
    if (sign == ABSOLUTE) {
        return 1.0;
    }
    int lane = threadIdx.x % 32;
    double tied = largest_of_lanes(fmax(fabs(v.x), fabs(v.y))) * (1.0 - TIE_TOLERANCE);
    // The key of the first tied entry is the largest. Its last bit is 1 for a negative entry.
    int key_x = fabs(v.x) >= tied ? 256 - 4 * lane + (v.x < 0.0) : 0;
    int key_y = fabs(v.y) >= tied ? 254 - 4 * lane + (v.y < 0.0) : 0;
    bool down = (largest_of_lanes(key_x > key_y ? key_x : key_y) & 1) != 0;
    return down != (sign == NEGATIVE) ? -1.0 : 1.0;
}

// As `orientation` in map.cuh, for a column of a lane.
__device__ inline double orientation_of_column(const double (&column)[ORDER], int sign) {
    if (sign == ABSOLUTE) {
        return 1.0;
    }
    double largest = 0.0;
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        largest = fmax(largest, fabs(column[i]));
    }
    double tied = largest * (1.0 - TIE_TOLERANCE);
    // From the last entry to the first, so that the first tied entry decides.
    bool down = false;
#pragma unroll
    for (int i = ORDER - 1; i >= 0; i--) {
        down = fabs(column[i]) >= tied ? column[i] < 0.0 : down;
    }
    return down != (sign == NEGATIVE) ? -1.0 : 1.0;
}

// The eigenvalues for the lane's columns, which Jacobi has made orthogonal; -1 without columns.
__device__ inline Entries values_of(const Columns& columns, int n) {
    int lane = threadIdx.x % 32;
    bool has = 2 * lane < n;
    return {has ? fmax(dot(columns.x, columns.x) - SHIFT, 0.0) : -1.0,
            has ? fmax(dot(columns.y, columns.y) - SHIFT, 0.0) : -1.0};
}

// The two largest eigenvalues.
struct Leading {
    double first, second;
    // The lane with the first one; of equal ones the first.
    int lane;
};

__device__ inline Leading leading(Entries values) {
    int lane = threadIdx.x % 32;
    double mine = fmax(values.x, values.y);
    double first = largest_of_lanes(mine);
    int owner = 31 - largest_of_lanes(mine == first ? 31 - lane : 0);
    double second = largest_of_lanes(lane == owner ? fmin(values.x, values.y) : mine);
    return {first, fmax(second, 0.0), owner};
}

// The vector of the largest eigenvalue, as entries of the lanes. `scratch` holds ORDER entries.
__device__ inline Entries vector_of(const Columns& columns, Entries values, int owner,
                                    double* scratch) {
    int lane = threadIdx.x % 32;
    __syncwarp();
    if (lane == owner) {
#pragma unroll
        for (int i = 0; i < ORDER; i++) {
            scratch[i] = values.x >= values.y ? columns.x[i] : columns.y[i];
        }
    }
    __syncwarp();
    return {2 * lane < ORDER ? scratch[2 * lane] : 0.0,
            2 * lane + 1 < ORDER ? scratch[2 * lane + 1] : 0.0};
}

// The sum of all vectors, sum_i s_i phi(s_i z_i), as entries of the lanes. `scratch` holds ORDER
// rows of 33 entries: a row for each position, a column for each lane.
__device__ inline Entries sum_of_vectors(const Columns& columns, Entries values, int sign,
                                         double* scratch) {
    int lane = threadIdx.x % 32;
    // A column is s_i z_i with s_i^2 = value + SHIFT; the sum needs value z_i.
    double length_x = sqrt(values.x + SHIFT), length_y = sqrt(values.y + SHIFT);
    double weight_x = values.x > 0.0 ? values.x / length_x : 0.0;
    double weight_y = values.y > 0.0 ? values.y / length_y : 0.0;
    weight_x *= orientation_of_column(columns.x, sign);
    weight_y *= orientation_of_column(columns.y, sign);
    __syncwarp();
#pragma unroll
    for (int i = 0; i < ORDER; i++) {
        scratch[33 * i + lane] = contribution(weight_x, columns.x[i], sign)
                                 + contribution(weight_y, columns.y[i], sign);
    }
    __syncwarp();
    Entries sum = {0.0, 0.0};
    for (int other = 0; other < 32; other++) {
        sum.x += 2 * lane < ORDER ? scratch[33 * (2 * lane) + other] : 0.0;
        sum.y += 2 * lane + 1 < ORDER ? scratch[33 * (2 * lane + 1) + other] : 0.0;
    }
    return sum;
}

// The map of one vector before normalisation.
__device__ inline Entries of_one_vector(Entries vector, int sign) {
    double weight = orientation_of_lanes(vector, sign);
    return {contribution(weight, vector.x, sign), contribution(weight, vector.y, sign)};
}

// The maps of all items: doubles, or floats if `single`.
struct Maps {
    void* entries;
    int single;
};

// As `normalise` in map.cuh, for a map of `item` that the lanes share.
__device__ inline bool write_map(Entries map, int n, Maps maps, size_t item) {
    int lane = threadIdx.x % 32;
    bool has_x = 2 * lane < n, has_y = 2 * lane + 1 < n;
    double x = 0.5 * map.x, y = 0.5 * map.y;
    double least = -largest_of_lanes(fmax(has_x ? -x : -LARGEST, has_y ? -y : -LARGEST));
    double most = largest_of_lanes(fmax(has_x ? x : -LARGEST, has_y ? y : -LARGEST));
    double range = most - least;
    bool varies = range > CONSTANT_TOLERANCE * fmax(fabs(least), fabs(most));
    double values[2] = {varies ? (x - least) / range : 0.0, varies ? (y - least) / range : 0.0};
    for (int k = 0; k < 2; k++) {
        size_t place = item * n + 2 * lane + k;
        if (2 * lane + k < n && maps.single) {
            ((float*)maps.entries)[place] = (float)values[k];
        } else if (2 * lane + k < n) {
            ((double*)maps.entries)[place] = values[k];
        }
    }
    return !varies;
}

// Loads G, scaled, and centred if requested. Returns whether the map can be computed from it; sets
// the outcome otherwise.
__device__ inline bool load_gram(Columns& columns, const double* gram, int n, int centring,
                                 double* scratch, int* outcome) {
    double energy = trace_of(gram, n);
    bool in_range = energy > LEAST_TRACE && energy < LARGEST_TRACE;
    double scale = scale_for(energy);
    load(columns, gram, n, scale);
    bool fine = in_range && (!centring || centre(columns, n, energy * scale, scratch));
    if (!fine && threadIdx.x == 0) {
        *outcome = in_range ? CANCELLED : OUT_OF_RANGE;
    }
    return fine;
}

// The map of the first vector, or the outcome UNCERTAIN.
extern "C" __global__ void __launch_bounds__(32)
map_first(const double* grams, int n, int centring, int sign, void* maps, int single,
          int* outcomes) {
    double* scratch = (double*)aligned_shared;
    size_t item = blockIdx.x;
    Columns columns;
    if (!load_gram(columns, grams + item * n * n, n, centring, scratch, &outcomes[item])) {
        return;
    }
    Entries vector;
    int outcome = UNCERTAIN;
    if (first_vector(columns, n, vector, scratch)) {
        outcome = write_map(of_one_vector(vector, sign), n, {maps, single}, item) ? CONSTANT : FINE;
    }
    if (threadIdx.x == 0) {
        outcomes[item] = outcome;
    }
}

// The map of all vectors, or, if not `all_vectors`, of the first vector for items with the outcome
// UNCERTAIN.
extern "C" __global__ void __launch_bounds__(32)
map_all(const double* grams, int n, int centring, int all_vectors, int sign, void* maps,
        int single, int* outcomes) {
    double* scratch = (double*)aligned_shared;
    size_t item = blockIdx.x;
    if (!all_vectors && outcomes[item] != UNCERTAIN) {
        return;
    }
    Columns columns;
    if (!load_gram(columns, grams + item * n * n, n, centring, scratch, &outcomes[item])) {
        return;
    }
    add_to_diagonal(columns, n, SHIFT);
    factorise(columns, n, scratch);
    int outcome = NO_CONVERGENCE;
    if (orthogonalise(columns, n)) {
        Entries values = values_of(columns, n);
        Leading two = leading(values);
        Entries map = all_vectors
            ? sum_of_vectors(columns, values, sign, scratch)
            : of_one_vector(vector_of(columns, values, two.lane, scratch), sign);
        bool constant = write_map(map, n, {maps, single}, item);
        outcome = outcome_of_map(constant, sqrt(two.first), sqrt(two.second));
    }
    if (threadIdx.x == 0) {
        outcomes[item] = outcome;
    }
}

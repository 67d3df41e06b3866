// Saliency maps of feature maps with few positions: one block of 256 threads computes a whole map
// and reads the feature map once.
//
//   G = F^T F, centred if requested; G = Z S^2 Z^T; map = norm sum_i (s_i/s_1) phi(s_i z_i)
//
// F is C x n row-major, with n positions, n < C.
//   1. G: the block reads panels of up to 16 channels into shared memory. The lower triangle of G
//      consists of 4x4 tiles, and a thread sums one tile in double. If there are fewer tiles than
//      threads, groups of threads sum different channels, and the sums of the groups are added in
//      the order of the groups.
//   2. Z and S: Jacobi rotations in shared memory (jacobi.cuh).
//   3. The map (map.cuh).
//
// Shared memory: 2n^2 + 4n + 9 doubles and n + 2 integers, 40.3 KB for n = 49. The panels use the
// memory of Z. There is a thread for each tile up to n = 88.
// Bytes of a map: C n read, n written. Flops: C n (n+1) for G in double, about 36 n^3 for Jacobi.
// For 2048x7x7 in f32: 401 kB and 5 + 4 Mflop, on an H100 0.12 us at 3.35 TB/s and 0.27 us at
// 34 Tflop/s. Double arithmetic bounds the time of a batch. The 2 x 49 barriers of each of about 8
// sweeps bound the time of a single block; several blocks on a multiprocessor hide them.
// Registers (sm_90): saliency_f32 80, saliency_f64 78.

#include "jacobi.cuh"
#include "map.cuh"

#define PANEL_CHANNELS 16
#define MOST_GROUPS 8

// G = F^T F, both triangles. `panel` holds n entries for each of min(n, 16) channels.
template <class Real>
__device__ void gram_of_positions(const Real* f, int channels, int n, double* g, Real* panel) {
    int side = (n + 3) / 4;
    int tiles = side * (side + 1) / 2;
    int groups = THREADS / tiles < MOST_GROUPS ? THREADS / tiles : MOST_GROUPS;
    int group = threadIdx.x / tiles;
    int row = 0, column = threadIdx.x % tiles;
    while (column > row) {
        row++;
        column -= row;
    }
    row *= 4;
    column *= 4;
    bool works = group < groups;
    // The sums of each group, panel by panel.
    double sums[4][4] = {};
    int height = n < PANEL_CHANNELS ? n : PANEL_CHANNELS;
    for (int first = 0; first < channels; first += height) {
        int rows = channels - first < height ? channels - first : height;
        for (int k = threadIdx.x; k < rows * n; k += THREADS) {
            panel[k] = f[(size_t)first * n + k];
        }
        __syncthreads();
        for (int c = group; works && c < rows; c += groups) {
            double left[4], right[4];
            for (int i = 0; i < 4; i++) {
                left[i] = row + i < n ? (double)panel[c * n + row + i] : 0.0;
                right[i] = column + i < n ? (double)panel[c * n + column + i] : 0.0;
            }
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) {
                    sums[i][j] = fma(left[i], right[j], sums[i][j]);
                }
            }
        }
        __syncthreads();
    }
    // The sums of all groups, added in the order of the groups.
    for (int turn = 0; turn < groups; turn++) {
        if (works && group == turn) {
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) {
                    int p = row + i, q = column + j;
                    if (p < n && q <= p) {
                        double sum = turn == 0 ? sums[i][j] : g[p + q * n] + sums[i][j];
                        g[p + q * n] = sum;
                        g[q + p * n] = sum;
                    }
                }
            }
        }
        __syncthreads();
    }
}

template <class Real>
__device__ void saliency(const Real* features, int channels, int n, int centring, int all_vectors,
                         int sign, Real* maps, int* outcomes) {
    double* g = shared;
    double* z = g + n * n;
    double* rotations = z + n * n;
    double* means = rotations + n + 1;
    double* weights = means + n;
    double* map = weights + n;
    double* scratch = map + n;
    int* order = (int*)(scratch + WARPS);
    int* rotated = order + n;
    size_t item = blockIdx.x;
    const Real* f = features + item * channels * n;
    Real* out = maps + item * n;

    // 1. G, checked and centred.
    gram_of_positions(f, channels, n, g, (Real*)z);
    double energy = trace(g, n, scratch);
    if (!(energy > LEAST_TRACE && energy < LARGEST_TRACE)) {
        if (threadIdx.x == 0) {
            outcomes[item] = OUT_OF_RANGE;
        }
        return;
    }
    if (centring) {
        centre_both(g, n, means, scratch);
        if (trace(g, n, scratch) < CENTRED_SHARE * energy) {
            if (threadIdx.x == 0) {
                outcomes[item] = CANCELLED;
            }
            return;
        }
    }
    // 2. Z and S.
    if (!jacobi(g, z, n, rotations, scratch, rotated)) {
        if (threadIdx.x == 0) {
            outcomes[item] = NO_CONVERGENCE;
        }
        return;
    }
    sort_diagonal(g, n, order);

    // 3. The map.
    int vectors = all_vectors ? n : 1;
    double first = sqrt(fmax(g[order[0] * (n + 1)], 0.0));
    for (int i = threadIdx.x; i < vectors; i += THREADS) {
        double sigma = sqrt(fmax(g[order[i] * (n + 1)], 0.0));
        weights[i] = sigma / first * sigma * orientation(z + order[i] * n, n, sign);
    }
    __syncthreads();
    for (int p = threadIdx.x; p < n; p += THREADS) {
        double sum = 0.0;
        for (int i = 0; i < vectors; i++) {
            sum += contribution(weights[i], z[p + order[i] * n], sign);
        }
        map[p] = sum;
    }
    __syncthreads();
    bool constant = normalise(map, n, out, scratch);
    if (threadIdx.x == 0) {
        double second = n > 1 ? sqrt(fmax(g[order[1] * (n + 1)], 0.0)) : 0.0;
        outcomes[item] = outcome_of_map(constant, first, second);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
saliency_f32(const float* features, int channels, int positions, int centring, int all_vectors,
             int sign, float* maps, int* outcomes) {
    saliency(features, channels, positions, centring, all_vectors, sign, maps, outcomes);
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
saliency_f64(const double* features, int channels, int positions, int centring, int all_vectors,
             int sign, double* maps, int* outcomes) {
    saliency(features, channels, positions, centring, all_vectors, sign, maps, outcomes);
}

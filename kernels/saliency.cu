// Saliency maps of feature maps with few positions: the whole path, reading each
// feature map once.
//
//   G = F^T F, centred if asked; G = Z S^2 Z^T; map = norm sum_i (s_i/s_1) phi(s_i z_i)
//
// F is C x n row-major, n positions with n <= C. One block of 256 threads a map.
// - Panels of up to 16 channels go through shared memory. The lower triangle of G is
//   parted into 4x4 tiles, one a thread, sums in double registers; with few tiles
//   several groups of threads share the channels and are added in order.
// - Jacobi on G and Z in shared memory (jacobi.cuh), then the map.
//
// Shared memory: 2n^2 + 4n + 9 doubles and n + 2 integers, 40.3 KB for n = 49; panels
// lie where Z comes to lie. A tile for each thread asks for n <= 88.
// Bytes a map: C n of F once, n written. Flops: C n (n+1) for G in double, some 36 n^3
// for Jacobi. For 2048x7x7 in f32: 401 kB and 5 + 4 Mflop, 0.12 us of 3.35 TB/s and
// 0.27 us of 34 Tflop/s on an H100: bound by double arithmetic, and within it by the
// 2 x 49 barriers of each of some 8 sweeps, which several blocks a multiprocessor hide.
// Registers (sm_90): saliency_f32 80, saliency_f64 78.

#include "jacobi.cuh"
#include "map.cuh"

#define PANEL_CHANNELS 16
#define MOST_GROUPS 8
// G = F^T F, both triangles.
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
    if (!jacobi(g, z, n, rotations, scratch, rotated)) {
        if (threadIdx.x == 0) {
            outcomes[item] = NO_CONVERGENCE;
        }
        return;
    }
    sort_diagonal(g, n, order);

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

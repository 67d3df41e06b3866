// Projected maps: Z_i[p] = sum_c U[c, i] F[c, p] for the leading `vectors` columns of U.
//
// Grid (blocks of 256 positions times groups of 8 vectors, items). A thread computes one position
// for 8 vectors: it reads an entry of F once for 8 products, and all threads of a warp read the
// same entries of U. Runs of 32 products are summed in the features' scalar, the sums of the runs
// in double.
//
// Shared memory: none. Bytes of an item: C P of F for each 8 vectors, all but the first time from
// L2; 8 bytes for each entry of Z. Flops: 2 C P vectors. L2 bounds the time: 256x56x56 in f32 with
// all vectors has 411 Mflop, 6 us at 67 Tflop/s, and 103 MB through L2, about 19 us at 5.5 TB/s.
// Registers (sm_90): project_f32 40, project_f64 48, project_sums 32.

#include "block.cuh"

#define GROUP 8
#define RUN 32

template <class Real>
__device__ void project(const Real* features, int channels, int positions, const double* u,
                        int columns, int vectors, double* projected) {
    int blocks = (positions + THREADS - 1) / THREADS;
    int p = blockIdx.x % blocks * THREADS + threadIdx.x;
    int first = blockIdx.x / blocks * GROUP;
    size_t item = blockIdx.y;
    const Real* f = features + item * channels * positions;
    const double* v = u + item * channels * columns;
    double* z = projected + item * vectors * positions;
    if (p >= positions) {
        return;
    }
    double sums[GROUP] = {};
    for (int start = 0; start < channels; start += RUN) {
        int end = start + RUN < channels ? start + RUN : channels;
        Real run[GROUP] = {};
        for (int c = start; c < end; c++) {
            Real feature = f[(size_t)c * positions + p];
            for (int i = 0; i < GROUP; i++) {
                if (first + i < vectors) {
                    run[i] += (Real)v[c + (size_t)(first + i) * channels] * feature;
                }
            }
        }
        for (int i = 0; i < GROUP; i++) {
            sums[i] += (double)run[i];
        }
    }
    for (int i = 0; i < GROUP && first + i < vectors; i++) {
        z[(size_t)(first + i) * positions + p] = sums[i];
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
project_f32(const float* features, int channels, int positions, const double* u, int columns,
            int vectors, double* projected) {
    project(features, channels, positions, u, columns, vectors, projected);
}

extern "C" __global__ void __launch_bounds__(THREADS)
project_f64(const double* features, int channels, int positions, const double* u, int columns,
            int vectors, double* projected) {
    project(features, channels, positions, u, columns, vectors, projected);
}

// projected[i] = sum_c U[c, i] s_c for the leading `vectors` columns of U: the sums of the projected
// maps, from the sums s_c of the channels. Grid (groups of 8 vectors, items): a warp for each vector.
extern "C" __global__ void __launch_bounds__(THREADS)
project_sums(const double* sums, int channels, const double* u, int columns, int vectors,
             double* projected) {
    int vector = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    size_t item = blockIdx.y;
    const double* s = sums + item * channels;
    const double* v = u + (item * columns + vector) * channels;
    if (vector >= vectors) {
        return;
    }
    double sum = 0.0;
    for (int c = lane; c < channels; c += 32) {
        sum = fma(v[c], s[c], sum);
    }
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_down_sync(0xffffffffu, sum, step);
    }
    if (lane == 0) {
        projected[item * vectors + vector] = sum;
    }
}

// Batched Gram matrices G = X X^T: X is N x R x K row-major, f32 in, sums in f64.
// Grid (tiles, tiles, N), blocks of 8x8.

#define TILE 8

#ifdef MUTANT_PAST_THE_END
#define WIDTH(k) ((k) + 1)
#else
#define WIDTH(k) (k)
#endif

extern "C" __global__ void __launch_bounds__(TILE* TILE)
sample_gram(const float* __restrict__ x, double* __restrict__ g, int rows, int columns) {
    __shared__ float left[TILE][TILE + 1], right[TILE][TILE + 1];
    int i = blockIdx.y * TILE + threadIdx.y, j = blockIdx.x * TILE + threadIdx.x;
    int other = blockIdx.x * TILE + threadIdx.y;
    const float* item = x + (size_t)blockIdx.z * rows * columns;
    double sum = 0.0;
    for (int first = 0; first < columns; first += TILE) {
        int k = first + threadIdx.x;
        bool within = k < WIDTH(columns);
        left[threadIdx.y][threadIdx.x] =
            i < rows && within ? __ldg(&item[(size_t)i * columns + k]) : 0.0f;
        right[threadIdx.y][threadIdx.x] =
            other < rows && within ? __ldg(&item[(size_t)other * columns + k]) : 0.0f;
        __syncthreads();
#pragma unroll
        for (int t = 0; t < TILE; t++) {
            sum = fma((double)left[threadIdx.y][t], (double)right[threadIdx.x][t], sum);
        }
#ifndef MUTANT_LOST_BARRIER
        __syncthreads();
#endif
    }
    if (i < rows && j < rows) {
        g[((size_t)blockIdx.z * rows + i) * rows + j] = sum;
    }
}

// The first eigenvector of a batch of positive semidefinite matrices of order n <= ORDER = 512 by
// Lanczos steps, with a certificate that the second eigenvalue is smaller (tridiagonal.cuh).
//
//   first_block    one block a matrix: theta and v with G v = theta v, and the first certificate
//   second_bound   the second certificate, from G^8
//   take_first     the vector of a full eigenproblem, where neither certificate holds
//
// The steps are those of lanczos.cuh; G stays in the L2 cache. For a product G q, thread t of 512 sums
// the rows t / (n / 2), + 1 * parts, ... of columns 2 (t % (n / 2)) and the next, or of one column if n
// is odd; then the parts of each column are added in their order. Thread i has entry i of each vector.
//
// Certificates bound the second eigenvalue from sums of powers. All eigenvalues are at least 0, so that
//   lambda_2^2 <= ||G||_F^2 - theta^2,   lambda_2^16 <= ||G^8||_F^2 - theta^16.
// The first needs nothing more. The second needs three Gram matrices, G^2 = G G^T, G^4 and G^8, which
// cost little on tensor cores; it holds unless lambda_2 is close to theta or almost all values are equal.
// unsure[item] is 0 with a certificate, 1 without one, and 2 if the steps did not converge. The
// kernels of a full eigenproblem take it as `active`.
//
// Grid (1, items), 512 threads a block (take_first 256). Shared memory: 32 n + n parts + 128 doubles,
// 57 KB for n = 196. Bytes of an item: 8 n^2 from L2 in each of about 12 products. Measured on an
// H100: n = 196 0.97 us a matrix, n = 256 2.4 us; the bandwidth of L2 bounds the time.

#include "../map.cuh"
#include "tridiagonal.cuh"

#define FIRST_THREADS 512
#define FIRST_WARPS (FIRST_THREADS / 32)
static_assert(ORDER <= FIRST_THREADS, "a thread has one entry of a vector");

// The share of the excluded ratio up to which a bound counts. The rest covers rounding.
#define BOUND_SHARE 0.9

// Between these values, eighth powers stay in the range of a double.
#define LEAST_VALUE 1e-35
#define LARGEST_VALUE 1e35

// What the threads of a block share: where the vectors q_j, the parts of a product, the tridiagonal
// matrix, and the sums of the warps are.
struct Scratch {
    double *q, *parts, *sums;
    Tridiagonal t;
};

// The sum of `value` over the block, to every thread. `turn` alternates between two rows of sums, so
// that one barrier is enough.
__device__ inline double total(double value, const Scratch& scratch, int& turn) {
    double* sums = scratch.sums + turn % 2 * FIRST_WARPS;
    turn++;
    value = sum_of_lanes(value);
    if (threadIdx.x % 32 == 0) {
        sums[threadIdx.x / 32] = value;
    }
    __syncthreads();
    double sum = 0.0;
    for (int warp = 0; warp < FIRST_WARPS; warp++) {
        sum += sums[warp];
    }
    return sum;
}

// One or two neighbouring entries.
template <int COLUMNS>
struct Entries {
    double of[COLUMNS];
};
__device__ inline Entries<1> load(const double* from, Entries<1>) {
    return {{from[0]}};
}
__device__ inline Entries<2> load(const double* from, Entries<2>) {
    double2 two = *(const double2*)from;
    return {{two.x, two.y}};
}

// Entry threadIdx.x of G v. `square` becomes this thread's share of ||G||_F^2.
template <int COLUMNS>
__device__ inline double times(const double* g, int n, const double* v, const Scratch& scratch,
                               double& square) {
    int threads = n / COLUMNS, parts = FIRST_THREADS / threads;
    int part = threadIdx.x / threads, column = threadIdx.x % threads * COLUMNS;
    double sums[2][COLUMNS] = {};
    square = 0.0;
    if (part < parts) {
        const double* from = g + column;
        // Four loads at a time hide the latency of L2. Rows behind the last count as zero.
        for (int i = part; i < n; i += 4 * parts) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                int row = i + k * parts;
                bool exists = row < n;
                Entries<COLUMNS> g_row = load(from + (size_t)(exists ? row : i) * n, Entries<COLUMNS>());
                double entry = exists ? v[row] : 0.0, weight = exists ? 1.0 : 0.0;
#pragma unroll
                for (int c = 0; c < COLUMNS; c++) {
                    sums[k % 2][c] = fma(g_row.of[c], entry, sums[k % 2][c]);
                    square = fma(weight * g_row.of[c], g_row.of[c], square);
                }
            }
        }
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            scratch.parts[part * n + column + c] = sums[0][c] + sums[1][c];
        }
    }
    __syncthreads();
    double sum = 0.0;
    for (int p = 0; p < parts && threadIdx.x < n; p++) {
        sum += scratch.parts[p * n + threadIdx.x];
    }
    return sum;
}

template <int COLUMNS>
__device__ inline void first_vector(const double* g, int n, double sum, double* value, double* first,
                                    int* unsure, const Scratch& scratch) {
    int thread = threadIdx.x, turn = 0;
    bool has_entry = thread < n;
    // G is multiplied by 1 / trace: its eigenvalues are then between 0 and 1.
    double scale = 1.0 / sum, square;
    // 1. The start: a step of the power method, which also yields ||G||_F^2.
    if (has_entry) {
        scratch.q[thread] = start_entry(thread);
    }
    __syncthreads();
    double w = times<COLUMNS>(g, n, scratch.q, scratch, square) * scale;
    double frobenius = total(square * scale * scale, scratch, turn);
    double now = w * inverse_root(total(w * w, scratch, turn)), before = 0.0, beta = 0.0;
    double small = SMALL_RESIDUAL * n;
    // 2. Lanczos steps.
    Top top = {0.0, 0.0, 0.0};
    int steps = 0, look = FIRST_LOOK;
    for (bool done = false; !done;) {
        double* q = scratch.q + steps * n;
        if (has_entry) {
            q[thread] = now;
        }
        __syncthreads();
        w = times<COLUMNS>(g, n, q, scratch, square) * scale;
        double alpha = total(w * now, scratch, turn);
        w = fma(-alpha, now, fma(-beta, before, w));
        double square_of_next = total(w * w, scratch, turn);
        double inverse = inverse_root(square_of_next);
        beta = square_of_next * inverse;
        if (thread == 0) {
            scratch.t.alphas[steps] = alpha;
            scratch.t.betas[steps] = beta;
            scratch.t.inverses[steps] = inverse;
        }
        steps++;
        __syncthreads();
        bool stuck = !(beta > NO_STEP) || steps == MOST_STEPS || steps == n;
        if (stuck || steps == look) {
            top = top_of(scratch.t, steps);
            done = stuck || top.residual < small * top.value;
            look = next_look(steps, top.residual / top.value, small);
        }
        before = now;
        now = w * inverse;
    }
    // 3. The vector, of length 1, and its residual.
    double v = 0.0;
    for (int j = 0; j < steps; j++) {
        double entry = __shfl_sync(ALL_LANES, top.entry, j);
        v = has_entry ? fma(entry, scratch.q[j * n + thread], v) : 0.0;
    }
    v *= inverse_root(total(v * v, scratch, turn));
    __syncthreads();
    if (has_entry) {
        scratch.q[thread] = v;
    }
    __syncthreads();
    w = times<COLUMNS>(g, n, scratch.q, scratch, square) * scale;
    double theta = total(w * v, scratch, turn);
    double error = has_entry ? fma(-theta, v, w) : 0.0;
    double residual = sqrt(total(error * error, scratch, turn));
    if (has_entry) {
        first[thread] = v;
        value[thread] = thread == 0 ? theta * sum : 0.0;
    }
    // 4. The first certificate. A NaN is not converged.
    if (thread == 0) {
        bool converged = residual < ACCEPTED_RESIDUAL * n * theta;
        double bound = sqrt(fmax(frobenius - theta * theta, 0.0));
        *unsure = !converged ? 2 : bound < BOUND_SHARE * APART * theta ? 0 : 1;
    }
}

// values[item]: theta and n - 1 zeros. firsts[item]: v.
extern "C" __global__ void __launch_bounds__(FIRST_THREADS)
first_block(const double* grams, int n, double* values, double* firsts, int* unsure) {
    size_t item = blockIdx.y;
    const double* g = grams + item * n * n;
    Scratch scratch;
    scratch.q = (double*)aligned_shared;
    scratch.t = tridiagonal_in(scratch.q + MOST_STEPS * n);
    scratch.sums = scratch.q + MOST_STEPS * (n + 3);
    scratch.parts = scratch.sums + 2 * FIRST_WARPS;
    int turn = 0;
    double sum = total(threadIdx.x < n ? g[(size_t)threadIdx.x * (n + 1)] : 0.0, scratch, turn);
    __syncthreads();
    double *value = values + item * n, *first = firsts + item * n;
    if (!(sum > 0.0)) {
        // The matrix of an item that has failed.
        if (threadIdx.x < n) {
            value[threadIdx.x] = 0.0;
            first[threadIdx.x] = 0.0;
        }
        if (threadIdx.x == 0) {
            unsure[item] = 0;
        }
    } else if (n % 2 == 0) {
        first_vector<2>(g, n, sum, value, first, unsure + item, scratch);
    } else {
        first_vector<1>(g, n, sum, value, first, unsure + item, scratch);
    }
}

// Clears unsure[item] = 1 if the eighth power of the matrix bounds its second eigenvalue.
extern "C" __global__ void __launch_bounds__(FIRST_THREADS)
second_bound(const double* eighths, int n, const double* values, int* unsure) {
    __shared__ double sums[2 * FIRST_WARPS];
    size_t item = blockIdx.y;
    if (unsure[item] != 1) {
        return;
    }
    const double* eighth = eighths + item * n * n;
    double theta = values[item * n], power = theta * theta;
    power *= power;
    power *= power;
    double left = 0.0;
    for (int k = threadIdx.x; k < n * n; k += FIRST_THREADS) {
        double ratio = eighth[k] / power;
        left = fma(ratio, ratio, left);
    }
    Scratch scratch = {nullptr, nullptr, sums, {nullptr, nullptr, nullptr}};
    int turn = 0;
    // (lambda_2 / theta)^16 at most.
    double bound = total(left, scratch, turn) - 1.0;
    double limit = BOUND_SHARE * APART;
    limit *= limit;
    limit *= limit;
    limit *= limit;
    limit *= limit;
    if (threadIdx.x == 0 && theta > LEAST_VALUE && theta < LARGEST_VALUE && bound < limit) {
        unsure[item] = 0;
    }
}

// Copies the first vector of a full eigenproblem, for the items that are unsure.
extern "C" __global__ void __launch_bounds__(THREADS)
take_first(const double* vectors, int n, double* firsts, const int* active) {
    if (idle(active)) {
        return;
    }
    size_t item = blockIdx.y;
    for (int i = threadIdx.x; i < n; i += THREADS) {
        firsts[item * n + i] = vectors[item * n * n + i];
    }
}

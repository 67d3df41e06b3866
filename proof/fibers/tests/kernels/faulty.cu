// Kernels with faults that the engine itself must find.

// Thread 7 ends while the others wait.
extern "C" __global__ void faulty_early_end(int* out) {
    if (threadIdx.x == 7) {
        return;
    }
    __syncthreads();
    out[threadIdx.x] = 1;
}

// Even and odd threads wait at two barriers.
extern "C" __global__ void faulty_two_barriers(int* out) {
    if (threadIdx.x % 2 == 0) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}

// Lane 3 shuffles under a mask without it.
extern "C" __global__ void faulty_mask(int* out) {
    out[threadIdx.x] = __shfl_sync(0xfffffff7u, (int)threadIdx.x, 0);
}

// Only half of the lanes of the mask come.
extern "C" __global__ void faulty_half_warp(int* out) {
    if (threadIdx.x < 16) {
        out[threadIdx.x] = __any_sync(0xffffffffu, threadIdx.x == 3);
    }
}

// Writes entry `place` of what is `count` integers of dynamic shared memory.
extern "C" __global__ void faulty_dynamic(int place) {
    extern __shared__ int integers[];
    integers[place] = 1;
}

// Writes entry `place` of 8 static ones.
extern "C" __global__ void faulty_static(int place) {
    __shared__ int integers[8];
    int* first = integers;
    first[place] = 1;
}

// Reads shared memory and a variable that nobody set.
extern "C" __global__ void faulty_unset(double* out) {
    extern __shared__ double dynamic[];
    __shared__ double fixed[4];
    out[0] = dynamic[threadIdx.x];
    out[1] = fixed[threadIdx.x];
    // What one block leaves, the next must not find.
    dynamic[threadIdx.x] = fixed[threadIdx.x] = 1.0;
}

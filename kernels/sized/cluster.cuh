// Clusters: blocks that run at the same time and read and write each other's shared memory. Compute
// capability 9.0 and newer.

#ifndef TENFOLD_CLUSTER_CUH
#define TENFOLD_CLUSTER_CUH

// The number of this block in its cluster.
__device__ inline int cluster_rank() {
    int rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// Waits for all threads of the cluster, and makes their writes to shared memory visible.
__device__ inline void cluster_barrier() {
    asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

// The address, in block `rank`, of the variable that has the address `here` in this block.
template <class Type>
__device__ inline Type* in_block(Type* here, int rank) {
    unsigned long long there;
    asm volatile("mapa.u64 %0, %1, %2;" : "=l"(there) : "l"((unsigned long long)here), "r"(rank));
    return (Type*)there;
}

#endif

// Tiles of ORDER x ORDER = 64 x 64 entries of a product of matrices: panels of 64 vectors by 32 entries
// of the depth in shared memory, filled by asynchronous copies (gram_tiles.cu, project_tiles.cu).

#ifndef TENFOLD_TILES_CUH
#define TENFOLD_TILES_CUH

#include "instructions.cuh"

#define WIDTH ORDER
#define DEPTH 32
#define STAGES 2
#define TILE_WARPS 4
#define TILE_THREADS (32 * TILE_WARPS)
static_assert(WIDTH == 64, "the roles of the warps are those of a tile of 64 x 64");

// The layout of a panel in shared memory. A line is a vector (rows) or a place of the depth
// (columns). The pitch keeps the lanes of a warp in different banks when they load a product's
// entries: 8 vectors by 4 places.
template <class Real, bool COLUMNS>
struct Panel {
    static constexpr int LENGTH = COLUMNS ? WIDTH : DEPTH;
    static constexpr int LINES = COLUMNS ? DEPTH : WIDTH;
    static constexpr int PITCH = LENGTH + (COLUMNS && sizeof(Real) == 4 ? 8 : 4);
    static constexpr int SIZE = LINES * PITCH;
    // From a vector to the next, and from a place of the depth to the next.
    static constexpr int VECTOR = COLUMNS ? 1 : PITCH;
    static constexpr int PLACE = COLUMNS ? PITCH : 1;
};

// The lines of a panel that one thread copies, VEC entries of each.
template <class Real, bool COLUMNS, int VEC>
struct Copier {
    using P = Panel<Real, COLUMNS>;
    static constexpr int THREADS_OF_LINE = P::LENGTH / VEC;
    static constexpr int LINES_AT_ONCE = TILE_THREADS / THREADS_OF_LINE;
    static constexpr int TURNS = P::LINES / LINES_AT_ONCE;
    static_assert(LINES_AT_ONCE * THREADS_OF_LINE == TILE_THREADS, "");
    static_assert(TURNS * LINES_AT_ONCE == P::LINES, "");

    // Starts the copies of a panel, from entry `from` of x on. `lines` of its lines exist.
    static __device__ inline void copy(Real* to, const Real* x, unsigned from, int pitch, int line,
                                       int lines) {
#pragma unroll
        for (int turn = 0; turn < TURNS; turn++) {
            bool exists = line + turn * LINES_AT_ONCE < lines;
            start_copy<VEC * sizeof(Real)>(to + turn * LINES_AT_ONCE * P::PITCH,
                                           x + (exists ? from : 0),
                                           exists ? VEC * (int)sizeof(Real) : 0);
            from += LINES_AT_ONCE * pitch;
        }
    }
};

#endif

//! Dense solvers for small matrices, in `f64`: symmetric eigenproblems, and singular values.
//!
//! # From a symmetric matrix to its eigenvectors
//!
//! ```text
//!                    S, scaled to entries near one                                `eigh`
//!                    │
//!                    │  Householder reduction                  4/3·n³      `householder`
//!                    ▼
//!                    S = Q T Qᵀ, T tridiagonal
//!                    │
//!       ┌────────────┴─────────────┐
//!       │ all vectors              │ a few leading vectors
//!       ▼                          ▼
//!    T in leaves of ≤ 16 rows   all eigenvalues of T           10·n²       `tridiagonal`
//!       │  implicit QL             │  without their vectors
//!       │  `implicit_ql`           ▼
//!       ▼                       the caller chooses the number of vectors from them
//!    merges of two halves          │
//!       │  eigenvalues:            │  inverse iteration          2·n² a vector
//!       │    secular equation      │                                       `tridiagonal`
//!       │    `secular`             │
//!       │  vectors:                │
//!       │    product of bases      │
//!       │    `merged_basis`        │
//!       │  `divide_and_conquer`, at most 8/3·n³
//!       │                          │
//!       └────────────┬─────────────┘
//!                    ▼
//!                    vectors of S = Q · vectors of T           2·n² a vector
//!                                                                       `back_transform`
//! ```
//!
//! If divide and conquer does not converge, the same computation is repeated on a rescaled matrix,
//! and then by Jacobi rotations (`ladder`, `jacobi`). `lanczos` computes the leading pair alone.
//! `svd` decomposes triangular factors, first by faer's divide and conquer. `columns` and `rows`
//! are the two layouts of matrices in scratch memory.
//!
//! # Why the project has its own eigensolver
//!
//! More than half of the instructions of a saliency map with all vectors (512×7×7) go into the
//! eigenproblem of a 49×49 Gram matrix. On one core of an AMD EPYC, faer's `self_adjoint_eigen`
//! takes longer than [`eigh`] by these factors:
//!
//! | n      | 20   | 49  | 100 | 196 | 256 | 400 | 800 |
//! |--------|------|-----|-----|-----|-----|-----|-----|
//! | factor | 1.95 | 2.3 | 2.9 | 2.5 | 2.2 | 1.9 | 1.7 |
//!
//! `cargo bench --bench kernels eigh` measures them again. Below n = 400, computing a tenth of
//! the vectors takes as long as computing all of them. All buffers of the solvers are scratch
//! memory, so a batch of maps allocates nothing after its first map.

mod back_transform;
#[cfg(test)]
mod cancellation;
mod columns;
mod divide_and_conquer;
mod eigh;
mod householder;
mod implicit_ql;
mod jacobi;
mod ladder;
mod lanczos;
mod merged_basis;
mod rows;
#[cfg(test)]
mod rungs;
mod secular;
mod svd;
mod tridiagonal;
// The matrices of the integration tests serve the unit tests too.
#[cfg(test)]
#[allow(clippy::duplicate_mod)]
#[path = "../../tests/common/troublesome.rs"]
mod troublesome;

pub use eigh::{Eigen, eigh, eigh_leading};
pub use ladder::Rung;
pub use lanczos::{LeadingPair, leading_pair};
pub use svd::{RightSingular, right_singular};

pub(crate) use columns::Columns;
pub(super) use eigh::{eigh_in_scratch_until, eigh_leading_until, rescale};
pub(super) use lanczos::leading_pair_in_scratch_until;
pub(super) use svd::right_singular_until;

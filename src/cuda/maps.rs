//! Saliency maps of batches.
//!
//! Let F be the C×P unfolding of a feature map: C channels, P positions. There are four
//! ways to its map at full ranks, and one at truncated ranks:
//!
//! ```text
//! P < C, P ≤ 54   gram_small → map_first, map_all: one warp computes the map from G = FᵀF
//! P < C, P ≤ 88   saliency: one block computes the whole map in shared memory
//! P < C           gram (FᵀF, P×P) → centre_rest → eigen → combine
//! P ≥ C           gram (FFᵀ, C×C) → centre_mode → eigen → project → combine
//! truncated       prepare → HOOI → project → combine
//! ```
//!
//! An item has no map if squares left the range of `f64`, or if too many digits cancelled. The
//! kernels mark such items by their outcome. The maps of marked items are recomputed from scaled
//! and centred copies of the features, one at a time. The first line of the table
//! needs compute capability 8.0; if a block has too little shared memory for `saliency`, the kernels
//! in the third line compute the map.
//!
//! A [`job`] is the checked options of a call. A [`lane`] is a stream with the memory for a
//! chunk; it takes the chunk through the kernels, at full ranks ([`full_rank`]) or at
//! truncated ranks ([`truncated`]). [`recompute`] recomputes marked items. [`batch`],
//! [`resized`] and [`pointer`] implement the methods of [`Device`](super::Device).

mod batch;
mod full_rank;
mod job;
mod lane;
mod pointer;
mod recompute;
mod resized;
mod truncated;

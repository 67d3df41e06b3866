//! Packed panels of vectors.

use super::transpose::transpose_rows;
use super::{Scratch, Transpose, line_entries, vectorize};

/// Vectors of `order` entries, packed for the sums of their outer products.
///
/// Entries are grouped by [`line_entries`] into slivers. A sliver holds its
/// entries of one vector as a cache line, padded with zeros, and the lines of all
/// vectors one after the other, so that a kernel that sums over the vectors
/// streams through memory.
pub(crate) struct Panel<A> {
    data: Scratch<A>,
    order: usize,
    depth: usize,
    scratch: Scratch<A>,
}

impl<A: Transpose> Panel<A> {
    /// A panel of no vectors of `order` entries, with room for `depth`.
    pub(crate) fn new(order: usize, depth: usize) -> Self {
        let width = line_entries::<A>();
        Self {
            data: Scratch::zeroed(order.div_ceil(width) * (depth + 1) * width),
            order,
            depth: 0,
            scratch: Scratch::zeroed(0),
        }
    }

    /// The vectors, sliver by sliver.
    pub(super) fn data(&self) -> &[A] {
        &self.data
    }

    /// Entries of a vector.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// The number of vectors.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Entries from one sliver to the next: a line more than its own, since steps
    /// of a power of two would crowd into few sets of the cache.
    pub(super) fn sliver_stride(&self) -> usize {
        (self.depth + 1) * line_entries::<A>()
    }

    /// Takes `depth` vectors: `write(p, row)` is to write entry p of all of them
    /// to `row`.
    pub(crate) fn pack_rows(&mut self, depth: usize, write: impl Fn(usize, &mut [A])) {
        let width = line_entries::<A>();
        self.depth = depth;
        self.scratch.resize(width * depth);
        let stride = self.sliver_stride();
        for start in (0..self.order).step_by(width) {
            let rows = self.scratch.chunks_exact_mut(depth).enumerate();
            for (r, row) in rows {
                if start + r < self.order {
                    write(start + r, row);
                } else {
                    row.fill(A::zeroed());
                }
            }
            let sliver = &mut self.data[start / width * stride..];
            transpose_rows(&self.scratch, depth, depth, sliver);
        }
    }

    /// Takes `depth` vectors: entry p of vector k is entry p·`stride` + k of
    /// `rows`.
    pub(crate) fn pack_strided(&mut self, depth: usize, rows: &[A], stride: usize) {
        let width = line_entries::<A>();
        self.depth = depth;
        let slivers = self.order / width;
        for sliver in 0..slivers {
            let lines = sliver * self.sliver_stride();
            let rows = &rows[sliver * width * stride..];
            transpose_rows(rows, stride, depth, &mut self.data[lines..]);
        }
        if slivers * width < self.order {
            self.scratch.resize(width * depth);
            self.scratch.fill(A::zeroed());
            let rows = rows[slivers * width * stride..].chunks(stride);
            for (to, from) in self.scratch.chunks_exact_mut(depth).zip(rows) {
                to.copy_from_slice(&from[..depth]);
            }
            let lines = slivers * self.sliver_stride();
            transpose_rows(&self.scratch, depth, depth, &mut self.data[lines..]);
        }
    }

    /// Takes `depth` vectors: `write(k, vector)` is to write all entries of
    /// vector k to `vector`.
    pub(crate) fn pack_vectors(&mut self, depth: usize, write: impl Fn(usize, &mut [A])) {
        self.depth = depth;
        self.scratch.resize(self.order);
        let stride = self.sliver_stride();
        for k in 0..depth {
            write(k, &mut self.scratch);
            let lines = &mut self.data[k * line_entries::<A>()..];
            vectorize(
                #[inline(always)]
                || scatter(&self.scratch, lines, stride),
            );
        }
    }

    /// Takes vectors that lie one after the other.
    pub(crate) fn pack_adjacent(&mut self, vectors: &[A]) {
        self.depth = vectors.len() / self.order;
        let stride = self.sliver_stride();
        vectorize(
            #[inline(always)]
            || {
                for (k, vector) in vectors.chunks_exact(self.order).enumerate() {
                    let lines = &mut self.data[k * line_entries::<A>()..];
                    scatter(vector, lines, stride);
                }
            },
        );
    }
}

/// Writes a vector as lines, `stride` entries apart, the last padded with zeros.
#[inline(always)]
fn scatter<A: Transpose>(vector: &[A], lines: &mut [A], stride: usize) {
    let width = line_entries::<A>();
    let mut lines = lines.chunks_mut(stride);
    let pieces = vector.chunks_exact(width);
    let last = pieces.remainder();
    for (line, piece) in lines.by_ref().take(vector.len() / width).zip(pieces) {
        line[..width].copy_from_slice(piece);
    }
    if let (Some(line), false) = (lines.next(), last.is_empty()) {
        line[..width].fill(A::zeroed());
        line[..last.len()].copy_from_slice(last);
    }
}

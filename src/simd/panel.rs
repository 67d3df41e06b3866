//! Panels: vectors packed in slivers of one line.

use super::transpose::transpose_rows;
use super::{Scratch, Transpose, line_entries, vectorize};

/// Vectors of `order` entries, packed for the sums of their outer products. The documentation of
/// [`crate::simd`] shows the layout.
pub(crate) struct Panel<A> {
    data: Scratch<A>,
    order: usize,
    depth: usize,
    /// A buffer for the rows, or the vector, that are packed next.
    scratch: Scratch<A>,
}

impl<A: Transpose> Panel<A> {
    /// An empty panel, with room for `depth` vectors of `order` entries.
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

    /// The vectors, sliver by sliver, mutable.
    pub(super) fn data_mut(&mut self) -> &mut [A] {
        &mut self.data
    }

    /// Copies entry p of all vectors to the start of `row`.
    pub(super) fn copy_row(&self, p: usize, row: &mut [A]) {
        let width = line_entries::<A>();
        let sliver = &self.data[p / width * self.sliver_stride()..];
        let lines = sliver.chunks_exact(width).take(self.depth);
        for (to, line) in row.iter_mut().zip(lines) {
            *to = line[p % width];
        }
    }

    /// Entries of a vector.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// The number of vectors.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Entries from one sliver to the next. An unused line follows each sliver. Without it, if the
    /// depth is a power of two, all slivers would compete for few sets of the cache.
    pub(super) fn sliver_stride(&self) -> usize {
        (self.depth + 1) * line_entries::<A>()
    }

    /// Packs `depth` vectors: `write(p, row)` writes entry p of all vectors to `row`.
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
                    row.fill(A::zero());
                }
            }
            let sliver = &mut self.data[start / width * stride..];
            transpose_rows(&self.scratch, depth, depth, sliver);
        }
    }

    /// Packs `depth` vectors: entry p of vector k is entry p·`stride` + k of `rows`.
    pub(crate) fn pack_strided(&mut self, depth: usize, rows: &[A], stride: usize) {
        let width = line_entries::<A>();
        self.depth = depth;
        // 1. Whole slivers, read directly from `rows`.
        let slivers = self.order / width;
        for sliver in 0..slivers {
            let lines = sliver * self.sliver_stride();
            let rows = &rows[sliver * width * stride..];
            transpose_rows(rows, stride, depth, &mut self.data[lines..]);
        }
        // 2. The last rows, and rows of zeros after them.
        if slivers * width < self.order {
            self.scratch.resize(width * depth);
            self.scratch.fill(A::zero());
            let rows = rows[slivers * width * stride..].chunks(stride);
            for (to, from) in self.scratch.chunks_exact_mut(depth).zip(rows) {
                to.copy_from_slice(&from[..depth]);
            }
            let lines = slivers * self.sliver_stride();
            transpose_rows(&self.scratch, depth, depth, &mut self.data[lines..]);
        }
    }

    /// Packs `depth` vectors: `write(k, vector)` writes all entries of vector k to `vector`.
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

    /// Packs vectors that lie one after the other.
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

/// Writes a vector as lines that start `stride` entries apart, the last padded with zeros.
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
        line[..width].fill(A::zero());
        line[..last.len()].copy_from_slice(last);
    }
}

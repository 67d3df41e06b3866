//! Scratch memory that each thread keeps and reuses.
//!
//! Problems that are solved one after the other, such as the maps of a batch, need buffers of
//! the same sizes. A thread keeps the buffers that it drops, sorted by size, and hands them out
//! again, so that only the first problem allocates:
//!
//! ```text
//!   Scratch::zeroed(len) ── take ──>  the thread's store        <── give back ── drop
//!                                     2⁰ lines: ▯ ▯
//!                                     2¹ lines: ▯
//!                                     …
//!                                     2¹⁷ lines (8 MiB)         at most 32 MiB in all
//! ```

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{NoUninit, Pod, Zeroable};

use super::LINE_BYTES;

/// A vector in scratch memory. It starts at a cache line, so that no register straddles two
/// lines.
pub(crate) struct Scratch<A> {
    lines: Lines,
    /// The number of entries that hold values, from the first on.
    len: usize,
    entries: PhantomData<A>,
}

impl<A: NoUninit> Scratch<A> {
    /// An empty vector with room for `capacity` entries.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        const { assert!(align_of::<A>() <= LINE_BYTES && size_of::<A>() > 0) };
        Self {
            lines: Lines::with_bytes(capacity * size_of::<A>()),
            len: 0,
            entries: PhantomData,
        }
    }

    /// A copy of `entries`.
    pub(crate) fn copied(entries: &[A]) -> Self {
        entries.iter().copied().collect()
    }

    /// Appends an entry.
    #[inline]
    #[allow(unsafe_code)]
    pub(crate) fn push(&mut self, entry: A) {
        if (self.len + 1) * size_of::<A>() > self.lines.bytes() {
            self.grow();
        }
        let start: *mut A = self.lines.0.as_mut_ptr().cast();
        // SAFETY: the lines have room for `len + 1` entries. Their start is aligned for `A`,
        // since `with_capacity` checks that the alignment of `A` is at most a line. `A` has no
        // padding, so every byte of the lines stays initialised.
        unsafe { start.add(self.len).write(entry) };
        self.len += 1;
    }

    /// Keeps the first `len` entries.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Moves the entries to a buffer of at least twice the size.
    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_capacity((2 * self.len).max(LINE_BYTES / size_of::<A>() + 1));
        self.iter().for_each(|&entry| larger.push(entry));
        *self = larger;
    }
}

impl<A: Pod> Scratch<A> {
    /// `len` entries of unspecified values.
    pub(crate) fn unspecified(len: usize) -> Self {
        let mut scratch = Self::with_capacity(len);
        scratch.len = len;
        scratch
    }

    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        let mut scratch = Self::unspecified(len);
        scratch.fill(A::zeroed());
        scratch
    }

    /// Changes the length to `len`. All values become unspecified.
    pub(crate) fn resize(&mut self, len: usize) {
        if len * size_of::<A>() > self.lines.bytes() {
            *self = Self::unspecified(len);
        }
        self.len = len;
    }
}

impl<A: NoUninit> Deref for Scratch<A> {
    type Target = [A];

    #[inline(always)]
    #[allow(unsafe_code)]
    fn deref(&self) -> &[A] {
        let start = self.lines.0.as_ptr().cast();
        // SAFETY: the start is aligned for `A`, as in `push`. The first `len` entries are
        // values of `A`: either pushed, or bytes of a `Pod` type, for which any bytes are valid.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}

impl<A: NoUninit> DerefMut for Scratch<A> {
    #[inline(always)]
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut [A] {
        let start = self.lines.0.as_mut_ptr().cast();
        // SAFETY: as in `deref`, and the lines are borrowed mutably with `self`.
        unsafe { std::slice::from_raw_parts_mut(start, self.len) }
    }
}

impl<A: NoUninit> FromIterator<A> for Scratch<A> {
    fn from_iter<I: IntoIterator<Item = A>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut scratch = Self::with_capacity(entries.size_hint().0);
        entries.for_each(|entry| scratch.push(entry));
        scratch
    }
}

impl<'a, A: NoUninit> IntoIterator for &'a Scratch<A> {
    type Item = &'a A;
    type IntoIter = std::slice::Iter<'a, A>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE_BYTES]);

// SAFETY: zeros are a valid array of bytes.
#[allow(unsafe_code)]
unsafe impl Zeroable for Line {}

/// Lines that return to the thread's store when they are dropped.
struct Lines(Vec<Line>);

impl Lines {
    /// Lines of unspecified values for `bytes` bytes.
    fn with_bytes(bytes: usize) -> Self {
        let count = bytes.div_ceil(LINE_BYTES);
        let kept = STORE.try_with(|store| store.borrow_mut().take(count));
        Self(kept.unwrap_or_else(|_| bytemuck::zeroed_vec(count)))
    }

    #[inline(always)]
    fn bytes(&self) -> usize {
        self.0.len() * LINE_BYTES
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.0);
        // While a thread ends, its store may already be dropped.
        let _ = STORE.try_with(|store| store.borrow_mut().give_back(lines));
    }
}

thread_local! {
    static STORE: RefCell<Store> = const { RefCell::new(Store::new()) };
}

/// The largest buffers that are kept have 2^`LARGEST` lines: 8 MiB.
const LARGEST: usize = 17;

/// The largest number of lines that a thread keeps: 32 MiB.
const KEPT_LINES: usize = 1 << 19;

/// The buffers that a thread keeps.
struct Store {
    /// Entry i: buffers of 2ⁱ lines.
    buffers: [Vec<Vec<Line>>; LARGEST + 1],
    /// The number of lines of all buffers.
    lines: usize,
}

impl Store {
    const fn new() -> Self {
        Self {
            buffers: [const { Vec::new() }; LARGEST + 1],
            lines: 0,
        }
    }

    /// A buffer of at least `count` lines.
    fn take(&mut self, count: usize) -> Vec<Line> {
        if count == 0 {
            return Vec::new();
        }
        let power = count.next_power_of_two();
        let Some(buffers) = self.buffers.get_mut(power.ilog2() as usize) else {
            return bytemuck::zeroed_vec(count);
        };
        let Some(buffer) = buffers.pop() else {
            return bytemuck::zeroed_vec(power);
        };
        self.lines -= power;
        buffer
    }

    /// Keeps a buffer, unless it is too large or the store is full.
    fn give_back(&mut self, buffer: Vec<Line>) {
        let count = buffer.len();
        if count.is_power_of_two()
            && self.lines + count <= KEPT_LINES
            && let Some(buffers) = self.buffers.get_mut(count.ilog2() as usize)
        {
            self.lines += count;
            buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of lines in the store of this thread.
    fn kept() -> usize {
        STORE.with_borrow(|store| store.lines)
    }

    #[test]
    fn starts_at_a_cache_line_at_every_size() {
        for len in [0, 1, 7, 100, 4097] {
            let mut scratch = Scratch::<f32>::zeroed(len);
            assert_eq!(*scratch, vec![0.0; len]);
            assert_eq!(scratch.as_ptr().align_offset(LINE_BYTES), 0);
            scratch.resize(2 * len + 1);
            assert_eq!(scratch.len(), 2 * len + 1);
            assert_eq!(scratch.as_ptr().align_offset(LINE_BYTES), 0);
        }
    }

    #[test]
    fn reused_memory_is_zeroed() {
        let mut used = Scratch::<u64>::zeroed(1000);
        used.fill(u64::MAX);
        let at = used.as_ptr();
        drop(used);
        let again = Scratch::<u64>::zeroed(990);
        assert_eq!(again.as_ptr(), at);
        assert_eq!(*again, vec![0; 990]);
    }

    #[test]
    fn grows_by_pushing() {
        let entries = (0..300).map(|i| [f64::from(i), 0.5, -1.0]);
        let mut scratch: Scratch<[f64; 3]> = entries.clone().filter(|_| true).collect();
        assert_eq!(*scratch, entries.collect::<Vec<_>>());
        scratch.truncate(1);
        scratch.push([7.0; 3]);
        assert_eq!(*scratch, [[0.0, 0.5, -1.0], [7.0; 3]]);
    }

    #[test]
    fn keeps_buffers_up_to_its_limits() {
        std::thread::spawn(|| {
            assert_eq!(kept(), 0);
            drop(Scratch::<u8>::zeroed(0));
            assert_eq!(kept(), 0);
            drop(Scratch::<u8>::zeroed(3 * LINE_BYTES));
            assert_eq!(kept(), 4);
            drop(Scratch::<u8>::zeroed(4 * LINE_BYTES));
            assert_eq!(kept(), 4);
            let most = LINE_BYTES << LARGEST;
            drop(Scratch::<u8>::unspecified(most + 1));
            assert_eq!(kept(), 4);
            let many: Vec<_> = (0..6).map(|_| Scratch::<u8>::unspecified(most)).collect();
            drop(many);
            assert_eq!(kept(), 4 + (3 << LARGEST));
        })
        .join()
        .unwrap();
    }
}

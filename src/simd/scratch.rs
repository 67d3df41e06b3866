//! Scratch memory, which a thread hands back to itself.
//!
//! Problems that are solved one after the other, such as the maps of a batch, ask
//! for the same pieces of memory again and again. What one of them drops the
//! next one gets, so that after the first no memory is allocated.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::{NoUninit, Pod, Zeroable};

/// Bytes of a cache line, and of the widest vector register.
pub(super) const LINE: usize = 64;

/// Entries of a cache line, and of the widest vector register.
pub(crate) const fn line_entries<A>() -> usize {
    LINE / size_of::<A>()
}

/// A vector that starts at a cache line, so that no register straddles two, in
/// memory that its thread keeps for the next.
pub(crate) struct Scratch<A> {
    lines: Lines,
    /// Entries from the first on that hold values.
    len: usize,
    entries: PhantomData<A>,
}

impl<A: NoUninit> Scratch<A> {
    /// No entries, with room for `capacity`.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        const { assert!(align_of::<A>() <= LINE && size_of::<A>() > 0) };
        Self {
            lines: Lines::with_bytes(capacity * size_of::<A>()),
            len: 0,
            entries: PhantomData,
        }
    }

    /// Copies of `entries`.
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
        // SAFETY: the lines hold `len + 1` entries, and start aligned for any
        // whose alignment is at most a line's. Without padding in `A` every byte
        // of the lines stays initialised.
        unsafe { start.add(self.len).write(entry) };
        self.len += 1;
    }

    /// Leaves the first `len` entries.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Moves to at least twice the room.
    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_capacity((2 * self.len).max(LINE / size_of::<A>() + 1));
        self.iter().for_each(|&entry| larger.push(entry));
        *self = larger;
    }
}

impl<A: Pod> Scratch<A> {
    /// `len` entries whose values are unspecified.
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

    /// Makes room for `len` entries, whose values are unspecified.
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
        // SAFETY: the lines start aligned for `A`, as `push` has it, and hold
        // `len` values of it: pushed ones, or bytes of a type that any bytes make.
        unsafe { std::slice::from_raw_parts(start, self.len) }
    }
}

impl<A: NoUninit> DerefMut for Scratch<A> {
    #[inline(always)]
    #[allow(unsafe_code)]
    fn deref_mut(&mut self) -> &mut [A] {
        let start = self.lines.0.as_mut_ptr().cast();
        // SAFETY: as in `deref`, and nothing else refers to the lines.
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
struct Line([u8; LINE]);

// SAFETY: an array of bytes, of which zeros are values.
#[allow(unsafe_code)]
unsafe impl Zeroable for Line {}

/// Cache lines that go back to the thread's store.
struct Lines(Vec<Line>);

impl Lines {
    /// Lines for so many bytes, of unspecified values.
    fn with_bytes(bytes: usize) -> Self {
        let count = bytes.div_ceil(LINE);
        let kept = STORE.try_with(|store| store.borrow_mut().take(count));
        Self(kept.unwrap_or_else(|_| bytemuck::zeroed_vec(count)))
    }

    #[inline(always)]
    fn bytes(&self) -> usize {
        self.0.len() * LINE
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.0);
        // A thread that ends has no store any more.
        let _ = STORE.try_with(|store| store.borrow_mut().give_back(lines));
    }
}

thread_local! {
    static STORE: RefCell<Store> = const { RefCell::new(Store::new()) };
}

/// Lines of the largest pieces that are kept, as a power of two: 8 MiB.
const LARGEST: usize = 17;

/// Lines that a thread keeps, at most: 32 MiB.
const KEPT_LINES: usize = 1 << 19;

/// The pieces of memory that a thread keeps.
struct Store {
    /// Pieces of 2ⁱ lines.
    pieces: [Vec<Vec<Line>>; LARGEST + 1],
    /// Lines of all pieces together.
    lines: usize,
}

impl Store {
    const fn new() -> Self {
        Self {
            pieces: [const { Vec::new() }; LARGEST + 1],
            lines: 0,
        }
    }

    /// A piece of `count` lines or more.
    fn take(&mut self, count: usize) -> Vec<Line> {
        if count == 0 {
            return Vec::new();
        }
        let power = count.next_power_of_two();
        let Some(pieces) = self.pieces.get_mut(power.ilog2() as usize) else {
            return bytemuck::zeroed_vec(count);
        };
        let Some(piece) = pieces.pop() else {
            return bytemuck::zeroed_vec(power);
        };
        self.lines -= power;
        piece
    }

    /// Keeps a piece, where there is room.
    fn give_back(&mut self, piece: Vec<Line>) {
        let count = piece.len();
        if count.is_power_of_two()
            && self.lines + count <= KEPT_LINES
            && let Some(pieces) = self.pieces.get_mut(count.ilog2() as usize)
        {
            self.lines += count;
            pieces.push(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the store of this thread holds.
    fn kept() -> usize {
        STORE.with_borrow(|store| store.lines)
    }

    #[test]
    fn starts_at_a_cache_line_of_any_size() {
        for len in [0, 1, 7, 100, 4097] {
            let mut scratch = Scratch::<f32>::zeroed(len);
            assert_eq!(*scratch, vec![0.0; len]);
            assert_eq!(scratch.as_ptr().align_offset(LINE), 0);
            scratch.resize(2 * len + 1);
            assert_eq!(scratch.len(), 2 * len + 1);
            assert_eq!(scratch.as_ptr().align_offset(LINE), 0);
        }
    }

    #[test]
    fn zeros_are_zeros_in_memory_that_was_used() {
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
    fn keeps_so_much_and_no_more() {
        std::thread::spawn(|| {
            assert_eq!(kept(), 0);
            drop(Scratch::<u8>::zeroed(0));
            assert_eq!(kept(), 0);
            drop(Scratch::<u8>::zeroed(3 * LINE));
            assert_eq!(kept(), 4);
            drop(Scratch::<u8>::zeroed(4 * LINE));
            assert_eq!(kept(), 4);
            let most = LINE << LARGEST;
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

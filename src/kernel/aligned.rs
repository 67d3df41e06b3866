//! Scratch memory that starts at a cache line.

use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

/// Bytes of a cache line, and of the widest vector register.
pub(super) const LINE: usize = 64;

/// Entries of a cache line, and of the widest vector register.
pub(crate) const fn line_entries<A>() -> usize {
    LINE / size_of::<A>()
}

/// A slice that starts at a cache line, so that no vector straddles two.
pub(crate) struct Aligned<A> {
    storage: Vec<A>,
    start: usize,
    len: usize,
}

impl<A: Pod> Aligned<A> {
    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        let storage = vec![A::zeroed(); len + line_entries::<A>()];
        let start = storage.as_ptr().align_offset(LINE).min(storage.len() - len);
        Self {
            storage,
            start,
            len,
        }
    }

    /// Makes room for `len` entries, whose values are unspecified.
    pub(crate) fn resize(&mut self, len: usize) {
        if self.start + len > self.storage.len() {
            *self = Self::zeroed(len);
        }
        self.len = len;
    }
}

impl<A> Deref for Aligned<A> {
    type Target = [A];

    fn deref(&self) -> &[A] {
        &self.storage[self.start..self.start + self.len]
    }
}

impl<A> DerefMut for Aligned<A> {
    fn deref_mut(&mut self) -> &mut [A] {
        &mut self.storage[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_at_a_cache_line_of_any_size() {
        for len in [0, 1, 7, 100, 4097] {
            let mut buffer = Aligned::<f32>::zeroed(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr().align_offset(LINE), 0);
            buffer.resize(2 * len + 1);
            assert_eq!(buffer.len(), 2 * len + 1);
            assert_eq!(buffer.as_ptr().align_offset(LINE), 0);
        }
    }
}

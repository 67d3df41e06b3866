//! Idle memory, kept for the next request of the same size.

/// Memory from one allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cuda) struct Block {
    pub(in crate::cuda) address: u64,
    /// The number of bytes that were allocated.
    pub(in crate::cuda) bytes: usize,
}

/// Idle blocks.
#[derive(Debug, Default)]
pub(super) struct FreeList {
    blocks: Vec<Idle>,
}

#[derive(Debug)]
struct Idle {
    block: Block,
    /// The time of the last use, as the pool counts it.
    used: u64,
}

impl FreeList {
    /// Takes the smallest block of at least `bytes` bytes. A block that is larger by more than a
    /// quarter stays in the list.
    pub(super) fn take(&mut self, bytes: usize) -> Option<Block> {
        let most = bytes.saturating_add(bytes / 4);
        let fits = self.blocks.iter().enumerate();
        let fits = fits.filter(|(_, idle)| (bytes..=most).contains(&idle.block.bytes));
        let (at, _) = fits.min_by_key(|(_, idle)| idle.block.bytes)?;
        Some(self.blocks.swap_remove(at).block)
    }

    /// Adds a block that was in use until the time `used`.
    pub(super) fn put(&mut self, block: Block, used: u64) {
        self.blocks.push(Idle { block, used });
    }

    /// The number of bytes in the list.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().map(|idle| idle.block.bytes).sum()
    }

    /// The time of the last use of the block that has been idle for the longest time.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.blocks.iter().map(|idle| idle.used).min()
    }

    /// Takes the block that has been idle for the longest time.
    pub(super) fn take_oldest(&mut self) -> Option<Block> {
        let blocks = self.blocks.iter().enumerate();
        let (at, _) = blocks.min_by_key(|(_, idle)| idle.used)?;
        Some(self.blocks.swap_remove(at).block)
    }

    /// Takes all blocks.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Block> {
        std::mem::take(&mut self.blocks)
            .into_iter()
            .map(|idle| idle.block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(bytes: usize) -> Block {
        Block {
            address: 256 * bytes as u64,
            bytes,
        }
    }

    fn list(sizes: &[usize]) -> FreeList {
        let mut list = FreeList::default();
        for (time, &bytes) in sizes.iter().enumerate() {
            list.put(block(bytes), time as u64);
        }
        list
    }

    #[test]
    fn the_smallest_block_that_fits_is_taken() {
        let mut list = list(&[120, 100, 110]);
        assert_eq!(list.take(105), Some(block(110)));
        assert_eq!(list.take(105), Some(block(120)));
        assert_eq!(list.take(105), None);
        assert_eq!(list.bytes(), 100);
    }

    #[test]
    fn a_block_that_is_much_larger_stays() {
        let mut list = list(&[126]);
        assert_eq!(list.take(100), None);
        assert_eq!(list.take(101), Some(block(126)));
    }

    #[test]
    fn the_oldest_block_comes_first() {
        let mut list = list(&[8, 4, 16]);
        assert_eq!(list.oldest(), Some(0));
        assert_eq!(list.take_oldest(), Some(block(8)));
        assert_eq!(list.oldest(), Some(1));
        assert_eq!(list.take_all().count(), 2);
        assert_eq!(
            (list.oldest(), list.take_oldest(), list.bytes()),
            (None, None, 0)
        );
    }

    /// The same requests a second time find blocks for all of them.
    #[test]
    fn repeated_requests_find_all_blocks() {
        let requests = [7, 100, 100, 8, 104, 7];
        let mut list = list(&requests);
        let taken: Vec<Block> = requests
            .iter()
            .map(|&bytes| list.take(bytes).unwrap_or(block(0)))
            .collect();
        let sizes: Vec<usize> = taken.iter().map(|block| block.bytes).collect();
        assert_eq!(sizes, requests);
        assert_eq!(list.bytes(), 0);
    }
}

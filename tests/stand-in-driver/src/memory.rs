//! Memory with a record of written bytes and of the threads that accessed them.
//!
//! Two accesses of a launch race if at least one is a write, not both are atomic, and they come from
//! different blocks, or from different threads of a block with no barrier between them.

use std::collections::BTreeMap;

/// Bytes of one unit of access tracking.
const GRANULE: usize = 4;

/// In place of a thread's or block's number: no access yet.
const NONE: u32 = u32::MAX;
/// In place of a thread's or block's number: accesses of several.
const SEVERAL: u32 = u32::MAX - 1;

/// The origin of an access: a thread of a block of a launch, between two barriers.
#[derive(Clone, Copy, Debug)]
pub struct Accessor {
    /// The number of the launch.
    pub launch: u32,
    /// The block in its grid.
    pub block: u32,
    /// The thread in its block.
    pub thread: u32,
    /// The number of barriers that the block has passed.
    pub epoch: u32,
    /// Whether the access is atomic.
    pub atomic: bool,
}

/// The last write and the last read of a granule, in a launch.
#[derive(Clone, Copy, Debug)]
struct History {
    launch: u32,
    write: Access,
    read: Access,
}

#[derive(Clone, Copy, Debug)]
struct Access {
    block: u32,
    thread: u32,
    epoch: u32,
    atomic: bool,
}

impl Access {
    const NONE: Self = Self {
        block: NONE,
        thread: NONE,
        epoch: 0,
        atomic: false,
    };

    fn of(by: Accessor) -> Self {
        Self {
            block: by.block,
            thread: by.thread,
            epoch: by.epoch,
            atomic: by.atomic,
        }
    }

    /// Whether this access races with one of `by`, if one of them is a write.
    fn races(self, by: Accessor) -> bool {
        self.thread != NONE
            && !(self.atomic && by.atomic)
            && (self.block != by.block || (self.epoch == by.epoch && self.thread != by.thread))
    }

    /// The record of this access and one of `by`.
    fn joined(self, by: Accessor) -> Self {
        let new = Self::of(by);
        if self.thread == NONE || (self.block == by.block && self.epoch != by.epoch) {
            return new;
        }
        Self {
            block: if self.block == by.block {
                by.block
            } else {
                SEVERAL
            },
            thread: if self.thread == by.thread {
                by.thread
            } else {
                SEVERAL
            },
            atomic: self.atomic && by.atomic,
            ..new
        }
    }
}

impl History {
    const NONE: Self = Self {
        launch: NONE,
        write: Access::NONE,
        read: Access::NONE,
    };
}

/// Consecutive bytes with their histories.
#[derive(Debug)]
pub struct Region {
    bytes: Vec<u8>,
    written: Vec<bool>,
    history: Vec<History>,
}

impl Region {
    /// Bytes that are not written yet.
    pub fn new(len: usize) -> Self {
        Self {
            bytes: vec![0xff; len],
            written: vec![false; len],
            history: vec![History::NONE; len.div_ceil(GRANULE)],
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes bytes from outside of kernels.
    pub fn fill_in(&mut self, offset: usize, data: &[u8]) {
        self.bytes[offset..offset + data.len()].copy_from_slice(data);
        self.written[offset..offset + data.len()].fill(true);
    }

    /// Reads bytes from outside of kernels, written or not.
    pub fn bytes(&self, offset: usize, len: usize) -> &[u8] {
        &self.bytes[offset..offset + len]
    }

    fn check(&self, offset: usize, len: usize) -> Result<(), String> {
        if offset.checked_add(len).is_none_or(|end| end > self.len()) {
            return Err(format!(
                "out of bounds: {len} bytes at {offset} of {}",
                self.len()
            ));
        }
        if !offset.is_multiple_of(len) {
            return Err(format!("misaligned: {len} bytes at {offset}"));
        }
        Ok(())
    }

    /// The history of a granule in this launch. Earlier launches do not count: a launch starts after
    /// the one before has ended.
    fn history_in(&mut self, granule: usize, launch: u32) -> &mut History {
        let history = &mut self.history[granule];
        if history.launch != launch {
            *history = History {
                launch,
                ..History::NONE
            };
        }
        history
    }

    /// A load of 1 to 8 bytes by a kernel.
    ///
    /// # Errors
    /// Out of bounds, misaligned, never written, race.
    pub fn load(&mut self, offset: usize, len: usize, by: Accessor) -> Result<u64, String> {
        self.check(offset, len)?;
        if !self.written[offset..offset + len]
            .iter()
            .all(|&written| written)
        {
            return Err(format!("read of bytes never written, at {offset}"));
        }
        for granule in offset / GRANULE..=(offset + len - 1) / GRANULE {
            let history = self.history_in(granule, by.launch);
            if history.write.races(by) {
                return Err(race("read", "write", history.write, by, offset));
            }
            history.read = history.read.joined(by);
        }
        let mut value = [0; 8];
        value[..len].copy_from_slice(&self.bytes[offset..offset + len]);
        Ok(u64::from_le_bytes(value))
    }

    /// A store of 1 to 8 bytes by a kernel.
    ///
    /// # Errors
    /// Out of bounds, misaligned, race.
    pub fn store(
        &mut self,
        offset: usize,
        len: usize,
        value: u64,
        by: Accessor,
    ) -> Result<(), String> {
        self.check(offset, len)?;
        for granule in offset / GRANULE..=(offset + len - 1) / GRANULE {
            let history = self.history_in(granule, by.launch);
            if history.write.races(by) {
                return Err(race("write", "write", history.write, by, offset));
            }
            if history.read.races(by) {
                return Err(race("write", "read", history.read, by, offset));
            }
            history.write = Access::of(by);
        }
        self.fill_in(offset, &value.to_le_bytes()[..len]);
        Ok(())
    }
}

fn race(now: &str, before: &str, other: Access, by: Accessor, offset: usize) -> String {
    let who = |number: u32| match number {
        SEVERAL => "several".to_owned(),
        number => number.to_string(),
    };
    format!(
        "race: {now} at {offset} by thread {} of block {} after a {before} by thread {} of \
         block {}, no barrier between",
        by.thread,
        by.block,
        who(other.thread),
        who(other.block)
    )
}

/// The gap between allocations: an index past the end does not reach the next allocation.
const GAP: u64 = 1 << 16;

/// The device's memory.
#[derive(Debug)]
pub struct Memory {
    allocations: BTreeMap<u64, Region>,
    next: u64,
    /// Bytes allocated.
    pub used: usize,
    /// Bytes that can be allocated.
    pub limit: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            allocations: BTreeMap::new(),
            next: 0x7000_0000_0000,
            used: 0,
            limit: 1 << 30,
        }
    }
}

impl Memory {
    /// Allocates `len` bytes. Returns their address; `None` above the limit.
    pub fn allocate(&mut self, len: usize) -> Option<u64> {
        if self
            .used
            .checked_add(len)
            .is_none_or(|used| used > self.limit)
        {
            return None;
        }
        let address = self.next;
        self.next += (len as u64 + GAP).next_multiple_of(GAP);
        self.used += len;
        self.allocations.insert(address, Region::new(len));
        Some(address)
    }

    /// Frees the allocation at `address`. Returns whether there was one.
    pub fn free(&mut self, address: u64) -> bool {
        match self.allocations.remove(&address) {
            Some(region) => {
                self.used -= region.len();
                true
            }
            None => false,
        }
    }

    /// The allocation that contains `address`: its start, and its bytes.
    ///
    /// # Errors
    /// Out of bounds.
    pub fn around(&mut self, address: u64) -> Result<(u64, &mut Region), String> {
        let wrong = || format!("out of bounds: no allocation has address {address:#x}");
        let (&start, region) = self
            .allocations
            .range_mut(..=address)
            .next_back()
            .ok_or_else(wrong)?;
        if address >= start + (region.len() as u64).max(1) + GAP / 2 {
            return Err(wrong());
        }
        Ok((start, region))
    }

    /// The allocation for a copy of `len` bytes at `address`: its start, and its bytes.
    ///
    /// # Errors
    /// Out of bounds.
    pub fn span(&mut self, address: u64, len: usize) -> Result<(u64, &mut Region), String> {
        let (start, region) = self.around(address)?;
        if (address - start) as usize + len > region.len() {
            return Err(format!(
                "out of bounds: a copy of {len} bytes at {} of {}",
                address - start,
                region.len()
            ));
        }
        Ok((start, region))
    }
}

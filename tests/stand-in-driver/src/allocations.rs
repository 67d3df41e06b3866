//! The device's memory: allocations, and which one contains an address.

use crate::clocks::Span;
use crate::memory::Region;

/// The gap between allocations: an index past the end does not reach the next allocation.
const GAP: u64 = 1 << 16;

/// The distance between the first addresses of two devices.
const DEVICE: u64 = 1 << 40;

/// A device's memory.
#[derive(Debug)]
pub struct Memory {
    /// Start and bytes of each allocation, in the order of addresses.
    allocations: Vec<(u64, Region)>,
    /// The allocation of the last access.
    last: usize,
    device: usize,
    next: u64,
    /// Bytes allocated.
    pub used: usize,
    /// Bytes that can be allocated.
    pub limit: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of_device(0)
    }
}

impl Memory {
    /// The empty memory of a device.
    pub fn of_device(number: usize) -> Self {
        Self {
            allocations: Vec::new(),
            last: 0,
            device: number,
            next: 0x7000_0000_0000 + number as u64 * DEVICE,
            used: 0,
            limit: 1 << 30,
        }
    }

    /// The device that an address belongs to.
    pub fn device_of(address: u64) -> Option<usize> {
        let above = address.checked_sub(0x7000_0000_0000)?;
        Some((above / DEVICE) as usize)
    }

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
        self.allocations.push((address, Region::new(len)));
        Some(address)
    }

    /// Frees the allocation at `address`. Returns whether there was one.
    pub fn free(&mut self, address: u64) -> bool {
        match self
            .allocations
            .binary_search_by_key(&address, |(start, _)| *start)
        {
            Ok(place) => {
                let (_, region) = self.allocations.remove(place);
                self.used -= region.len();
                true
            }
            Err(_) => false,
        }
    }

    /// The allocation that contains `address`: its start, and its bytes.
    ///
    /// # Errors
    /// Out of bounds.
    #[inline]
    pub fn around(&mut self, address: u64) -> Result<(u64, &mut Region), String> {
        let holds = |(start, region): &(u64, Region)| {
            address >= *start && address < start + (region.len() as u64).max(1) + GAP / 2
        };
        if !self.allocations.get(self.last).is_some_and(holds) {
            let after = self
                .allocations
                .partition_point(|(start, _)| *start <= address);
            let found = after
                .checked_sub(1)
                .filter(|&place| holds(&self.allocations[place]));
            self.last = found.ok_or_else(|| self.outside(address))?;
        }
        let (start, region) = &mut self.allocations[self.last];
        Ok((*start, region))
    }

    fn outside(&self, address: u64) -> String {
        let what = format!("out of bounds: no allocation has address {address:#x}");
        match Self::device_of(address) {
            Some(other) if other != self.device => {
                format!(
                    "{what} on device {}; it belongs to device {other}",
                    self.device
                )
            }
            _ => what,
        }
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

    /// The bytes that a launch read and wrote: for each allocation at most one span of each kind.
    pub fn spans(&self, launch: u32) -> Vec<Span> {
        let allocations = self.allocations.iter();
        allocations
            .flat_map(|(start, region)| region.spans(*start, launch))
            .collect()
    }
}

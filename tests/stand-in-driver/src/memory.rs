//! Memory with a record of written bytes and of the threads that accessed them.

use crate::clocks::Span;
use crate::history::Histories;
use crate::order::By;

/// Bytes of one unit of access tracking.
const GRANULE: usize = 4;

/// The state of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    NeverWritten,
    Written,
    /// An asynchronous copy writes it, and no thread has waited for the copy yet.
    InFlight,
}

/// Consecutive bytes with their histories.
#[derive(Debug)]
pub struct Region {
    bytes: Vec<u8>,
    states: Vec<State>,
    histories: Histories,
    /// The bytes that a launch read, and those that it wrote.
    spans: [Option<(usize, usize)>; 2],
    launch: u32,
}

impl Region {
    /// Bytes that are not written yet.
    pub fn new(len: usize) -> Self {
        Self {
            bytes: vec![0xff; len],
            states: vec![State::NeverWritten; len],
            histories: Histories::new(len.div_ceil(GRANULE)),
            spans: [None; 2],
            launch: u32::MAX,
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
        self.states[offset..offset + data.len()].fill(State::Written);
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

    /// Widens the span of bytes that the launch reads or writes.
    #[inline]
    fn touch(&mut self, offset: usize, len: usize, write: bool, launch: u32) {
        if self.launch != launch {
            self.launch = launch;
            self.spans = [None; 2];
        }
        let span = self.spans[usize::from(write)].get_or_insert((offset, offset + len));
        span.0 = span.0.min(offset);
        span.1 = span.1.max(offset + len);
    }

    /// The bytes that a launch read and wrote, for a region that starts at `start`.
    pub fn spans(&self, start: u64, launch: u32) -> impl Iterator<Item = Span> {
        let spans = if self.launch == launch {
            self.spans
        } else {
            [None; 2]
        };
        let [read, write] = spans;
        [(read, false), (write, true)]
            .into_iter()
            .filter_map(move |(span, write)| {
                span.map(|(first, end)| Span {
                    start: start + first as u64,
                    end: start + end as u64,
                    write,
                })
            })
    }

    /// A load of 1 to 8 bytes by a kernel.
    ///
    /// # Errors
    /// Out of bounds, misaligned, never written, race.
    #[inline]
    pub fn load(&mut self, offset: usize, len: usize, by: &By<'_>) -> Result<u64, String> {
        self.check(offset, len)?;
        let states = &self.states[offset..offset + len];
        if states.iter().any(|&state| state != State::Written) {
            return Err(self.not_written(offset, len));
        }
        for granule in offset / GRANULE..=(offset + len - 1) / GRANULE {
            let read = self.histories.read(granule, by);
            read.map_err(|what| format!("{what}; at {offset}"))?;
        }
        self.touch(offset, len, false, by.launch);
        let mut value = [0; 8];
        value[..len].copy_from_slice(&self.bytes[offset..offset + len]);
        Ok(u64::from_le_bytes(value))
    }

    fn not_written(&self, offset: usize, len: usize) -> String {
        let in_flight = self.states[offset..offset + len].contains(&State::InFlight);
        if in_flight {
            format!("read of bytes that an asynchronous copy has not delivered, at {offset}")
        } else {
            format!("read of bytes never written, at {offset}")
        }
    }

    /// A load through the path for data that the launch does not change.
    ///
    /// # Errors
    /// As [`load`](Self::load), or the launch wrote the bytes.
    pub fn load_constant(&mut self, offset: usize, len: usize, by: &By<'_>) -> Result<u64, String> {
        let value = self.load(offset, len, by)?;
        for granule in offset / GRANULE..=(offset + len - 1) / GRANULE {
            if self.histories.is_written(granule, by.launch) {
                return Err(format!(
                    "non-coherent read of bytes that the launch wrote, at {offset}"
                ));
            }
        }
        Ok(value)
    }

    /// A store of 1 to 8 bytes by a kernel.
    ///
    /// # Errors
    /// Out of bounds, misaligned, race.
    #[inline]
    pub fn store(
        &mut self,
        offset: usize,
        len: usize,
        value: u64,
        by: &By<'_>,
    ) -> Result<(), String> {
        self.check(offset, len)?;
        if self.states[offset..offset + len].contains(&State::InFlight) {
            return Err(format!(
                "write to bytes of an asynchronous copy in flight, at {offset}"
            ));
        }
        self.write(offset, &value.to_le_bytes()[..len], by)
    }

    /// An asynchronous copy of `len` bytes starts to write.
    ///
    /// # Errors
    /// Out of bounds, misaligned, race, another copy in flight.
    pub fn start_copy(&mut self, offset: usize, len: usize, by: &By<'_>) -> Result<(), String> {
        self.check(offset, len)?;
        if self.states[offset..offset + len].contains(&State::InFlight) {
            return Err(format!("two asynchronous copies in flight, at {offset}"));
        }
        let bytes = vec![0xff; len];
        self.write(offset, &bytes, by)?;
        self.states[offset..offset + len].fill(State::InFlight);
        Ok(())
    }

    /// The thread that started an asynchronous copy has waited for it.
    ///
    /// # Errors
    /// A race.
    pub fn end_copy(&mut self, offset: usize, bytes: &[u8], by: &By<'_>) -> Result<(), String> {
        self.write(offset, bytes, by)
    }

    #[inline]
    fn write(&mut self, offset: usize, bytes: &[u8], by: &By<'_>) -> Result<(), String> {
        let len = bytes.len();
        for granule in offset / GRANULE..=(offset + len - 1) / GRANULE {
            let written = self.histories.write(granule, by);
            written.map_err(|what| format!("{what}; at {offset}"))?;
        }
        self.touch(offset, len, true, by.launch);
        self.fill_in(offset, bytes);
        Ok(())
    }
}

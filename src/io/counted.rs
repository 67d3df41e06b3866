//! Counts the bytes that are read from a file or a stream, and reports them to a monitor.
//!
//! The monitor's cancellation flag is checked after each read. If it is set, the read fails.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};

use super::entries::ReadAt;
use crate::monitor::{Monitor, Progress};

/// A file or a stream. About `total` bytes of it will be read.
pub(super) struct Counted<'a, R> {
    inner: R,
    read: AtomicU64,
    total: u64,
    monitor: &'a Monitor,
}

impl<'a, R> Counted<'a, R> {
    pub(super) fn new(inner: R, total: u64, monitor: &'a Monitor) -> Self {
        Self {
            inner,
            read: AtomicU64::new(0),
            total,
            monitor,
        }
    }

    /// Reports `bytes` more bytes. A format may read some bytes twice: these are not reported.
    fn count(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        let read = self.read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let steps = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let progress = Progress::new(steps(read.min(self.total)), steps(self.total));
        self.monitor.step(progress).map_err(io::Error::other)
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.count(read)?;
        Ok(read)
    }
}

impl<R: Seek> Seek for Counted<'_, R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}

impl<R: ReadAt> ReadAt for Counted<'_, R> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_at(bytes, offset)?;
        self.count(bytes.len())
    }
}

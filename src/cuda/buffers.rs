//! Memory on the device, pinned memory on the host, and the copies between them.
//!
//! ```text
//! uploads    from the host to the device, through the ring
//! downloads  from the device to the host, through pinned memory
//! memory     buffers of the pool on the device, and memory of the caller there
//! ```

mod downloads;
mod memory;
mod uploads;

pub(super) use downloads::{Pinned, Signal, download, download_into};
pub(super) use memory::{Borrowed, Buffer, copy, uninitialised, zeros};
pub(super) use uploads::{Upload, upload};

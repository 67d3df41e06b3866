//! The bytes of a file for the crate `hdf5-reader`.
//!
//! The crate keeps its storage for as long as it likes, but a reader is only borrowed. A second
//! thread runs the crate, and asks this thread for bytes:
//!
//! ```text
//! this thread, with the reader     second thread, with the crate
//!
//!                        ◄──────── position and number of bytes
//! bytes                  ────────►
//! ```

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use hdf5_reader::error::{Error, Result};
use hdf5_reader::storage::{DynStorage, Storage, StorageBuffer};

use super::super::Problem;

/// Bytes that the second thread asks for.
struct Request {
    position: u64,
    bytes: usize,
    answer: Sender<io::Result<Vec<u8>>>,
}

/// A reader of `size` bytes, used from another thread.
struct Remote {
    size: u64,
    requests: Sender<Request>,
}

impl Storage for Remote {
    fn len(&self) -> u64 {
        self.size
    }

    fn read_range(&self, position: u64, bytes: usize) -> Result<StorageBuffer> {
        // Nothing beyond the end of the file is allocated.
        let available = self.size.saturating_sub(position);
        if bytes as u64 > available {
            return Err(Error::UnexpectedEof {
                offset: position,
                needed: bytes as u64,
                available,
            });
        }
        let (answer, answers) = channel();
        let request = Request {
            position,
            bytes,
            answer,
        };
        let gone = || Error::Other("the reader is gone".into());
        self.requests.send(request).map_err(|_| gone())?;
        let bytes = answers.recv().map_err(|_| gone())?;
        Ok(StorageBuffer::from_vec(bytes?))
    }
}

/// Calls `run` in a second thread with a storage that holds the bytes of `reader`.
pub(super) fn with_storage<T: Send>(
    reader: &mut (impl Read + Seek),
    size: u64,
    run: impl FnOnce(DynStorage) -> std::result::Result<T, Problem> + Send,
) -> std::result::Result<T, Problem> {
    thread::scope(|scope| {
        let (requests, incoming) = channel::<Request>();
        let storage = Arc::new(Remote { size, requests });
        let second = thread::Builder::new().spawn_scoped(scope, move || run(storage));
        let second = second.map_err(|error| Problem::io("no thread could be started", error))?;
        // The loop ends when the second thread has dropped the storage.
        for request in incoming {
            let bytes = read(reader, request.position, request.bytes);
            // The second thread may have ended.
            let _ = request.answer.send(bytes);
        }
        second
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read(reader: &mut (impl Read + Seek), position: u64, bytes: usize) -> io::Result<Vec<u8>> {
    reader.seek(SeekFrom::Start(position))?;
    let mut content = Vec::new();
    content.try_reserve_exact(bytes)?;
    content.resize(bytes, 0);
    reader.read_exact(&mut content)?;
    Ok(content)
}

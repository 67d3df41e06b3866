//! The pool: streams and memory that live as long as the device.
//!
//! Allocating memory, pinning it, and creating streams take longer than the maps of a batch. So
//! a call borrows all of them from the pool and returns them at its end, also after an error.
//!
//! Memory belongs to the stream on which it was used:
//!
//! ```text
//! pool ── workspace 0 ── stream, idle memory of the device, idle pinned memory
//!      ── workspace 1 ── stream, idle memory of the device, idle pinned memory
//!      ── ring ───────── pinned buffers for large copies
//! ```
//!
//! A call borrows a workspace as a whole. While a call runs, a block that it no longer needs is
//! reused on the same stream alone. The stream runs the work on the old contents before the work
//! on the new ones, so that no event has to order them. A workspace returns to the pool after its
//! stream has finished.
//!
//! Idle memory is bounded. The blocks that have been idle for the longest time are freed first.
#![allow(unsafe_code)]

mod free_list;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use cudarc::driver::{CudaContext, CudaEvent, CudaStream, DriverError, result, sys};

pub(super) use free_list::Block;
use free_list::FreeList;

use super::driver::failed;
use super::ring::{Ring, Stage, lock};
use crate::error::Result;

/// The share of the device's memory that may be idle in the pool.
const IDLE_SHARE: f64 = 0.25;

/// The bytes of pinned memory that may be idle in the pool, in addition to the ring.
const IDLE_PINNED: usize = 64 << 20;

/// The maximum number of chunk sizes that the pool keeps.
const MAX_CHUNKS: usize = 1000;

/// Where memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Device,
    /// Pinned memory of the host.
    Host,
}

/// A stream, and the idle memory that was last used on it.
#[derive(Debug)]
pub(super) struct Workspace {
    number: usize,
    stream: Arc<CudaStream>,
    /// Orders the stream after streams of the caller.
    event: CudaEvent,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    device: FreeList,
    host: FreeList,
}

impl Idle {
    fn is_empty(&self) -> bool {
        self.device.bytes() + self.host.bytes() == 0
    }

    fn list(&mut self, place: Place) -> &mut FreeList {
        match place {
            Place::Device => &mut self.device,
            Place::Host => &mut self.host,
        }
    }
}

impl Workspace {
    pub(super) fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }

    pub(super) fn event(&self) -> &CudaEvent {
        &self.event
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        lock(&self.idle)
    }
}

/// The streams and the memory of a device.
#[derive(Debug)]
pub(super) struct Pool {
    context: Arc<CudaContext>,
    /// All workspaces.
    workspaces: Mutex<Vec<Arc<Workspace>>>,
    /// The workspaces that no call uses.
    idle: Mutex<Vec<Arc<Workspace>>>,
    ring: Ring,
    /// The maximum number of idle bytes on the device.
    most_idle: usize,
    /// The idle bytes on the device, in all workspaces.
    idle_bytes: AtomicUsize,
    /// Counts the returns of workspaces.
    time: AtomicU64,
    /// For the bytes of an item and the number of items of a batch, the number of items in a chunk
    /// for which the pool has had memory since it last freed a block.
    chunks: Mutex<HashMap<(u64, usize), usize>>,
}

impl Pool {
    pub(super) fn new(context: &Arc<CudaContext>) -> Result<Self> {
        let total = context.total_mem();
        let total = total.map_err(failed("reading the size of its memory"))?;
        Ok(Self {
            context: Arc::clone(context),
            workspaces: Mutex::default(),
            idle: Mutex::default(),
            ring: Ring::default(),
            most_idle: (IDLE_SHARE * total as f64) as usize,
            idle_bytes: AtomicUsize::new(0),
            time: AtomicU64::new(0),
            chunks: Mutex::default(),
        })
    }

    pub(super) fn context(&self) -> &Arc<CudaContext> {
        &self.context
    }

    /// The idle bytes on the device.
    pub(super) fn idle_bytes(&self) -> usize {
        self.idle_bytes.load(Ordering::Relaxed)
    }

    /// The number of items in a chunk that [`Pool::keep_chunk`] kept.
    pub(super) fn chunk(&self, bytes: u64, items: usize) -> Option<usize> {
        lock(&self.chunks).get(&(bytes, items)).copied()
    }

    /// Keeps the number of items in a chunk, until the pool frees memory.
    pub(super) fn keep_chunk(&self, bytes: u64, items: usize, chunk: usize) {
        let mut chunks = lock(&self.chunks);
        if chunks.len() == MAX_CHUNKS {
            chunks.clear();
        }
        chunks.insert((bytes, items), chunk);
    }

    /// The idle workspace with the lowest number, or a new one. Repeated calls thus get the same
    /// workspaces in the same order.
    pub(super) fn borrow(&self) -> Result<Arc<Workspace>, DriverError> {
        let mut idle = lock(&self.idle);
        let numbered = idle.iter().enumerate();
        let first = numbered.min_by_key(|(_, workspace)| workspace.number);
        if let Some(at) = first.map(|(at, _)| at) {
            return Ok(idle.swap_remove(at));
        }
        drop(idle);
        let (stream, event) = (self.context.new_stream()?, self.context.new_event(None)?);
        let mut workspaces = lock(&self.workspaces);
        let workspace = Arc::new(Workspace {
            number: workspaces.len(),
            stream,
            event,
            idle: Mutex::default(),
        });
        workspaces.push(Arc::clone(&workspace));
        Ok(workspace)
    }

    /// Returns a workspace. All work on its stream is done.
    pub(super) fn give_back(&self, workspace: Arc<Workspace>) {
        self.time.fetch_add(1, Ordering::Relaxed);
        let mut idle = lock(&self.idle);
        idle.push(workspace);
        self.trim(&idle, Place::Device, self.most_idle);
        self.trim(&idle, Place::Host, IDLE_PINNED);
    }

    /// Frees the blocks that have been idle for the longest time, until at most `most` bytes are
    /// idle.
    fn trim(&self, workspaces: &[Arc<Workspace>], place: Place, most: usize) {
        let bytes = workspaces.iter();
        let mut bytes: usize = bytes.map(|w| w.idle().list(place).bytes()).sum();
        while bytes > most {
            let oldest = workspaces
                .iter()
                .filter_map(|workspace| Some((workspace.idle().list(place).oldest()?, workspace)))
                .min_by_key(|&(used, _)| used);
            let Some((_, workspace)) = oldest else {
                return;
            };
            let Some(block) = workspace.idle().list(place).take_oldest() else {
                return;
            };
            bytes -= block.bytes;
            self.free(place, block);
        }
    }

    /// A block of at least `bytes` bytes for use on the stream of `workspace`. If the driver has too
    /// little memory, all idle memory is freed, and the driver is asked once more.
    pub(super) fn allocate(
        &self,
        workspace: &Workspace,
        place: Place,
        bytes: usize,
    ) -> Result<Block, DriverError> {
        let bytes = bytes.max(1);
        if let Some(block) = workspace.idle().list(place).take(bytes) {
            if place == Place::Device {
                self.idle_bytes.fetch_sub(block.bytes, Ordering::Relaxed);
            }
            return Ok(block);
        }
        self.context.bind_to_thread()?;
        let allocated = allocate(place, bytes);
        if !is_out_of_memory(&allocated) {
            return allocated;
        }
        self.release();
        allocate(place, bytes)
    }

    /// A stage of the ring for pieces of at most `bytes` bytes. `None` if all stages are in use. If the driver has too little memory, all idle memory is freed, and the driver is
    /// asked once more.
    pub(super) fn stage(&self, bytes: usize, pieces: usize) -> Result<Option<Stage>, DriverError> {
        let stage = self.ring.take(&self.context, bytes, pieces);
        if !is_out_of_memory(&stage) {
            return stage;
        }
        self.release();
        self.ring.take(&self.context, bytes, pieces)
    }

    /// Returns a stage to the ring.
    pub(super) fn give_back_stage(&self, stage: Stage) {
        self.ring.give_back(stage);
    }

    /// Adds a block to the idle memory of the workspace on which it was used last.
    pub(super) fn reuse(&self, workspace: &Workspace, place: Place, block: Block) {
        if place == Place::Device {
            self.idle_bytes.fetch_add(block.bytes, Ordering::Relaxed);
        }
        let used = self.time.load(Ordering::Relaxed);
        workspace.idle().list(place).put(block, used);
    }

    /// Frees all idle memory, also that of workspaces in use.
    pub(super) fn release(&self) {
        lock(&self.chunks).clear();
        for workspace in lock(&self.workspaces).iter() {
            let mut idle = workspace.idle();
            if idle.is_empty() {
                continue;
            }
            // Work on the stream may still use a block. Waiting fails only if an earlier error has
            // ended the context. The next call reports that error.
            let _ = workspace.stream.synchronize();
            for place in [Place::Device, Place::Host] {
                for block in idle.list(place).take_all() {
                    self.free(place, block);
                }
            }
        }
        self.ring.release();
    }

    /// Frees an idle block.
    fn free(&self, place: Place, block: Block) {
        lock(&self.chunks).clear();
        if place == Place::Device {
            self.idle_bytes.fetch_sub(block.bytes, Ordering::Relaxed);
        }
        // Freeing memory fails only if an earlier error has ended the context. The next call
        // reports that error.
        let _ = self.context.bind_to_thread();
        let _ = match place {
            // SAFETY: the block came from `allocate`, all work on it is done, and it is freed once.
            Place::Device => unsafe { result::free_sync(block.address) },
            // SAFETY: as above.
            Place::Host => unsafe { result::free_host(block.address as *mut _) },
        };
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.release();
    }
}

fn is_out_of_memory<T>(result: &Result<T, DriverError>) -> bool {
    matches!(
        result,
        Err(DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY))
    )
}

/// New memory. The device's context is bound to the thread.
fn allocate(place: Place, bytes: usize) -> Result<Block, DriverError> {
    let address = match place {
        // SAFETY: the memory holds nothing yet; the caller writes it before it is read.
        Place::Device => unsafe { result::malloc_sync(bytes) }?,
        // SAFETY: as above.
        Place::Host => unsafe { result::malloc_host(bytes, 0) }? as u64,
    };
    Ok(Block { address, bytes })
}

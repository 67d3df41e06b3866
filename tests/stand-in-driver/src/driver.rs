//! The driver's state.
//!
//! Work runs when it is enqueued. Clocks check whether streams on real hardware could run it in
//! another order. A copy to pinned memory of the host arrives only when the host waits for it. The
//! source of a copy from pinned memory must not change until the host waits for the copy.

use std::alloc::Layout;
use std::collections::{BTreeMap, HashMap};
use std::ffi::c_int;
use std::slice;
use std::time::Instant;

use crate::allocations::Memory;
use crate::approximate::Error;
use crate::clocks::{Clocks, Span};
use crate::control::{FAULTS, Fault};
use crate::instruction::Module;
use crate::launch::Schedule;
use crate::properties::shared_limit;

/// The result of every function of the driver.
pub(crate) type Status = c_int;

pub(crate) const SUCCESS: Status = 0;
pub(crate) const INVALID_VALUE: Status = 1;
pub(crate) const OUT_OF_MEMORY: Status = 2;
pub(crate) const NO_DEVICE: Status = 100;
pub(crate) const INVALID_DEVICE: Status = 101;
pub(crate) const INVALID_IMAGE: Status = 200;
pub(crate) const INVALID_CONTEXT: Status = 201;
pub(crate) const NO_BINARY: Status = 209;
pub(crate) const INVALID_PTX: Status = 218;
pub(crate) const UNSUPPORTED_PTX_VERSION: Status = 222;
pub(crate) const INVALID_HANDLE: Status = 400;
pub(crate) const NOT_FOUND: Status = 500;
pub(crate) const NOT_READY: Status = 600;
pub(crate) const ILLEGAL_ADDRESS: Status = 700;
pub(crate) const ALREADY_REGISTERED: Status = 712;
pub(crate) const NOT_REGISTERED: Status = 713;
pub(crate) const LAUNCH_FAILED: Status = 719;
pub(crate) const INVALID_CLUSTER: Status = 912;

pub(crate) const SHARED_ALWAYS: c_int = 48 * 1024;
/// The context of the first device; each further one is 16 above.
pub(crate) const CONTEXT: usize = 0xc0d0;

/// The number of devices at most.
const MOST_DEVICES: usize = 8;

/// A copy between the device and pinned memory for which the host has not waited yet.
pub(crate) struct InFlight {
    pub(crate) stream: usize,
    pub(crate) time: u64,
    pub(crate) host: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) to_host: bool,
}

pub(crate) struct Function {
    pub(crate) module: usize,
    pub(crate) name: String,
    pub(crate) dynamic_limit: c_int,
    pub(crate) large_clusters: bool,
}

/// A module, and the device that it is loaded on.
pub(crate) struct Loaded {
    pub(crate) module: Module,
    pub(crate) device: usize,
}

/// The state of the linker: the PTX, the compiled module, the buffer for errors and its size.
#[derive(Default)]
pub(crate) struct Linker {
    pub(crate) text: String,
    pub(crate) module: Vec<u8>,
    pub(crate) log: [usize; 2],
}

/// A stream: its number among the streams of all devices, and its device.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) key: usize,
    pub(crate) device: usize,
}

/// The state of the driver and its devices.
pub struct Driver {
    /// The number of devices.
    pub devices: c_int,
    /// The driver's version.
    pub version: c_int,
    /// The memory of each device.
    pub memories: Vec<Memory>,
    /// The compute capability of all devices: 90 is 9.0.
    pub capability: u32,
    /// The limit of a block's shared memory in bytes.
    pub shared_limit: c_int,
    /// The order of threads and blocks.
    pub schedule: Schedule,
    /// The error of approximate instructions.
    pub error: Error,
    /// For each [`Fault`] the number of calls up to the failing one; 0 for none.
    pub faults: [u64; FAULTS],
    /// For each [`Fault`] whether all calls after the failing one fail too.
    pub lasting: [bool; FAULTS],
    /// For each [`Fault`] the number of calls so far.
    pub calls: [u64; FAULTS],
    /// The number of instructions so far.
    pub instructions: u64,
    /// The faults that were found, one in each line.
    pub report: String,
    pub(crate) clocks: Clocks,
    pub(crate) in_flight: Vec<InFlight>,
    pub(crate) modules: HashMap<usize, Loaded>,
    pub(crate) functions: HashMap<usize, Function>,
    pub(crate) linkers: HashMap<usize, Linker>,
    /// The streams that were created, and their devices.
    pub(crate) streams: HashMap<usize, usize>,
    /// The events that were recorded, and when.
    pub(crate) events: HashMap<usize, Instant>,
    /// The events that were created, and their devices.
    pub(crate) event_devices: HashMap<usize, usize>,
    pub(crate) pinned: BTreeMap<usize, Layout>,
    /// Memory of the caller that is pinned: start and bytes.
    pub(crate) registered: BTreeMap<usize, usize>,
    next_handle: usize,
    launches: u32,
    pub(crate) failed: Status,
}

impl Default for Driver {
    fn default() -> Self {
        Self {
            devices: 1,
            version: 12080,
            memories: (0..MOST_DEVICES).map(Memory::of_device).collect(),
            capability: 90,
            shared_limit: shared_limit(90),
            schedule: Schedule::default(),
            error: Error::NONE,
            faults: [0; FAULTS],
            lasting: [false; FAULTS],
            calls: [0; FAULTS],
            instructions: 0,
            report: String::new(),
            clocks: Clocks::default(),
            in_flight: Vec::new(),
            modules: HashMap::new(),
            functions: HashMap::new(),
            linkers: HashMap::new(),
            streams: HashMap::new(),
            events: HashMap::new(),
            event_devices: HashMap::new(),
            pinned: BTreeMap::new(),
            registered: BTreeMap::new(),
            next_handle: 0x1000,
            launches: 0,
            failed: SUCCESS,
        }
    }
}

impl Driver {
    /// Resets settings, counts and the report.
    pub fn reset(&mut self) {
        let fresh = Self::default();
        self.devices = fresh.devices;
        self.version = fresh.version;
        self.capability = fresh.capability;
        self.limit_memory(fresh.memories[0].limit);
        self.shared_limit = fresh.shared_limit;
        self.schedule = fresh.schedule;
        self.error = fresh.error;
        self.faults = fresh.faults;
        self.lasting = fresh.lasting;
        self.calls = fresh.calls;
        self.instructions = 0;
        self.failed = SUCCESS;
        self.report.clear();
    }

    /// Sets the number of devices.
    pub(crate) fn set_devices(&mut self, count: c_int) {
        self.devices = count.clamp(0, MOST_DEVICES as c_int);
    }

    /// Sets the compute capability, and the limit of shared memory that belongs to it.
    pub(crate) fn set_capability(&mut self, capability: u32) {
        self.capability = capability;
        self.shared_limit = shared_limit(capability);
    }

    /// Sets the bytes of each device's memory.
    pub(crate) fn limit_memory(&mut self, bytes: usize) {
        for memory in &mut self.memories {
            memory.limit = bytes;
        }
    }

    /// The allocated bytes of all devices.
    pub(crate) fn used(&self) -> usize {
        self.memories.iter().map(|memory| memory.used).sum()
    }

    /// The memory that an address belongs to; that of the first device for other addresses.
    pub(crate) fn memory_at(&mut self, address: u64) -> &mut Memory {
        let device = Memory::device_of(address).unwrap_or(0);
        &mut self.memories[device.min(MOST_DEVICES - 1)]
    }

    /// The stream of a handle. The streams 0, 1 and 2 exist on each device.
    pub(crate) fn stream(&self, handle: usize, current: usize) -> Result<Stream, Status> {
        let device = match handle {
            0..=2 => Some(current),
            _ => self.streams.get(&handle).copied(),
        };
        let device = device.ok_or(INVALID_HANDLE)?;
        let key = if handle <= 2 {
            handle | device << 48
        } else {
            handle
        };
        Ok(Stream { key, device })
    }

    pub(crate) fn handle(&mut self) -> usize {
        self.next_handle += 16;
        self.next_handle
    }

    /// Counts a call. Returns whether it fails.
    pub(crate) fn fails(&mut self, kind: Fault) -> bool {
        self.calls[kind as usize] += 1;
        let left = &mut self.faults[kind as usize];
        let now = *left == 1;
        if !(now && self.lasting[kind as usize]) {
            *left = left.saturating_sub(1);
        }
        now
    }

    /// The number of the next launch.
    pub(crate) fn count_launch(&mut self) -> u32 {
        self.launches += 1;
        self.launches
    }

    /// Adds a fault to the report; all later calls fail. Real hardware would also stop at a wrong
    /// access, but it would not notice a race.
    pub(crate) fn wrong(&mut self, what: &str) {
        self.report.push_str(what);
        self.report.push('\n');
        self.failed = if what.contains("bounds") || what.contains("misaligned") {
            ILLEGAL_ADDRESS
        } else {
            LAUNCH_FAILED
        };
    }

    /// Adds an operation on a stream and checks it for races with others.
    pub(crate) fn operate(&mut self, stream: usize, what: &str, spans: &[Span]) -> u64 {
        match self.clocks.operate(stream, what, spans) {
            Ok(time) => time,
            Err(race) => {
                self.wrong(&race);
                0
            }
        }
    }

    /// Completes the copies for which the host has waited.
    pub(crate) fn land(&mut self) {
        let flights = std::mem::take(&mut self.in_flight);
        let mut changed = false;
        for flight in flights {
            if !self.clocks.host_knows(flight.stream, flight.time) {
                self.in_flight.push(flight);
            } else if flight.to_host {
                // SAFETY: the copy goes to pinned memory that is still allocated:
                // `cuMemFreeHost` and `cuMemHostUnregister` wait for all copies first.
                let target = unsafe {
                    slice::from_raw_parts_mut(flight.host as *mut u8, flight.bytes.len())
                };
                target.copy_from_slice(&flight.bytes);
            } else {
                // SAFETY: as above; the copy comes from pinned memory.
                let source =
                    unsafe { slice::from_raw_parts(flight.host as *const u8, flight.bytes.len()) };
                changed |= source != flight.bytes;
            }
        }
        if changed {
            self.wrong("host changed a buffer in flight: pinned memory that was being copied");
        }
    }

    /// Whether an address of the host is in pinned memory.
    pub(crate) fn is_pinned(&self, host: usize) -> bool {
        let pinned = self.pinned.range(..=host).next_back();
        let registered = self.registered.range(..=host).next_back();
        pinned.is_some_and(|(start, layout)| host < start + layout.size())
            || registered.is_some_and(|(start, len)| host < start + len)
    }

    pub(crate) fn copy_in(
        &mut self,
        target: u64,
        bytes: &[u8],
        host: usize,
        stream: Stream,
    ) -> Status {
        if self.fails(Fault::Copy) {
            return INVALID_VALUE;
        }
        let start = match self.memories[stream.device].span(target, bytes.len()) {
            Ok((start, region)) => {
                region.fill_in((target - start) as usize, bytes);
                target
            }
            Err(what) => {
                self.wrong(&what);
                return INVALID_VALUE;
            }
        };
        let span = Span {
            start,
            end: start + bytes.len() as u64,
            write: true,
        };
        let time = self.operate(stream.key, "a copy to the device", &[span]);
        if self.is_pinned(host) {
            self.in_flight.push(InFlight {
                stream: stream.key,
                time,
                host,
                bytes: bytes.to_vec(),
                to_host: false,
            });
        }
        SUCCESS
    }

    /// The bytes of a copy to the host, and its time.
    pub(crate) fn copy_out(
        &mut self,
        source: u64,
        len: usize,
        stream: Stream,
    ) -> Result<(Vec<u8>, u64), Status> {
        if self.fails(Fault::Copy) {
            return Err(INVALID_VALUE);
        }
        let bytes = match self.memories[stream.device].span(source, len) {
            Ok((start, region)) => region.bytes((source - start) as usize, len).to_vec(),
            Err(what) => {
                self.wrong(&what);
                return Err(INVALID_VALUE);
            }
        };
        let span = Span {
            start: source,
            end: source + len as u64,
            write: false,
        };
        let time = self.operate(stream.key, "a copy to the host", &[span]);
        Ok((bytes, time))
    }
}

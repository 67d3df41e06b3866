//! The driver's state.
//!
//! Work runs when it is enqueued. Clocks check whether streams on real hardware could run it in
//! another order. A copy to pinned memory of the host arrives only when the host waits for it. The
//! source of a copy from pinned memory must not change until the host waits for the copy.

use std::alloc::Layout;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{c_int, c_uint};
use std::slice;
use std::time::Instant;

use crate::allocations::Memory;
use crate::approximate::Error;
use crate::clocks::{Clocks, Span};
use crate::control::{FAULTS, Fault};
use crate::instruction::Module;
use crate::launch::{self, Launch, Schedule};
use crate::ptx::parse;

/// The result of every function of the driver.
pub(crate) type Status = c_int;

pub(crate) const SUCCESS: Status = 0;
pub(crate) const INVALID_VALUE: Status = 1;
pub(crate) const OUT_OF_MEMORY: Status = 2;
pub(crate) const NO_DEVICE: Status = 100;
pub(crate) const INVALID_DEVICE: Status = 101;
pub(crate) const INVALID_CONTEXT: Status = 201;
pub(crate) const INVALID_PTX: Status = 218;
pub(crate) const UNSUPPORTED_PTX_VERSION: Status = 222;
pub(crate) const INVALID_HANDLE: Status = 400;
pub(crate) const NOT_FOUND: Status = 500;
pub(crate) const ILLEGAL_ADDRESS: Status = 700;
pub(crate) const LAUNCH_FAILED: Status = 719;

pub(crate) const SHARED_ALWAYS: c_int = 48 * 1024;
pub(crate) const CONTEXT: usize = 0xc0de;

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
}

/// The state of the one device.
pub struct Driver {
    /// The number of devices.
    pub devices: c_int,
    /// The driver's version.
    pub version: c_int,
    /// The device's memory.
    pub memory: Memory,
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
    pub(crate) modules: HashMap<usize, Module>,
    pub(crate) functions: HashMap<usize, Function>,
    pub(crate) streams: Vec<usize>,
    pub(crate) events: HashMap<usize, Instant>,
    pub(crate) pinned: BTreeMap<usize, Layout>,
    next_handle: usize,
    launches: u32,
    pub(crate) failed: Status,
}

impl Default for Driver {
    fn default() -> Self {
        Self {
            devices: 1,
            version: 12080,
            memory: Memory::default(),
            shared_limit: 227 * 1024,
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
            streams: vec![0, 1, 2],
            events: HashMap::new(),
            pinned: BTreeMap::new(),
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
        self.memory.limit = fresh.memory.limit;
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

    /// Adds a fault to the report; all later calls fail. Real hardware would also stop at a wrong
    /// access, but it would not notice a race.
    fn wrong(&mut self, what: &str) {
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
                // `cuMemFreeHost` waits for all copies before it frees memory.
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
        let before = self.pinned.range(..=host).next_back();
        before.is_some_and(|(start, layout)| host < start + layout.size())
    }

    pub(crate) fn copy_in(
        &mut self,
        target: u64,
        bytes: &[u8],
        host: usize,
        stream: usize,
    ) -> Status {
        if self.fails(Fault::Copy) {
            return INVALID_VALUE;
        }
        let start = match self.memory.span(target, bytes.len()) {
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
        let time = self.operate(stream, "a copy to the device", &[span]);
        if self.is_pinned(host) {
            self.in_flight.push(InFlight {
                stream,
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
        stream: usize,
    ) -> Result<(Vec<u8>, u64), Status> {
        if self.fails(Fault::Copy) {
            return Err(INVALID_VALUE);
        }
        let bytes = match self.memory.span(source, len) {
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
        let time = self.operate(stream, "a copy to the host", &[span]);
        Ok((bytes, time))
    }

    pub(crate) fn load(&mut self, text: &str) -> Result<usize, Status> {
        if self.fails(Fault::Module) {
            return Err(OUT_OF_MEMORY);
        }
        let module = parse(text).map_err(|what| {
            self.report.push_str(&what);
            self.report.push('\n');
            INVALID_PTX
        })?;
        // CUDA 11.8 introduced PTX 7.8, CUDA 12.n PTX 8.n.
        let newest = if self.version >= 12000 {
            80 + (self.version % 1000 / 10) as u32
        } else {
            70 + (self.version % 1000 / 10) as u32
        };
        if module.version > newest {
            return Err(UNSUPPORTED_PTX_VERSION);
        }
        let handle = self.handle();
        self.modules.insert(handle, module);
        Ok(handle)
    }

    /// Runs a kernel. Returns the status of the launch. A fault of the kernel does not change this
    /// status: the next call reports it, as on hardware.
    pub(crate) fn launch(
        &mut self,
        function: usize,
        blocks: [c_uint; 3],
        threads: [c_uint; 3],
        dynamic_bytes: c_uint,
        stream: usize,
        argument: impl Fn(usize, usize) -> Vec<u8>,
    ) -> Status {
        if self.fails(Fault::Launch) {
            return LAUNCH_FAILED;
        }
        let Some(function) = self.functions.get(&function) else {
            return INVALID_HANDLE;
        };
        let kernel = &self.modules[&function.module].kernels[&function.name];
        let count: u64 = threads.iter().map(|&extent| u64::from(extent)).product();
        let shared = kernel.shared_bytes as c_uint + dynamic_bytes;
        let limit = (SHARED_ALWAYS as c_uint).max(function.dynamic_limit as c_uint);
        let fits = blocks.iter().chain(&threads).all(|&extent| extent > 0)
            && blocks[0] <= i32::MAX as c_uint
            && blocks[1..].iter().all(|&extent| extent <= 65_535)
            && threads[..2].iter().all(|&extent| extent <= 1024)
            && threads[2] <= 64
            && count <= kernel.most_threads.unwrap_or(1024).min(1024) as u64
            && shared <= limit;
        if !fits {
            return INVALID_VALUE;
        }
        let end = kernel
            .parameters
            .last()
            .map_or(0, |&(offset, size)| offset + size);
        let mut arguments = vec![0; end];
        for (place, &(offset, size)) in kernel.parameters.iter().enumerate() {
            arguments[offset..offset + size].copy_from_slice(&argument(place, size));
        }
        self.launches += 1;
        let launch = Launch {
            kernel,
            blocks,
            threads,
            dynamic_bytes: dynamic_bytes as usize,
            arguments,
            number: self.launches,
            schedule: self.schedule,
            error: self.error,
        };
        let what = format!("kernel {}", kernel.name);
        match launch::run(&launch, &mut self.memory) {
            Ok(done) => {
                self.instructions += done.instructions;
                self.operate(stream, &what, &done.spans);
            }
            Err(what) => self.wrong(&what),
        }
        SUCCESS
    }
}

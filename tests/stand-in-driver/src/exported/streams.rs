//! Streams and events.

use std::ffi::{c_int, c_uint};
use std::time::Instant;

use super::current_device;
use crate::control::{Fault, driver};
use crate::driver::{INVALID_HANDLE, NOT_READY, OUT_OF_MEMORY, SUCCESS};

export! {
    /// Creates a stream.
    fn cuStreamCreate(stream: *mut usize, _flags: c_uint) {
        let mut driver = live!();
        if driver.fails(Fault::Stream) {
            return OUT_OF_MEMORY;
        }
        *stream = driver.handle();
        let handle = *stream;
        driver.streams.insert(handle, current_device());
        SUCCESS
    }
    /// Creates a stream with a priority, which has no effect.
    fn cuStreamCreateWithPriority(stream: *mut usize, flags: c_uint, _priority: c_int) {
        cuStreamCreate(stream, flags)
    }
    /// Destroys a stream.
    fn cuStreamDestroy_v2(stream: usize) {
        let mut driver = driver();
        if driver.streams.remove(&stream).is_some() { SUCCESS } else { INVALID_HANDLE }
    }
    /// Waits for a stream.
    fn cuStreamSynchronize(stream: usize) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        driver.clocks.host_waits_for(stream.key);
        driver.land();
        driver.failed
    }
    /// Whether all work of a stream is done: only after the host has waited for it.
    fn cuStreamQuery(stream: usize) {
        let driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        if driver.clocks.host_knows_all(stream.key) { SUCCESS } else { NOT_READY }
    }
    /// Makes a stream wait for an event.
    fn cuStreamWaitEvent(stream: usize, event: usize, _flags: c_uint) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        if !driver.event_devices.contains_key(&event) {
            return INVALID_HANDLE;
        }
        driver.clocks.wait(stream.key, event);
        SUCCESS
    }
    /// Whether a stream is captured into a graph: never.
    fn cuStreamIsCapturing(_stream: usize, status: *mut c_int) {
        *status = 0;
        SUCCESS
    }
    /// Creates an event.
    fn cuEventCreate(event: *mut usize, _flags: c_uint) {
        let mut driver = live!();
        if driver.fails(Fault::Stream) {
            return OUT_OF_MEMORY;
        }
        *event = driver.handle();
        let handle = *event;
        driver.event_devices.insert(handle, current_device());
        SUCCESS
    }
    /// Destroys an event.
    fn cuEventDestroy_v2(event: usize) {
        let mut driver = driver();
        driver.events.remove(&event);
        if driver.event_devices.remove(&event).is_some() { SUCCESS } else { INVALID_HANDLE }
    }
    /// Records an event on a stream.
    fn cuEventRecord(event: usize, stream: usize) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        // An event belongs to a device, as a stream does.
        if driver.event_devices.get(&event) != Some(&stream.device) {
            return INVALID_HANDLE;
        }
        driver.events.insert(event, Instant::now());
        driver.clocks.record(event, stream.key);
        SUCCESS
    }
    /// Whether an event has completed: always.
    fn cuEventQuery(_event: usize) {
        live!().failed
    }
    /// Waits for an event.
    fn cuEventSynchronize(event: usize) {
        let mut driver = live!();
        driver.clocks.host_waits_for_event(event);
        driver.land();
        driver.failed
    }
    /// The time between two events.
    fn cuEventElapsedTime_v2(milliseconds: *mut f32, first: usize, second: usize) {
        let driver = live!();
        let (Some(first), Some(second)) = (driver.events.get(&first), driver.events.get(&second)) else {
            return INVALID_HANDLE;
        };
        *milliseconds = 1e3 * second.duration_since(*first).as_secs_f32();
        SUCCESS
    }
}

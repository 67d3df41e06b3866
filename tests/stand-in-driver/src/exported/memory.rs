//! Memory of devices and pinned memory of the host.

use std::alloc::Layout;
use std::ffi::{c_int, c_uint, c_void};

use super::current_device;
use crate::allocations::Memory;
use crate::clocks::Span;
use crate::control::{Fault, driver};
use crate::driver::{
    ALREADY_REGISTERED, CONTEXT, INVALID_VALUE, NOT_REGISTERED, OUT_OF_MEMORY, SUCCESS, Status,
};

export! {
    /// Allocates memory on the device.
    fn cuMemAlloc_v2(address: *mut u64, len: usize) {
        let _live = live!();
        drop(_live);
        allocate(address, len, current_device())
    }
    /// Allocates memory on the device, in the order of a stream.
    fn cuMemAllocAsync(address: *mut u64, len: usize, stream: usize) {
        let driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        drop(driver);
        allocate(address, len, stream.device)
    }
    /// Frees memory on the device after all work.
    fn cuMemFree_v2(address: u64) {
        let mut driver = driver();
        driver.clocks.host_waits_for_all();
        driver.land();
        if driver.memory_at(address).free(address) { SUCCESS } else { INVALID_VALUE }
    }
    /// Frees memory on the device, in the order of a stream.
    fn cuMemFreeAsync(address: u64, stream: usize) {
        let mut driver = driver();
        let stream = attempt!(driver.stream(stream, current_device()));
        let len = match driver.memory_at(address).around(address) {
            Ok((start, region)) if start == address => region.len() as u64,
            _ => return INVALID_VALUE,
        };
        let span = Span { start: address, end: address + len, write: true };
        driver.operate(stream.key, "a release of memory", &[span]);
        driver.clocks.forget(address, address + len);
        driver.memory_at(address).free(address);
        SUCCESS
    }
    /// The free and total bytes of the device's memory.
    fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) {
        let driver = live!();
        let memory = &driver.memories[current_device()];
        *total = memory.limit;
        *free = memory.limit.saturating_sub(memory.used);
        SUCCESS
    }
    /// Allocates pinned memory of the host.
    fn cuMemHostAlloc(host: *mut *mut c_void, len: usize, _flags: c_uint) {
        let mut driver = live!();
        let Ok(layout) = Layout::from_size_align(len.max(1), 4096) else {
            return INVALID_VALUE;
        };
        if driver.fails(Fault::Allocation) {
            return OUT_OF_MEMORY;
        }
        let memory = std::alloc::alloc(layout);
        // Callers must not rely on zeros.
        memory.write_bytes(0xff, layout.size());
        driver.pinned.insert(memory as usize, layout);
        *host = memory.cast();
        SUCCESS
    }
    /// Frees pinned memory after all work.
    fn cuMemFreeHost(host: *mut c_void) {
        let mut driver = driver();
        driver.clocks.host_waits_for_all();
        driver.land();
        match driver.pinned.remove(&(host as usize)) {
            Some(layout) => {
                std::alloc::dealloc(host.cast(), layout);
                SUCCESS
            }
            None => INVALID_VALUE,
        }
    }
    /// Pins memory of the caller.
    fn cuMemHostRegister_v2(host: *mut c_void, len: usize, _flags: c_uint) {
        let mut driver = live!();
        if len == 0 || host.is_null() {
            return INVALID_VALUE;
        }
        if driver.fails(Fault::Allocation) {
            return OUT_OF_MEMORY;
        }
        if driver.is_pinned(host as usize) || driver.is_pinned(host as usize + len - 1) {
            return ALREADY_REGISTERED;
        }
        driver.registered.insert(host as usize, len);
        SUCCESS
    }
    /// Ends the pinning of memory of the caller, after all work.
    fn cuMemHostUnregister(host: *mut c_void) {
        let mut driver = driver();
        driver.clocks.host_waits_for_all();
        driver.land();
        match driver.registered.remove(&(host as usize)) {
            Some(_) => SUCCESS,
            None => NOT_REGISTERED,
        }
    }
    /// An attribute of an address: 1 is its context, 2 the kind of its memory, 3 its address on the
    /// device, 9 its device.
    fn cuPointerGetAttribute(value: *mut c_void, attribute: c_int, address: u64) {
        let _live = live!();
        drop(_live);
        match pointer_attribute(attribute, address) {
            Some(found) if matches!(attribute, 1 | 3) => {
                value.cast::<u64>().write_unaligned(found);
                SUCCESS
            }
            Some(found) => {
                value.cast::<c_uint>().write_unaligned(found as c_uint);
                SUCCESS
            }
            None => INVALID_VALUE,
        }
    }
    /// Attributes of an address; zeros for memory that the driver does not manage.
    fn cuPointerGetAttributes(
        count: c_uint,
        attributes: *mut c_int,
        values: *mut *mut c_void,
        address: u64,
    ) {
        let _live = live!();
        drop(_live);
        for place in 0..count as usize {
            let attribute = *attributes.add(place);
            let found = pointer_attribute(attribute, address).unwrap_or(0);
            let value = *values.add(place);
            if matches!(attribute, 1 | 3) {
                value.cast::<u64>().write_unaligned(found);
            } else {
                value.cast::<c_uint>().write_unaligned(found as c_uint);
            }
        }
        SUCCESS
    }
    /// The pool of allocations in the order of streams.
    fn cuDeviceGetDefaultMemPool(pool: *mut usize, device: c_int) {
        *pool = CONTEXT + 16 * device as usize + 1;
        SUCCESS
    }
    /// Sets an attribute of a pool, without effect.
    fn cuMemPoolSetAttribute(_pool: usize, _attribute: c_int, _value: *mut c_void) {
        SUCCESS
    }
    /// Frees idle memory of a pool: none is idle.
    fn cuMemPoolTrimTo(_pool: usize, _kept: usize) {
        SUCCESS
    }
}

/// Allocates memory of a device.
///
/// # Safety
/// `address` can be written.
unsafe fn allocate(address: *mut u64, len: usize, device: usize) -> Status {
    let mut driver = driver();
    if len == 0 {
        return INVALID_VALUE;
    }
    if driver.fails(Fault::Allocation) {
        return OUT_OF_MEMORY;
    }
    match driver.memories[device].allocate(len) {
        Some(place) => {
            // SAFETY: the caller promises it.
            unsafe { *address = place };
            SUCCESS
        }
        None => OUT_OF_MEMORY,
    }
}

fn pointer_attribute(attribute: c_int, address: u64) -> Option<u64> {
    let mut driver = driver();
    let (kind, device) = if driver.is_pinned(address as usize) {
        (1, 0)
    } else {
        let device = Memory::device_of(address)?;
        driver.memories.get_mut(device)?.around(address).ok()?;
        (2, device as u64)
    };
    match attribute {
        1 => Some(CONTEXT as u64 + 16 * device),
        2 => Some(kind),
        3 => Some(address),
        9 => Some(device),
        _ => None,
    }
}

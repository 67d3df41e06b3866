//! Copies.

use std::slice;

use super::current_device;
use crate::control::driver;
use crate::driver::{InFlight, SUCCESS};

export! {
    /// Copies to the device, and waits.
    fn cuMemcpyHtoD_v2(target: u64, source: *const u8, len: usize) {
        let status = cuMemcpyHtoDAsync_v2(target, source, len, 0);
        let mut driver = driver();
        let stream = attempt!(driver.stream(0, current_device()));
        driver.clocks.host_waits_for(stream.key);
        driver.land();
        status
    }
    /// Copies to the device.
    fn cuMemcpyHtoDAsync_v2(target: u64, source: *const u8, len: usize, stream: usize) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        if len == 0 {
            return SUCCESS;
        }
        let bytes = slice::from_raw_parts(source, len);
        driver.copy_in(target, bytes, source as usize, stream)
    }
    /// Copies to the host, and waits.
    fn cuMemcpyDtoH_v2(target: *mut u8, source: u64, len: usize) {
        let status = cuMemcpyDtoHAsync_v2(target, source, len, 0);
        let mut driver = driver();
        let stream = attempt!(driver.stream(0, current_device()));
        driver.clocks.host_waits_for(stream.key);
        driver.land();
        status
    }
    /// Copies to the host: to pageable memory at once, to pinned memory when the host waits.
    fn cuMemcpyDtoHAsync_v2(target: *mut u8, source: u64, len: usize, stream: usize) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        if len == 0 {
            return SUCCESS;
        }
        let (bytes, time) = match driver.copy_out(source, len, stream) {
            Ok(copied) => copied,
            Err(status) => return status,
        };
        if driver.is_pinned(target as usize) {
            target.write_bytes(0xff, len);
            driver.in_flight.push(InFlight {
                stream: stream.key,
                time,
                host: target as usize,
                bytes,
                to_host: true,
            });
        } else {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, len);
        }
        SUCCESS
    }
    /// Copies within the device.
    fn cuMemcpyDtoDAsync_v2(target: u64, source: u64, len: usize, stream: usize) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        let (bytes, _) = match driver.copy_out(source, len, stream) {
            Ok(copied) => copied,
            Err(status) => return status,
        };
        driver.copy_in(target, &bytes, 0, stream)
    }
    /// Sets bytes on the device.
    fn cuMemsetD8Async(target: u64, value: u8, len: usize, stream: usize) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        driver.copy_in(target, &vec![value; len], 0, stream)
    }
    /// Copies within the device.
    fn cuMemcpyDtoD_v2(target: u64, source: u64, len: usize) {
        cuMemcpyDtoDAsync_v2(target, source, len, 0)
    }
    /// Sets bytes on the device.
    fn cuMemsetD8_v2(target: u64, value: u8, len: usize) {
        cuMemsetD8Async(target, value, len, 0)
    }
}

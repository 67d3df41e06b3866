//! What a test sets and asks, exported beside the driver's functions.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::driver::Driver;
use crate::machine::Schedule;

/// Calls that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    /// An allocation on the device or of pinned memory.
    Allocation = 0,
    /// A copy.
    Copy = 1,
    /// A launch.
    Launch = 2,
    /// The loading of a module.
    Module = 3,
    /// The making of a stream or event.
    Stream = 4,
}

/// How many kinds of faults there are.
pub const FAULTS: usize = 5;

/// The one driver of the process.
pub fn driver() -> MutexGuard<'static, Driver> {
    static DRIVER: OnceLock<Mutex<Driver>> = OnceLock::new();
    let driver = DRIVER.get_or_init(Mutex::default);
    // After a panic of a test the state is as good as before.
    driver.lock().unwrap_or_else(|broken| broken.into_inner())
}

/// Lets the `count`-th call of this kind from now on fail, counted from 1; 0 for none.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_fail(kind: u32, count: u64) {
    if let Some(left) = driver().faults.get_mut(kind as usize) {
        *left = count;
    }
}

/// Sets how many devices there are.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_devices(count: i32) {
    driver().devices = count;
}

/// Sets the version of the driver, 12080 for CUDA 12.8.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_version(version: i32) {
    driver().version = version;
}

/// Sets the bytes of the device's memory.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_memory(bytes: usize) {
    driver().memory.limit = bytes;
}

/// Sets the bytes of shared memory that a block can have.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_shared_memory(bytes: i32) {
    driver().shared_limit = bytes;
}

/// Sets the order of threads and blocks: 0 forward, 1 backward, else a seed.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_schedule(order: u64) {
    driver().schedule = match order {
        0 => Schedule::Forward,
        1 => Schedule::Backward,
        seed => Schedule::Shuffled(seed),
    };
}

/// Forgets all faults, failures and counts; what is allocated stays.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_reset() {
    driver().reset();
}

/// The bytes that are allocated on the device.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_used() -> usize {
    driver().memory.used
}

/// The calls of a kind so far.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_calls(kind: u32) -> u64 {
    driver().calls.get(kind as usize).copied().unwrap_or(0)
}

/// The instructions of all launches so far.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_instructions() -> u64 {
    driver().instructions
}

/// Writes what was found wrong, as UTF-8, cut to `capacity` bytes; returns how many.
///
/// # Safety
/// There is room for `capacity` bytes at `buffer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stand_in_report(buffer: *mut u8, capacity: usize) -> usize {
    let driver = driver();
    let len = driver.report.len().min(capacity);
    // SAFETY: the caller promises the room; the report is the driver's own.
    unsafe { std::ptr::copy_nonoverlapping(driver.report.as_ptr(), buffer, len) };
    len
}

//! Functions by which a test sets and reads the driver's state, exported beside the driver's
//! functions.

use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::approximate::Error;
use crate::driver::Driver;
use crate::launch::Schedule;
use crate::tally;

/// Kinds of calls that a test can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    /// An allocation on the device or of pinned memory.
    Allocation = 0,
    /// A copy.
    Copy = 1,
    /// A launch.
    Launch = 2,
    /// Loading a module.
    Module = 3,
    /// Creating a stream or event.
    Stream = 4,
}

/// The number of kinds.
pub const FAULTS: usize = 5;

/// The one driver of the process.
pub fn driver() -> MutexGuard<'static, Driver> {
    static DRIVER: OnceLock<Mutex<Driver>> = OnceLock::new();
    let driver = DRIVER.get_or_init(Mutex::default);
    // A test that panics leaves the state consistent.
    driver.lock().unwrap_or_else(|broken| broken.into_inner())
}

/// Makes the `count`-th next call of this kind fail, counted from 1; 0 for none.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_fail(kind: u32, count: u64) {
    if let Some(left) = driver().faults.get_mut(kind as usize) {
        *left = count;
    }
}

/// Makes the `count`-th next call of this kind and all later ones fail, counted from 1.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_fail_from(kind: u32, count: u64) {
    stand_in_fail(kind, count);
    if let Some(lasting) = driver().lasting.get_mut(kind as usize) {
        *lasting = true;
    }
}

/// Sets the number of devices.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_devices(count: i32) {
    driver().set_devices(count);
}

/// Sets the compute capability of all devices: 75, 80 or 90; and the limit of a block's shared memory
/// that belongs to it.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_capability(capability: u32) {
    driver().set_capability(capability);
}

/// Sets the version of the driver: 12080 is CUDA 12.8.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_version(version: i32) {
    driver().version = version;
}

/// Sets the bytes of each device's memory.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_memory(bytes: usize) {
    driver().limit_memory(bytes);
}

/// Sets the limit of a block's shared memory in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_shared_memory(bytes: i32) {
    driver().shared_limit = bytes;
}

/// Sets the order of threads and blocks: 0 is forward, 1 backward, other numbers are seeds.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_schedule(order: u64) {
    driver().schedule = match order {
        0 => Schedule::Forward,
        1 => Schedule::Backward,
        seed => Schedule::Shuffled(seed),
    };
}

/// Sets the error of approximate instructions: 0 for none, other numbers are seeds.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_error(seed: u64) {
    driver().error = Error(seed);
}

/// Resets settings, counts and the report. Allocations stay.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_reset() {
    driver().reset();
    tally::reset();
}

/// The allocated bytes of all devices' memory.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_used() -> usize {
    driver().used()
}

/// The number of calls of a kind so far.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_calls(kind: u32) -> u64 {
    driver().calls.get(kind as usize).copied().unwrap_or(0)
}

/// The number of instructions of all launches so far.
#[unsafe(no_mangle)]
pub extern "C" fn stand_in_instructions() -> u64 {
    driver().instructions
}

/// Writes the report of faults as UTF-8, at most `capacity` bytes. Returns the number of bytes.
///
/// # Safety
/// `buffer` points to memory for `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stand_in_report(buffer: *mut u8, capacity: usize) -> usize {
    // SAFETY: the caller promises the memory at `buffer`.
    unsafe { write(&driver().report, buffer, capacity) }
}

/// Writes the numbers of calls of the driver's functions since the last reset: lines of a name and
/// a number, as UTF-8, at most `capacity` bytes. Returns the number of bytes.
///
/// # Safety
/// `buffer` points to memory for `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn stand_in_tally(buffer: *mut u8, capacity: usize) -> usize {
    // SAFETY: the caller promises the memory at `buffer`.
    unsafe { write(&tally::text(), buffer, capacity) }
}

/// Writes at most `capacity` bytes of a text. Returns the number of bytes.
///
/// # Safety
/// `buffer` points to memory for `capacity` bytes outside of the text.
unsafe fn write(text: &str, buffer: *mut u8, capacity: usize) -> usize {
    let len = text.len().min(capacity);
    // SAFETY: the caller promises the memory at `buffer`.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, len) };
    len
}

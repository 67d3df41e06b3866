//! The CUDA kernels compiled as C++, each thread of a block a fiber.
//!
//! An [`Engine`] launches a kernel by its name on host memory, block after block, in a
//! schedule of its own. What it proves and what not is in the README.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::{Mutex, PoisonError};

pub mod generate;
pub mod translate;

/// Which of a block's threads runs when several can; it runs on until it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The first; blocks in order.
    Forward,
    /// The last; blocks from the last to the first.
    Backward,
    /// Any, drawn from a seed; others may run before each atomic, too. Blocks in some
    /// other order.
    Shuffled(u64),
}

/// A kernel's argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// A pointer of any type; null is allowed.
    Pointer(*mut c_void),
    /// `int`.
    I32(i32),
    /// `unsigned`.
    U32(u32),
    /// `long long`, or another integer of 8 bytes.
    I64(i64),
    /// `float`.
    F32(f32),
    /// `double`.
    F64(f64),
}

impl Argument {
    /// A pointer to what a kernel reads only.
    pub fn input<T>(values: &[T]) -> Self {
        Self::Pointer(values.as_ptr().cast_mut().cast())
    }

    /// A pointer to what a kernel writes.
    pub fn output<T>(values: &mut [T]) -> Self {
        Self::Pointer(values.as_mut_ptr().cast())
    }

    /// The kind and bits that the C++ side knows.
    fn raw(self) -> RawArgument {
        let (kind, bits) = match self {
            Self::Pointer(place) => (0, place as u64),
            Self::I32(value) => (1, u64::from(value.cast_unsigned())),
            Self::U32(value) => (2, u64::from(value)),
            Self::I64(value) => (3, value.cast_unsigned()),
            Self::F32(value) => (4, u64::from(value.to_bits())),
            Self::F64(value) => (5, value.to_bits()),
        };
        RawArgument { kind, bits }
    }
}

#[repr(C)]
struct RawArgument {
    kind: u32,
    bits: u64,
}

// SAFETY: runtime/bridge.cpp defines both with these types.
unsafe extern "C" {
    fn fiber_launch(
        schedule: u32,
        seed: u64,
        name: *const c_char,
        grid: *const u32,
        block: *const u32,
        shared_bytes: usize,
        arguments: *const RawArgument,
        count: usize,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    fn fiber_kernel_name(number: usize) -> *const c_char;
}

/// The runtime has one set of fibers: launches take turns.
static RUNTIME: Mutex<()> = Mutex::new(());

/// Launches kernels in one schedule.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    schedule: Schedule,
}

impl Engine {
    /// An engine with a schedule.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule }
    }

    /// Runs the kernel `name` on a grid and returns when it is done. `grid` and `block`
    /// are extents along x, y and z; `shared_bytes` is the size of the dynamic shared
    /// memory.
    ///
    /// # Errors
    /// Says what is wrong with the launch (no such kernel, a size beyond the device's limits
    /// or the launch bounds, arguments of other number or type), or what went wrong: a
    /// barrier that not all threads reach, or a write outside of shared memory. What the
    /// kernel wrote until then stays.
    ///
    /// # Safety
    /// Each pointer must be valid for all that the kernel reads and writes through it.
    pub unsafe fn launch(
        &self,
        name: &str,
        grid: [u32; 3],
        block: [u32; 3],
        shared_bytes: usize,
        arguments: &[Argument],
    ) -> Result<(), String> {
        let (schedule, seed) = match self.schedule {
            Schedule::Forward => (0, 0),
            Schedule::Backward => (1, 0),
            Schedule::Shuffled(seed) => (2, seed),
        };
        let name = CString::new(name).map_err(|_| "a name with a zero byte".to_owned())?;
        let arguments: Vec<RawArgument> = arguments.iter().map(|a| a.raw()).collect();
        let mut message = [0_u8; 1024];
        let turn = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: all pointers are to live values of the sizes given with them, the launch
        // is the only one, and the caller answers for the kernel's pointers.
        let failed = unsafe {
            fiber_launch(
                schedule,
                seed,
                name.as_ptr(),
                grid.as_ptr(),
                block.as_ptr(),
                shared_bytes,
                arguments.as_ptr(),
                arguments.len(),
                message.as_mut_ptr().cast(),
                message.len(),
            )
        };
        drop(turn);
        if failed == 0 {
            return Ok(());
        }
        let text = CStr::from_bytes_until_nul(&message).unwrap_or_default();
        Err(text.to_string_lossy().into_owned())
    }

    /// The names of all kernels that were compiled.
    pub fn kernels() -> Vec<String> {
        (0..).map_while(kernel_name).collect()
    }
}

fn kernel_name(number: usize) -> Option<String> {
    // SAFETY: the function takes any number.
    let name = unsafe { fiber_kernel_name(number) };
    if name.is_null() {
        return None;
    }
    // SAFETY: a name is a string of the program, which nobody changes.
    let name = unsafe { CStr::from_ptr(name) };
    Some(name.to_string_lossy().into_owned())
}

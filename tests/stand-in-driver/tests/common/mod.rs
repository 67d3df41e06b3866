//! Loads the stand-in driver in place of the CUDA driver.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::{Mutex, MutexGuard, OnceLock};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

/// Kinds of calls that a test can make fail, as in `stand_in_driver::control`.
pub const ALLOCATION: u32 = 0;
pub const COPY: u32 = 1;
pub const LAUNCH: u32 = 2;
pub const MODULE: u32 = 3;
pub const STREAM: u32 = 4;

/// The stand-in, for one test at a time.
pub struct StandIn {
    library: &'static Library,
    _alone: MutexGuard<'static, ()>,
}

impl StandIn {
    /// Loads the library from the test's folder, where it has the driver's name, and resets it.
    pub fn open() -> Self {
        static LIBRARY: OnceLock<Library> = OnceLock::new();
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(|broken| broken.into_inner());
        let library = LIBRARY.get_or_init(|| {
            // SAFETY: no other thread reads the environment before the library is loaded. Without
            // this folder, the tests would fill the user's cache with modules of the stand-in.
            unsafe { std::env::set_var("TENFOLD_KERNEL_CACHE", "") };
            let test = std::env::current_exe().unwrap();
            let path = test.parent().unwrap().join("libstand_in_driver.so");
            // SAFETY: the library runs no code when it is loaded.
            unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }.unwrap()
        });
        let stand_in = Self {
            library,
            _alone: alone,
        };
        stand_in.reset();
        stand_in
    }

    fn call<A, R>(&self, name: &str, argument: A) -> R {
        // SAFETY: each caller below names a function of this type.
        let function = unsafe { self.library.get::<extern "C" fn(A) -> R>(name.as_bytes()) };
        function.unwrap()(argument)
    }

    /// Resets settings, counts and the report.
    pub fn reset(&self) {
        self.call::<(), ()>("stand_in_reset", ());
    }

    pub fn set_devices(&self, count: i32) {
        self.call::<i32, ()>("stand_in_devices", count);
    }

    pub fn set_version(&self, version: i32) {
        self.call::<i32, ()>("stand_in_version", version);
    }

    pub fn set_memory(&self, bytes: usize) {
        self.call::<usize, ()>("stand_in_memory", bytes);
    }

    /// Sets the compute capability of devices that are opened afterwards: 75, 80 or 90.
    pub fn set_capability(&self, capability: u32) {
        self.call::<u32, ()>("stand_in_capability", capability);
    }

    /// Sets the error of approximate instructions, within what is documented: 0 for none, other
    /// numbers are seeds.
    pub fn set_error(&self, seed: u64) {
        self.call::<u64, ()>("stand_in_error", seed);
    }

    /// Limits the shared memory of a block, on devices that are opened afterwards.
    pub fn set_shared_memory(&self, bytes: i32) {
        self.call::<i32, ()>("stand_in_shared_memory", bytes);
    }

    /// Sets the order of threads and blocks: 0 is forward, 1 backward, other numbers are seeds.
    pub fn set_schedule(&self, order: u64) {
        self.call::<u64, ()>("stand_in_schedule", order);
    }

    /// Makes the `count`-th next call of a kind fail.
    pub fn fail(&self, kind: u32, count: u64) {
        // SAFETY: the function has this type.
        let function = unsafe {
            self.library
                .get::<extern "C" fn(u32, u64)>(b"stand_in_fail")
        };
        function.unwrap()(kind, count);
    }

    /// Makes the `count`-th next call of a kind and all later ones fail.
    pub fn fail_from(&self, kind: u32, count: u64) {
        // SAFETY: the function has this type.
        let function = unsafe {
            self.library
                .get::<extern "C" fn(u32, u64)>(b"stand_in_fail_from")
        };
        function.unwrap()(kind, count);
    }

    pub fn calls(&self, kind: u32) -> u64 {
        self.call("stand_in_calls", kind)
    }

    pub fn used(&self) -> usize {
        self.call("stand_in_used", ())
    }

    pub fn instructions(&self) -> u64 {
        self.call("stand_in_instructions", ())
    }

    /// The faults that were found.
    pub fn report(&self) -> String {
        self.text(b"stand_in_report")
    }

    /// The calls of the driver's functions since the last reset, without the look-ups of a thread's
    /// context: names and numbers.
    pub fn tally(&self) -> Vec<(String, u64)> {
        let text = self.text(b"stand_in_tally");
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let calls = lines.map(|(name, count)| (name.to_owned(), count.parse().unwrap()));
        calls
            .filter(|(name, _)| name != "cuCtxGetCurrent")
            .collect()
    }

    /// The text that a function of the library writes.
    fn text(&self, function: &[u8]) -> String {
        let mut text = vec![0; 1 << 16];
        // SAFETY: each caller names a function of this type, and `text` has so many bytes.
        let len = unsafe {
            let function = self
                .library
                .get::<unsafe extern "C" fn(*mut u8, usize) -> usize>(function);
            function.unwrap()(text.as_mut_ptr(), text.len())
        };
        String::from_utf8_lossy(&text[..len]).into_owned()
    }
}

/// The library that stands in for cuSOLVER.
pub struct StandInSolver {
    library: &'static Library,
}

impl StandInSolver {
    /// Loads the library from the test's folder, where it has the name of cuSOLVER. The stand-in
    /// driver must be open.
    pub fn open() -> Self {
        static LIBRARY: OnceLock<Library> = OnceLock::new();
        let library = LIBRARY.get_or_init(|| {
            let test = std::env::current_exe().unwrap();
            let path = test.parent().unwrap().join("libstand_in_solver.so");
            // SAFETY: the library runs no code when it is loaded.
            unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }.unwrap()
        });
        Self { library }
    }

    /// Sets what the next eigenproblem does: 1 does not converge, 2 fails.
    pub fn set_next(&self, outcome: i32) {
        // SAFETY: the library has a function of this name and type.
        let set = unsafe {
            self.library
                .get::<extern "C" fn(i32)>(b"stand_in_solver_next")
        };
        set.unwrap()(outcome);
    }
}

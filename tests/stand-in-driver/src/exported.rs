//! The functions of the CUDA driver that cudarc calls, implemented on [`Driver`](crate::driver::Driver).

use std::cell::Cell;

thread_local! {
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// The driver; returns from the function if no context is current or an earlier call failed.
macro_rules! live {
    () => {{
        if crate::exported::CURRENT.get() == 0 {
            return crate::driver::INVALID_CONTEXT;
        }
        let driver = crate::control::driver();
        if driver.failed != crate::driver::SUCCESS {
            return driver.failed;
        }
        driver
    }};
}

/// A value, or the status that the function returns.
macro_rules! attempt {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(status) => return status,
        }
    };
}

/// Exports functions of the driver.
macro_rules! export {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $body:block)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// Pointers are valid for the reads and writes that the driver's documentation describes.
            #[unsafe(no_mangle)]
            #[allow(non_snake_case, unused_unsafe)]
            pub unsafe extern "C" fn $name($($argument: $kind),*) -> crate::driver::Status {
                crate::tally::count(stringify!($name));
                // SAFETY: the caller promises that the pointers are valid.
                unsafe { $body }
            }
        )*
    };
}

mod copies;
mod devices;
mod link;
mod memory;
mod modules;
mod streams;

/// The number of the device of this thread's context.
fn current_device() -> usize {
    CURRENT.get().saturating_sub(crate::driver::CONTEXT) / 16
}

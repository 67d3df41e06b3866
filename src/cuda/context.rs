//! The driver's context of a thread.

#![allow(unsafe_code)]

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use cudarc::driver::result::ctx;
use cudarc::driver::sys;

use super::driver::check_driver;

/// Restores the driver's context of this thread when it is dropped.
///
/// A call of a [`Device`](crate::cuda::Device) makes the device's context current on its thread. The
/// CUDA runtime takes its current device from there, so that a call on one device changes the device
/// on which a framework in the same thread works.
///
/// ```
/// use tenfold::cuda::{Device, ThreadContext};
/// # fn example() -> tenfold::Result<()> {
/// let kept = ThreadContext::keep();
/// Device::open(1)?.release_memory();
/// drop(kept);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ThreadContext {
    /// The context; `None` without a driver.
    context: Option<sys::CUcontext>,
}

impl ThreadContext {
    /// Notes the current context of this thread.
    #[must_use]
    pub fn keep() -> Self {
        Self {
            context: is_installed().then(current).flatten(),
        }
    }
}

impl Drop for ThreadContext {
    fn drop(&mut self) {
        let Some(context) = self.context else {
            return;
        };
        if current() != Some(context) {
            // SAFETY: the context was current on this thread. Setting a context fails only if its
            // owner has destroyed it in the meantime.
            let _ = unsafe { ctx::set_current(context) };
        }
    }
}

/// The current context of this thread, null if there is none. `None` if the driver fails.
fn current() -> Option<sys::CUcontext> {
    let context = ctx::get_current().ok()?;
    Some(context.unwrap_or(null_mut()))
}

/// Whether a driver is installed. A driver that was found once is not looked for again.
fn is_installed() -> bool {
    static FOUND: AtomicBool = AtomicBool::new(false);
    if !FOUND.load(Ordering::Relaxed) && check_driver().is_ok() {
        FOUND.store(true, Ordering::Relaxed);
    }
    FOUND.load(Ordering::Relaxed)
}

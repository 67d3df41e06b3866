//! Compares the library on a GPU with the CPU, in every case of `tests/common/device` that hardware
//! can run. Without a GPU it prints that it was skipped.
#![allow(unsafe_code, clippy::unwrap_used, clippy::print_stdout)]

#[path = "common/device/mod.rs"]
mod device;

use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::Arc;

use cudarc::driver::{CudaContext, result};
use device::Place;
use tenfold::cuda::Device;

/// A GPU, and the memory on it that is kept from the library.
struct Hardware {
    context: Arc<CudaContext>,
    kept: RefCell<Vec<u64>>,
}

/// If the GPU refuses an allocation, the next try is smaller by this number of bytes.
const STEP: usize = 16 << 20;

impl Place for Hardware {
    fn is_hardware(&self) -> bool {
        true
    }

    fn leave(&self, bytes: usize) {
        self.context.bind_to_thread().unwrap();
        self.context.synchronize().unwrap();
        let (free, _) = self.context.mem_get_info().unwrap();
        let mut keep = free.saturating_sub(bytes);
        while keep > 0 {
            // SAFETY: the context is current; nothing reads or writes the memory.
            match unsafe { result::malloc_sync(keep) } {
                Ok(pointer) => {
                    self.kept.borrow_mut().push(pointer);
                    return;
                }
                Err(_) => keep = keep.saturating_sub(STEP),
            }
        }
        panic!("{bytes} of {free} bytes cannot be left free");
    }

    fn open_with_shared_memory(&self, _: i32) -> Device {
        panic!("the shared memory of a GPU cannot be set");
    }

    fn end_case(&self) -> String {
        for pointer in self.kept.take() {
            // SAFETY: the pointer came from `malloc_sync` and is freed once.
            if let Err(error) = unsafe { result::free_sync(pointer) } {
                return format!("memory could not be freed: {error}\n");
            }
        }
        String::new()
    }
}

fn main() -> ExitCode {
    let device = match Device::open(0) {
        Ok(device) => device,
        Err(error) => {
            println!("skipped: no device ({error})");
            return ExitCode::SUCCESS;
        }
    };
    println!("on {}", device.name().unwrap());
    let hardware = Hardware {
        context: CudaContext::new(0).unwrap(),
        kept: RefCell::default(),
    };
    device::run(&device, &hardware)
}

//! Compares the library on the stand-in driver with the CPU, in the cases of `tests/common/device`
//! that an interpreter can run. A case also fails if the stand-in reports a fault.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
#[path = "../../common/device/mod.rs"]
mod device;

use std::process::ExitCode;

use common::StandIn;
use device::Place;
use tenfold::cuda::Device;

struct Interpreter(StandIn);

impl Place for Interpreter {
    fn is_hardware(&self) -> bool {
        false
    }

    fn leave(&self, bytes: usize) {
        self.0.set_memory(self.0.used() + bytes);
    }

    fn open_with_shared_memory(&self, bytes: i32) -> Device {
        self.0.set_shared_memory(bytes);
        Device::open(0).unwrap()
    }

    fn end_case(&self) -> String {
        let report = self.0.report();
        self.0.reset();
        report
    }
}

fn main() -> ExitCode {
    let interpreter = Interpreter(StandIn::open());
    device::run(&Device::open(0).unwrap(), &interpreter)
}

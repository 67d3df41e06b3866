//! Without a driver, opening a device gives an error that says what to do. This test does not load
//! the stand-in.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use tenfold::cuda::Device;
use tenfold::{CudaError, Error};

fn main() {
    match Device::open(0) {
        Ok(device) => println!("skipped: there is a device, {}", device.name().unwrap()),
        Err(error) => {
            let expected = matches!(error, Error::Cuda(CudaError::NoDevice { .. }));
            assert!(expected, "{error:?}");
            let text = error.to_string();
            assert!(text.starts_with("no CUDA device can be used: "), "{text}");
            println!("test absence ... ok ({text})");
        }
    }
}

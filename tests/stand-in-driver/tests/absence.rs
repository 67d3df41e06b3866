//! With no driver every call is an error that says what to do. The stand-in is not
//! opened here.
#![allow(clippy::unwrap_used)]

use tenfold::Error;
use tenfold::cuda::Device;

#[test]
fn no_driver() {
    match Device::open(0) {
        // A machine with a real device.
        Ok(device) => println!("skipped: there is a device, {}", device.name().unwrap()),
        Err(error) => {
            assert!(matches!(error, Error::NoDevice { .. }));
            let text = error.to_string();
            assert!(text.starts_with("no CUDA device can be used: "), "{text}");
        }
    }
}

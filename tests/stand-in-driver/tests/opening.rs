//! Opening a device a second time loads the compiled kernels from the user's cache.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::StandIn;
use tenfold::cuda::{Device, Origin};

#[test]
fn compiled_kernels_are_kept_and_damaged_files_are_replaced() {
    let stand_in = StandIn::open();
    let folder = tempfile::tempdir().unwrap();
    // SAFETY: this process has one test, and nothing else reads the environment during it.
    unsafe { std::env::set_var("TENFOLD_KERNEL_CACHE", folder.path()) };
    let origin = || {
        let device = Device::open(0).unwrap();
        device.kernels()[0].origin
    };
    assert_eq!(origin(), Origin::Included);
    assert_eq!(origin(), Origin::Cache);
    // A file that was cut short.
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1);
    let file = files[0].as_ref().unwrap().path();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(origin(), Origin::Included);
    assert_eq!(fs::read(&file).unwrap(), whole);
    // A file with one wrong bit.
    let mut wrong = whole.clone();
    let end = wrong.len();
    wrong[end - 200] ^= 1;
    fs::write(&file, wrong).unwrap();
    assert_eq!(origin(), Origin::Included);
    assert_eq!(fs::read(&file).unwrap(), whole);
    // Another driver does not use the file.
    stand_in.set_version(12_040);
    assert_eq!(origin(), Origin::Included);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

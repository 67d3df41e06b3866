//! The library under settings of the stand-in: failing calls, orders of threads and blocks, little
//! memory; and how the library uses memory and streams.
#![allow(clippy::unwrap_used)]

mod capability;
#[path = "../common/mod.rs"]
mod common;
mod devices;
mod faults;
#[path = "../../../common/device/features.rs"]
mod features;
mod memory;
mod schedules;

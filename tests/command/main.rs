//! Checks of the command `tenfold`, run as its users run it, and of what the fuzzer has
//! found. The modules form one binary, since each further test binary costs seconds to
//! compile and link.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

mod cli;
mod cli_bench;
mod cli_cam;
mod corpus;
#[cfg(unix)]
mod faults;
#[cfg(unix)]
#[path = "../common/job.rs"]
mod job;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(unix)]
mod overwriting;
mod range;
mod ranges;
mod ranks;
mod run;
mod wrong_files;

//! Checks of the command `tenfold`, run as a user runs it, and of the fuzzing corpus. The
//! modules form one binary, because each further test binary takes seconds to compile and link.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used)]

#[path = "../common/archive.rs"]
mod archive;
mod arrays;
mod bad_input;
mod bench;
mod cam;
mod cam_element_types;
mod cam_groups;
mod cam_layouts;
#[cfg(feature = "onnx")]
mod cam_networks;
mod cam_pictures;
mod choice;
mod completions;
mod corpus;
mod decompose;
mod evaluate;
#[cfg(feature = "onnx")]
mod evaluate_network;
#[cfg(unix)]
mod faults;
mod folder;
mod formats;
mod info;
#[cfg(unix)]
#[path = "../common/job.rs"]
mod job;
mod keep_going;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(unix)]
mod models;
#[path = "../common/npy.rs"]
mod npy;
mod overwriting;
mod ranks;
mod reconstruct;
mod report;
mod report_runs;
mod scalar_range;
#[cfg(unix)]
mod sessions;
mod sizes;
mod usage;
mod value_ranges;
mod wrong_files;

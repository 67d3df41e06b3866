//! The properties of the devices: those of an H100 for compute capability 9.0, of an A100 for 8.0, of a
//! T4 for 7.5.

use std::ffi::c_int;

use crate::driver::{Driver, SHARED_ALWAYS};

/// The bytes of shared memory that a block can have at most.
pub(crate) fn shared_limit(capability: u32) -> c_int {
    match capability {
        90.. => 227 * 1024,
        80..90 => 163 * 1024,
        _ => 64 * 1024,
    }
}

impl Driver {
    /// An attribute of a device, by the driver's number for it; 0 for others.
    pub(crate) fn attribute(&self, attribute: c_int, device: c_int) -> c_int {
        let of = |turing: c_int, ampere: c_int, hopper: c_int| match self.capability {
            90.. => hopper,
            80..90 => ampere,
            _ => turing,
        };
        match attribute {
            // Threads of a block, and its extents.
            1..=3 => 1024,
            4 => 64,
            // The extents of a grid.
            5 => i32::MAX,
            6 | 7 => 65_535,
            8 => SHARED_ALWAYS,
            10 => 32,
            // Registers of a block.
            12 => 65_536,
            // The clock in kHz.
            13 => of(1_590_000, 1_410_000, 1_980_000),
            // Multiprocessors.
            16 => of(40, 108, 132),
            // Copies beside kernels, mapped memory of the host, kernels beside each other.
            15 | 19 | 31 => 1,
            // The address on the bus.
            33 => device + 1,
            // The memory's clock in kHz and its width in bits; the second-level cache.
            36 => of(5_001_000, 1_215_000, 2_619_000),
            37 => of(256, 5120, 5120),
            38 => of(4, 40, 50) << 20,
            // Threads of a multiprocessor.
            39 => of(1024, 2048, 2048),
            40 => of(3, 3, 3),
            41 => 1,
            75 => (self.capability / 10) as c_int,
            76 => (self.capability % 10) as c_int,
            // Shared memory and registers of a multiprocessor.
            81 => of(64, 164, 228) * 1024,
            82 => 65_536,
            // The rate of arithmetic in f32 over the rate in f64.
            87 => of(32, 2, 2),
            // Cooperative launches.
            95 => 1,
            97 => self.shared_limit,
            // Memory of the host can be pinned.
            99 => 1,
            // Blocks of a multiprocessor.
            106 => of(16, 32, 32),
            // Shared memory of a block that the driver takes.
            111 => of(0, 1024, 1024),
            // Allocations in the order of streams.
            115 => 1,
            // Clusters.
            120 => of(0, 0, 1),
            _ => 0,
        }
    }
}

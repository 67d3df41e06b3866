//! Loads modules and launches kernels.

use std::ffi::c_uint;

use crate::control::Fault;
use crate::driver::{
    Driver, INVALID_CLUSTER, INVALID_HANDLE, INVALID_PTX, INVALID_VALUE, LAUNCH_FAILED, Loaded,
    OUT_OF_MEMORY, SHARED_ALWAYS, SUCCESS, Status, Stream, UNSUPPORTED_PTX_VERSION,
};
use crate::instruction::Module;
use crate::launch::{self, Launch};
use crate::ptx::parse;

/// Clusters have at most so many blocks, unless the kernel allows more.
const PORTABLE_CLUSTER: u32 = 8;
/// Clusters have at most so many blocks.
const LARGEST_CLUSTER: u32 = 16;

impl Driver {
    /// Loads a module on a device.
    pub(crate) fn load(&mut self, text: &str, device: usize) -> Result<usize, Status> {
        if self.fails(Fault::Module) {
            return Err(OUT_OF_MEMORY);
        }
        let module = self.check(text).map_err(|(status, _)| status)?;
        let handle = self.handle();
        self.modules.insert(handle, Loaded { module, device });
        Ok(handle)
    }

    /// Reads a module. Fails with a status and its reason. The report has the reason if the interpreter
    /// does not support the text.
    pub(crate) fn check(&mut self, text: &str) -> Result<Module, (Status, String)> {
        let module = parse(text).map_err(|what| {
            self.report.push_str(&what);
            self.report.push('\n');
            (INVALID_PTX, what)
        })?;
        // CUDA 11.8 introduced PTX 7.8, CUDA 12.n PTX 8.n.
        let newest = match self.version / 1000 {
            11 => 70 + (self.version % 1000 / 10) as u32,
            12 => 80 + (self.version % 1000 / 10) as u32,
            _ => 90,
        };
        if module.version > newest {
            let what = format!("PTX version {} after {newest}", module.version);
            return Err((UNSUPPORTED_PTX_VERSION, what));
        }
        let fits = if module.is_specific {
            module.target == self.capability
        } else {
            module.target <= self.capability
        };
        if !fits {
            let what = format!(
                "target sm_{} on a device of sm_{}",
                module.target, self.capability
            );
            return Err((INVALID_PTX, what));
        }
        Ok(module)
    }

    /// Runs a kernel. Returns the status of the launch. A fault of the kernel does not change this
    /// status: the next call reports it, as on hardware.
    pub(crate) fn launch(
        &mut self,
        function: usize,
        blocks: [c_uint; 3],
        threads: [c_uint; 3],
        dynamic_bytes: c_uint,
        stream: Stream,
        argument: impl Fn(usize, usize) -> Vec<u8>,
    ) -> Status {
        if self.fails(Fault::Launch) {
            return LAUNCH_FAILED;
        }
        let number = self.count_launch();
        let Some(function) = self.functions.get(&function) else {
            return INVALID_HANDLE;
        };
        let loaded = &self.modules[&function.module];
        if loaded.device != stream.device {
            return INVALID_HANDLE;
        }
        let kernel = &loaded.module.kernels[&function.name];
        let count: u64 = threads.iter().map(|&extent| u64::from(extent)).product();
        let shared = kernel.shared_bytes as c_uint + dynamic_bytes;
        let limit = (SHARED_ALWAYS as c_uint).max(function.dynamic_limit as c_uint);
        let fits = blocks.iter().chain(&threads).all(|&extent| extent > 0)
            && blocks[0] <= i32::MAX as c_uint
            && blocks[1..].iter().all(|&extent| extent <= 65_535)
            && threads[..2].iter().all(|&extent| extent <= 1024)
            && threads[2] <= 64
            && count <= kernel.most_threads.unwrap_or(1024).min(1024) as u64
            && shared <= limit;
        if !fits {
            return INVALID_VALUE;
        }
        if let Some(extents) = kernel.cluster {
            let largest = if function.large_clusters {
                LARGEST_CLUSTER
            } else {
                PORTABLE_CLUSTER
            };
            if extents.iter().product::<u32>() > largest {
                return INVALID_CLUSTER;
            }
            if (0..3).any(|axis| !blocks[axis].is_multiple_of(extents[axis].max(1))) {
                return INVALID_VALUE;
            }
        }
        let end = kernel
            .parameters
            .last()
            .map_or(0, |&(offset, size)| offset + size);
        let mut arguments = vec![0; end];
        for (place, &(offset, size)) in kernel.parameters.iter().enumerate() {
            arguments[offset..offset + size].copy_from_slice(&argument(place, size));
        }
        let launch = Launch {
            kernel,
            blocks,
            threads,
            dynamic_bytes: dynamic_bytes as usize,
            arguments,
            number,
            schedule: self.schedule,
            error: self.error,
        };
        let what = format!("kernel {}", kernel.name);
        match launch::run(&launch, &mut self.memories[stream.device]) {
            Ok(done) => {
                self.instructions += done.instructions;
                self.operate(stream.key, &what, &done.spans);
            }
            Err(what) => self.wrong(&what),
        }
        SUCCESS
    }
}

//! Modules, kernels and launches.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::slice;

use super::current_device;
use crate::control::driver;
use crate::driver::{Function, INVALID_HANDLE, INVALID_VALUE, NOT_FOUND, SHARED_ALWAYS, SUCCESS};

export! {
    /// Loads a module from PTX, or from what the linker made of it.
    fn cuModuleLoadData(module: *mut usize, image: *const c_char) {
        let mut driver = live!();
        let text = attempt!(super::link::text_of(image, driver.capability));
        *module = attempt!(driver.load(&text, current_device()));
        SUCCESS
    }
    /// The same; options have no effect.
    fn cuModuleLoadDataEx(
        module: *mut usize,
        image: *const c_char,
        _count: c_uint,
        _options: *mut c_int,
        _values: *mut *mut c_void,
    ) {
        cuModuleLoadData(module, image)
    }
    /// Unloads a module.
    fn cuModuleUnload(module: usize) {
        let mut driver = driver();
        driver.functions.retain(|_, function| function.module != module);
        if driver.modules.remove(&module).is_some() { SUCCESS } else { INVALID_HANDLE }
    }
    /// A kernel of a module.
    fn cuModuleGetFunction(function: *mut usize, module: usize, name: *const c_char) {
        let mut driver = live!();
        let name = CStr::from_ptr(name).to_string_lossy().into_owned();
        let Some(loaded) = driver.modules.get(&module) else {
            return INVALID_HANDLE;
        };
        if !loaded.module.kernels.contains_key(&name) {
            return NOT_FOUND;
        }
        *function = driver.handle();
        let handle = *function;
        driver.functions.insert(
            handle,
            Function { module, name, dynamic_limit: 0, large_clusters: false },
        );
        SUCCESS
    }
    /// Sets an attribute of a kernel: 8 is the limit of its dynamic shared memory, 14 allows clusters of
    /// more than 8 blocks.
    fn cuFuncSetAttribute(function: usize, attribute: c_int, value: c_int) {
        let mut driver = live!();
        let (limit, capability) = (driver.shared_limit, driver.capability);
        let Some(function) = driver.functions.get_mut(&function) else {
            return INVALID_HANDLE;
        };
        match attribute {
            8 if value <= limit => function.dynamic_limit = value,
            14 if capability >= 90 => function.large_clusters = value != 0,
            // How the multiprocessor divides its memory has no effect.
            9 => {}
            _ => return INVALID_VALUE,
        }
        SUCCESS
    }
    /// Reads an attribute of a kernel.
    fn cuFuncGetAttribute(value: *mut c_int, attribute: c_int, function: usize) {
        let driver = live!();
        let Some(function) = driver.functions.get(&function) else {
            return INVALID_HANDLE;
        };
        let module = &driver.modules[&function.module].module;
        let kernel = &module.kernels[&function.name];
        *value = match attribute {
            0 => kernel.most_threads.unwrap_or(1024) as c_int,
            1 => kernel.shared_bytes as c_int,
            2 => 0,
            3 => kernel.local_bytes as c_int,
            5 => module.version as c_int,
            6 => driver.capability as c_int,
            8 => function.dynamic_limit.max(SHARED_ALWAYS - kernel.shared_bytes as c_int),
            11..=13 => kernel.cluster.map_or(0, |extents| extents[attribute as usize - 11] as c_int),
            14 => c_int::from(function.large_clusters),
            _ => return INVALID_VALUE,
        };
        SUCCESS
    }
    /// The number of blocks that a multiprocessor runs at a time, without its limit of registers.
    fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
        count: *mut c_int,
        function: usize,
        threads: c_int,
        dynamic_bytes: usize,
    ) {
        let driver = live!();
        let Some(found) = driver.functions.get(&function) else {
            return INVALID_HANDLE;
        };
        if threads <= 0 {
            return INVALID_VALUE;
        }
        let kernel = &driver.modules[&found.module].module.kernels[&found.name];
        // A block also takes 1 KiB of its own.
        let bytes = kernel.shared_bytes + dynamic_bytes + 1024;
        let whole = driver.attribute(81, 0) as usize;
        let by_threads = driver.attribute(39, 0) / (threads as u32).next_multiple_of(32) as c_int;
        *count = by_threads.min((whole / bytes) as c_int).min(driver.attribute(106, 0));
        SUCCESS
    }
    /// The same; flags have no effect.
    fn cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        count: *mut c_int,
        function: usize,
        threads: c_int,
        dynamic_bytes: usize,
        _flags: c_uint,
    ) {
        cuOccupancyMaxActiveBlocksPerMultiprocessor(count, function, threads, dynamic_bytes)
    }
    /// Launches a kernel.
    fn cuLaunchKernel(
        function: usize,
        blocks_x: c_uint,
        blocks_y: c_uint,
        blocks_z: c_uint,
        threads_x: c_uint,
        threads_y: c_uint,
        threads_z: c_uint,
        dynamic_bytes: c_uint,
        stream: usize,
        arguments: *mut *mut c_void,
        _extra: *mut *mut c_void,
    ) {
        let mut driver = live!();
        let stream = attempt!(driver.stream(stream, current_device()));
        let blocks = [blocks_x, blocks_y, blocks_z];
        let threads = [threads_x, threads_y, threads_z];
        driver.launch(function, blocks, threads, dynamic_bytes, stream, |place, size| {
            let argument: *const u8 = (*arguments.add(place)).cast();
            slice::from_raw_parts(argument, size).to_vec()
        })
    }
}

//! The functions of the CUDA driver that cudarc calls, implemented on [`Driver`](crate::driver::Driver).

use std::alloc::Layout;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::slice;
use std::time::Instant;

use crate::clocks::Span;
use crate::control::{Fault, driver};
use crate::driver::{
    CONTEXT, Function, ILLEGAL_ADDRESS, INVALID_CONTEXT, INVALID_DEVICE, INVALID_HANDLE,
    INVALID_PTX, INVALID_VALUE, InFlight, LAUNCH_FAILED, NO_DEVICE, NOT_FOUND, OUT_OF_MEMORY,
    SHARED_ALWAYS, SUCCESS, Status, UNSUPPORTED_PTX_VERSION,
};
use crate::linker;
use crate::tally;

thread_local! {
    static CURRENT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The driver; returns from the function if no context is current or an earlier call failed.
macro_rules! live {
    () => {{
        if CURRENT.get() == 0 {
            return INVALID_CONTEXT;
        }
        let driver = driver();
        if driver.failed != SUCCESS {
            return driver.failed;
        }
        driver
    }};
}

/// Exports functions of the driver.
macro_rules! export {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $body:block)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Safety
            /// Pointers are valid for the reads and writes that the driver's documentation describes.
            #[unsafe(no_mangle)]
            #[allow(non_snake_case, unused_unsafe)]
            pub unsafe extern "C" fn $name($($argument: $kind),*) -> Status {
                tally::count(stringify!($name));
                // SAFETY: the caller promises that the pointers are valid.
                unsafe { $body }
            }
        )*
    };
}

export! {
    /// Initializes the driver.
    fn cuInit(_flags: c_uint) {
        if driver().devices > 0 { SUCCESS } else { NO_DEVICE }
    }
    /// The driver's version.
    fn cuDriverGetVersion(version: *mut c_int) {
        *version = driver().version;
        SUCCESS
    }
    /// The number of devices.
    fn cuDeviceGetCount(count: *mut c_int) {
        *count = driver().devices;
        SUCCESS
    }
    /// The device of this number.
    fn cuDeviceGet(device: *mut c_int, ordinal: c_int) {
        if ordinal < 0 || ordinal >= driver().devices {
            return INVALID_DEVICE;
        }
        *device = ordinal;
        SUCCESS
    }
    /// The device's name.
    fn cuDeviceGetName(name: *mut c_char, len: c_int, _device: c_int) {
        let text = b"stand-in (interpreter of PTX)\0";
        let len = text.len().min(len as usize);
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), name, len);
        SUCCESS
    }
    /// The device's UUID: zeros.
    fn cuDeviceGetUuid_v2(uuid: *mut [u8; 16], _device: c_int) {
        *uuid = [0; 16];
        SUCCESS
    }
    /// The size of the device's memory.
    fn cuDeviceTotalMem_v2(bytes: *mut usize, _device: c_int) {
        *bytes = driver().memory.limit;
        SUCCESS
    }
    /// An attribute of the device, with the value of an H100.
    fn cuDeviceGetAttribute(value: *mut c_int, attribute: c_int, _device: c_int) {
        *value = match attribute {
            1..=3 => 1024,
            4 => 64,
            5 => i32::MAX,
            6 | 7 => 65_535,
            8 => SHARED_ALWAYS,
            10 => 32,
            13 => 1_980_000,
            16 => 132,
            75 => 9,
            87 => 2,
            97 => driver().shared_limit,
            115 => 1,
            _ => 0,
        };
        SUCCESS
    }
    /// The device's context.
    fn cuDevicePrimaryCtxRetain(context: *mut usize, _device: c_int) {
        *context = CONTEXT;
        SUCCESS
    }
    /// Releases the device's context.
    fn cuDevicePrimaryCtxRelease_v2(_device: c_int) {
        SUCCESS
    }
    /// The context of this thread.
    fn cuCtxGetCurrent(context: *mut usize) {
        *context = CURRENT.get();
        SUCCESS
    }
    /// Sets the context of this thread.
    fn cuCtxSetCurrent(context: usize) {
        CURRENT.set(context);
        SUCCESS
    }
    /// Waits for all streams.
    fn cuCtxSynchronize() {
        let mut driver = live!();
        driver.clocks.host_waits_for_all();
        driver.land();
        driver.failed
    }
    /// Creates a stream.
    fn cuStreamCreate(stream: *mut usize, _flags: c_uint) {
        let mut driver = live!();
        if driver.fails(Fault::Stream) {
            return OUT_OF_MEMORY;
        }
        *stream = driver.handle();
        let handle = *stream;
        driver.streams.push(handle);
        SUCCESS
    }
    /// Destroys a stream.
    fn cuStreamDestroy_v2(stream: usize) {
        let mut driver = driver();
        driver.streams.retain(|&other| other != stream);
        SUCCESS
    }
    /// Waits for a stream.
    fn cuStreamSynchronize(stream: usize) {
        let mut driver = live!();
        driver.clocks.host_waits_for(stream);
        driver.land();
        driver.failed
    }
    /// Makes a stream wait for an event.
    fn cuStreamWaitEvent(stream: usize, event: usize, _flags: c_uint) {
        let mut driver = live!();
        if !driver.streams.contains(&stream) {
            return INVALID_HANDLE;
        }
        driver.clocks.wait(stream, event);
        SUCCESS
    }
    /// Whether a stream is captured into a graph: never.
    fn cuStreamIsCapturing(_stream: usize, status: *mut c_int) {
        *status = 0;
        SUCCESS
    }
    /// Creates an event.
    fn cuEventCreate(event: *mut usize, _flags: c_uint) {
        let mut driver = live!();
        if driver.fails(Fault::Stream) {
            return OUT_OF_MEMORY;
        }
        *event = driver.handle();
        SUCCESS
    }
    /// Destroys an event.
    fn cuEventDestroy_v2(event: usize) {
        driver().events.remove(&event);
        SUCCESS
    }
    /// Records an event on a stream.
    fn cuEventRecord(event: usize, stream: usize) {
        let mut driver = live!();
        driver.events.insert(event, Instant::now());
        driver.clocks.record(event, stream);
        SUCCESS
    }
    /// Whether an event has completed: always.
    fn cuEventQuery(_event: usize) {
        live!().failed
    }
    /// Waits for an event.
    fn cuEventSynchronize(event: usize) {
        let mut driver = live!();
        driver.clocks.host_waits_for_event(event);
        driver.land();
        driver.failed
    }
    /// The time between two events.
    fn cuEventElapsedTime_v2(milliseconds: *mut f32, first: usize, second: usize) {
        let driver = live!();
        let (Some(first), Some(second)) = (driver.events.get(&first), driver.events.get(&second)) else {
            return INVALID_HANDLE;
        };
        *milliseconds = 1e3 * second.duration_since(*first).as_secs_f32();
        SUCCESS
    }
    /// Allocates memory on the device.
    fn cuMemAlloc_v2(address: *mut u64, len: usize) {
        let mut driver = live!();
        if len == 0 {
            return INVALID_VALUE;
        }
        if driver.fails(Fault::Allocation) {
            return OUT_OF_MEMORY;
        }
        match driver.memory.allocate(len) {
            Some(place) => {
                *address = place;
                SUCCESS
            }
            None => OUT_OF_MEMORY,
        }
    }
    /// Allocates memory on the device, in the order of a stream.
    fn cuMemAllocAsync(address: *mut u64, len: usize, _stream: usize) {
        cuMemAlloc_v2(address, len)
    }
    /// Frees memory on the device after all work.
    fn cuMemFree_v2(address: u64) {
        let mut driver = driver();
        driver.clocks.host_waits_for_all();
        driver.land();
        if driver.memory.free(address) { SUCCESS } else { INVALID_VALUE }
    }
    /// Frees memory on the device, in the order of a stream.
    fn cuMemFreeAsync(address: u64, stream: usize) {
        let mut driver = driver();
        let len = match driver.memory.around(address) {
            Ok((start, region)) if start == address => region.len() as u64,
            _ => return INVALID_VALUE,
        };
        let span = Span { start: address, end: address + len, write: true };
        driver.operate(stream, "a release of memory", &[span]);
        driver.clocks.forget(address, address + len);
        driver.memory.free(address);
        SUCCESS
    }
    /// The free and total bytes of the device's memory.
    fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) {
        let driver = live!();
        *total = driver.memory.limit;
        *free = driver.memory.limit.saturating_sub(driver.memory.used);
        SUCCESS
    }
    /// Allocates pinned memory of the host.
    fn cuMemHostAlloc(host: *mut *mut c_void, len: usize, _flags: c_uint) {
        let mut driver = live!();
        let Ok(layout) = Layout::from_size_align(len.max(1), 4096) else {
            return INVALID_VALUE;
        };
        if driver.fails(Fault::Allocation) {
            return OUT_OF_MEMORY;
        }
        let memory = std::alloc::alloc(layout);
        // Callers must not rely on zeros.
        memory.write_bytes(0xff, layout.size());
        driver.pinned.insert(memory as usize, layout);
        *host = memory.cast();
        SUCCESS
    }
    /// Frees pinned memory after all work.
    fn cuMemFreeHost(host: *mut c_void) {
        let mut driver = driver();
        driver.clocks.host_waits_for_all();
        driver.land();
        match driver.pinned.remove(&(host as usize)) {
            Some(layout) => {
                std::alloc::dealloc(host.cast(), layout);
                SUCCESS
            }
            None => INVALID_VALUE,
        }
    }
    /// An attribute of an address: 2 is the kind of its memory.
    fn cuPointerGetAttribute(value: *mut c_void, attribute: c_int, address: u64) {
        let mut driver = live!();
        let kind: c_uint = if driver.is_pinned(address as usize) {
            1
        } else if driver.memory.around(address).is_ok() {
            2
        } else {
            return INVALID_VALUE;
        };
        if attribute != 2 {
            return INVALID_VALUE;
        }
        value.cast::<c_uint>().write(kind);
        SUCCESS
    }
    /// Copies to the device, and waits.
    fn cuMemcpyHtoD_v2(target: u64, source: *const u8, len: usize) {
        let status = cuMemcpyHtoDAsync_v2(target, source, len, 0);
        let mut driver = driver();
        driver.clocks.host_waits_for(0);
        driver.land();
        status
    }
    /// Copies to the device.
    fn cuMemcpyHtoDAsync_v2(target: u64, source: *const u8, len: usize, stream: usize) {
        let mut driver = live!();
        if len == 0 {
            return SUCCESS;
        }
        let bytes = slice::from_raw_parts(source, len);
        driver.copy_in(target, bytes, source as usize, stream)
    }
    /// Copies to the host, and waits.
    fn cuMemcpyDtoH_v2(target: *mut u8, source: u64, len: usize) {
        let status = cuMemcpyDtoHAsync_v2(target, source, len, 0);
        let mut driver = driver();
        driver.clocks.host_waits_for(0);
        driver.land();
        status
    }
    /// Copies to the host: to pageable memory at once, to pinned memory when the host waits.
    fn cuMemcpyDtoHAsync_v2(target: *mut u8, source: u64, len: usize, stream: usize) {
        let mut driver = live!();
        if len == 0 {
            return SUCCESS;
        }
        let (bytes, time) = match driver.copy_out(source, len, stream) {
            Ok(copied) => copied,
            Err(status) => return status,
        };
        if driver.is_pinned(target as usize) {
            target.write_bytes(0xff, len);
            driver.in_flight.push(InFlight {
                stream,
                time,
                host: target as usize,
                bytes,
                to_host: true,
            });
        } else {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, len);
        }
        SUCCESS
    }
    /// Copies within the device.
    fn cuMemcpyDtoDAsync_v2(target: u64, source: u64, len: usize, stream: usize) {
        let mut driver = live!();
        let (bytes, _) = match driver.copy_out(source, len, stream) {
            Ok(copied) => copied,
            Err(status) => return status,
        };
        driver.copy_in(target, &bytes, 0, stream)
    }
    /// Sets bytes on the device.
    fn cuMemsetD8Async(target: u64, value: u8, len: usize, stream: usize) {
        let mut driver = live!();
        driver.copy_in(target, &vec![value; len], 0, stream)
    }
    /// Creates a linker.
    fn cuLinkCreate_v2(
        _options: c_uint,
        _names: *mut c_int,
        _values: *mut *mut c_void,
        state: *mut usize,
    ) {
        let handle = live!().handle();
        linker::create(handle);
        *state = handle;
        SUCCESS
    }
    /// Adds PTX, of kind 1, with a zero byte at its end.
    fn cuLinkAddData_v2(
        state: usize,
        kind: c_int,
        data: *const u8,
        length: usize,
        _name: *const c_char,
        _options: c_uint,
        _names: *mut c_int,
        _values: *mut *mut c_void,
    ) {
        let bytes = std::slice::from_raw_parts(data, length);
        let is_text = kind == 1 && bytes.last() == Some(&0);
        if is_text && linker::add(state, bytes) { SUCCESS } else { INVALID_VALUE }
    }
    /// Compiles the PTX.
    fn cuLinkComplete(state: usize, module: *mut *const u8, length: *mut usize) {
        match linker::complete(state) {
            None => INVALID_HANDLE,
            Some((start, bytes)) => {
                *module = start;
                *length = bytes;
                SUCCESS
            }
        }
    }
    /// Destroys a linker.
    fn cuLinkDestroy(state: usize) {
        if linker::destroy(state) { SUCCESS } else { INVALID_HANDLE }
    }
    /// Loads a module, compiled or as PTX.
    fn cuModuleLoadData(module: *mut usize, image: *const c_char) {
        let mut driver = live!();
        let Ok(text) = CStr::from_ptr(image).to_str() else {
            return INVALID_PTX;
        };
        match driver.load(linker::ptx(text)) {
            Ok(handle) => {
                *module = handle;
                SUCCESS
            }
            Err(status) => status,
        }
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
        if !loaded.kernels.contains_key(&name) {
            return NOT_FOUND;
        }
        *function = driver.handle();
        let handle = *function;
        driver.functions.insert(handle, Function { module, name, dynamic_limit: 0 });
        SUCCESS
    }
    /// Sets an attribute of a kernel: 8 is the limit of its dynamic shared memory.
    fn cuFuncSetAttribute(function: usize, attribute: c_int, value: c_int) {
        let mut driver = live!();
        let limit = driver.shared_limit;
        match driver.functions.get_mut(&function) {
            None => INVALID_HANDLE,
            Some(_) if attribute == 8 && value > limit => INVALID_VALUE,
            Some(function) => {
                if attribute == 8 {
                    function.dynamic_limit = value;
                }
                SUCCESS
            }
        }
    }
    /// Reads an attribute of a kernel: 1 is the bytes of shared memory that it declares.
    fn cuFuncGetAttribute(value: *mut c_int, attribute: c_int, function: usize) {
        let driver = live!();
        match driver.functions.get(&function) {
            None => INVALID_HANDLE,
            Some(_) if attribute != 1 => INVALID_VALUE,
            Some(function) => {
                let kernel = &driver.modules[&function.module].kernels[&function.name];
                let bytes = kernel.shared_bytes as c_int;
                // SAFETY: the caller passes the address of an integer.
                unsafe { value.write(bytes) };
                SUCCESS
            }
        }
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
        let blocks = [blocks_x, blocks_y, blocks_z];
        let threads = [threads_x, threads_y, threads_z];
        driver.launch(function, blocks, threads, dynamic_bytes, stream, |place, size| {
            let argument: *const u8 = (*arguments.add(place)).cast();
            slice::from_raw_parts(argument, size).to_vec()
        })
    }
    /// The name of a status.
    fn cuGetErrorName(status: Status, name: *mut *const c_char) {
        *name = match status {
            SUCCESS => c"CUDA_SUCCESS",
            INVALID_VALUE => c"CUDA_ERROR_INVALID_VALUE",
            OUT_OF_MEMORY => c"CUDA_ERROR_OUT_OF_MEMORY",
            NO_DEVICE => c"CUDA_ERROR_NO_DEVICE",
            INVALID_DEVICE => c"CUDA_ERROR_INVALID_DEVICE",
            INVALID_CONTEXT => c"CUDA_ERROR_INVALID_CONTEXT",
            INVALID_PTX => c"CUDA_ERROR_INVALID_PTX",
            UNSUPPORTED_PTX_VERSION => c"CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
            INVALID_HANDLE => c"CUDA_ERROR_INVALID_HANDLE",
            NOT_FOUND => c"CUDA_ERROR_NOT_FOUND",
            ILLEGAL_ADDRESS => c"CUDA_ERROR_ILLEGAL_ADDRESS",
            LAUNCH_FAILED => c"CUDA_ERROR_LAUNCH_FAILED",
            _ => c"CUDA_ERROR_UNKNOWN",
        }
        .as_ptr();
        SUCCESS
    }
    /// The description of a status.
    fn cuGetErrorString(status: Status, text: *mut *const c_char) {
        *text = match status {
            OUT_OF_MEMORY => c"out of memory",
            NO_DEVICE => c"no CUDA-capable device is detected",
            ILLEGAL_ADDRESS => c"an illegal memory access was encountered",
            LAUNCH_FAILED => c"unspecified launch failure",
            _ => c"an error of the stand-in driver",
        }
        .as_ptr();
        SUCCESS
    }
}

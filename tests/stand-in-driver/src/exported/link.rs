//! The linker, which compiles PTX for the device. Here it checks the text and writes it behind a header:
//! the device's compute capability, and the length of the text.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::slice;

use crate::control::driver;
use crate::driver::{
    INVALID_HANDLE, INVALID_IMAGE, INVALID_PTX, INVALID_VALUE, NO_BINARY, SUCCESS,
};
use crate::driver::{Linker, Status};

/// The beginning of a compiled module: the mark of an executable file, and whose it is.
const MARK: &[u8] = b"\x7fELF stand-in ";

/// The option with the buffer for errors of the linker, and the one with its size.
const ERROR_LOG: [c_int; 2] = [5, 6];

export! {
    /// Begins to link. The options can name a buffer for errors.
    fn cuLinkCreate_v2(
        count: c_uint,
        options: *mut c_int,
        values: *mut *mut c_void,
        linker: *mut usize,
    ) {
        let mut driver = live!();
        let mut log = [0; 2];
        for place in 0..count as usize {
            let option = *options.add(place);
            if let Some(which) = ERROR_LOG.iter().position(|&known| known == option) {
                log[which] = *values.add(place) as usize;
            }
        }
        *linker = driver.handle();
        let handle = *linker;
        driver.linkers.insert(handle, Linker { log, ..Linker::default() });
        SUCCESS
    }
    /// Adds PTX, of kind 1, with a zero byte at its end. Other kinds are not supported.
    fn cuLinkAddData_v2(
        linker: usize,
        kind: c_int,
        data: *mut c_void,
        len: usize,
        _name: *const c_char,
        _count: c_uint,
        _options: *mut c_int,
        _values: *mut *mut c_void,
    ) {
        let mut driver = live!();
        if kind != 1 || data.is_null() {
            return INVALID_VALUE;
        }
        let bytes = slice::from_raw_parts(data.cast::<u8>(), len);
        if bytes.last() != Some(&0) {
            return INVALID_VALUE;
        }
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches('\0').to_owned();
        let checked = driver.check(&text);
        let Some(state) = driver.linkers.get_mut(&linker) else {
            return INVALID_HANDLE;
        };
        match checked {
            Ok(_) => {
                state.text = text;
                SUCCESS
            }
            Err((status, what)) => {
                let [buffer, size] = state.log;
                if buffer != 0 && size != 0 {
                    let count = what.len().min(size - 1);
                    let buffer = buffer as *mut u8;
                    std::ptr::copy_nonoverlapping(what.as_ptr(), buffer, count);
                    buffer.add(count).write(0);
                }
                status
            }
        }
    }
    /// The compiled module. It is valid until the linker is destroyed.
    fn cuLinkComplete(linker: usize, module: *mut *mut c_void, len: *mut usize) {
        let mut driver = live!();
        let capability = driver.capability;
        let Some(state) = driver.linkers.get_mut(&linker) else {
            return INVALID_HANDLE;
        };
        if state.text.is_empty() {
            return INVALID_VALUE;
        }
        state.module = MARK.to_vec();
        let header = format!("{capability} {}\n", state.text.len());
        state.module.extend_from_slice(header.as_bytes());
        state.module.extend_from_slice(state.text.as_bytes());
        *module = state.module.as_mut_ptr().cast();
        if !len.is_null() {
            *len = state.module.len();
        }
        SUCCESS
    }
    /// Ends linking.
    fn cuLinkDestroy(linker: usize) {
        if driver().linkers.remove(&linker).is_some() { SUCCESS } else { INVALID_HANDLE }
    }
}

/// The PTX of an image: a text that ends with a zero, or a compiled module for this compute capability.
///
/// # Safety
/// `image` points to one of them.
pub(super) unsafe fn text_of(image: *const c_char, capability: u32) -> Result<String, Status> {
    let bytes: *const u8 = image.cast();
    // SAFETY: an image has at least the first byte, and reading stops at the first difference.
    let is_compiled = (0..MARK.len()).all(|place| unsafe { *bytes.add(place) } == MARK[place]);
    if !is_compiled {
        // SAFETY: the caller promises a text.
        let text = unsafe { CStr::from_ptr(image) }.to_str();
        return text.map(str::to_owned).map_err(|_| INVALID_PTX);
    }
    let mut header = String::new();
    for place in MARK.len()..MARK.len() + 32 {
        // SAFETY: the header of a compiled module ends with a line break.
        match unsafe { *bytes.add(place) } {
            b'\n' => break,
            byte => header.push(char::from(byte)),
        }
    }
    let numbers: Vec<usize> = header
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    let &[target, len] = &numbers[..] else {
        return Err(INVALID_IMAGE);
    };
    // Compiled code runs on devices of the same major number that are not older.
    if target as u32 / 10 != capability / 10 || target as u32 > capability {
        return Err(NO_BINARY);
    }
    // SAFETY: the caller promises a compiled module, which has as many bytes as its header says.
    let text = unsafe { slice::from_raw_parts(bytes.add(MARK.len() + header.len() + 1), len) };
    String::from_utf8(text.to_vec()).map_err(|_| INVALID_IMAGE)
}

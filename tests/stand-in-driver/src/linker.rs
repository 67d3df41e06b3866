//! The driver's linker, which compiles PTX. The compiled form is the same PTX behind a header.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The first bytes of a compiled module.
const HEADER: &str = "stand-in module\n";

/// The compiled modules by their linker's handle. A module ends with a zero byte.
static LINKERS: Mutex<Option<HashMap<usize, Vec<u8>>>> = Mutex::new(None);

fn linkers() -> MutexGuard<'static, Option<HashMap<usize, Vec<u8>>>> {
    LINKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a linker without PTX.
pub(crate) fn create(handle: usize) {
    linkers()
        .get_or_insert_default()
        .insert(handle, HEADER.as_bytes().to_vec());
}

/// Adds PTX. Returns whether the linker exists.
pub(crate) fn add(handle: usize, ptx: &[u8]) -> bool {
    let mut linkers = linkers();
    let Some(module) = linkers.get_or_insert_default().get_mut(&handle) else {
        return false;
    };
    module.extend(ptx);
    true
}

/// The address and the length of the compiled module, until the linker is destroyed.
pub(crate) fn complete(handle: usize) -> Option<(*const u8, usize)> {
    let linkers = linkers();
    let module = linkers.as_ref()?.get(&handle)?;
    Some((module.as_ptr(), module.len()))
}

/// Removes a linker. Returns whether it existed.
pub(crate) fn destroy(handle: usize) -> bool {
    linkers().get_or_insert_default().remove(&handle).is_some()
}

/// The PTX of a module that is compiled or is PTX.
pub(crate) fn ptx(module: &str) -> &str {
    module.strip_prefix(HEADER).unwrap_or(module)
}

//! `.npy` files that the library does not write: other types and orders, and headers that are
//! wrong.

// Each test crate uses a part of this module.
#![allow(dead_code)]

/// A file of version 1 of the format: `header`, then `data`.
pub(crate) fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(data);
    bytes
}

/// A row-major array of the type that NumPy calls `descr`. The shape is in Python's notation,
/// such as `(2, 3)` or `(2,)`.
pub(crate) fn row_major(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    array(descr, false, shape, data)
}

/// A column-major array, otherwise like [`row_major`].
pub(crate) fn column_major(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    array(descr, true, shape, data)
}

fn array(descr: &str, is_column_major: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if is_column_major { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    with_header(&header, data)
}

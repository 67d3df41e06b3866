//! `.npy` arrays of every type and order.

use std::fs;

use tenfold::io::{AnyTensor, ArrayFile, read_npy};
use tenfold::{Error, Tensor};

use super::{entries, numpy, refusal};
use crate::common::npy::{column_major, row_major};

#[test]
fn every_real_type_byte_order_and_entry_order_of_numpy_is_read() {
    let mut files = 0;
    for code in [
        "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
    ] {
        for byte_order in ["little", "big"] {
            for order in ["C", "F"] {
                let path = numpy(&format!("{code}.{byte_order}.{order}.npy"));
                if !path.exists() {
                    // Types of one byte have no byte order.
                    assert!(code.ends_with('1'), "{}", path.display());
                    continue;
                }
                let file = ArrayFile::open(&path).unwrap();
                assert_eq!(file.shape(), [2, 3, 4]);
                let is_converted = !["f4", "f8"].contains(&code);
                assert_eq!(file.note().is_some(), is_converted, "{code}");
                let is_wide = ["f8", "i4", "i8", "u4", "u8"].contains(&code);
                let scalar = if is_wide { "f64" } else { "f32" };
                assert_eq!(file.dtype(), scalar);
                let tensor = file.read().unwrap();
                assert_eq!(tensor.dtype(), scalar);
                let first = if code.starts_with('u') { 0 } else { -5 };
                let expected: Vec<f64> = (first..first + 24).map(f64::from).collect();
                assert_eq!(entries(&tensor), expected, "{}", path.display());
                files += 1;
            }
        }
    }
    assert_eq!(files, 40);
}

#[test]
fn booleans_are_read_as_0_and_1() {
    let expected: Vec<f64> = (0..24).map(|i| f64::from(i % 2)).collect();
    assert_eq!(entries(&read_npy(numpy("bool.npy")).unwrap()), expected);
}

#[test]
fn versions_2_and_3_of_the_format_are_read() {
    let expected: Vec<f64> = (-5..19).map(f64::from).collect();
    for version in ["version2.npy", "version3.npy"] {
        assert_eq!(entries(&read_npy(numpy(version)).unwrap()), expected);
    }
}

#[test]
fn vectors_and_arrays_without_entries_are_read() {
    assert_eq!(
        entries(&read_npy(numpy("vector.npy")).unwrap()),
        [0.0, 1.0, 2.0]
    );
    assert_eq!(read_npy(numpy("empty.npy")).unwrap().shape(), [2, 0, 3]);
}

#[test]
fn conversions_are_noted() {
    for (name, expected) in [
        (
            "u8.big.F.npy",
            "uint64 entries were converted to f64, rounded above 2^53",
        ),
        ("f2.little.C.npy", "float16 entries were converted to f32"),
    ] {
        let note = ArrayFile::open(numpy(name)).unwrap().note().unwrap();
        assert!(note.ends_with(expected), "{note}");
    }
}

/// Every array has several tiles of the reader.
#[test]
fn large_column_major_arrays_are_read_in_both_byte_orders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    for shape in [
        &[70, 50, 130][..],
        &[5000, 3],
        &[3, 5000],
        &[1, 40, 1, 90, 70],
    ] {
        let x = Tensor::from_fn(shape, |index| {
            index.iter().fold(0.0f32, |sum, &i| 131.0 * sum + i as f32)
        })
        .unwrap();
        let reversed: Vec<usize> = (0..shape.len()).rev().collect();
        let transposed = x.permute(&reversed).unwrap();
        let little: Vec<u8> = transposed.iter().flat_map(|x| x.to_le_bytes()).collect();
        let big: Vec<u8> = transposed.iter().flat_map(|x| x.to_be_bytes()).collect();
        for (descr, data) in [("<f4", little), (">f4", big)] {
            let file = column_major(descr, &format!("{shape:?}"), &data);
            fs::write(&path, file).unwrap();
            assert_eq!(read_npy(&path).unwrap(), AnyTensor::F32(x.clone()));
        }
    }
}

/// Every array has several chunks of the reader, which decodes them in parallel.
#[test]
fn large_row_major_arrays_of_every_type_are_read() {
    let shape = [3, 131, 1001];
    let count: usize = shape.iter().product();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    // The period does not divide a chunk, and the entries stay within the range of the type.
    let value = |position: usize, period: usize| (position % period) as f64;
    type Encode = fn(f64) -> Vec<u8>;
    for (descr, period, encode) in [
        ("|u1", 251, (|v| vec![v as u8]) as Encode),
        ("<i2", 32_003, |v| (v as i16).to_le_bytes().to_vec()),
        (">u4", 1_000_003, |v| (v as u32).to_be_bytes().to_vec()),
        ("<i8", 1_000_003, |v| (v as i64).to_le_bytes().to_vec()),
        ("<f4", 1_000_003, |v| (v as f32).to_le_bytes().to_vec()),
        (">f4", 1_000_003, |v| (v as f32).to_be_bytes().to_vec()),
        ("<f8", 1_000_003, |v| v.to_le_bytes().to_vec()),
        (">f8", 1_000_003, |v| v.to_be_bytes().to_vec()),
    ] {
        let data: Vec<u8> = (0..count).flat_map(|p| encode(value(p, period))).collect();
        fs::write(&path, row_major(descr, &format!("{shape:?}"), &data)).unwrap();
        let read = entries(&read_npy(&path).unwrap());
        let wrong = (0..count).find(|&p| read[p] != value(p, period));
        assert_eq!((read.len(), wrong), (count, None), "{descr}");
    }
}

#[test]
fn other_types_of_numpy_are_refused_by_name() {
    for (name, word) in [
        ("text", "text"),
        ("bytes", "bytes"),
        ("date", "date"),
        ("structured", "structured"),
        ("object", "Python object"),
    ] {
        let error = read_npy(numpy(&format!("{name}.npy"))).unwrap_err();
        assert!(matches!(error, Error::UnusableFile { .. }));
        let message = error.to_string();
        assert!(
            message.contains(&format!("({word}) cannot be read")),
            "{message}"
        );
    }
}

#[test]
fn complex_arrays_are_refused_with_what_to_do() {
    for (descr, name) in [
        ("<c8", "complex64"),
        (">c8", "complex64"),
        ("<c16", "complex128"),
        (">c16", "complex128"),
    ] {
        let expected = format!(
            "{name} entries cannot be read: tenfold decomposes real arrays; \
             pass the real and the imaginary part as two arrays"
        );
        assert_eq!(refusal(&row_major(descr, "(1,)", &[0; 16])), expected);
    }
    let long_double = refusal(&row_major("<c32", "(1,)", &[0; 32]));
    assert!(
        long_double.contains("(complex) cannot be read"),
        "{long_double}"
    );
}

#[test]
fn an_array_without_modes_is_refused() {
    let message = read_npy(numpy("number.npy")).unwrap_err().to_string();
    assert!(
        message.ends_with("a tensor has 1 to 16 modes, this shape has 0"),
        "{message}"
    );
}

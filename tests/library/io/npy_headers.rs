//! Headers of `.npy` files: their limits, and headers that are damaged or wrong.

use std::fs;
use std::iter;

use tenfold::io::read_npy;

use super::{entries, numpy, refusal};
use crate::common::npy::{row_major, with_header};

const NO_DESCRIPTION: &str = "the header is not the description of an array";

#[test]
fn a_header_has_at_most_a_mebibyte() {
    let padded = |length: usize| {
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}";
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
        bytes.extend(header.bytes().chain(iter::repeat(b' ')).take(length));
        bytes.extend([5, 6]);
        bytes
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, padded(1 << 20)).unwrap();
    assert_eq!(entries(&read_npy(&path).unwrap()), [5.0, 6.0]);
    assert_eq!(
        refusal(&padded((1 << 20) + 1)),
        "the header claims 1048577 bytes, at most 1048576 are allowed"
    );
}

/// The parser takes exponential time in the depth of nested brackets.
#[test]
fn a_header_has_at_most_six_nested_brackets() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        let header =
            format!("{{'descr': {open}'u1'{close}, 'fortran_order': False, 'shape': (2,)}}");
        refusal(&with_header(&header, &[5, 6]))
    };
    let six = nested(6);
    assert!(six.contains("(structured) cannot be read"), "{six}");
    assert_eq!(nested(7), NO_DESCRIPTION);
}

#[test]
fn an_array_has_at_most_16_modes() {
    let of_order = |order: usize| row_major("|u1", &format!("({})", "1, ".repeat(order)), &[7]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, of_order(16)).unwrap();
    assert_eq!(read_npy(&path).unwrap().shape(), [1; 16]);
    assert!(refusal(&of_order(17)).starts_with("a tensor has 1 to 16 modes"));
}

#[test]
fn a_file_cut_short_at_any_place_is_refused() {
    let whole = fs::read(numpy("f8.little.C.npy")).unwrap();
    for length in 0..whole.len() {
        let message = refusal(&whole[..length]);
        let expected = match length {
            0 => "the file is empty".to_owned(),
            1..128 => "the file ends within the ".to_owned(),
            _ => format!(
                "the header claims 192 bytes of data, the file has {}",
                length - 128
            ),
        };
        assert!(message.starts_with(&expected), "{length}: {message}");
    }
}

#[test]
fn a_file_longer_than_its_header_claims_is_refused() {
    let whole = fs::read(numpy("f8.little.C.npy")).unwrap();
    assert_eq!(
        refusal(&[&whole[..], b"\n"].concat()),
        "the header claims 192 bytes of data, the file has 193"
    );
}

#[test]
fn shapes_that_the_data_does_not_fill_are_refused() {
    let with_shape = |shape: &str| refusal(&row_major("<f8", shape, &[0; 120]));
    assert_eq!(
        with_shape("(1000000,)"),
        "the header claims 8000000 bytes of data, the file has 120"
    );
    for shape in [
        "(4294967296, 4294967296)",
        "(0, 9223372036854775807, 9223372036854775807)",
        "(2305843009213693952,)",
    ] {
        let message = with_shape(shape);
        assert!(message.contains("too large"), "{shape}: {message}");
    }
}

#[test]
fn shapes_that_are_no_tuples_of_extents_are_refused() {
    for shape in [
        "(-1,)",
        "(1.0,)",
        "15",
        "('15',)",
        "(99999999999999999999999,)",
        "(15,",
    ] {
        let message = refusal(&row_major("<f8", shape, &[0; 120]));
        assert_eq!(message, NO_DESCRIPTION, "{shape}");
    }
}

#[test]
fn headers_that_describe_no_array_are_refused() {
    for header in ["{}", "", "\u{e9}\0"] {
        assert_eq!(refusal(&with_header(header, &[])), NO_DESCRIPTION);
    }
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend(u32::MAX.to_le_bytes());
    long.extend([b' '; 100]);
    assert_eq!(
        refusal(&long),
        "the header claims 4294967295 bytes, at most 1048576 are allowed"
    );
    assert!(refusal(b"\x93NUMPY\x07\x00aaaaaaaaaa").starts_with("version 7 of the .npy format"));
}

/// The parser is recursive: these headers would exhaust its stack.
#[test]
fn deeply_nested_headers_are_refused() {
    for header in ["(".repeat(60_000), "{'a':[".repeat(10_000)] {
        assert_eq!(refusal(&with_header(&header, &[])), NO_DESCRIPTION);
    }
}

#[test]
fn other_files_are_refused_with_what_they_are() {
    assert!(refusal(b"PK\x03\x04aaaaaaaa").starts_with("this is an archive (.npz)"));
    assert!(refusal(b"<html><body></body></html>").starts_with("this is a text file"));
    assert!(refusal(b"\0<html></html>").starts_with("this is not a .npy file"));
    let folder = tempfile::tempdir().unwrap();
    let message = read_npy(folder.path()).unwrap_err().to_string();
    assert!(message.ends_with("this is a directory, a .npy file was expected"));
}

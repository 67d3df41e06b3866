//! Decompositions in `.npz` files that are incomplete, inconsistent or damaged.

use std::fs;
use std::path::Path;

use tenfold::Scalar;
use tenfold::io::{ArrayFile, Meta, Source, read_tucker, write_npy_entries, write_tucker};

use super::archive::write_archive;
use super::{small_tucker, text};

/// The message of the error that an archive of these arrays gives.
fn refusal(entries: &[(&str, Vec<u8>)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let named = |(name, bytes): &(&str, Vec<u8>)| (format!("{name}.npy"), bytes.clone());
    let entries: Vec<(String, Vec<u8>)> = entries.iter().map(named).collect();
    write_archive(&path, &entries);
    read_tucker(&path).unwrap_err().to_string()
}

/// The bytes of a `.npy` file.
fn npy<T: Scalar>(shape: &[usize], entries: &[T]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    write_npy_entries(&path, shape, entries).unwrap();
    fs::read(path).unwrap()
}

/// The metadata of a decomposition of this shape with ranks 1 and 2 and a factor of mode 0.
fn meta(shape: &str) -> Vec<u8> {
    text(&format!(
        r#"{{"version":1,"method":"m","ranks":[1,2],"relative_error":null,"shape":{shape},"dtype":"f64","modes":[0]}}"#
    ))
}

fn core() -> Vec<u8> {
    npy(&[1, 2], &[1.0, 2.0])
}

fn factor() -> Vec<u8> {
    npy(&[3, 1], &[1.0, 0.0, 0.0])
}

#[test]
fn a_missing_entry_is_named() {
    let message = refusal(&[("core", core())]);
    assert!(message.contains("no entry \"meta\""), "{message}");
    let message = refusal(&[("meta", meta("[3,2]"))]);
    assert!(message.contains("no entry \"core\""), "{message}");
}

/// Each case replaces one entry of a valid decomposition, or adds one.
#[test]
fn entries_that_do_not_fit_together_are_refused() {
    for (name, bytes, expected) in [
        ("meta", meta("[3,3]"), "differ from those of the core"),
        ("meta", text("{"), "\"meta\" cannot be read"),
        (
            "meta",
            text(r#"{"version":2}"#),
            "version 2 of the format, this tenfold reads versions 0 to 1",
        ),
        ("meta", core(), "one text was expected"),
        (
            "factor_0",
            npy(&[3, 2], &[0.0; 6]),
            "the factor of mode 0 is 3×2, 3×1 was expected",
        ),
        (
            "factor_0",
            npy(&[3], &[0.0; 3]),
            "a matrix of f64 was expected",
        ),
        (
            "factor_0",
            npy(&[3, 1], &[0.0f32; 3]),
            "a matrix of f64 was expected",
        ),
        (
            "factor_0",
            npy(&[3, 1], &[0.0, f64::NAN, 0.0]),
            "the entry at [1, 0] is NaN",
        ),
        (
            "core",
            npy(&[1, 2], &[f64::INFINITY, 0.0]),
            "the entry at [0, 0] is inf",
        ),
        ("factor_2", factor(), "is for a mode that does not exist"),
        (
            "core",
            core()[..core().len() - 1].to_vec(),
            "in \"core\": the header claims 16 bytes of data, the file has 15",
        ),
        (
            "core",
            b"nothing of the kind".to_vec(),
            "in \"core\": this is not a .npy",
        ),
    ] {
        let mut entries = vec![
            ("core", core()),
            ("factor_0", factor()),
            ("meta", meta("[3,2]")),
        ];
        entries.retain(|(other, _)| *other != name);
        entries.push((name, bytes));
        let message = refusal(&entries);
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

/// The bytes of a valid decomposition, written to `path`.
fn write_valid(path: &Path) -> Vec<u8> {
    let tucker = small_tucker();
    write_tucker(path, &tucker, &Meta::new(&tucker, "hooi")).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn an_archive_with_false_sizes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let whole = write_valid(&path);
    // The directory at the end of the archive has the sizes of the first entry.
    let directory = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for (from, sizes) in [(24, 1), (20, 2)] {
        let mut changed = whole.clone();
        for size in 0..sizes {
            let at = directory + from + 4 * size;
            changed[at..at + 4].copy_from_slice(&0x7fff_0000u32.to_le_bytes());
        }
        fs::write(&path, &changed).unwrap();
        assert!(read_tucker(&path).is_err());
    }
}

#[test]
fn a_damaged_entry_is_found_by_its_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let whole = write_valid(&path);
    let core = whole.windows(6).position(|w| w == b"\x93NUMPY").unwrap();
    let mut damaged = whole.clone();
    damaged[core + 128 + 3] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let message = read_tucker(&path).unwrap_err().to_string();
    assert!(message.contains("in \"core\": damaged"), "{message}");
}

/// The local and the central header of an entry name the method of compression.
#[test]
fn other_compressions_than_deflate_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let whole = write_valid(&path);
    for (method, name) in [
        (9u16, "Deflate64"),
        (12, "bzip2"),
        (14, "LZMA"),
        (93, "Zstandard"),
        (95, "XZ"),
        (14_592, "an unknown method ("),
    ] {
        let mut changed = whole.clone();
        for (signature, offset) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
            for place in 0..whole.len() - 4 {
                if whole[place..].starts_with(signature) {
                    let field = place + offset..place + offset + 2;
                    changed[field].copy_from_slice(&method.to_le_bytes());
                }
            }
        }
        fs::write(&path, &changed).unwrap();
        let expected = format!("compressed by {name}");
        let messages = [
            read_tucker(&path).unwrap_err().to_string(),
            ArrayFile::open(Source::member(&path, "core"))
                .unwrap_err()
                .to_string(),
        ];
        for message in messages {
            assert!(message.contains(&expected), "{message}");
            assert!(message.contains("only Deflate can be read"), "{message}");
        }
    }
}

#[test]
fn an_archive_cut_short_at_any_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let whole = write_valid(&path);
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(read_tucker(&path).is_err(), "cut to {length} bytes");
    }
}

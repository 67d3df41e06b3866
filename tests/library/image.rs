//! Pictures that are read, and files that are refused.

use std::fs;
use std::path::Path;

use tenfold::io::{RgbImage, read_image, write_png};

fn picture() -> RgbImage {
    RgbImage::from_fn(40, 30, |x, y| {
        [x as u8 * 6, y as u8 * 8, (x * y) as u8].into()
    })
}

#[test]
fn the_format_is_found_from_the_content_not_from_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.jpg");
    write_png(&path, &picture()).unwrap();
    assert_eq!(read_image(&path).unwrap(), picture());
}

#[test]
fn files_that_are_no_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.png");
    write_png(&path, &picture()).unwrap();
    let whole = fs::read(&path).unwrap();
    // The width in the header becomes 2³¹ − 1.
    let mut wide = whole.clone();
    wide[16..20].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
    for (bytes, expected) in [
        (
            &b""[..],
            "the file is empty, a PNG, JPEG, WebP, BMP or TIFF was expected",
        ),
        (
            b"not a picture",
            "this is a text file, a PNG, JPEG, WebP, BMP or TIFF was expected",
        ),
        (b"\0\0\0\0", "this is not a PNG, JPEG, WebP, BMP or TIFF"),
        (
            &whole[..whole.len() / 2],
            "this is a PNG that is damaged or cut short",
        ),
        (&wide, "this is a PNG that is damaged or cut short"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = read_image(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let message = read_image(folder.path()).unwrap_err().to_string();
    assert!(message.contains("this is a directory"), "{message}");
}

/// The header claims hundreds of megabytes of pixels. The file has 92 bytes.
#[test]
fn the_size_in_a_header_is_compared_with_the_size_of_the_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/image/claims-many-pixels");
    let message = read_image(path).unwrap_err().to_string();
    assert!(
        message.contains("more than a file of 92 bytes holds"),
        "{message}"
    );
}

/// The checksum of a chunk of a PNG (ISO 3309).
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |mut sum, &byte| {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 * (sum & 1));
        }
        sum
    })
}

/// A file of any size may claim a picture of at most 4 MiB.
#[test]
fn a_small_file_may_claim_at_most_four_mebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.png");
    write_png(&path, &RgbImage::new(1, 1)).unwrap();
    let whole = fs::read(&path).unwrap();
    // A pixel has three bytes.
    let maximum = (1u32 << 22) / 3;
    for (width, expected) in [
        (maximum, "this is a PNG that is damaged"),
        (maximum + 1, "the header claims 1398102×1 pixels"),
    ] {
        let mut wide = whole.clone();
        wide[16..20].copy_from_slice(&width.to_be_bytes());
        let sum = checksum(&wide[12..29]);
        wide[29..33].copy_from_slice(&sum.to_be_bytes());
        fs::write(&path, wide).unwrap();
        let message = read_image(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

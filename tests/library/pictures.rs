//! Pictures of each format, with the levels that Pillow and OpenCV read, and EXIF orientations.
//! `tests/data/pictures/make.py` made the files.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use tenfold::io::{
    AnyTensor, Picture, PictureFile, RgbImage, read_image, read_npy, write_png, write_png_to,
};

use crate::image::checksum;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn sample(name: &str) -> PathBuf {
    repository("fuzz/corpus/image").join(name)
}

/// Each file of `tests/data/pictures` has the levels of the picture of the same name.
#[test]
fn every_format_is_read_as_other_libraries_read_it() {
    let mut count = 0;
    for file in fs::read_dir(repository("tests/data/pictures")).unwrap() {
        let file = file.unwrap().path();
        let Some(name) = file.to_str().unwrap().strip_suffix(".npy") else {
            continue;
        };
        let name = Path::new(name).file_name().unwrap().to_str().unwrap();
        let AnyTensor::F32(expected) = read_npy(&file).unwrap() else {
            panic!("{name}");
        };
        let picture = Picture::read(sample(name)).unwrap();
        let (width, height) = picture.image().dimensions();
        assert_eq!(expected.shape(), [height as usize, width as usize, 3]);
        let levels: Vec<f32> = picture.image().iter().map(|&v| f32::from(v)).collect();
        assert_eq!(levels, expected.data(), "{name}");
        assert_eq!(picture.orientation(), 1, "{name}");
        let transparent = ["alpha.webp", "gray-alpha.png", "rgba.tif"].contains(&name);
        assert_eq!(picture.is_transparent(), transparent, "{name}");
        count += 1;
    }
    assert_eq!(count, 19);
}

#[test]
fn lossy_and_paged_pictures_have_their_size() {
    for (name, size) in [
        ("lossy.webp", (40, 30)),
        ("cmyk.tif", (7, 5)),
        ("two-pages.tif", (7, 5)),
    ] {
        assert_eq!(read_image(sample(name)).unwrap().dimensions(), size);
    }
}

#[test]
fn further_pages_are_reported() {
    for (name, expected) in [
        ("two-pages.tif", true),
        ("raw.tif", false),
        ("big.tif", false),
    ] {
        let picture = Picture::read(sample(name)).unwrap();
        assert_eq!(picture.has_more_pages(), expected, "{name}");
    }
}

/// A reader gives the picture, or the message, that a path gives.
#[test]
fn readers_are_read_as_paths() {
    for file in fs::read_dir(repository("fuzz/corpus/image")).unwrap() {
        let path = file.unwrap().path();
        let bytes = || Cursor::new(fs::read(&path).unwrap());
        let name = path.display().to_string();
        let file = PictureFile::from_reader(bytes(), "x");
        match (Picture::read(&path), Picture::read_from(bytes())) {
            (Ok(expected), Ok(picture)) => {
                assert_eq!(picture.image(), expected.image(), "{name}");
                assert_eq!(picture.orientation(), expected.orientation(), "{name}");
                // The header gives the size of the upright picture.
                let file = file.unwrap();
                assert_eq!(file.dimensions(), expected.image().dimensions(), "{name}");
                assert!(file.memory() >= expected.image().len() as u64, "{name}");
            }
            (Err(expected), Err(error)) => {
                assert_eq!(expected.to_string(), format!("{name}: {error}"));
                let error = file.and_then(PictureFile::read).unwrap_err();
                let problem = error.to_string();
                assert!(problem.starts_with("x: "), "{problem}");
            }
            (expected, picture) => panic!("{name}: {expected:?}, {picture:?}"),
        }
    }
}

#[test]
fn a_png_is_written_to_a_writer_as_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let image = RgbImage::from_fn(5, 4, |x, y| [x as u8, y as u8, 200].into());
    write_png(folder.path().join("x.png"), &image).unwrap();
    let mut bytes = Vec::new();
    write_png_to(&mut bytes, &image).unwrap();
    assert_eq!(bytes, fs::read(folder.path().join("x.png")).unwrap());
    // A writer with room for a part of the bytes.
    let mut short = [0; 40];
    let error = write_png_to(&mut short[..], &image).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot be written"),
        "{error}"
    );
}

/// The position (x, y) of stored pixel (column, row) in the upright picture, by the definition of
/// EXIF: the orientation says on which sides the first row and the first column are seen.
fn upright(orientation: u8, (column, row): (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
    // The distances from the sides opposite the first row and the first column.
    let (last_row, last_column) = (height - 1 - row, width - 1 - column);
    match orientation {
        1 => (column, row),           // top, left
        2 => (last_column, row),      // top, right
        3 => (last_column, last_row), // bottom, right
        4 => (column, last_row),      // bottom, left
        5 => (row, column),           // left, top
        6 => (last_row, column),      // right, top
        7 => (last_row, last_column), // right, bottom
        _ => (row, last_column),      // left, bottom
    }
}

/// Changes the orientation in the EXIF data of a file, which is 1. `II` is the order of bytes.
fn with_orientation(mut bytes: Vec<u8>, orientation: u8) -> Vec<u8> {
    // Tag 0x0112, type 3, count 1, value 1.
    let little = b"\x12\x01\x03\0\x01\0\0\0\x01\0";
    let big = b"\x01\x12\0\x03\0\0\0\x01\0\x01";
    let find = |entry: &[u8]| bytes.windows(10).position(|window| window == entry);
    match (find(little), find(big)) {
        (Some(at), _) => bytes[at + 8] = orientation,
        (_, at) => bytes[at.unwrap() + 9] = orientation,
    }
    // The EXIF data of a PNG have a checksum.
    if let Some(at) = bytes.windows(4).position(|window| window == b"eXIf") {
        let length = bytes[at - 4..at]
            .try_into()
            .map(u32::from_be_bytes)
            .unwrap();
        let end = at + 4 + length as usize;
        let sum = checksum(&bytes[at..end]);
        bytes[end..end + 4].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

#[test]
fn every_exif_orientation_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "oriented.jpg",
        "oriented.png",
        "oriented.webp",
        "oriented.tif",
    ] {
        let stored = read_image(sample(name)).unwrap();
        for orientation in 1..=8 {
            let path = folder.path().join(name);
            let bytes = fs::read(sample(name)).unwrap();
            fs::write(&path, with_orientation(bytes, orientation)).unwrap();
            let file = PictureFile::open(&path).unwrap();
            let dimensions = file.dimensions();
            let picture = file.read().unwrap();
            assert_eq!(picture.image().dimensions(), dimensions, "{name}");
            assert_eq!(picture.orientation(), orientation, "{name}");
            let (width, height) = stored.dimensions();
            let size = if orientation < 5 {
                (width, height)
            } else {
                (height, width)
            };
            let mut expected = RgbImage::new(size.0, size.1);
            for (column, row, pixel) in stored.enumerate_pixels() {
                let (x, y) = upright(orientation, (column, row), (width, height));
                expected.put_pixel(x, y, *pixel);
            }
            assert_eq!(picture.into_image(), expected, "{name}: {orientation}");
        }
        // 0 and 9 are no orientations: the pixels stay as they are stored.
        for wrong in [0, 9] {
            let path = folder.path().join(name);
            let bytes = fs::read(sample(name)).unwrap();
            fs::write(&path, with_orientation(bytes, wrong)).unwrap();
            let picture = Picture::read(&path).unwrap();
            assert_eq!(picture.orientation(), 1, "{name}");
            assert_eq!(picture.into_image(), stored, "{name}");
        }
    }
}

#[test]
fn pictures_that_are_not_supported_are_refused() {
    for (name, expected) in [
        (
            "animated.webp",
            "this is an animated WebP, one picture was expected; webpmux -get frame 1 writes its \
             first",
        ),
        (
            "jpeg.tif",
            "this is a TIFF with JPEG compression, which is not supported; tiffcp -c lzw writes \
             one that is",
        ),
        (
            "big-endian-jpeg.tif",
            "this is a TIFF with JPEG compression",
        ),
        ("claims-pixels.webp", "the header claims 16383×16383 pixels"),
        (
            "claims-hidden-pixels.webp",
            "the header claims 16383×16383 pixels",
        ),
        (
            "claims-metadata.webp",
            "4294967280 bytes were expected at byte 90, the file has 94",
        ),
        ("claims-pixels.bmp", "the header claims 60000×60000 pixels"),
        ("claims-pixels.tif", "the header claims 60000×60000 pixels"),
        (
            "claims-strips.tif",
            "this is a TIFF that is damaged or cut short",
        ),
    ] {
        let message = read_image(sample(name)).unwrap_err().to_string();
        assert!(message.contains(expected), "{name}: {message}");
    }
}

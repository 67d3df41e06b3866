//! Arrays that NumPy and safetensors wrote: `tests/interop/make.py` makes the files in
//! `tests/data/inputs`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tenfold::Tensor;
use tenfold::io::{
    AnyTensor, AnyTucker, ArrayFile, Contents, Element, Raw, ReadOptions, Source, contents,
    members, members_from, members_with, read_array_from, read_npy, read_tucker,
};

use super::entries;

fn input(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/inputs");
    folder.join(name)
}

/// The entries of every array in these files: p mod 101 at position p, minus 50 for signed types.
fn values(count: usize, is_unsigned: bool) -> Vec<f64> {
    let shift = if is_unsigned { 0.0 } else { 50.0 };
    (0..count).map(|p| (p % 101) as f64 - shift).collect()
}

/// Checks that a source is the array of this shape, read from the path and from a reader.
fn check(source: &Source, shape: &[usize], is_unsigned: bool, options: &ReadOptions) {
    let file = ArrayFile::open_with(source, options).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(file.shape(), shape, "{source}");
    let (dtype, memory) = (file.dtype(), file.memory());
    let array = file.read().unwrap();
    assert_eq!(array.dtype(), dtype, "{source}");
    let count = shape.iter().product();
    assert_eq!(entries(&array), values(count, is_unsigned), "{source}");
    let width = if dtype == "f32" { 4 } else { 8 };
    assert!(memory >= width * count as u64, "{source}: {memory}");

    let reader = File::open(&source.path).unwrap();
    let read = read_array_from(reader, source.member.as_deref(), options);
    assert_eq!(read.unwrap(), array, "{source}, from a reader");
}

const BFLOAT16: ReadOptions = ReadOptions {
    raw: None,
    bfloat16: true,
};

#[test]
fn arrays_of_archives_are_read_stored_compressed_and_piped() {
    for archive in ["stored.npz", "compressed.npz", "piped.npz"] {
        let path = input(archive);
        assert_eq!(contents(&path).unwrap(), Contents::Members);
        let large = &[5, 6, 7][..];
        for (name, shape) in [
            ("f4", large),
            ("i2_big", large),
            ("f8_fortran", large),
            ("group/u1", &[3, 4]),
            ("Größe", &[2, 3]),
            ("bf16", &[3, 4]),
        ] {
            let is_unsigned = name.ends_with("u1");
            let source = Source::member(&path, name);
            check(&source, shape, is_unsigned, &BFLOAT16);
        }
        for (name, message) in [
            ("number", "a tensor has 1 to 16 modes, this shape has 0"),
            ("text", "entries of type '<U4' (text) cannot be read"),
            ("complex", "complex128 entries cannot be read"),
            ("bf16", "--bfloat16 reads them"),
        ] {
            let error = ArrayFile::open(Source::member(&path, name)).unwrap_err();
            let error = error.to_string();
            assert!(error.starts_with(&format!("{}:{name}: ", path.display())));
            assert!(error.contains(message), "{error}");
        }
    }
}

#[test]
fn the_only_array_of_a_file_needs_no_name() {
    let options = ReadOptions::default();
    for (name, shape) in [
        ("one.npz", &[5, 6, 7][..]),
        ("deflated_others.npz", &[3, 4]),
        ("one.safetensors", &[5, 6, 7]),
        ("python2.npy", &[3, 4]),
    ] {
        check(&Source::new(input(name)), shape, false, &options);
    }
    let error = ArrayFile::open(input("stored.npz"))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(
            "this is an archive (.npz) with 5 arrays, add a colon and the name of one: \
             f4 (5×6×7 float32), i2_big (5×6×7 int16), f8_fortran (5×6×7 float64), \
             group/u1 (3×4 uint8), Größe (2×3 float32)"
        ),
        "{error}"
    );
    let error = ArrayFile::open(Source::member(input("python2.npy"), "x")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("this file holds one array without a name, not \"x\"")
    );
}

#[test]
fn members_are_listed_with_shape_and_type() {
    let described = |path: &Path, options: &ReadOptions| {
        let members = members_with(path, options).unwrap();
        let from_reader = members_from(File::open(path).unwrap(), options).unwrap();
        assert_eq!(members, from_reader);
        let members = members.into_iter();
        let lines = members.map(|m| (m.name, m.shape, m.stored_dtype, m.dtype));
        lines.collect::<Vec<_>>()
    };
    let archive = described(&input("compressed.npz"), &ReadOptions::default());
    let of = |name: &str, shape: &[usize], stored: &str, dtype| {
        (name.to_owned(), shape.to_vec(), stored.to_owned(), dtype)
    };
    assert_eq!(archive.len(), 9);
    assert_eq!(archive[1], of("i2_big", &[5, 6, 7], "int16", Some("f32")));
    assert_eq!(archive[6], of("text", &[], "<U4", None));
    assert_eq!(archive[8], of("bf16", &[3, 4], "<V2", None));
    let archive = described(&input("compressed.npz"), &BFLOAT16);
    assert_eq!(archive[8], of("bf16", &[3, 4], "bfloat16", Some("f32")));
    let npy = described(&input("python2.npy"), &ReadOptions::default());
    assert_eq!(npy, [of("", &[3, 4], "float32", Some("f32"))]);
}

#[test]
fn tensors_of_every_type_of_safetensors_are_read() {
    let path = input("types.safetensors");
    let options = ReadOptions::default();
    for code in [
        "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "bf16",
    ] {
        let source = Source::member(&path, code);
        check(&source, &[3, 4], code.starts_with('u'), &options);
    }
    check(
        &Source::member(&path, "layer4.features"),
        &[5, 6, 7],
        false,
        &options,
    );
    let mask = ArrayFile::open(Source::member(&path, "bool"))
        .unwrap()
        .read();
    assert_eq!(entries(&mask.unwrap()), [0.0; 12]);
    let empty = ArrayFile::open(Source::member(&path, "empty")).unwrap();
    assert_eq!(empty.shape(), [0, 3]);
    let error = ArrayFile::open(Source::member(&path, "f8_e4m3")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("entries of type F8_E4M3 cannot be read")
    );
    let error = ArrayFile::open(Source::member(&path, "layer4")).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("there is no array \"layer4\", the nearest names are \"layer4.features\""),
        "{error}"
    );
}

#[test]
fn bfloat16_is_read_with_the_option_and_noted() {
    let path = input("bfloat16.npy");
    check(&Source::new(&path), &[5, 6, 7], false, &BFLOAT16);
    let note = ArrayFile::open_with(&path, &BFLOAT16).unwrap().note();
    assert!(
        note.unwrap()
            .ends_with("bfloat16 entries were converted to f32")
    );
    let error = ArrayFile::open(&path).unwrap_err().to_string();
    assert!(error.contains("--bfloat16 reads them"), "{error}");
    // The option changes nothing else.
    let path = input("python2.npy");
    check(&Source::new(&path), &[3, 4], false, &BFLOAT16);
}

#[test]
fn raw_files_are_read_in_every_order() {
    for (name, element, fortran, big_endian) in [
        ("row_major.f32", Element::F32, false, false),
        ("fortran.f64", Element::F64, true, false),
        ("big_endian.u16", Element::U16, false, true),
        ("fortran_big_endian.i32", Element::I32, true, true),
        ("half.bf16", Element::BF16, false, false),
    ] {
        let raw = Raw {
            fortran,
            big_endian,
            ..Raw::new(element, [5, 6, 7])
        };
        let options = ReadOptions {
            raw: Some(raw),
            ..ReadOptions::default()
        };
        let is_unsigned = element == Element::U16;
        check(&Source::new(input(name)), &[5, 6, 7], is_unsigned, &options);
    }
}

#[test]
fn raw_files_of_another_length_are_refused() {
    for (shape, message) in [
        (
            &[5, 6, 8][..],
            "the shape 5×6×8 of f32 has 960 bytes, the file has 840",
        ),
        (
            &[5, 6],
            "the shape 5×6 of f32 has 120 bytes, the file has 840",
        ),
        (&[], "a tensor has 1 to 16 modes, this shape has 0"),
        (&[usize::MAX, 2], "is too large"),
        (&[usize::MAX, 0, 2], "is too large"),
        (&[1 << 61], "is too large"),
    ] {
        let options = ReadOptions {
            raw: Some(Raw::new(Element::F32, shape)),
            ..ReadOptions::default()
        };
        let error = ArrayFile::open_with(input("row_major.f32"), &options).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn decompositions_that_numpy_saved_again_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats");
    let (expected, meta) = read_tucker(folder.join("version1.tucker.npz")).unwrap();
    let AnyTucker::F64(expected) = expected else {
        panic!("f64 was written, f32 was read");
    };
    for name in [
        "resaved",
        "resaved_compressed",
        "resaved_reverse",
        "resaved_fortran",
        "resaved_piped",
        "resaved_bytes",
        "resaved_vector",
        "resaved_big_endian",
        "resaved_padded",
    ] {
        let path = input(&format!("{name}.tucker.npz"));
        assert_eq!(contents(&path).unwrap(), Contents::Decomposition);
        let (read, read_meta) = read_tucker(&path).unwrap_or_else(|error| panic!("{error}"));
        let AnyTucker::F64(read) = read else {
            panic!("f64 was written, f32 was read");
        };
        assert_eq!(
            (read.core(), &read_meta),
            (expected.core(), &meta),
            "{name}"
        );
        for mode in 0..3 {
            assert_eq!(read.factor(mode), expected.factor(mode), "{name}");
        }
        // The parts are arrays too.
        let core = ArrayFile::open(Source::member(&path, "core"))
            .unwrap()
            .read();
        assert_eq!(core.unwrap(), AnyTensor::F64(expected.core().clone()));
    }
    let error = read_tucker(input("resaved_object.tucker.npz")).unwrap_err();
    assert!(
        error.to_string().contains("not a pickled Python object"),
        "{error}"
    );
}

/// Entries of a `.safetensors` file, with a header of this text.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(vec![0; data]);
    bytes
}

#[test]
fn wrong_headers_of_safetensors_are_refused_before_anything_is_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let array = |shape: &str, end: u64| {
        format!(r#"{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
    };
    let valid = array("[2,3]", 24);
    let mut huge = safetensors(&valid, 24);
    huge[..8].copy_from_slice(&90_000_000u64.to_le_bytes());
    for (bytes, message) in [
        (
            safetensors(&valid, 20),
            "the header claims 24 bytes of data, the file has 20",
        ),
        (
            safetensors(&valid, 28),
            "the header claims 24 bytes of data, the file has 28",
        ),
        (
            safetensors(&array("[2,3]", 20), 20),
            "this is not the header of a .safetensors file",
        ),
        (
            safetensors(&array("[4611686018427387904,3]", 24), 24),
            "this is not the header of",
        ),
        (
            safetensors("{\"x\":1}", 24),
            "this is not the header of a .safetensors file",
        ),
        (
            safetensors("{", 24),
            "this is not the header of a .safetensors file",
        ),
        (
            safetensors(&array("[1000000000000]", 4_000_000_000_000), 24),
            "the header claims 4000000000000 bytes of data, the file has 24",
        ),
        (huge, "the file claims a header of 90000000 bytes"),
        (
            safetensors("{}", 0),
            "this is a .safetensors file without arrays",
        ),
    ] {
        fs::write(&path, bytes).unwrap();
        let error = ArrayFile::open(&path).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(!error.contains('\n'));
    }
    fs::write(&path, safetensors(&valid, 24)).unwrap();
    assert_eq!(
        ArrayFile::open(&path).unwrap().read().unwrap().shape(),
        [2, 3]
    );
}

#[test]
fn files_cut_short_at_any_place_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["compressed.npz", "types.safetensors", "python2.npy"] {
        let whole = fs::read(input(name)).unwrap();
        let path = folder.path().join(name);
        for length in (0..whole.len()).step_by(7) {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(members(&path).is_err(), "{name} with {length} bytes");
            assert!(read_array_from(File::open(&path).unwrap(), None, &BFLOAT16).is_err());
        }
    }
}

#[test]
fn a_stream_ends_after_its_array() {
    let whole = fs::read(input("python2.npy")).unwrap();
    let open = |bytes: Vec<u8>| {
        let stream = std::io::Cursor::new(bytes);
        ArrayFile::from_stream(stream, "stream", &ReadOptions::default())
    };
    let read = open(whole.clone()).unwrap().read().unwrap();
    assert_eq!(read, read_npy(input("python2.npy")).unwrap());
    let error = open(whole[..whole.len() - 1].to_vec()).unwrap().read();
    assert_eq!(
        error.unwrap_err().to_string(),
        "stream: the data ends before its 48 bytes"
    );
    let error = open([&whole[..], &[0]].concat()).unwrap().read();
    assert_eq!(
        error.unwrap_err().to_string(),
        "stream: there is data after the end of the array"
    );
    let raw = ReadOptions {
        raw: Some(Raw::new(Element::U8, [2])),
        ..ReadOptions::default()
    };
    let stream = std::io::Cursor::new(vec![3, 4]);
    let read = ArrayFile::from_stream(stream, "stream", &raw)
        .unwrap()
        .read();
    let expected = Tensor::new(&[2], vec![3.0f32, 4.0]).unwrap();
    assert_eq!(read.unwrap(), AnyTensor::F32(expected));
}

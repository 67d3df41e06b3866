//! Files: what NumPy wrote, what is damaged, and round trips.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tenfold::faer::Mat;
use tenfold::io::{
    AnyTensor, AnyTucker, Meta, Npy, check_writable, read_npy, read_tucker, write_npy,
    write_npy_entries, write_tucker,
};
use tenfold::{Error, Hooi, StHosvd, Stop, Tensor, Tucker};

fn numpy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/numpy")
        .join(name)
}

fn entries(tensor: &AnyTensor) -> Vec<f64> {
    match tensor {
        AnyTensor::F32(tensor) => tensor.data().iter().map(|&x| x.into()).collect(),
        AnyTensor::F64(tensor) => tensor.data().to_vec(),
    }
}

/// Writes `bytes` to a file and gives what reading it as `.npy` says.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, bytes).unwrap();
    let message = read_npy(&path).unwrap_err().to_string();
    message
        .strip_prefix(&format!("{}: ", path.display()))
        .unwrap()
        .to_owned()
}

/// An array file of version 1 with `dict` as its header.
fn with_header(dict: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(dict.len()).unwrap().to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn every_real_type_and_order_of_numpy() {
    let mut seen = 0;
    for code in [
        "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
    ] {
        for byte_order in ["little", "big"] {
            for order in ["C", "F"] {
                let path = numpy(&format!("{code}.{byte_order}.{order}.npy"));
                if !path.exists() {
                    assert!(code.ends_with('1'), "{}", path.display());
                    continue;
                }
                let file = Npy::open(&path).unwrap();
                assert_eq!(file.shape(), [2, 3, 4]);
                let kept = ["f4", "f8"].contains(&code);
                assert_eq!(file.note().is_none(), kept, "{code}");
                let wide = ["f8", "i4", "i8", "u4", "u8"].contains(&code);
                assert_eq!(file.dtype(), if wide { "f64" } else { "f32" });
                let tensor = file.read().unwrap();
                assert_eq!(tensor.dtype(), if wide { "f64" } else { "f32" });
                let first = if code.starts_with('u') { 0 } else { -5 };
                let expected: Vec<f64> = (first..first + 24).map(f64::from).collect();
                assert_eq!(entries(&tensor), expected, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 40);
    let expected: Vec<f64> = (0..24).map(|i| f64::from(i % 2)).collect();
    assert_eq!(entries(&read_npy(numpy("bool.npy")).unwrap()), expected);
}

#[test]
fn every_version_of_the_format() {
    let expected: Vec<f64> = (-5..19).map(f64::from).collect();
    for version in ["version2.npy", "version3.npy"] {
        assert_eq!(entries(&read_npy(numpy(version)).unwrap()), expected);
    }
}

#[test]
fn vectors_and_arrays_without_entries() {
    assert_eq!(
        entries(&read_npy(numpy("vector.npy")).unwrap()),
        [0.0, 1.0, 2.0]
    );
    assert_eq!(read_npy(numpy("empty.npy")).unwrap().shape(), [2, 0, 3]);
}

#[test]
fn conversions_are_noted() {
    let note = Npy::open(numpy("u8.big.F.npy")).unwrap().note().unwrap();
    assert!(note.ends_with("uint64 entries were converted to f64, rounded above 2^53"));
    let note = Npy::open(numpy("f2.little.C.npy")).unwrap().note().unwrap();
    assert!(note.ends_with("float16 entries were converted to f32"));
}

#[test]
fn large_column_major_arrays_of_any_shape() {
    // Larger than a tile in every way, and in the other byte order too.
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
        let backwards: Vec<usize> = (0..shape.len()).rev().collect();
        let transposed = x.permute(&backwards).unwrap();
        for (order, bytes) in [
            (
                '<',
                transposed
                    .data()
                    .iter()
                    .flat_map(|x| x.to_le_bytes())
                    .collect::<Vec<u8>>(),
            ),
            (
                '>',
                transposed
                    .data()
                    .iter()
                    .flat_map(|x| x.to_be_bytes())
                    .collect(),
            ),
        ] {
            let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
            let dict = format!(
                "{{'descr': '{order}f4', 'fortran_order': True, 'shape': ({})}}",
                extents.join(", ")
            );
            fs::write(&path, with_header(&dict, &bytes)).unwrap();
            assert_eq!(read_npy(&path).unwrap(), AnyTensor::F32(x.clone()));
        }
    }
}

/// Arrays of several chunks of the reader, which are decoded in parallel.
#[test]
fn large_row_major_arrays_of_every_type() {
    let shape = [3, 131, 1001];
    let count: usize = shape.iter().product();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    // Periods that divide no chunk, within the range of the type.
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
        let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape:?}}}");
        let data: Vec<u8> = (0..count).flat_map(|p| encode(value(p, period))).collect();
        fs::write(&path, with_header(&dict, &data)).unwrap();
        let read = entries(&read_npy(&path).unwrap());
        let wrong = (0..count).find(|&p| read[p] != value(p, period));
        assert_eq!((read.len(), wrong), (count, None), "{descr}");
    }
}

/// The longest text of a header that is read, the deepest brackets, and one more.
#[test]
fn headers_are_read_up_to_their_limits() {
    let padded = |length: usize| {
        let dict = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}";
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
        bytes.extend(dict.bytes().chain(std::iter::repeat(b' ')).take(length));
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
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        let dict = format!("{{'descr': {open}'u1'{close}, 'fortran_order': False, 'shape': (2,)}}");
        refusal(&with_header(&dict, &[5, 6]))
    };
    assert!(
        nested(6).contains("(structured) cannot be read"),
        "{}",
        nested(6)
    );
    assert_eq!(nested(7), "the header is not the description of an array");
    let ones = |modes: usize| {
        with_header(
            &format!(
                "{{'descr': '|u1', 'fortran_order': False, 'shape': ({})}}",
                "1, ".repeat(modes)
            ),
            &[7],
        )
    };
    fs::write(&path, ones(16)).unwrap();
    assert_eq!(read_npy(&path).unwrap().shape(), [1; 16]);
    assert!(refusal(&ones(17)).starts_with("a tensor has 1 to 16 modes"));
}

#[test]
fn other_types_are_refused_by_name() {
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
    let message = read_npy(numpy("number.npy")).unwrap_err().to_string();
    assert!(
        message.ends_with("a tensor has 1 to 16 modes, this shape has 0"),
        "{message}"
    );
}

#[test]
fn complex_arrays_are_refused_by_name() {
    for (descr, name) in [
        ("<c8", "complex64"),
        (">c8", "complex64"),
        ("<c16", "complex128"),
        (">c16", "complex128"),
    ] {
        let dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (1,)}}");
        assert_eq!(
            refusal(&with_header(&dict, &[0; 16])),
            format!(
                "{name} entries cannot be read: tenfold decomposes real arrays; \
                 pass the real and the imaginary part as two arrays"
            )
        );
    }
    let long_double = "{'descr': '<c32', 'fortran_order': False, 'shape': (1,)}";
    assert!(refusal(&with_header(long_double, &[0; 32])).contains("(complex) cannot be read"));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
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
    let longer = [&whole[..], b"\n"].concat();
    assert_eq!(
        refusal(&longer),
        "the header claims 192 bytes of data, the file has 193"
    );
}

#[test]
fn headers_that_lie_are_refused() {
    let header = |shape: &str| {
        with_header(
            &format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"),
            &[0; 120],
        )
    };
    assert_eq!(
        refusal(&header("(1000000,)")),
        "the header claims 8000000 bytes of data, the file has 120"
    );
    for shape in [
        "(4294967296, 4294967296)",
        "(0, 9223372036854775807, 9223372036854775807)",
        "(2305843009213693952,)",
    ] {
        let message = refusal(&header(shape));
        assert!(message.contains("too large"), "{shape}: {message}");
    }
    for shape in [
        "(-1,)",
        "(1.0,)",
        "15",
        "('15',)",
        "(99999999999999999999999,)",
        "(15,",
    ] {
        let message = refusal(&header(shape));
        assert_eq!(
            message, "the header is not the description of an array",
            "{shape}"
        );
    }
    let seventeen = format!("({})", "1, ".repeat(17));
    assert!(
        refusal(&with_header(
            &format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {seventeen}}}"),
            &[0; 8]
        ))
        .starts_with("a tensor has 1 to 16 modes")
    );
}

#[test]
fn headers_that_are_none_are_refused() {
    let mut huge = b"\x93NUMPY\x02\x00".to_vec();
    huge.extend(u32::MAX.to_le_bytes());
    huge.extend([b' '; 100]);
    assert_eq!(
        refusal(&huge),
        "the header claims 4294967295 bytes, at most 1048576 are allowed"
    );
    let not_described = "the header is not the description of an array";
    assert_eq!(refusal(&with_header("{}", &[])), not_described);
    assert_eq!(refusal(&with_header("", &[])), not_described);
    assert_eq!(refusal(&with_header("\u{e9}\0", &[])), not_described);
    // A parser that recurses must not be led to the end of its stack.
    assert_eq!(
        refusal(&with_header(&"(".repeat(60_000), &[])),
        not_described
    );
    assert_eq!(
        refusal(&with_header(&"{'a':[".repeat(10_000), &[])),
        not_described
    );
    assert!(refusal(b"\x93NUMPY\x07\x00aaaaaaaaaa").starts_with("version 7 of the .npy format"));
    assert!(refusal(b"PK\x03\x04aaaaaaaa").starts_with("this is an archive (.npz)"));
    assert!(refusal(b"<html><body></body></html>").starts_with("this is a text file"));
    assert!(refusal(b"\0<html></html>").starts_with("this is not a .npy file"));
    let folder = tempfile::tempdir().unwrap();
    let message = read_npy(folder.path()).unwrap_err().to_string();
    assert!(message.ends_with("this is a directory, a .npy file was expected"));
}

fn small_tucker() -> (Tensor<f64>, Tucker<f64>) {
    let x = Tensor::from_fn(&[6, 5, 4], |i| {
        ((7 * i[0] + 3 * i[1] * i[2] + i[2]) % 11) as f64
    })
    .unwrap();
    let tucker = Hooi::new([3, 2, 2]).decompose(&x).unwrap();
    (x, tucker)
}

#[test]
fn a_decomposition_comes_back_bit_by_bit() {
    let (_, tucker) = small_tucker();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tucker.npz");
    let written = Meta::new(&tucker, "hooi");
    write_tucker(&path, &tucker, &written).unwrap();
    let (read, meta) = read_tucker(&path).unwrap();
    assert_eq!(meta, written);
    assert_eq!(meta.relative_error, tucker.estimated_error());
    assert_eq!(meta.stop, Some(Stop::Converged));
    assert_eq!(meta.spectra[1].as_deref(), tucker.spectrum(1));
    let AnyTucker::F64(read) = read else {
        panic!("another scalar was read than written");
    };
    assert_eq!(read.core(), tucker.core());
    for mode in 0..3 {
        assert_eq!(read.factor(mode), tucker.factor(mode));
    }
}

/// A file of each version of the format, of x[i, j, k] = 1 + i·j + k.
#[test]
fn decompositions_of_every_version_are_read() {
    let x = Tensor::from_fn(&[3, 4, 2], |i| (1 + i[0] * i[1] + i[2]) as f64).unwrap();
    let expected = Hooi::new([2, 2, 1]).decompose(&x).unwrap();
    for version in 0..=1 {
        let name = format!("tests/data/formats/version{version}.tucker.npz");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let (tucker, meta) = read_tucker(path).unwrap();
        let AnyTucker::F64(tucker) = tucker else {
            panic!("version {version} holds f64");
        };
        assert_eq!(meta.version, version);
        assert_eq!(meta.stop, Some(Stop::Converged));
        let whole = tucker.reconstruct().unwrap();
        let difference = whole.distance(&expected.reconstruct().unwrap()).unwrap();
        assert!(difference <= 1e-13 * x.norm(), "{difference}");
    }
}

/// What is read from an old file is written in the current version.
#[test]
fn an_old_version_is_written_as_the_current_one() {
    let (_, tucker) = small_tucker();
    let current = Meta::new(&tucker, "hooi");
    let old = Meta {
        version: 0,
        ..current.clone()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tucker.npz");
    write_tucker(&path, &tucker, &old).unwrap();
    assert_eq!(read_tucker(&path).unwrap().1, current);
}

#[test]
fn the_same_decomposition_gives_the_same_bytes() {
    let (_, tucker) = small_tucker();
    let folder = tempfile::tempdir().unwrap();
    let meta = Meta::new(&tucker, "hooi");
    let write = |name: &str| {
        let path = folder.path().join(name);
        write_tucker(&path, &tucker, &meta).unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(write("one.npz"), write("two.npz"));
    // And nothing but the two files was left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_mode_left_alone_has_no_factor() {
    let x = Tensor::from_fn(&[4, 3, 5], |i| (i[0] * i[2] + i[1]) as f32).unwrap();
    let solver = StHosvd {
        modes: Some(vec![2, 0]),
        ..StHosvd::new([2, 2])
    };
    let tucker = solver.decompose(&x).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tucker.npz");
    write_tucker(&path, &tucker, &Meta::new(&tucker, "st-hosvd")).unwrap();
    let (read, meta) = read_tucker(&path).unwrap();
    let AnyTucker::F32(read) = read else {
        panic!("another scalar was read than written");
    };
    assert_eq!((meta.modes, meta.dtype.as_str()), (vec![0, 2], "f32"));
    assert!(read.factor(1).is_none());
    assert_eq!(read.reconstruct().unwrap(), tucker.reconstruct().unwrap());
}

#[test]
fn a_decomposition_that_numpy_wrote() {
    let (tucker, meta) = read_tucker(numpy("tucker.npz")).unwrap();
    let AnyTucker::F64(tucker) = tucker else {
        panic!("float64 was expected");
    };
    assert_eq!(tucker.shape(), [3, 2, 5]);
    assert_eq!((meta.relative_error, meta.sweeps), (Some(0.25), None));
    let x = tucker.reconstruct().unwrap();
    // X[i, j, 0] = Σ A₀[i, r] G[r, j, 0], all else is 0.
    assert_eq!(x.get(&[0, 1, 0]), Some(0.6 * 2.0));
    assert_eq!(x.get(&[2, 1, 0]), Some(4.0));
    assert_eq!(x.get(&[2, 1, 3]), Some(0.0));
}

/// Writes an archive of these arrays.
fn write_archive(path: &Path, entries: &[(&str, Vec<u8>)]) {
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in entries {
        let options = zip::write::SimpleFileOptions::DEFAULT;
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// What reading an archive of these arrays says.
fn archive_refusal(entries: &[(&str, Vec<u8>)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    write_archive(&path, entries);
    read_tucker(&path).unwrap_err().to_string()
}

/// The bytes of a `.npy` file.
fn npy<T: tenfold::Scalar>(shape: &[usize], entries: &[T]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    write_npy_entries(&path, shape, entries).unwrap();
    fs::read(path).unwrap()
}

fn text(text: &str) -> Vec<u8> {
    let dict = format!(
        "{{'descr': '<U{}', 'fortran_order': False, 'shape': ()}}",
        text.len()
    );
    let data: Vec<u8> = text
        .chars()
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
    with_header(&dict, &data)
}

#[test]
fn decompositions_that_do_not_fit_together_are_refused() {
    let meta = |shape: &str| {
        text(&format!(
            r#"{{"version":1,"method":"m","ranks":[1,2],"relative_error":null,"shape":{shape},"dtype":"f64","modes":[0]}}"#
        ))
    };
    let core = npy(&[1, 2], &[1.0, 2.0]);
    let factor = npy(&[3, 1], &[1.0, 0.0, 0.0]);
    let expect = |entries: &[(&str, Vec<u8>)], what: &str| {
        let message = archive_refusal(entries);
        assert!(message.contains(what), "{what}: {message}");
    };
    expect(&[("core", core.clone())], "no entry \"meta\"");
    expect(&[("meta", meta("[3,2]"))], "no entry \"core\"");
    let complete = |name, bytes| {
        let mut entries = vec![
            ("core", core.clone()),
            ("factor_0", factor.clone()),
            ("meta", meta("[3,2]")),
        ];
        entries.retain(|(other, _)| *other != name);
        entries.push((name, bytes));
        entries
    };
    expect(
        &complete("meta", meta("[3,3]")),
        "differ from those of the core",
    );
    expect(&complete("meta", text("{")), "\"meta\" cannot be read");
    expect(
        &complete("meta", text(r#"{"version":2}"#)),
        "version 2 of the format, this tenfold reads versions 0 to 1",
    );
    expect(&complete("meta", core.clone()), "one text was expected");
    expect(
        &complete("factor_0", npy(&[3, 2], &[0.0; 6])),
        "the factor of mode 0 is 3×2, 3×1 was expected",
    );
    expect(
        &complete("factor_0", npy(&[3], &[0.0; 3])),
        "a matrix of f64 was expected",
    );
    expect(
        &complete("factor_0", npy(&[3, 1], &[0.0f32; 3])),
        "a matrix of f64 was expected",
    );
    expect(
        &complete("factor_0", npy(&[3, 1], &[0.0, f64::NAN, 0.0])),
        "the entry at [1, 0] is NaN",
    );
    expect(
        &complete("core", npy(&[1, 2], &[f64::INFINITY, 0.0])),
        "the entry at [0, 0] is inf",
    );
    expect(
        &complete("factor_2", factor.clone()),
        "is for a mode that does not exist",
    );
    expect(
        &complete("core", core[..core.len() - 1].to_vec()),
        "in \"core\": the header claims 16 bytes of data, the file has 15",
    );
    expect(
        &complete("core", b"nothing of the kind".to_vec()),
        "in \"core\": this is not a .npy",
    );
}

/// Arrays in an archive may be in any order of entries and bytes too.
#[test]
fn a_decomposition_in_other_orders_of_entries_and_bytes() {
    let meta = r#"{"version":1,"method":"m","ranks":[2,3],"relative_error":null,"shape":[2,4],"dtype":"f64","modes":[1]}"#;
    let array = |shape: &str, fortran: &str, entries: &[f64]| {
        let dict = format!("{{'descr': '>f8', 'fortran_order': {fortran}, 'shape': {shape}}}");
        let data: Vec<u8> = entries
            .iter()
            .flat_map(|entry| entry.to_be_bytes())
            .collect();
        with_header(&dict, &data)
    };
    let column_major: Vec<f64> = (0..12).map(f64::from).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    write_archive(
        &path,
        &[
            (
                "core",
                array("(2, 3)", "False", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            ),
            ("factor_1", array("(4, 3)", "True", &column_major)),
            ("meta", text(meta)),
        ],
    );
    let AnyTucker::F64(tucker) = read_tucker(&path).unwrap().0 else {
        panic!("float64 was written");
    };
    assert_eq!(tucker.core().data(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let factor = tucker.factor(1).unwrap();
    assert_eq!(factor, Mat::from_fn(4, 3, |i, j| (4 * j + i) as f64));
}

#[test]
fn an_archive_that_promises_too_much_is_refused() {
    let (_, tucker) = small_tucker();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    write_tucker(&path, &tucker, &Meta::new(&tucker, "hooi")).unwrap();
    let whole = fs::read(&path).unwrap();
    // The sizes of the first entry, in the directory at the end.
    let directory = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for (from, sizes) in [(24, 1), (20, 2)] {
        let mut lying = whole.clone();
        for size in 0..sizes {
            let at = directory + from + 4 * size;
            lying[at..at + 4].copy_from_slice(&0x7fff_0000u32.to_le_bytes());
        }
        fs::write(&path, &lying).unwrap();
        assert!(read_tucker(&path).is_err());
    }
    // Damage within an entry shows in its checksum.
    let core = whole.windows(6).position(|w| w == b"\x93NUMPY").unwrap();
    let mut damaged = whole.clone();
    damaged[core + 128 + 3] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let message = read_tucker(&path).unwrap_err().to_string();
    assert!(message.contains("in \"core\": damaged"), "{message}");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(read_tucker(&path).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn what_cannot_be_written_is_found_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("x.npy");
    check_writable(&inside).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let message = check_writable(folder.path()).unwrap_err().to_string();
    assert!(message.contains("this is a directory"), "{message}");
    let message = check_writable(folder.path().join("no/x"))
        .unwrap_err()
        .to_string();
    assert!(message.contains("does not exist"), "{message}");
    fs::write(&inside, "precious").unwrap();
    let mut permissions = fs::metadata(&inside).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&inside, permissions).unwrap();
    assert!(check_writable(&inside).is_err());
    let x = Tensor::<f32>::zeros(&[2]).unwrap();
    assert!(write_npy(&inside, &x).is_err());
    assert_eq!(fs::read(&inside).unwrap(), b"precious");
}

#[cfg(unix)]
#[test]
fn links_stay_links_and_devices_stay_devices() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.npy");
    let link = folder.path().join("link.npy");
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let x = Tensor::<f32>::zeros(&[2]).unwrap();
    write_npy(&link, &x).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read_npy(&file).unwrap(), AnyTensor::F32(x.clone()));
    write_npy("/dev/null", &x).unwrap();
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
    // A new file may be read by others as far as the umask lets it.
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let plain = folder.path().join("plain");
    fs::write(&plain, "").unwrap();
    assert_eq!(mode(&file), mode(&plain));
    // One that replaces another may be read by no one else than the other.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    write_npy(&link, &x).unwrap();
    assert_eq!(mode(&file), 0o600);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(13),
        ..ProptestConfig::default()
    })]

    #[test]
    fn arrays_come_back_bit_by_bit(
        shape in prop::collection::vec(0usize..5, 1..6),
        seed in any::<u64>(),
    ) {
        let mut state = seed;
        let x = Tensor::from_fn(&shape, |_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            f64::from_bits(state)
        }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        write_npy(&path, &x).unwrap();
        let AnyTensor::F64(read) = read_npy(&path).unwrap() else {
            return Err(TestCaseError::fail("another scalar was read than written"));
        };
        prop_assert_eq!(read.shape(), x.shape());
        let bits = |x: &Tensor<f64>| x.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read), bits(&x));
    }

    #[test]
    fn decompositions_of_any_shape_come_back(
        extents in prop::collection::vec((1usize..5, 1usize..4, any::<bool>()), 1..5),
    ) {
        let core: Vec<usize> = extents.iter().map(|&(_, rank, _)| rank).collect();
        let core = Tensor::from_fn(&core, |i| i.iter().fold(0.5, |x, &i| 3.0 * x + i as f64)).unwrap();
        let factors = extents.iter().map(|&(extent, rank, kept)| {
            kept.then(|| Mat::from_fn(extent, rank, |i, j| (i as f64).sin() + j as f64))
        });
        let tucker = Tucker::new(core, factors.collect()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        write_tucker(&path, &tucker, &Meta::new(&tucker, "by hand")).unwrap();
        let AnyTucker::F64(read) = read_tucker(&path).unwrap().0 else {
            return Err(TestCaseError::fail("another scalar was read than written"));
        };
        prop_assert_eq!(read.core(), tucker.core());
        for mode in 0..extents.len() {
            prop_assert_eq!(read.factor(mode), tucker.factor(mode));
        }
    }

    /// Damage gives an error or another array, never a panic.
    #[test]
    fn damaged_files_are_survived(
        place in 0usize..2000, byte in any::<u8>(), archive in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let source = if archive { "tucker.npz" } else { "f4.big.F.npy" };
        let mut bytes = fs::read(numpy(source)).unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        fs::write(&path, &bytes).unwrap();
        if archive {
            match read_tucker(&path) {
                Ok((AnyTucker::F64(tucker), _)) => prop_assert_eq!(tucker.shape(), [3, 2, 5]),
                Ok((AnyTucker::F32(_), _)) => prop_assert!(false, "float64 was written"),
                Err(_) => {}
            }
        } else if let Ok(tensor) = read_npy(&path) {
            // One byte makes other extents of the same product, or another type of four bytes.
            prop_assert_eq!(entries(&tensor).len(), 24);
        }
    }
}

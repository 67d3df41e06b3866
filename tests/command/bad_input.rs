//! Bad options, files and entries: each is refused with status 2 and one line that names it,
//! and no file is written.

use std::fs;

use crate::folder::{Folder, repository, tensor};

/// The arguments of `decompose x.npy` with these options.
fn decompose(options: &str) -> String {
    format!("decompose x.npy -o y.npz {options}")
}

#[test]
fn options_that_do_not_fit_the_tensor_are_refused() {
    let folder = Folder::with_tensor();
    for (options, message) in [
        ("--ranks 2,2", "ranks has 2 entries, the tensor has 3 modes"),
        (
            "--ranks 2,2,2,2",
            "ranks has 4 entries, the tensor has 3 modes",
        ),
        ("--ranks 0,2,2", "the rank of mode 0 is 0"),
        (
            "--tolerance 1",
            "the relative error is 1, it must be at least 0 and below 1",
        ),
        ("--tolerance -0.1", "the relative error is -0.1"),
        ("--tolerance nan", "the relative error is NaN"),
        ("--ranks 2,2 --modes 0,3", "mode 3 does not exist"),
        ("--ranks 2,2 --modes 1,1", "mode 1 is named twice"),
        (
            "--ranks 2,2,2 --method hooi --sweeps 0",
            "--sweeps must be at least 1",
        ),
        (
            "--ranks 2,2,2 --method hooi --sweep-tolerance 2",
            "--sweep-tolerance is 2",
        ),
    ] {
        let line = folder.refusal(&decompose(options));
        assert!(line.contains(message), "{options}: {line}");
    }
}

#[test]
fn options_that_cannot_be_parsed_are_refused() {
    let folder = Folder::with_tensor();
    for (options, message) in [
        ("", "required"),
        ("--ranks 2,2,2 --tolerance 0.1", "cannot be used with"),
        ("--ranks 2,-1,2", "invalid value '-1'"),
        ("--ranks -1,2,2", "a whole number was expected"),
        ("--ranks 2,two,2", "invalid value 'two'"),
        ("--tolerance x", "invalid value 'x'"),
        ("--ranks 2,2,2 --method svd", "invalid value 'svd'"),
        ("--ranks 2,2,2 --threads many", "invalid value 'many'"),
        ("--ranks 2,2,2 --threads -1", "-1"),
        ("--ranks 2,2,2 --threads 100000", "100000"),
        ("--ranks 2,2,2 --no-such", "unexpected argument '--no-such'"),
    ] {
        let line = folder.refusal(&decompose(options));
        assert!(line.contains(message), "{options}: {line}");
    }
    let line = folder.refusal(&["decompose", "x.npy", "-o", "y.npz", "--ranks", ""]);
    assert!(line.contains("invalid value ''"), "{line}");
}

#[test]
fn files_that_are_no_arrays_are_refused() {
    let folder = Folder::with_tensor();
    let whole = folder.read_bytes("x.npy");
    let mut long_header = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    long_header.extend([b'{'; 64]);
    let mut large_shape = whole[..128].to_vec();
    let at = large_shape.windows(6).position(|w| w == b"12, 10").unwrap();
    large_shape[at..at + 6].copy_from_slice(b"99, 99");
    for (bytes, message) in [
        (&b""[..], "the file is empty"),
        (&whole[..100], "the file ends within the header"),
        (
            &whole[..1000],
            "the header claims 7680 bytes of data, the file has 872",
        ),
        (
            &large_shape,
            "the header claims 627264 bytes of data, the file has 0",
        ),
        (&long_header, "the header claims 4294967295 bytes"),
        (b"a,b\n1,2\n", "this is a text file"),
        (b"\0no text", "this is not an array file of a known format"),
    ] {
        folder.write_bytes("bad.npy", bytes);
        for arguments in ["decompose bad.npy --tolerance 0.1 -o y.npz", "info bad.npy"] {
            let line = folder.refusal(arguments);
            assert!(
                line.starts_with("bad.npy") && line.contains(message),
                "{line}"
            );
        }
        let line = folder.refusal("reconstruct bad.npy -o y.npy");
        assert!(line.starts_with("bad.npy"), "{line}");
    }
}

#[test]
fn missing_files_and_directories_are_refused() {
    let folder = Folder::new();
    let line = folder.refusal("decompose missing.npy --tolerance 0.1 -o y.npz");
    assert_eq!(line, "missing.npy: there is no such file");
    let line = folder.refusal("reconstruct missing.npz -o y.npy");
    assert_eq!(line, "missing.npz: there is no such file");
    let line = folder.refusal("info .");
    assert!(line.contains("this is a directory"), "{line}");
}

#[test]
fn entries_that_are_not_finite_are_refused_by_index() {
    let folder = Folder::new();
    let nan = repository("tests/data/numpy/nan.npy");
    fs::copy(nan, folder.at("nan.npy")).unwrap();
    for method in ["st-hosvd", "hosvd", "hooi"] {
        let line = folder.refusal(&format!(
            "decompose nan.npy --ranks 1,1,1 --method {method} -o y.npz"
        ));
        assert_eq!(
            line,
            "nan.npy: the entry at [1, 1, 1] is NaN, every entry must be finite"
        );
    }
    let line = folder.refusal("info nan.npy");
    assert!(line.contains("the entry at [1, 1, 1] is NaN"), "{line}");
    let mut x = tensor();
    x.data_mut()[79] = f64::NEG_INFINITY;
    folder.write("x.npy", x.shape(), x.data());
    let line = folder.refusal(&decompose("--tolerance 0.5"));
    assert!(line.contains("the entry at [0, 9, 7] is -inf"), "{line}");
}

#[test]
fn tensors_without_entries_or_modes_are_refused() {
    let folder = Folder::new();
    for (name, message) in [
        ("empty.npy", "shape 2×0×3 has no entries"),
        ("number.npy", "a tensor has 1 to 16 modes"),
    ] {
        let file = repository("tests/data/numpy").join(name);
        fs::copy(file, folder.at("x.npy")).unwrap();
        let line = folder.refusal(&decompose("--tolerance 0.1"));
        assert!(line.contains(message), "{line}");
    }
}

#[test]
fn outputs_that_cannot_be_written_are_refused() {
    let folder = Folder::with_tensor();
    folder.decompose("--ranks 2,2,2");
    fs::create_dir(folder.at("folder")).unwrap();
    for (output, message) in [
        ("folder", "this is a directory"),
        (".", "this path names no file"),
        ("no/such/folder/y", "does not exist"),
        ("x.npy/y", "cannot write to"),
        ("", "a value is required for '--output"),
    ] {
        let line = folder.refusal(&["decompose", "x.npy", "--ranks", "2,2,2", "-o", output]);
        assert!(line.contains(message), "{line}");
        let line = folder.refusal(&["reconstruct", "x.npz", "-o", output]);
        assert!(line.contains(message), "{line}");
    }
    let line = folder.refusal("decompose x.npy --ranks 2,2,2 -o x.npy");
    assert!(line.contains("would replace the input"), "{line}");
}

#[test]
fn an_existing_output_survives_bad_input() {
    let folder = Folder::new();
    let nan = repository("tests/data/numpy/nan.npy");
    fs::copy(nan, folder.at("x.npy")).unwrap();
    folder.write_bytes("y.npz", "old");
    folder.refusal(&decompose("--ranks 1,1,1"));
    assert_eq!(folder.read_bytes("y.npz"), b"old");
}

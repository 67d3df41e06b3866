//! MATLAB files of version 5.

use super::{SHAPE, check, described, refusal, scalar, values};

const FILES: [&str; 2] = ["plain.mat", "compressed.mat"];

#[test]
fn arrays_of_every_class_are_read() {
    for file in FILES {
        check(file, "double", &SHAPE, "f64", &values(&SHAPE, true));
        check(file, "single", &SHAPE, "f32", &values(&SHAPE, true));
        check(file, "matrix", &[3, 4], "f64", &values(&[3, 4], true));
        let fractions: Vec<f64> = values(&[3, 4], true).iter().map(|v| v / 3.0).collect();
        check(file, "fraction", &[3, 4], "f64", &fractions);
        let flags = values(&[3, 4], true);
        let flags: Vec<f64> = flags.iter().map(|&v| f64::from(v > 0.0)).collect();
        check(file, "flags", &[3, 4], "f32", &flags);
        for code in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"] {
            let expected = values(&[3, 4], code.starts_with('i'));
            check(file, code, &[3, 4], scalar(code), &expected);
        }
        check(file, "scalar", &[1, 1], "f64", &[2.5]);
        assert_eq!(described(file, "none").shape, [0, 3]);
        assert_eq!(described(file, "flags").stored_dtype, "bool");
        assert_eq!(described(file, "double").note, None);
    }
    check("one.mat", "", &SHAPE, "f64", &values(&SHAPE, true));
}

#[test]
fn entries_in_a_smaller_type_are_read_as_their_class() {
    // MATLAB stores whole numbers of class double as bytes.
    check(
        "matlab_narrow.mat",
        "x",
        &[2, 2],
        "f64",
        &[1.0, 3.0, 2.0, 200.0],
    );
    check(
        "matlab_narrow.mat",
        "y",
        &[1, 3],
        "f32",
        &[-1.0, 0.0, 300.0],
    );
    check(
        "matlab_narrow_big.mat",
        "x",
        &[2, 2],
        "f64",
        &[1.0, 3.0, 2.0, 200.0],
    );
    assert_eq!(described("matlab_narrow.mat", "x").stored_dtype, "float64");
}

#[test]
fn variables_that_are_not_real_full_arrays_are_refused() {
    for file in FILES {
        for (name, part) in [
            ("complex", "complex entries cannot be read"),
            ("sparse", "class sparse, only full arrays"),
            ("text", "class char"),
            ("cells", "class cell"),
            ("record", "class struct"),
            ("doubel", "the nearest names are \"double\""),
        ] {
            let message = refusal(file, name);
            assert!(message.contains(part), "{message}");
        }
    }
}

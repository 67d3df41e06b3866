//! Decompositions of other programs: a core and factors in an `.npz`, without a description.
//! `tests/interop/make_peers.py` wrote them with TensorLy and pyttb.

use std::path::{Path, PathBuf};

use tenfold::io::{
    AnyTensor, AnyTucker, ArrayFile, Contents, Meta, Source, contents, read_tucker, write_tucker,
};
use tenfold::{Scalar, Slice, Tensor, Tucker, mode_spectrum};

use super::archive::write_archive;
use crate::common::npy::row_major;

fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/peers/{name}.npz"))
}

/// Checks a decomposition against its reconstruction by the other program.
fn check<T: Scalar>(name: &str, tucker: &Tucker<T>, expected: &Tensor<T>, orthonormal: bool) {
    let close = |found: &Tensor<T>, expected: &Tensor<T>| {
        let distance = found.distance(expected).unwrap();
        assert!(distance <= 50.0 * T::EPSILON * expected.norm(), "{name}");
    };
    // 1. The tensor and a slice of it.
    close(&tucker.reconstruct().unwrap(), expected);
    let slice: Slice = if expected.order() == 2 {
        "1:2, :"
    } else {
        "1:2, :, :"
    }
    .parse()
    .unwrap();
    let entries = expected.data().len() / expected.shape()[0];
    let mut shape = expected.shape().to_vec();
    shape[0] = 1;
    let row = Tensor::new(&shape, expected.data()[entries..2 * entries].to_vec()).unwrap();
    close(&tucker.reconstruct_slice(&slice).unwrap(), &row);
    // 2. Norm, spectra and orthonormality.
    assert_eq!(tucker.has_orthonormal_factors(), orthonormal, "{name}");
    let bound = 100.0 * T::EPSILON * expected.norm();
    assert!(
        (tucker.norm().unwrap() - expected.norm()).abs() <= bound,
        "{name}"
    );
    for mode in 0..expected.order() {
        let found = tucker.mode_spectrum(mode).unwrap();
        let of_expected = mode_spectrum(expected, mode).unwrap();
        for (i, value) in of_expected.iter().enumerate() {
            let found = found.get(i).copied().unwrap_or(0.0);
            assert!(
                (found - value).abs() <= bound,
                "{name}, mode {mode}: {found}, {value}"
            );
        }
    }
    // 3. The same tensor with orthonormal factors.
    let same = tucker.clone().orthonormalised().unwrap();
    assert!(same.has_orthonormal_factors());
    close(&same.reconstruct().unwrap(), expected);
    assert!(
        same.ranks()
            .iter()
            .zip(same.shape())
            .all(|(rank, extent)| rank <= extent)
    );
}

#[test]
fn decompositions_of_other_programs_are_read() {
    for (name, orthonormal) in [
        ("tensorly", true),
        ("tensorly_f32", true),
        ("tensorly_partial", true),
        ("tensorly_non_negative", false),
        ("pyttb", true),
        ("wide", false),
    ] {
        let path = peer(name);
        assert_eq!(contents(&path).unwrap(), Contents::Decomposition);
        let (tucker, meta) = read_tucker(&path).unwrap();
        assert_eq!(meta.method, Meta::UNKNOWN_METHOD);
        assert_eq!((meta.relative_error, &meta.input_bytes), (None, &None));
        let expected = ArrayFile::open(Source::member(peer("expected"), name)).unwrap();
        match (tucker, expected.read().unwrap()) {
            (AnyTucker::F64(tucker), AnyTensor::F64(expected)) => {
                check(name, &tucker, &expected, orthonormal);
            }
            (AnyTucker::F32(tucker), AnyTensor::F32(expected)) => {
                check(name, &tucker, &expected, orthonormal);
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_mode_without_a_factor_is_not_decomposed() {
    let (tucker, meta) = read_tucker(peer("tensorly_partial")).unwrap();
    let AnyTucker::F64(tucker) = tucker else {
        panic!("f64 was written, f32 was read");
    };
    assert_eq!((meta.modes, meta.ranks), (vec![0, 2], vec![3, 6, 4]));
    assert!(tucker.factor(1).is_none());
}

/// Written by this library, a decomposition of another program has a description.
#[test]
fn a_decomposition_of_another_program_is_written_with_a_description() {
    let (tucker, meta) = read_tucker(peer("tensorly_non_negative")).unwrap();
    let AnyTucker::F64(tucker) = tucker else {
        panic!("f64 was written, f32 was read");
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tucker.npz");
    write_tucker(&path, &tucker, &meta).unwrap();
    let (again, described) = read_tucker(&path).unwrap();
    let AnyTucker::F64(again) = again else {
        panic!("f64 was written, f32 was read");
    };
    assert_eq!(again.core(), tucker.core());
    assert!(!again.has_orthonormal_factors());
    assert_eq!(described.version, 1);
    assert_eq!(
        Meta {
            version: 0,
            ..described
        },
        meta
    );
}

#[test]
fn a_core_alone_is_an_array_and_parts_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let doubles = |count: u8| -> Vec<u8> {
        (0..count)
            .flat_map(|n| f64::from(n).to_le_bytes())
            .collect()
    };
    let core = ("core.npy", row_major("<f8", "(2, 3)", &doubles(6)));
    let write = |more: &[(&str, Vec<u8>)]| {
        let mut entries = vec![core.clone()];
        entries.extend_from_slice(more);
        write_archive(&path, &entries);
        let message = read_tucker(&path)
            .map(drop)
            .map_err(|error| error.to_string());
        (contents(&path).unwrap(), message)
    };
    let (kind, message) = write(&[("factor_names.npy", doubles(1))]);
    assert_eq!(kind, Contents::Members);
    assert!(message.unwrap_err().contains("no factor (\"factor_0\", …)"));
    for (name, header, expected) in [
        (
            "factor_0",
            "(4, 3)",
            "the factor of mode 0 is 4×3, 4×2 was expected",
        ),
        ("factor_2", "(6, 2)", "the core has 2 modes"),
        ("factor_1", "(12,)", "a matrix of f64 was expected"),
    ] {
        let factor = row_major("<f8", header, &doubles(12));
        let (kind, message) = write(&[(&format!("{name}.npy"), factor)]);
        assert_eq!(kind, Contents::Decomposition);
        let message = message.unwrap_err();
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

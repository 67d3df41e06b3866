//! NIfTI volumes.

use super::{SHAPE, check, described, refusal, values};

#[test]
fn volumes_of_both_versions_and_byte_orders_are_read() {
    let (signed, unsigned) = (values(&SHAPE, true), values(&SHAPE, false));
    check("volume.nii", "", &SHAPE, "f32", &signed);
    check("volume.nii.gz", "", &SHAPE, "f32", &signed);
    check("nibabel.nii", "", &SHAPE, "f32", &signed);
    check("big_endian.nii", "", &SHAPE, "f64", &signed);
    check("second.nii", "", &SHAPE, "f64", &signed);
    let scaled: Vec<f64> = unsigned.iter().map(|v| 0.1 * v + 3.0).collect();
    check("second.nii.gz", "", &SHAPE, "f64", &scaled);
    let series = [3, 4, 5, 2];
    check("series.nii.gz", "", &series, "f32", &values(&series, false));
    assert_eq!(
        described("series.nii.gz", "").note.as_deref(),
        Some("uint8 entries were converted to f32")
    );
}

#[test]
fn values_are_scaled() {
    let scaled: Vec<f64> = values(&SHAPE, true)
        .iter()
        .map(|v| 0.5 * v - 100.0)
        .collect();
    check("scaled.nii", "", &SHAPE, "f64", &scaled);
    let note = described("scaled.nii", "").note.unwrap();
    assert_eq!(note, "int16 entries were scaled: 0.5 · entry − 100");
}

#[test]
fn complex_volumes_and_pairs_of_files_are_refused() {
    let message = refusal("complex.nii", "");
    assert_eq!(
        message,
        "complex64 entries cannot be read, only real numbers"
    );
    let message = refusal("pair.hdr", "");
    assert!(message.contains("in another file (.img)"), "{message}");
}

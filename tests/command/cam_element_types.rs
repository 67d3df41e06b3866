//! `tenfold cam` of arrays of every element type of NumPy, with offsets near the largest integers
//! that are exact in the type.

use tenfold::Tensor;
use tenfold::cam::Weighting;

use crate::folder::Folder;
use crate::npy::row_major;

/// An element type of NumPy, an offset near the largest integers that are exact in it, and a
/// function that encodes an integer.
type Element = (&'static str, i64, fn(i64) -> Vec<u8>);

const ELEMENTS: [Element; 11] = [
    ("|u1", 250, |n| (n as u8).to_le_bytes().to_vec()),
    ("|i1", -120, |n| (n as i8).to_le_bytes().to_vec()),
    ("<u2", 65_000, |n| (n as u16).to_le_bytes().to_vec()),
    ("<i2", -32_000, |n| (n as i16).to_le_bytes().to_vec()),
    ("<u4", 4_000_000_000, |n| (n as u32).to_le_bytes().to_vec()),
    ("<i4", 2_000_000_000, |n| (n as i32).to_le_bytes().to_vec()),
    ("<u8", 9_000_000_000_000_000, |n| n.to_le_bytes().to_vec()),
    ("<i8", -9_000_000_000_000_000, |n| n.to_le_bytes().to_vec()),
    ("<f4", 16_000_000, |n| (n as f32).to_le_bytes().to_vec()),
    ("<f8", 9_000_000_000_000_000, |n| {
        (n as f64).to_le_bytes().to_vec()
    }),
    // For 1024 ≤ n < 2048 the ten bits of the significand are the lower bits of n.
    ("<f2", 1_500, |n| {
        (0x6400 + n as u16 - 1024).to_le_bytes().to_vec()
    }),
];

/// Three channels at three positions, without an offset.
const DEVIATIONS: [i64; 9] = [2, 0, 1, 0, 3, 1, 1, 1, -2];

/// Writes features of shape C×1×3 with these integers as entries.
fn write(folder: &Folder, (descr, offset, bytes): Element, deviations: &[i64]) {
    let shape = format!("({}, 1, 3)", deviations.len() / 3);
    let entries = deviations.iter().flat_map(|entry| bytes(entry + offset));
    let data: Vec<u8> = entries.collect();
    folder.write_bytes("x.npy", row_major(descr, &shape, &data));
}

/// The map of a file, computed by the command.
fn map(folder: &Folder, file: &str, options: &str) -> Tensor<f32> {
    folder.succeeds(&format!("cam {file} {options} -o map.npy"));
    folder.read_f32("map.npy")
}

/// Fails unless the three values of two maps differ by at most `bound`. Returns 3.
fn compare(map: &Tensor<f32>, expected: &Tensor<f32>, bound: f32, what: &str) -> usize {
    assert_eq!((map.data().len(), expected.data().len()), (3, 3), "{what}");
    for (value, expected) in map.data().iter().zip(expected.data()) {
        let difference = (value - expected).abs();
        assert!(difference <= bound, "{what}: {difference:e}");
    }
    3
}

#[test]
fn f64_is_read_without_a_note_and_integers_with_one() {
    let folder = Folder::new();
    let entries: Vec<i16> = (0..90).map(|i| (i * i + 3 * i) % 17).collect();
    let double: Vec<f64> = entries.iter().map(|&entry| entry.into()).collect();
    folder.write("double.npy", &[10, 3, 3], &double);
    let data: Vec<u8> = entries.iter().flat_map(|n| n.to_le_bytes()).collect();
    folder.write_bytes("integers.npy", row_major("<i2", "(10, 3, 3)", &data));
    let (_, errors) = folder.succeeds("cam double.npy -o a.npy");
    assert_eq!(errors, "");
    let (_, errors) = folder.succeeds("cam integers.npy -o b.npy");
    assert!(errors.contains("int16 entries were converted"), "{errors}");
    assert_eq!(folder.read_f32("a.npy"), folder.read_f32("b.npy"));
}

#[test]
fn an_offset_does_not_change_a_centred_map() {
    let folder = Folder::new();
    let negated: Vec<i64> = DEVIATIONS.iter().map(|entry| -entry).collect();
    // Three channels, and six, so that positions are the smaller side too.
    let six_channels = [&DEVIATIONS[..], &negated].concat();
    let mut compared = 0;
    for deviations in [&DEVIATIONS[..], &six_channels] {
        let without_offset: Vec<f64> = deviations.iter().map(|&entry| entry as f64).collect();
        let channels = deviations.len() / 3;
        folder.write("without.npy", &[channels, 1, 3], &without_offset);
        for weighting in [Weighting::EigenCam, Weighting::MultivecEigenCam] {
            let option = format!("--weighting {weighting}");
            let expected = map(&folder, "without.npy", &option);
            if (channels, weighting) == (3, Weighting::EigenCam) {
                assert_eq!(expected.data(), [0.0, 1.0, 0.0]);
            }
            for element in ELEMENTS {
                write(&folder, element, deviations);
                let map = map(&folder, "x.npy", &option);
                let what = format!("{} {weighting}", element.0);
                compared += compare(&map, &expected, 1e-6, &what);
            }
        }
    }
    assert_eq!(compared, 2 * 2 * 11 * 3);
}

#[test]
fn a_map_that_is_not_centred_equals_that_of_the_entries_in_f64() {
    let folder = Folder::new();
    let mut compared = 0;
    for element in ELEMENTS {
        let (descr, offset, _) = element;
        write(&folder, element, &DEVIATIONS);
        let double = DEVIATIONS.map(|entry| (entry + offset) as f64);
        folder.write("double.npy", &[3, 1, 3], &double);
        for weighting in Weighting::ALL {
            let options = format!("--no-centring --weighting {weighting}");
            let [map, expected] = ["x.npy", "double.npy"].map(|file| map(&folder, file, &options));
            compared += compare(&map, &expected, 1e-4, &format!("{descr} {weighting}"));
        }
    }
    assert_eq!(compared, 11 * 4 * 3);
}

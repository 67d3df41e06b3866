//! Files of HDF5, NetCDF-4, NIfTI and MATLAB, as the commands take them.

use std::fs;

#[cfg(feature = "hdf5")]
use crate::folder::notes;
use crate::folder::{Folder, refused, repository};

/// A folder with the sample files.
fn folder() -> Folder {
    let folder = Folder::new();
    for entry in fs::read_dir(repository("tests/data/inputs")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// The arrays of `values` in tests/interop/make_science.py have the shape 5×6×7 in these files.
const SAME_ARRAY: &[&str] = &[
    #[cfg(feature = "nifti")]
    "volume.nii",
    #[cfg(feature = "nifti")]
    "volume.nii.gz",
    #[cfg(feature = "matlab")]
    "one.mat",
    #[cfg(feature = "matlab")]
    "plain.mat:single",
    #[cfg(feature = "hdf5")]
    "latest.h5:/group/nested/data",
    #[cfg(feature = "hdf5")]
    "earliest.h5:group/nested/data",
    #[cfg(feature = "hdf5")]
    "version73.mat:x",
];

#[test]
fn every_format_gives_the_same_decomposition() {
    let folder = folder();
    let mut errors = Vec::new();
    for input in SAME_ARRAY {
        let object = folder.json(&format!("info {input}"));
        let file = &object["files"][0];
        assert_eq!(file["shape"], serde_json::json!([5, 6, 7]), "{input}");
        let object = folder.json(&format!("decompose {input} --ranks 2,3,3 -o x.npz"));
        errors.push(object["relative_error"].as_f64().unwrap());
        folder.succeeds(&format!("cam {input} -o map.npy"));
    }
    for (error, input) in errors.iter().zip(SAME_ARRAY) {
        // The entries are exact in f32. The errors differ by rounding alone.
        assert!((error - errors[0]).abs() < 1e-5, "{input}: {errors:?}");
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn datasets_are_listed_and_missing_data_are_noted() {
    let folder = folder();
    let (text, _) = folder.succeeds("info packed.nc");
    assert!(text.contains("  /group/packed  3×4×6 int16\n"), "{text}");
    let object = folder.json("info refused.h5");
    let members = object["files"][0]["members"].as_array().unwrap();
    let complex = members.iter().find(|m| m["name"] == "/complex").unwrap();
    let problem = complex["problem"].as_str().unwrap();
    assert!(
        problem.contains("tenfold decomposes real arrays"),
        "{problem}"
    );
    const MISSING: &str = "packed.nc:missing: 2 of 72 entries are _FillValue = -9999, which \
                           stands for missing data; they were read as numbers";
    for command in ["info", "decompose --ranks 1,1,1 -o x.npz", "cam -o map.npy"] {
        let object = folder.json(&format!("{command} packed.nc:missing"));
        assert!(notes(&object).contains(&MISSING), "{command}: {object}");
    }
    let object = folder.json("info packed.nc:/group/packed");
    assert_eq!(
        notes(&object)[0],
        "packed.nc:/group/packed: int16 entries were scaled: 0.01 · entry + 273.15"
    );
}

#[test]
fn messages_name_file_member_and_reason() {
    let folder = folder();
    let check = |arguments: &str, part: &str| {
        let message = refused(folder.tenfold(arguments).output().unwrap());
        assert!(message.contains(part), "{message}");
    };
    #[cfg(feature = "hdf5")]
    {
        check(
            "info earliest.h5:/group/data",
            "earliest.h5:/group/data: there is no array \"/group/data\", the nearest names are",
        );
        check(
            "info refused.h5:blosc",
            "refused.h5:blosc: the compression with the number 32001",
        );
        check(
            "decompose earliest.h5 --ranks 1 -o x.npz",
            "arrays, add a colon and the name of one",
        );
    }
    #[cfg(not(feature = "hdf5"))]
    check(
        "info earliest.h5",
        "earliest.h5: this is an HDF5 file (tenfold reads it if built with",
    );
    #[cfg(feature = "matlab")]
    check(
        "info plain.mat:complex",
        "plain.mat:complex: complex entries cannot be read",
    );
    #[cfg(feature = "nifti")]
    check(
        "info complex.nii",
        "complex.nii: complex64 entries cannot be read",
    );
    check("info classic.nc", "nccopy -k nc4");
    assert!(!folder.at("x.npz").exists());
}

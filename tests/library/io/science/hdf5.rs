//! HDF5 and NetCDF-4.

use tenfold::io::members;

use super::{SHAPE, check, described, entries, open, read, refusal, sample, scalar, values};

/// The files of the earliest and the latest version of the format.
const VERSIONS: [&str; 2] = ["earliest", "latest"];

#[test]
fn every_type_and_byte_order_is_read() {
    let codes = [
        "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8",
    ];
    for version in VERSIONS {
        let file = format!("{version}.h5");
        for code in codes {
            let expected = values(&[3, 4], !code.starts_with('u'));
            for order in ["", "_big"] {
                if order == "_big" && code.ends_with('1') {
                    continue;
                }
                let name = format!("/types/{code}{order}");
                check(&file, &name, &[3, 4], scalar(code), &expected);
                let is_converted = !["f4", "f8"].contains(&code);
                assert_eq!(described(&file, &name).note.is_some(), is_converted);
            }
        }
        let bools = values(&[3, 4], true);
        let bools: Vec<f64> = bools.iter().map(|&v| f64::from(v > 0.0)).collect();
        check(&file, "/types/bool", &[3, 4], "f32", &bools);
        assert_eq!(described(&file, "/types/bool").stored_dtype, "bool");
    }
}

#[test]
fn groups_and_links_are_followed() {
    for version in VERSIONS {
        let file = format!("{version}.h5");
        let expected = values(&SHAPE, true);
        for name in [
            "/group/nested/data",
            "group/nested/data",
            "/group/nested/the same",
            "/data",
        ] {
            check(&file, name, &SHAPE, "f32", &expected);
        }
        check(&file, "/unwritten", &[2, 3], "f32", &[7.0; 6]);
        // The link from a group to itself is not followed without end.
        let names: Vec<String> = members(sample(&file))
            .unwrap()
            .into_iter()
            .map(|member| member.name)
            .collect();
        let data = |name: &&String| name.ends_with("/data");
        assert_eq!(names.iter().filter(data).count(), 2, "{names:?}");
    }
}

#[test]
fn chunks_and_compressions_are_read() {
    let mut datasets = 0;
    for version in VERSIONS {
        let file = format!("chunked_{version}.h5");
        for member in members(sample(&file)).unwrap() {
            if member.name == "/partly" {
                continue;
            }
            let tensor = read(&file, &member.name);
            assert_eq!(tensor.shape(), SHAPE);
            assert_eq!(entries(&tensor), values(&SHAPE, true), "{}", member.name);
            datasets += 1;
        }
        // Chunks that were never written hold the fill value.
        let mut expected = vec![-1.0; values(&SHAPE, true).len()];
        expected[0] = 5.0;
        check(&file, "/partly", &SHAPE, "f32", &expected);
    }
    assert_eq!(datasets, 16);
}

#[test]
fn values_for_missing_data_are_named_where_they_occur() {
    let notes = |name: &str| -> Vec<String> {
        let file = open("packed.nc", name).unwrap();
        let missing = file.missing().to_vec();
        let tensor = file.read().unwrap();
        missing.iter().filter_map(|m| m.note(&tensor)).collect()
    };
    assert_eq!(notes("plain"), [""; 0]);
    assert_eq!(
        notes("missing"),
        [
            "2 of 72 entries are _FillValue = -9999, which stands for missing data; they were \
             read as numbers"
        ]
    );
    // The same value in two attributes gives one note.
    let file = open("dimensions.nc", "v").unwrap();
    let names: Vec<&str> = file.missing().iter().map(|m| &m.name[..]).collect();
    assert_eq!(names, ["_FillValue"]);
    // netCDF4 fills entries that were never written with a default value.
    let note = &notes("default")[0];
    assert!(
        note.starts_with("18 of 24 entries are the fill value = 9.96921e36,"),
        "{note}"
    );
    let note = &notes("group/packed")[0];
    assert!(
        note.starts_with("1 of 72 entries are _FillValue = -54.5"),
        "{note}"
    );
}

#[test]
fn values_are_scaled_as_the_cf_conventions_say() {
    let mut expected = values(&[3, 4, 6], true);
    expected[71] = -32768.0;
    let expected: Vec<f64> = expected.iter().map(|v| 0.01 * v + 273.15).collect();
    check("packed.nc", "/group/packed", &[3, 4, 6], "f64", &expected);
    let note = described("packed.nc", "/group/packed").note.unwrap();
    assert_eq!(note, "int16 entries were scaled: 0.01 · entry + 273.15");
    // Attributes of 32 bits give values of 32 bits.
    let expected: Vec<f64> = values(&[4, 6], true).iter().map(|v| 0.5 * v).collect();
    check("packed.nc", "/single", &[4, 6], "f32", &expected);
}

#[test]
fn integers_that_an_attribute_calls_unsigned_are_unsigned() {
    let expected = values(&[4, 6], true);
    let expected: Vec<f64> = expected.iter().map(|v| v.rem_euclid(256.0)).collect();
    check("packed.nc", "/unsigned", &[4, 6], "f32", &expected);
    assert_eq!(described("packed.nc", "/unsigned").stored_dtype, "uint8");
}

#[test]
fn matlab_files_of_version_7_3_are_read_as_matlab_shows_them() {
    check("version73.mat", "", &SHAPE, "f64", &values(&SHAPE, true));
}

#[test]
fn what_is_not_an_array_of_real_numbers_is_refused() {
    const NUMBERS: &str = "only bool, integers and floats of 8 to 64 bits";
    for (name, part) in [
        ("complex", "store the real and the imaginary part"),
        ("text", NUMBERS),
        ("texts", NUMBERS),
        ("records", NUMBERS),
        ("enumeration", "entries of type enumeration cannot be read"),
        ("scalar", "a tensor has 1 to 16 modes, this shape has 0"),
        ("null", "this dataset is empty"),
        ("lists", NUMBERS),
        ("references", NUMBERS),
        ("opaque", NUMBERS),
        ("bits", NUMBERS),
        ("twelve_bits", NUMBERS),
        (
            "seventeen_modes",
            "a tensor has 1 to 16 modes, this shape has 17",
        ),
        ("elsewhere", "there is no array"),
        ("dangling", "there is no array"),
        ("claims_much", "more than a file of"),
        ("external", "its entries in another file"),
        ("blosc", "the number 32001 (Blosc) cannot be read"),
    ] {
        let message = refusal("refused.h5", name);
        assert!(message.contains(part), "{name}: {message}");
    }
    let file = open("refused.h5", "no_entries").unwrap();
    assert_eq!(file.shape(), [0, 3]);
    check(
        "refused.h5",
        "bfloat16",
        &[3, 4],
        "f32",
        &values(&[3, 4], true),
    );
}

#[test]
fn datasets_are_listed_by_name_where_the_file_has_no_order() {
    for version in VERSIONS {
        let listed = members(sample(&format!("{version}.h5"))).unwrap();
        let names = listed.iter().map(|member| &member.name[..]);
        let names: Vec<&str> = names.filter(|name| name.starts_with("/types/")).collect();
        assert!(names.len() > 8 && names.is_sorted(), "{names:?}");
    }
}

#[test]
fn a_virtual_dataset_is_refused_and_hides_no_other() {
    const PROBLEM: &str =
        "this is a virtual dataset, with its entries in other files, which cannot be read";
    assert_eq!(refusal("virtual.h5", "/virtual"), PROBLEM);
    check("virtual.h5", "", &SHAPE, "f32", &values(&SHAPE, true));
    let many: Vec<String> = (0..20).map(|n| format!("/many/real {n}")).collect();
    let few: Vec<String> = (0..2).map(|n| format!("/few/real {n}")).collect();
    for (file, names) in [
        ("virtual.h5", &["/real".to_owned()][..]),
        ("virtual_latest.h5", &few),
        ("virtual_latest.h5", &many),
    ] {
        let group = &names[0][..names[0].rfind('/').unwrap()];
        let listed = members(sample(file)).unwrap().into_iter();
        let (readable, refused): (Vec<_>, Vec<_>) = listed
            .filter(|member| member.name.rsplit_once('/').unwrap().0 == group)
            .partition(|member| member.problem.is_none());
        let found: Vec<String> = readable.into_iter().map(|member| member.name).collect();
        assert_eq!(found, names, "{file}");
        let found: Vec<_> = refused.iter().map(|m| (&m.name, &m.problem)).collect();
        let virtual_one = format!("{group}/virtual");
        assert_eq!(found, [(&virtual_one, &Some(PROBLEM.to_owned()))], "{file}");
        let shape = described(file, &names[0]).shape;
        check(file, &names[0], &shape, "f32", &values(&shape, true));
    }
    for name in ["/few/inner/real", "/many/inner/real"] {
        check(
            "virtual_latest.h5",
            name,
            &[2, 3],
            "f32",
            &values(&[2, 3], true),
        );
        described("virtual_latest.h5", name);
    }
    assert_eq!(
        refusal("virtual.h5", "/rael"),
        "there is no array \"/rael\", the nearest names are \"/real\", \"/virtual\""
    );
}

#[test]
fn a_file_after_a_user_block_is_read() {
    check("user_block.h5", "", &SHAPE, "f32", &values(&SHAPE, true));
}

#[test]
fn dimensions_of_netcdf_without_coordinates_are_no_arrays() {
    let listed = members(sample("dimensions.nc")).unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    check("dimensions.nc", "", &[4, 6], "f32", &values(&[4, 6], true));
}

#[test]
fn a_netcdf_file_of_the_classic_format_is_named() {
    let message = refusal("classic.nc", "");
    assert!(message.contains("nccopy -k nc4"), "{message}");
}

/// Chunks that were never written hold the fill value, and a constant compresses to about a
/// thousandth.
#[test]
fn datasets_that_are_much_larger_than_their_file_are_read() {
    let bytes = std::fs::metadata(sample("sparse.h5")).unwrap().len();
    let in_block = |i: usize, j: usize| (20..40).contains(&i) && (40..60).contains(&j);
    let partly = |i: usize, j: usize| match in_block(i, j) {
        true => (20 * (i - 20) + j - 40) as f64,
        false => 2.5,
    };
    let all = |(rows, columns): (usize, usize), entry: &dyn Fn(usize, usize) -> f64| {
        let positions = (0..rows * columns).map(|at| (at / columns, at % columns));
        positions.map(|(i, j)| entry(i, j)).collect::<Vec<f64>>()
    };
    let expected = all((1500, 1500), &partly);
    assert!(8 * expected.len() as u64 > 1032 * bytes);
    check("sparse.h5", "partly", &[1500, 1500], "f64", &expected);
    let expected = all((500, 1000), &|_, _| -1.0);
    check("sparse.h5", "unwritten", &[500, 1000], "f32", &expected);
    let expected = all((1000, 500), &|_, _| 7.0);
    check("sparse.h5", "constant", &[1000, 500], "f32", &expected);
}

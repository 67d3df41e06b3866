//! `tenfold cam`: the maps that it writes as arrays, its options, and what it refuses.
//! `cam_pictures` has the pictures, `cam_element_types` the types of elements.

use std::fs;

use serde_json::json;
use tenfold::Tensor;
use tenfold::cam::{Cam, Sign, Weighting, colorize, normalize, resize};
use tenfold::io::read_image;

use crate::folder::{Folder, notes, repository};

/// The library's map of the sample's features.
pub(crate) fn map_of_sample(folder: &Folder, cam: &Cam) -> Tensor<f32> {
    let features = folder.read_f32("chelsea.npy");
    cam.saliency_map(&features).unwrap().into_values()
}

/// max |xᵢ − yᵢ|.
fn largest_difference(x: &Tensor<f32>, y: &Tensor<f32>) -> f32 {
    assert_eq!(x.shape(), y.shape());
    let pairs = x.data().iter().zip(y.data());
    pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

#[test]
fn an_array_holds_the_map_of_the_library() {
    let folder = Folder::with_sample();
    for weighting in Weighting::ALL {
        folder.succeeds(&format!(
            "cam chelsea.npy --weighting {weighting} -o map.npy"
        ));
        let expected = map_of_sample(&folder, &Cam::new(weighting));
        assert_eq!(folder.read_f32("map.npy"), expected);
    }
    let map = map_of_sample(&folder, &Cam::new(Weighting::Mtsm));
    let resized = resize(&map, 30, 20).unwrap();
    folder.succeeds("cam chelsea.npy --size 30x20 -o map.npy");
    assert_eq!(folder.read_f32("map.npy"), resized);
    folder.succeeds("cam chelsea.npy --size 30x20 --stretch -o map.npy");
    assert_eq!(folder.read_f32("map.npy"), normalize(&resized).unwrap());
}

#[test]
fn all_four_maps_go_into_one_array() {
    let folder = Folder::with_sample();
    folder.succeeds("cam chelsea.npy --weighting all -o all.npy");
    let maps = folder.read_f32("all.npy");
    assert_eq!(maps.shape(), [4, 7, 7]);
    for (map, weighting) in maps.data().chunks(49).zip(Weighting::ALL) {
        let expected = map_of_sample(&folder, &Cam::new(weighting));
        assert_eq!(map, expected.data());
    }
}

#[test]
fn an_output_folder_gets_a_picture_and_an_array_of_each_map() {
    let folder = Folder::with_sample();
    let early = repository("tests/data/cam/chelsea.early.npy");
    fs::copy(early, folder.at("early.npy")).unwrap();
    let report = folder.json("cam chelsea.npy early.npy --weighting all -o maps");
    assert_eq!(report["maps"].as_array().unwrap().len(), 8);
    assert_eq!(report["maps"][7]["shape"], json!([14, 14]));
    for file in report["outputs"].as_array().unwrap() {
        assert!(folder.at(file.as_str().unwrap()).is_file());
    }
    assert_eq!(fs::read_dir(folder.at("maps")).unwrap().count(), 16);
    let map = folder.read_f32("maps/chelsea.tsm.npy");
    assert_eq!(map, map_of_sample(&folder, &Cam::new(Weighting::Tsm)));
    // A picture is 32 times as high and wide as its map.
    let picture = read_image(folder.at("maps/chelsea.tsm.png")).unwrap();
    let enlarged = resize(&map, 224, 224).unwrap();
    assert_eq!(picture, colorize(&enlarged, Default::default()).unwrap());
}

#[test]
fn a_batch_gives_the_map_of_each_item_on_any_number_of_threads() {
    let folder = Folder::with_sample();
    let features = folder.read_f32("chelsea.npy");
    let mut entries = features.data().to_vec();
    entries.extend(features.data().iter().map(|entry| (3.0 - entry).max(0.0)));
    folder.write("batch.npy", &[2, 1280, 7, 7], &entries);
    let reports = [1, 2]
        .map(|threads| folder.json(&format!("cam batch.npy -o maps.npy --threads {threads}")));
    assert_eq!(reports[0]["maps"], reports[1]["maps"]);
    assert_eq!(reports[0]["maps"][1]["item"], 1);
    let maps = folder.read_f32("maps.npy");
    assert_eq!(maps.shape(), [2, 7, 7]);
    let first = map_of_sample(&folder, &Cam::new(Weighting::Mtsm));
    assert_eq!(&maps.data()[..49], first.data());
}

#[test]
fn constant_and_degenerate_maps_are_reported() {
    let folder = Folder::new();
    folder.write("constant.npy", &[4, 3, 3], &[0.1f32; 36]);
    let report = folder.json("cam constant.npy -o map.npy");
    assert_eq!(report["maps"][0]["status"], "constant");
    let note = notes(&report)[0];
    assert!(note.contains("the map is zero"), "{note}");
    assert_eq!(folder.read_f32("map.npy").data(), [0.0; 9]);

    // Two channels with equal singular values.
    let mut twins = [0.0f64; 8];
    (twins[0], twins[5]) = (2.0, 2.0);
    folder.write("twins.npy", &[2, 2, 2], &twins);
    let report = folder.json("cam twins.npy --weighting tsm -o map.npy");
    assert_eq!(report["maps"][0]["status"], "degenerate");
}

/// Each case changes one option, and each map differs from all others, so that no option is
/// ignored.
#[test]
fn options_reach_the_library() {
    let folder = Folder::with_sample();
    let eigen_cam = Cam::new(Weighting::EigenCam);
    let mtsm = Cam::new(Weighting::Mtsm);
    let mut maps: Vec<Tensor<f32>> = Vec::new();
    for (options, cam) in [
        ("--weighting eigen-cam", eigen_cam.clone()),
        (
            "--weighting eigen-cam --sign negative",
            Cam {
                sign: Some(Sign::Negative),
                ..eigen_cam.clone()
            },
        ),
        (
            "--weighting eigen-cam --sign absolute",
            Cam {
                sign: Some(Sign::Absolute),
                ..eigen_cam.clone()
            },
        ),
        (
            "--weighting eigen-cam --no-centring",
            Cam {
                centring: Some(false),
                ..eigen_cam
            },
        ),
        ("--weighting mtsm", mtsm.clone()),
        (
            "--weighting mtsm --centring",
            Cam {
                centring: Some(true),
                ..mtsm.clone()
            },
        ),
        (
            "--weighting mtsm --ranks 5,4,3",
            Cam {
                ranks: Some(vec![5, 4, 3]),
                ..mtsm
            },
        ),
    ] {
        folder.succeeds(&format!("cam chelsea.npy -o map.npy {options}"));
        let map = folder.read_f32("map.npy");
        assert_eq!(map, map_of_sample(&folder, &cam), "{options}");
        assert!(!maps.contains(&map), "{options}");
        maps.push(map);
    }
}

#[test]
fn eigen_cam_without_centring_is_tsm() {
    let folder = Folder::with_sample();
    folder.succeeds("cam chelsea.npy --weighting eigen-cam --no-centring -o map.npy");
    let tsm = map_of_sample(&folder, &Cam::new(Weighting::Tsm));
    // The features are non-negative, so that the signs agree.
    assert!(largest_difference(&folder.read_f32("map.npy"), &tsm) < 1e-6);
}

#[test]
fn ranks_below_full_change_the_map() {
    let folder = Folder::with_sample();
    folder.succeeds("cam chelsea.npy --ranks 6,3,3 -o map.npy");
    let map = folder.read_f32("map.npy");
    let mtsm = Cam::new(Weighting::Mtsm);
    let truncated = Cam {
        ranks: Some(vec![6, 3, 3]),
        ..mtsm.clone()
    };
    assert_eq!(map, map_of_sample(&folder, &truncated));
    assert!(largest_difference(&map, &map_of_sample(&folder, &mtsm)) > 1e-3);
}

#[test]
fn bad_features_are_refused() {
    let folder = Folder::new();
    folder.write("line.npy", &[5], &[1.0f32; 5]);
    folder.write("five.npy", &[1, 2, 1, 2, 1], &[1.0f32; 4]);
    folder.write::<f32>("empty.npy", &[5, 0, 4], &[]);
    let mut entries = [1.0f64; 12];
    entries[7] = f64::NAN;
    folder.write("nan.npy", &[3, 2, 2], &entries);
    fs::copy(repository("examples/chelsea.png"), folder.at("chelsea.png")).unwrap();
    for (file, message) in [
        ("line.npy", "shape 5 has too few modes"),
        ("five.npy", "shape 1×2×1×2×1 has too many modes"),
        ("empty.npy", "has no entries"),
        ("nan.npy", "the entry at [1, 1, 1] is NaN"),
        ("no-such.npy", "there is no such file"),
        (
            "chelsea.png",
            "this is a PNG, an array file (such as .npy) was expected",
        ),
    ] {
        let line = folder.refusal(&format!("cam {file} -o out.png"));
        assert!(line.contains(message), "{file}: {line}");
    }
}

#[test]
fn bad_options_are_refused() {
    let folder = Folder::with_sample();
    folder.write_bytes("text.toml", "a = 1\n");
    for (options, message) in [
        (
            "-o out.png --image text.toml",
            "this is a text file, a PNG, JPEG, WebP, BMP or TIFF was expected",
        ),
        ("-o out.png --image no-such.png", "no-such.png"),
        ("-o out.png --ranks 5,0,7", "the rank of mode 1 is 0"),
        ("-o out.png --ranks 5,5", "ranks has 2 entries"),
        (
            "-o out.png --ranks 1,1,1 --weighting eigen-cam",
            "has no ranks",
        ),
        ("-o out.png --weighting gradcam", "there is no weighting"),
        ("-o out.png --colormap rainbow", "there is no colour map"),
        ("-o out.png --size 224", "is not a size"),
        ("-o out.png --size 0x9", "at least 1"),
        ("-o out.png --size 99999999x99999999", "is more than"),
        ("-o out.png --alpha -1", "between 0 and 1"),
        ("-o no/such/out.png", "does not exist"),
        ("-o out.jpg", "a .png, a .npy or a folder"),
        ("-o text.toml", "a .png, a .npy or a folder"),
        ("chelsea.npy -o two.npy", "several files"),
        ("chelsea.npy -o two", "another file has the same name"),
    ] {
        let line = folder.refusal(&format!("cam chelsea.npy --quiet {options}"));
        assert!(line.contains(message), "{options}: {line}");
    }
}

//! The commands `cam` and `evaluate`, driven as their users drive them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tenfold::cam::{Cam, Colormap, Overlay, Sign, Weighting, colorize, normalize, resize};
use tenfold::io::{AnyTensor, RgbImage, read_image, read_npy, write_npy, write_png};
use tenfold::{Tensor, TensorRef};

fn tenfold(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the command, which must succeed: standard output and standard error.
fn succeeds(arguments: &[&str]) -> (String, String) {
    let output = tenfold(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    (String::from_utf8(output.stdout).unwrap(), errors)
}

/// The one JSON object that the command prints.
fn json(arguments: &[&str]) -> Value {
    let (text, _) = succeeds(&[arguments, &["--json"]].concat());
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The one line of a command that must fail with status 2 and print no result.
fn refusal(arguments: &[&str]) -> String {
    let output = tenfold(&[arguments, &["--quiet"]].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(errors.lines().count(), 1, "{arguments:?}: {errors}");
    errors.trim_end().to_owned()
}

const FEATURES: &str = "examples/chelsea.npy";
const PHOTOGRAPH: &str = "examples/chelsea.png";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn single(file: impl AsRef<Path>) -> Tensor<f32> {
    match read_npy(file).unwrap() {
        AnyTensor::F32(x) => x,
        AnyTensor::F64(_) => panic!("f32 was expected"),
    }
}

fn sample_map(weighting: Weighting) -> Tensor<f32> {
    let features = single(path(FEATURES));
    Cam::new(weighting)
        .saliency_map(&features)
        .unwrap()
        .into_values()
}

/// A folder, and the names of files in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn with<T: tenfold::Scalar>(&self, name: &str, shape: &[usize], entries: &[T]) -> String {
        let file = self.file(name);
        write_npy(&file, TensorRef::new(shape, entries).unwrap()).unwrap();
        file
    }

    /// What lies in the folder, sorted.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn an_array_holds_the_map_of_the_library() {
    let folder = Folder::new();
    let out = folder.file("map.npy");
    for weighting in Weighting::ALL {
        succeeds(&["cam", FEATURES, "--weighting", weighting.name(), "-o", &out]);
        assert_eq!(single(&out), sample_map(weighting));
    }
    succeeds(&["cam", FEATURES, "--size", "30x20", "-o", &out]);
    let resized = resize(&sample_map(Weighting::Mtsm), 30, 20).unwrap();
    assert_eq!(single(&out), resized);
    succeeds(&["cam", FEATURES, "--size", "30x20", "--stretch", "-o", &out]);
    assert_eq!(single(&out), normalize(&resized).unwrap());
}

#[test]
fn all_four_go_into_one_array_or_one_picture() {
    let folder = Folder::new();
    let array = folder.file("all.npy");
    succeeds(&["cam", FEATURES, "--weighting", "all", "-o", &array]);
    let maps = single(&array);
    assert_eq!(maps.shape(), [4, 7, 7]);
    for (map, weighting) in maps.data().chunks(49).zip(Weighting::ALL) {
        assert_eq!(map, sample_map(weighting).data());
    }

    let out = folder.file("all.png");
    succeeds(&[
        "cam",
        FEATURES,
        "--image",
        PHOTOGRAPH,
        "--weighting",
        "all",
        "-o",
        &out,
    ]);
    let picture = read_image(&out).unwrap();
    let photograph = read_image(path(PHOTOGRAPH)).unwrap();
    let gap = (picture.width() - 4 * photograph.width()) / 3;
    assert_eq!(picture.height(), photograph.height());
    for (i, weighting) in (0..).zip(Weighting::ALL) {
        let overlay = Overlay::default()
            .draw(&sample_map(weighting), &photograph)
            .unwrap();
        let left = i * (photograph.width() + gap);
        for (x, y, pixel) in overlay.enumerate_pixels() {
            assert_eq!(picture.get_pixel(left + x, y), pixel);
        }
    }
}

#[test]
fn a_folder_takes_a_picture_and_an_array_of_each() {
    let folder = Folder::new();
    let out = folder.file("maps");
    let early = "tests/data/cam/chelsea.early.npy";
    let report = json(&["cam", FEATURES, early, "--weighting", "all", "-o", &out]);
    assert_eq!(report["maps"].as_array().unwrap().len(), 8);
    assert_eq!(report["maps"][7]["shape"], serde_json::json!([14, 14]));
    for file in report["outputs"].as_array().unwrap() {
        assert!(Path::new(file.as_str().unwrap()).is_file());
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), 16);
    let map = single(Path::new(&out).join("chelsea.tsm.npy"));
    assert_eq!(map, sample_map(Weighting::Tsm));
    // Enlarged thirty-two times, to 224.
    let picture = read_image(Path::new(&out).join("chelsea.tsm.png")).unwrap();
    let enlarged = resize(&map, 224, 224).unwrap();
    assert_eq!(picture, colorize(&enlarged, Default::default()).unwrap());
}

#[test]
fn a_batch_is_as_its_items() {
    let folder = Folder::new();
    let features = single(path(FEATURES));
    let mut entries = features.data().to_vec();
    entries.extend(features.data().iter().map(|entry| (3.0 - entry).max(0.0)));
    let batch = folder.with("batch.npy", &[2, 1280, 7, 7], &entries);
    let out = folder.file("maps.npy");
    let reports: Vec<Value> = ["1", "2"]
        .iter()
        .map(|threads| json(&["cam", &batch, "-o", &out, "--threads", threads]))
        .collect();
    assert_eq!(reports[0]["maps"], reports[1]["maps"]);
    assert_eq!(reports[0]["maps"][1]["item"], 1);
    let maps = single(&out);
    assert_eq!(maps.shape(), [2, 7, 7]);
    assert_eq!(&maps.data()[..49], sample_map(Weighting::Mtsm).data());

    // Two rows of pictures.
    let picture = folder.file("maps.png");
    succeeds(&["cam", &batch, "--size", "10x20", "-o", &picture]);
    let picture = read_image(&picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (20, 24));
}

#[test]
fn other_types_are_converted_with_a_note() {
    let folder = Folder::new();
    let entries: Vec<f64> = (0..90).map(|i| f64::from((i * i + 3 * i) % 17)).collect();
    let double = folder.with("double.npy", &[10, 3, 3], &entries);
    // The same numbers as int16, written by hand.
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (10, 3, 3), }";
    bytes.extend(format!("{header:<117}\n").as_bytes());
    for entry in &entries {
        bytes.extend((*entry as i16).to_le_bytes());
    }
    let integers = folder.file("integers.npy");
    fs::write(&integers, bytes).unwrap();

    let (a, b) = (folder.file("a.npy"), folder.file("b.npy"));
    let (_, silent) = succeeds(&["cam", &double, "-o", &a]);
    assert_eq!(silent, "");
    let (_, note) = succeeds(&["cam", &integers, "-o", &b]);
    assert!(note.contains("int16 entries were converted"), "{note}");
    assert_eq!(single(&a), single(&b));
}

/// Bytes of a `.npy` file of 3 or 6 channels at 1×3 positions, little-endian.
fn numpy_file(descr: &str, channels: usize, entries: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({channels}, 1, 3), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").as_bytes());
    bytes.extend(entries.flatten());
    bytes
}

/// An element type of NumPy, an offset near the end of the integers that it holds
/// exactly, and the bytes of an integer.
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
    // 1024 ≤ n < 2048: the ten digits after the first are those of the integer.
    ("<f2", 1_500, |n| {
        (0x6400 + n as u16 - 1024).to_le_bytes().to_vec()
    }),
];

#[test]
fn offsets_of_every_element_type_leave_the_centred_map() {
    let folder = Folder::new();
    let (file, out) = (folder.file("x.npy"), folder.file("map.npy"));
    let deviations = [2, 0, 1, 0, 3, 1, 1, 1, -2];
    let mut compared = 0;
    for channels in [3, 6] {
        // Six channels: those three with either sign, and a side of positions.
        let entries = (0..3 * channels).map(|k| deviations[k % 9] * if k < 9 { 1 } else { -1 });
        let entries: Vec<i64> = entries.collect();
        for weighting in ["eigen-cam", "multivec-eigen-cam"] {
            let without: Vec<f64> = entries.iter().map(|&entry| entry as f64).collect();
            let without = folder.with("without.npy", &[channels, 1, 3], &without);
            succeeds(&["cam", &without, "--weighting", weighting, "-o", &out]);
            let expected = single(&out);
            if (channels, weighting) == (3, "eigen-cam") {
                assert_eq!(expected.data(), [0.0, 1.0, 0.0]);
            }
            for (descr, offset, bytes) in ELEMENTS {
                let entries = entries.iter().map(|entry| bytes(entry + offset));
                fs::write(&file, numpy_file(descr, channels, entries)).unwrap();
                succeeds(&["cam", &file, "--weighting", weighting, "-o", &out]);
                for (value, expected) in single(&out).data().iter().zip(expected.data()) {
                    let difference = (value - expected).abs();
                    assert!(difference <= 1e-6, "{descr} {weighting}: {difference:e}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 2 * 2 * 11 * 3);
}

#[test]
fn uncentred_maps_are_those_of_the_same_entries_in_f64() {
    let folder = Folder::new();
    let (file, out) = (folder.file("x.npy"), folder.file("map.npy"));
    let deviations = [2, 0, 1, 0, 3, 1, 1, 1, -2];
    let mut compared = 0;
    for (descr, offset, bytes) in ELEMENTS {
        let entries = || deviations.iter().map(|entry| entry + offset);
        fs::write(&file, numpy_file(descr, 3, entries().map(bytes))).unwrap();
        let double: Vec<f64> = entries().map(|entry| entry as f64).collect();
        let double = folder.with("double.npy", &[3, 1, 3], &double);
        for weighting in Weighting::ALL.map(Weighting::name) {
            let arguments = ["--no-centring", "--weighting", weighting, "-o", &out];
            let [map, expected] = [&file, &double].map(|file| {
                succeeds(&[&["cam", file][..], &arguments].concat());
                single(&out)
            });
            for (value, expected) in map.data().iter().zip(expected.data()) {
                let difference = (value - expected).abs();
                assert!(difference <= 1e-4, "{descr} {weighting}: {difference:e}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 11 * 4 * 3);
}

#[test]
fn what_means_little_is_noted() {
    let folder = Folder::new();
    let constant = folder.with("constant.npy", &[4, 3, 3], &[0.1f32; 36]);
    let out = folder.file("map.npy");
    let report = json(&["cam", &constant, "-o", &out]);
    assert_eq!(report["maps"][0]["status"], "constant");
    let note = report["notes"][0].as_str().unwrap();
    assert!(note.contains("the map is zero"), "{note}");
    assert_eq!(single(&out).data(), [0.0; 9]);

    let mut twins = [0.0f64; 8];
    (twins[0], twins[5]) = (2.0, 2.0);
    let twins = folder.with("twins.npy", &[2, 2, 2], &twins);
    let report = json(&["cam", &twins, "--weighting", "tsm", "-o", &out]);
    assert_eq!(report["maps"][0]["status"], "degenerate");
}

#[test]
fn options_reach_the_library() {
    let folder = Folder::new();
    let out = folder.file("map.npy");
    succeeds(&[
        "cam",
        FEATURES,
        "--weighting",
        "eigen-cam",
        "--no-centring",
        "-o",
        &out,
    ]);
    let difference = |x: &Tensor<f32>, y: &Tensor<f32>| {
        let pairs = x.data().iter().zip(y.data());
        pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
    };
    // Without centring EigenCAM of non-negative features is TSM.
    assert!(difference(&single(&out), &sample_map(Weighting::Tsm)) < 1e-6);
    succeeds(&["cam", FEATURES, "--ranks", "6,3,3", "-o", &out]);
    let ranks = Cam {
        ranks: Some(vec![6, 3, 3]),
        ..Cam::new(Weighting::Mtsm)
    };
    let expected = ranks.saliency_map(&single(path(FEATURES))).unwrap();
    assert_eq!(&single(&out), expected.values());
    assert!(difference(&single(&out), &sample_map(Weighting::Mtsm)) > 1e-3);
}

/// Each option of the map alone, on the command line and in the library.
#[test]
fn options_of_a_map_reach_the_library() {
    let folder = Folder::new();
    let out = folder.file("map.npy");
    let features = single(path(FEATURES));
    let mut maps: Vec<Vec<f32>> = Vec::new();
    for (options, cam) in [
        ("--weighting eigen-cam", Cam::new(Weighting::EigenCam)),
        (
            "--weighting eigen-cam --sign negative",
            Cam {
                sign: Some(Sign::Negative),
                ..Cam::new(Weighting::EigenCam)
            },
        ),
        (
            "--weighting eigen-cam --sign absolute",
            Cam {
                sign: Some(Sign::Absolute),
                ..Cam::new(Weighting::EigenCam)
            },
        ),
        (
            "--weighting eigen-cam --no-centring",
            Cam {
                centring: Some(false),
                ..Cam::new(Weighting::EigenCam)
            },
        ),
        ("--weighting mtsm", Cam::new(Weighting::Mtsm)),
        (
            "--weighting mtsm --centring",
            Cam {
                centring: Some(true),
                ..Cam::new(Weighting::Mtsm)
            },
        ),
        (
            "--weighting mtsm --ranks 5,4,3",
            Cam {
                ranks: Some(vec![5, 4, 3]),
                ..Cam::new(Weighting::Mtsm)
            },
        ),
    ] {
        let options: Vec<&str> = options.split(' ').collect();
        succeeds(&[&["cam", FEATURES, "-o", &out], &options[..]].concat());
        let map = single(&out);
        assert_eq!(
            &map,
            cam.saliency_map(&features).unwrap().values(),
            "{options:?}"
        );
        assert!(!maps.contains(&map.data().to_vec()), "{options:?}");
        maps.push(map.into_data());
    }
}

/// Each option of the picture alone.
#[test]
fn options_of_a_picture_reach_the_library() {
    let folder = Folder::new();
    let out = folder.file("map.png");
    let (map, photograph) = (
        sample_map(Weighting::Mtsm),
        read_image(path(PHOTOGRAPH)).unwrap(),
    );
    for colormap in Colormap::ALL {
        let name = colormap.name();
        succeeds(&[
            "cam",
            FEATURES,
            "--size",
            "30x20",
            "--colormap",
            name,
            "-o",
            &out,
        ]);
        let expected = colorize(&resize(&map, 30, 20).unwrap(), colormap).unwrap();
        assert_eq!(read_image(&out).unwrap(), expected, "{name}");
    }
    for (alpha, overlay) in [
        (None, Overlay::default()),
        (
            Some("0.25"),
            Overlay {
                alpha: 0.25,
                ..Overlay::default()
            },
        ),
        (
            Some("1"),
            Overlay {
                alpha: 1.0,
                ..Overlay::default()
            },
        ),
    ] {
        let options: Vec<&str> = alpha.iter().flat_map(|alpha| ["--alpha", alpha]).collect();
        let command = ["cam", FEATURES, "--image", PHOTOGRAPH, "-o", &out];
        succeeds(&[&command[..], &options].concat());
        assert_eq!(
            read_image(&out).unwrap(),
            overlay.draw(&map, &photograph).unwrap()
        );
    }
}

/// A photograph of one colour keeps it at every size.
#[test]
fn a_photograph_at_another_size_keeps_its_colours() {
    let folder = Folder::new();
    let (photograph, out) = (folder.file("photograph.png"), folder.file("out.png"));
    let colour = [200, 100, 10];
    write_png(&photograph, &RgbImage::from_pixel(9, 7, colour.into())).unwrap();
    let options = ["--size", "30x20", "--alpha", "0", "-o", &out];
    succeeds(&[&["cam", FEATURES, "--image", &photograph][..], &options].concat());
    let picture = read_image(&out).unwrap();
    assert_eq!((picture.height(), picture.width()), (30, 20));
    assert!(picture.pixels().all(|pixel| pixel.0 == colour));
}

/// The pictures of a batch stand below each other, each in its place; the report names the
/// peak of each.
#[test]
fn the_pictures_of_a_batch_stand_in_rows() {
    let folder = Folder::new();
    // One channel: the map is the feature map. The peaks are at (0, 2) and (1, 0).
    let entries = [
        0.0f32, 1.0, 3.0, 1.0, 0.0, 2.0, 0.0, 1.0, 2.0, 4.0, 1.0, 0.0,
    ];
    let batch = folder.with("batch.npy", &[2, 1, 2, 3], &entries);
    let out = folder.file("out.png");
    let report = json(&["cam", &batch, "--size", "2x3", "-o", &out]);
    assert_eq!(report["maps"][0]["peak"], serde_json::json!([0, 2]));
    assert_eq!(report["maps"][1]["peak"], serde_json::json!([1, 0]));
    let picture = read_image(&out).unwrap();
    let gap = picture.height() - 4;
    for (top, entries) in [(0, &entries[..6]), (2 + gap, &entries[6..])] {
        let map = normalize(TensorRef::new(&[2, 3], entries).unwrap()).unwrap();
        let expected = colorize(&map, Colormap::default()).unwrap();
        for (x, y, pixel) in expected.enumerate_pixels() {
            assert_eq!(picture.get_pixel(x, top + y), pixel, "{top}: {x}, {y}");
        }
    }
}

#[test]
fn bad_input_is_refused_in_one_line() {
    let folder = Folder::new();
    let out = folder.file("out.png");
    let line = folder.with("line.npy", &[5], &[1.0f32; 5]);
    let matrix = folder.with("matrix.npy", &[5, 4], &[1.0f32; 20]);
    let five = folder.with("five.npy", &[1, 2, 1, 2, 1], &[1.0f32; 4]);
    let empty = folder.with::<f32>("empty.npy", &[5, 0, 4], &[]);
    let mut entries = [1.0f64; 12];
    entries[7] = f64::NAN;
    let nan = folder.with("nan.npy", &[3, 2, 2], &entries);
    let nowhere = folder.file("no/such/out.png");
    let jpeg = folder.file("out.jpg");
    let before = folder.names();

    let cases: &[(&[&str], &str)] = &[
        (&[&line], "shape 5 has too few modes"),
        (&[&matrix], "shape 5×4 has too few modes"),
        (&[&five], "shape 1×2×1×2×1 has too many modes"),
        (&[&empty], "has no entries"),
        (&[&nan], "the entry at [1, 1, 1] is NaN"),
        (&["no-such.npy"], "there is no such file"),
        (&[PHOTOGRAPH], "this is a PNG, a .npy file was expected"),
        (
            &[FEATURES, "--image", "Cargo.toml"],
            "this is a text file, a PNG or JPEG was expected",
        ),
        (&[FEATURES, "--image", "no-such.png"], "no-such.png"),
        (&[FEATURES, "--ranks", "50,7,7"], "above 49, the product"),
        (&[FEATURES, "--ranks", "5,8,7"], "above its extent 7"),
        (&[FEATURES, "--ranks", "5,0,7"], "the rank of mode 1 is 0"),
        (&[FEATURES, "--ranks", "5,5"], "ranks has 2 entries"),
        (
            &[FEATURES, "--ranks", "1,1,1", "--weighting", "eigen-cam"],
            "has no ranks",
        ),
        (
            &[FEATURES, "--weighting", "gradcam"],
            "there is no weighting",
        ),
        (
            &[FEATURES, "--colormap", "rainbow"],
            "there is no colour map",
        ),
        (&[FEATURES, "--size", "224"], "is not a size"),
        (&[FEATURES, "--size", "0x9"], "at least 1"),
        (&[FEATURES, "--size", "99999999x99999999"], "is more than"),
        (&[FEATURES, "--alpha", "-1"], "between 0 and 1"),
        (&[FEATURES, "-o", &nowhere], "does not exist"),
        (&[FEATURES, "-o", &jpeg], "a .png, a .npy or a folder"),
        (
            &[FEATURES, "-o", "Cargo.toml"],
            "a .png, a .npy or a folder",
        ),
        (
            &[FEATURES, FEATURES, "-o", &folder.file("two.npy")],
            "several files",
        ),
        (
            &[FEATURES, FEATURES, "-o", &folder.file("two")],
            "another file has the same name",
        ),
    ];
    for (arguments, expected) in cases {
        let output: &[&str] = if arguments.contains(&"-o") {
            &[]
        } else {
            &["-o", &out]
        };
        let message = refusal(&[&["cam"], *arguments, output].concat());
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    assert_eq!(folder.names(), before, "something was left behind");
}

#[test]
fn evaluate_prints_the_metrics_of_the_arrays() {
    let folder = Folder::new();
    let p = folder.with("p.npy", &[2], &[0.5, 0.4]);
    let o = folder.with("o.npy", &[2], &[0.25, 0.8]);
    let z = folder.with("z.npy", &[2, 2], &[0.0f32, 0.0, 1.0, 1.0]);
    let y = folder.with("y.npy", &[2, 2], &[3.0f32, 4.0, 1.0, 2.0]);
    let report = json(&[
        "evaluate",
        "--probabilities",
        &p,
        "--masked-probabilities",
        &o,
        "--embeddings",
        &z,
        "--masked-embeddings",
        &y,
        "--maps",
        "tests/data/cam/chelsea.last.mtsm.published224.npy",
        "--masks",
        "tests/data/cam/mask224.npy",
    ]);
    assert_eq!(report["average_drop_percent"], 25.0);
    assert_eq!(report["average_increase_percent"], 50.0);
    assert_eq!(report["embedding_mse"], 13.0);
    let manifest = fs::read_to_string(path("tests/data/cam/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let sweep = report["mean_iou"].as_array().unwrap();
    assert_eq!(sweep.len(), 6);
    for entry in sweep {
        let threshold = entry["threshold"].to_string();
        let expected = manifest["iou"]["at_threshold"][threshold].as_f64().unwrap();
        assert!((entry["mean_iou"].as_f64().unwrap() - expected).abs() < 1e-12);
    }
}

#[test]
fn evaluate_resizes_maps_to_their_masks() {
    let folder = Folder::new();
    let maps = folder.with("maps.npy", &[2, 1, 2], &[0.0, 1.0, 1.0, 0.0]);
    let mask = [0.0f32, 0.0, 1.0, 1.0];
    let masks = folder.with("masks.npy", &[2, 1, 4], &[mask, mask].concat());
    let arguments = ["evaluate", "--maps", &maps, "--masks", &masks];
    let report = json(&[&arguments[..], &["--thresholds", "0.5,0.8"]].concat());
    // 0, 0.25, 0.75, 1 and its mirror: full and no agreement, then half and none.
    assert_eq!(report["mean_iou"][0]["mean_iou"], 0.5);
    assert_eq!(report["mean_iou"][1]["mean_iou"], 0.25);
}

#[test]
fn evaluate_refuses_what_does_not_fit() {
    let folder = Folder::new();
    let p = folder.with("p.npy", &[2], &[0.5, 0.4]);
    let three = folder.with("three.npy", &[3], &[0.5, 0.4, 0.1]);
    let beyond = folder.with("beyond.npy", &[2], &[0.5, 1.4]);
    let maps = folder.with("maps.npy", &[2, 1, 2], &[0.0, 1.0, 1.0, 0.0]);
    let nan = folder.with("nan.npy", &[2, 1, 2], &[0.0, 1.0, f64::NAN, 0.0]);
    let masks = folder.with("masks.npy", &[3, 1, 2], &[1.0; 6]);
    let cases: &[(&[&str], &str)] = &[
        (&[], "required"),
        (&["--probabilities", &p], "--masked-probabilities"),
        (
            &["--probabilities", &p, "--masked-probabilities", &three],
            "shape 2 was expected, not 3",
        ),
        (
            &["--probabilities", &p, "--masked-probabilities", &beyond],
            "the entry at [1] is 1.4, a probability must be between 0 and 1",
        ),
        (
            &["--embeddings", &p, "--masked-embeddings", &p],
            "modes are needed",
        ),
        (
            &["--maps", &maps, "--masks", &masks],
            "shape 3×1×2 was expected",
        ),
        (&["--maps", &nan, "--masks", &maps], "NaN"),
        (
            &["--maps", &maps, "--masks", &maps, "--thresholds", "1.5"],
            "--thresholds is 1.5",
        ),
    ];
    for (arguments, expected) in cases {
        let message = refusal(&[&["evaluate"], *arguments].concat());
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

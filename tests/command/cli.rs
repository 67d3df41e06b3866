//! The command, driven as its users drive it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tenfold::io::{AnyTensor, AnyTucker, read_npy, read_tucker, write_npy};
use tenfold::{Hooi, Hosvd, Randomized, Scalar, StHosvd, Start, Tensor};

fn tenfold(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the command, which must succeed and be silent but for its result.
fn succeeds(arguments: &[&str]) -> String {
    let output = tenfold(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one JSON object that the command prints.
fn json(arguments: &[&str]) -> Value {
    let text = succeeds(&[arguments, &["--json"]].concat());
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The one line of a command that must fail with status 2 and print no result.
fn refusal(arguments: &[&str]) -> String {
    let output = tenfold(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(errors.lines().count(), 1, "{arguments:?}: {errors}");
    errors
        .strip_prefix("tenfold: ")
        .unwrap()
        .trim_end()
        .to_owned()
}

/// A folder with `x.npy`, a tensor of low rank and a little more.
struct Folder {
    folder: TempDir,
    x: Tensor<f64>,
}

impl Folder {
    fn new() -> Self {
        let x = Tensor::from_fn(&[12, 10, 8], |i| {
            let (a, b, c) = (i[0] as f64, i[1] as f64, i[2] as f64);
            (0.3 * a + b).sin() * (c + 1.0)
                + (a * b * 0.1).cos()
                + 1e-3 * ((7.0 * a + 5.0 * b) * (c + 2.0)).sin()
        })
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        write_npy(folder.path().join("x.npy"), &x).unwrap();
        Self { folder, x }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path as an argument.
    fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn decompose(&self, options: &[&str]) -> Value {
        let (x, out) = (self.at("x.npy"), self.at("x.tucker.npz"));
        json(&[&["decompose", &x, "-o", &out], options].concat())
    }

    fn refuses(&self, options: &[&str]) -> String {
        let (x, out) = (self.at("x.npy"), self.at("refused.npz"));
        let line = refusal(&[&["decompose", &x, "-o", &out], options].concat());
        self.check_nothing_left();
        line
    }

    /// No other files than those that the tests themselves make.
    fn check_nothing_left(&self) {
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                !name.starts_with("refused") && !name.ends_with(".tmp"),
                "{name} was left"
            );
        }
    }

    fn tucker(&self) -> tenfold::Tucker<f64> {
        match read_tucker(self.path("x.tucker.npz")).unwrap().0 {
            AnyTucker::F64(tucker) => tucker,
            AnyTucker::F32(_) => panic!("f64 was decomposed"),
        }
    }
}

fn as_f64(path: &Path) -> Tensor<f64> {
    match read_npy(path).unwrap() {
        AnyTensor::F64(x) => x,
        AnyTensor::F32(_) => panic!("f64 was expected in {}", path.display()),
    }
}

fn numpy(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/numpy");
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_randomized_decomposition_repeats_and_takes_ranks_only() {
    let folder = Folder::new();
    let options = ["--method", "randomized", "--ranks", "3,3,2"];
    let more = [
        "--seed",
        "7",
        "--oversampling",
        "4",
        "--power-iterations",
        "1",
    ];
    let object = folder.decompose(&[&options[..], &more[..]].concat());
    assert_eq!(object["method"], "randomized");
    let first = folder.tucker();
    let said = object["relative_error"].as_f64().unwrap();
    let measured = first.relative_error(&folder.x).unwrap();
    assert!((said - measured).abs() <= 1e-9 * measured);
    folder.decompose(&[&options[..], &more[..]].concat());
    assert_eq!(first.core().data(), folder.tucker().core().data());
    let line = folder.refuses(&["--method", "randomized", "--tolerance", "1e-2"]);
    assert!(line.contains("needs --ranks"), "{line}");
}

/// What `decompose` writes is what the library makes with the same options, bit by bit.
#[test]
fn options_of_a_decomposition_reach_the_library() {
    let folder = Folder::new();
    let ranks = [3, 3, 2];
    let randomized = Randomized {
        seed: 7,
        oversampling: 1,
        power_iterations: 0,
        ..Randomized::new(ranks)
    };
    let hooi = Hooi::new(ranks);
    let cases = [
        (
            "--method randomized --seed 7 --oversampling 1",
            randomized.decompose(&folder.x),
        ),
        (
            "--method randomized --seed 8 --oversampling 1",
            Randomized {
                seed: 8,
                ..randomized.clone()
            }
            .decompose(&folder.x),
        ),
        (
            "--method randomized --seed 7 --oversampling 2",
            Randomized {
                oversampling: 2,
                ..randomized.clone()
            }
            .decompose(&folder.x),
        ),
        (
            "--method randomized --seed 7 --oversampling 1 --power-iterations 1",
            Randomized {
                power_iterations: 1,
                ..randomized.clone()
            }
            .decompose(&folder.x),
        ),
        (
            "--method randomized",
            Randomized::new(ranks).decompose(&folder.x),
        ),
        (
            "--method st-hosvd",
            StHosvd::new(ranks).decompose(&folder.x),
        ),
        ("--method hosvd", Hosvd::new(ranks).decompose(&folder.x)),
        (
            "--method hooi --sweeps 1",
            Hooi {
                max_sweeps: 1,
                ..hooi.clone()
            }
            .decompose(&folder.x),
        ),
        (
            "--method hooi --sweep-tolerance 1e-6",
            Hooi {
                sweep_tolerance: 1e-6,
                ..hooi.clone()
            }
            .decompose(&folder.x),
        ),
        ("--method hooi", hooi.decompose(&folder.x)),
        (
            "--method hooi --start hosvd --sweeps 1",
            Hooi {
                start: Start::Hosvd,
                max_sweeps: 1,
                ..hooi
            }
            .decompose(&folder.x),
        ),
    ];
    let mut cores: Vec<Vec<f64>> = Vec::new();
    for (options, expected) in cases {
        let options: Vec<&str> = options.split(' ').collect();
        folder.decompose(&[&["--ranks", "3,3,2"], &options[..]].concat());
        let (tucker, expected) = (folder.tucker(), expected.unwrap());
        assert_eq!(tucker.core(), expected.core(), "{options:?}");
        for mode in 0..3 {
            assert_eq!(tucker.factor(mode), expected.factor(mode), "{options:?}");
        }
        // Every option makes a difference.
        let core = tucker.core().data().to_vec();
        assert!(!cores.contains(&core), "{options:?}");
        cores.push(core);
    }
}

#[test]
fn every_method_says_its_true_error() {
    let folder = Folder::new();
    for method in ["st-hosvd", "hosvd", "hooi"] {
        for truncation in [["--ranks", "3,3,2"], ["--tolerance", "1e-2"]] {
            let object = folder.decompose(&["--method", method, truncation[0], truncation[1]]);
            let tucker = folder.tucker();
            let measured = tucker.relative_error(&folder.x).unwrap();
            let said = object["relative_error"].as_f64().unwrap();
            assert!(
                (said - measured).abs() <= 1e-9 * measured,
                "{method}: {said} {measured}"
            );
            assert!(truncation[0] == "--ranks" || measured <= 1e-2);
            assert_eq!(object["method"], method);
            assert_eq!(object["shape"], serde_json::json!([12, 10, 8]));
            assert_eq!(object["ranks"], serde_json::json!(tucker.ranks()));
            assert_eq!(object["compression"].as_f64(), Some(tucker.compression()));
            assert_eq!(object["sweeps"].is_u64(), method == "hooi");
        }
    }
}

#[test]
fn an_exact_decomposition_says_so() {
    let folder = Folder::new();
    let object = folder.decompose(&["--ranks", "12,10,8"]);
    let said = object["relative_error"].as_f64().unwrap();
    assert!(said < 1e-13, "{said}");
    let measured = folder.tucker().relative_error(&folder.x).unwrap();
    assert!((said - measured).abs() < 1e-15);
}

#[test]
fn a_tolerance_out_of_reach_is_noted() {
    let folder = Folder::new();
    let object = folder.decompose(&["--tolerance", "0"]);
    assert_eq!(object["shortfall"]["requested"], 0.0);
    let note = object["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with("the relative error 0e0 was requested"),
        "{note}"
    );
}

#[test]
fn sweeps_are_limited_and_told() {
    let folder = Folder::new();
    let hooi = ["--method", "hooi", "--ranks", "3,3,2"];
    let object =
        folder.decompose(&[&hooi[..], &["--sweeps", "2", "--sweep-tolerance", "0"]].concat());
    assert_eq!(
        (object["sweeps"].as_u64(), &object["stop"]),
        (Some(2), &"sweep-limit".into())
    );
    let object = folder.decompose(&[&hooi[..], &["--sweep-tolerance", "0.5"]].concat());
    assert_eq!(
        (object["sweeps"].as_u64(), &object["stop"]),
        (Some(1), &"converged".into())
    );
    let object = folder.decompose(&["--ranks", "3,3,2", "--sweeps", "4", "--seed", "1"]);
    assert_eq!(object["notes"].as_array().unwrap().len(), 2);
    let object = folder.decompose(&["--ranks", "3,3,2", "--start", "hosvd"]);
    assert_eq!(object["notes"][0], "st-hosvd makes no sweeps");
    let line = folder.refuses(&[&hooi[..], &["--start", "svd"]].concat());
    assert!(
        line.contains("there is no start \"svd\", only st-hosvd, hosvd"),
        "{line}"
    );
}

#[test]
fn hooi_reaches_the_error_of_tensorly() {
    // Errors of TensorLy's HOOI run to convergence.
    let folder = Folder::new();
    for (name, ranks, expected) in [
        ("three_way", "3,4,2", 0.08655520277684624),
        ("four_way", "2,3,2,2", 0.044482421790963816),
    ] {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let x = data.join(format!("tucker.{name}.npy"));
        let out = folder.at("x.tucker.npz");
        let object = json(&[
            "decompose",
            x.to_str().unwrap(),
            "--method",
            "hooi",
            "--ranks",
            ranks,
            "-o",
            &out,
        ]);
        let said = object["relative_error"].as_f64().unwrap();
        assert!((said - expected).abs() < 1e-6 * expected, "{name}: {said}");
    }
}

#[test]
fn some_modes_only() {
    let folder = Folder::new();
    let object = folder.decompose(&["--modes", "2,0", "--ranks", "2,3"]);
    assert_eq!(object["ranks"], serde_json::json!([3, 10, 2]));
    assert_eq!(object["modes"], serde_json::json!([0, 2]));
    let tucker = folder.tucker();
    assert!(tucker.factor(1).is_none() && tucker.factor(0).is_some());
}

#[test]
fn threads_change_nothing() {
    let folder = Folder::new();
    let bytes: Vec<Vec<u8>> = ["1", "2", "5", "0"]
        .iter()
        .map(|threads| {
            folder.decompose(&["--ranks", "3,3,2", "--method", "hooi", "--threads", threads]);
            fs::read(folder.path("x.tucker.npz")).unwrap()
        })
        .collect();
    assert!(bytes.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_order_of_entries_and_bytes_does_not_matter() {
    let folder = Folder::new();
    let out = folder.at("x.tucker.npz");
    let mut cores = Vec::new();
    for (name, note) in [
        ("f8.little.C", false),
        ("f8.little.F", false),
        ("f8.big.C", false),
        ("f8.big.F", false),
        ("i8.big.F", true),
        ("i4.little.C", true),
    ] {
        let object = json(&[
            "decompose",
            &numpy(&format!("{name}.npy")),
            "--ranks",
            "2,2,2",
            "-o",
            &out,
        ]);
        assert_eq!(object["dtype"], "f64");
        assert_eq!(
            !object["notes"].as_array().unwrap().is_empty(),
            note,
            "{name}"
        );
        cores.push(folder.tucker().core().clone());
    }
    assert!(cores.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn conversions_are_noted_unless_quiet() {
    let folder = Folder::new();
    let (half, out) = (numpy("f2.big.C.npy"), folder.at("x.tucker.npz"));
    let arguments = ["decompose", &half, "--ranks", "1,1,1", "-o", &out];
    let output = tenfold(&arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.starts_with("note: ") && errors.contains("float16 entries were converted to f32")
    );
    let output = tenfold(&[&arguments[..], &["--quiet"]].concat());
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty());
    // A file for its result: quiet or not, JSON is what was asked for.
    let object = json(&[&arguments[..], &["--quiet"]].concat());
    assert_eq!(object["dtype"], "f32");
}

#[test]
fn a_slice_is_that_of_the_whole() {
    let folder = Folder::new();
    folder.decompose(&["--ranks", "4,4,4", "--method", "hooi"]);
    let (input, out) = (folder.at("x.tucker.npz"), folder.at("y.npy"));
    json(&["reconstruct", &input, "-o", &out]);
    let whole = as_f64(&folder.path("y.npy"));
    assert_eq!(whole.shape(), [12, 10, 8]);
    assert!(whole.distance(&folder.x).unwrap() < 0.1 * folder.x.norm());
    for (text, shape, ranges) in [
        ("0:10,:,3", &[10, 10][..], [0..10, 0..10, 3..4]),
        ("-3:,:-2,1:2", &[3, 8, 1], [9..12, 0..8, 1..2]),
        ("-1,2,:", &[8], [11..12, 2..3, 0..8]),
    ] {
        let object = json(&["reconstruct", &input, "--slice", text, "-o", &out]);
        assert_eq!(object["shape"], serde_json::json!(shape));
        let part = as_f64(&folder.path("y.npy"));
        assert_eq!(part.shape(), shape);
        let expected: Vec<f64> = ranges[0]
            .clone()
            .flat_map(|i| ranges[1].clone().map(move |j| (i, j)))
            .flat_map(|(i, j)| ranges[2].clone().map(move |k| [i, j, k]))
            .map(|index| whole.get(&index).unwrap())
            .collect();
        let largest = expected
            .iter()
            .zip(part.data())
            .map(|(x, y)| (x - y).abs())
            .fold(0.0, f64::max);
        // Entries are of order 10; the sums run in another order.
        assert!(largest < 1e-13, "{text}: {largest}");
    }
    succeeds(&["reconstruct", &input, "--slice", "1,1,1", "-o", &out]);
    assert!(
        fs::read(&out)
            .unwrap()
            .windows(11)
            .any(|w| w == b"'shape': ()")
    );
}

#[test]
fn slices_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    folder.decompose(&["--ranks", "2,2,2"]);
    let (input, out) = (folder.at("x.tucker.npz"), folder.at("refused.npy"));
    for (slice, what) in [
        ("0:13,:,:", "0:13 does not lie within the extent 12"),
        (":,10,:", "10 does not lie within the extent 10"),
        ("5:4,:,:", "5:4 ends before it starts"),
        (":,:", "the slice names 2 modes, the tensor has 3"),
        ("4:4,:,:", "4:4,:,: selects no entries of the shape 12×10×8"),
        ("::2,:,:", "\"::2\" has a step"),
        ("a,:,:", "\"a\" is neither an index nor a range"),
    ] {
        let line = refusal(&["reconstruct", &input, "--slice", slice, "-o", &out]);
        assert!(line.contains(what), "{line}");
    }
    folder.check_nothing_left();
}

#[test]
fn info_of_an_array_and_of_a_decomposition() {
    let folder = Folder::new();
    let decomposed = folder.decompose(&["--ranks", "3,3,2", "--method", "hooi"]);
    let (x, tucker) = (folder.at("x.npy"), folder.at("x.tucker.npz"));
    let object = json(&["info", &x, &tucker]);
    let [array, decomposition] = object["files"].as_array().unwrap().as_slice() else {
        panic!("two files were asked for");
    };
    assert_eq!(
        (&array["kind"], &array["dtype"]),
        (&"tensor".into(), &"f64".into())
    );
    assert_eq!(array["shape"], serde_json::json!([12, 10, 8]));
    assert_eq!(array["norm"].as_f64(), Some(folder.x.norm()));
    for (mode, extent) in [12, 10, 8].into_iter().enumerate() {
        let spectrum = array["spectra"][mode].as_array().unwrap();
        assert_eq!(spectrum.len(), extent);
        let energy: f64 = spectrum.iter().map(|s| s.as_f64().unwrap().powi(2)).sum();
        assert!((energy.sqrt() / folder.x.norm() - 1.0).abs() < 1e-13);
    }
    assert_eq!(decomposition["kind"], "tucker");
    for key in [
        "ranks",
        "relative_error",
        "compression",
        "method",
        "sweeps",
        "stop",
        "shape",
    ] {
        assert_eq!(decomposition[key], decomposed[key], "{key}");
    }
    let text = succeeds(&["info", &x, &tucker]);
    assert!(
        text.contains("tensor 12×10×8 float64") && text.contains("ranks 3×3×2"),
        "{text}"
    );
}

#[test]
fn ranks_and_tolerances_that_cannot_be_are_refused() {
    let folder = Folder::new();
    for (options, what) in [
        (
            &["--ranks", "2,2"][..],
            "ranks has 2 entries, the tensor has 3 modes",
        ),
        (
            &["--ranks", "2,2,2,2"],
            "ranks has 4 entries, the tensor has 3 modes",
        ),
        (&["--ranks", "0,2,2"], "the rank of mode 0 is 0"),
        (
            &["--ranks", "13,10,8"],
            "the rank of mode 0 is 13, above its extent 12",
        ),
        (&["--ranks", "1,1,2"], "the rank of mode 2 is 2, above 1"),
        (&["--ranks", "2,-1,2"], "invalid value '-1'"),
        (&["--ranks", "-1,2,2"], "a whole number was expected"),
        (&["--ranks", "2,two,2"], "invalid value 'two'"),
        (&["--ranks", ""], "invalid value ''"),
        (
            &["--tolerance", "1"],
            "the relative error is 1, it must be at least 0 and below 1",
        ),
        (&["--tolerance", "-0.1"], "the relative error is -0.1"),
        (&["--tolerance", "nan"], "the relative error is NaN"),
        (&["--tolerance", "x"], "invalid value 'x'"),
        (&[], "required"),
        (
            &["--ranks", "2,2,2", "--tolerance", "0.1"],
            "cannot be used with",
        ),
        (
            &["--ranks", "2,2", "--modes", "0,3"],
            "mode 3 does not exist",
        ),
        (
            &["--ranks", "2,2", "--modes", "1,1"],
            "mode 1 is named twice",
        ),
        (
            &["--ranks", "2,2,2", "--method", "svd"],
            "invalid value 'svd'",
        ),
        (
            &["--ranks", "2,2,2", "--method", "hooi", "--sweeps", "0"],
            "--sweeps must be at least 1",
        ),
        (
            &[
                "--ranks",
                "2,2,2",
                "--method",
                "hooi",
                "--sweep-tolerance",
                "2",
            ],
            "--sweep-tolerance is 2",
        ),
        (
            &["--ranks", "2,2,2", "--threads", "many"],
            "invalid value 'many'",
        ),
        (&["--ranks", "2,2,2", "--threads", "-1"], "-1"),
        (&["--ranks", "2,2,2", "--threads", "100000"], "100000"),
        (
            &["--ranks", "2,2,2", "--no-such"],
            "unexpected argument '--no-such'",
        ),
    ] {
        let line = folder.refuses(options);
        assert!(line.contains(what), "{options:?}: {line}");
    }
}

#[test]
fn files_that_are_no_arrays_are_refused() {
    let folder = Folder::new();
    let whole = fs::read(folder.path("x.npy")).unwrap();
    let mut huge = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    huge.extend([b'{'; 64]);
    let mut large = whole[..128].to_vec();
    let at = large.windows(6).position(|w| w == b"12, 10").unwrap();
    large[at..at + 6].copy_from_slice(b"99, 99");
    for (bytes, what) in [
        (&b""[..], "the file is empty"),
        (&whole[..100], "the file ends within the header"),
        (
            &whole[..1000],
            "the header claims 7680 bytes of data, the file has 872",
        ),
        (
            &large,
            "the header claims 627264 bytes of data, the file has 0",
        ),
        (&huge, "the header claims 4294967295 bytes"),
        (b"a,b\n1,2\n", "this is a text file"),
        (b"\0no text", "this is not a .npy file"),
    ] {
        fs::write(folder.path("bad.npy"), bytes).unwrap();
        let (bad, out) = (folder.at("bad.npy"), folder.at("refused.npz"));
        for arguments in [
            &["decompose", &bad, "--tolerance", "0.1", "-o", &out][..],
            &["info", &bad],
        ] {
            let line = refusal(arguments);
            assert!(line.starts_with(&bad) && line.contains(what), "{line}");
        }
        let line = refusal(&["reconstruct", &bad, "-o", &out]);
        assert!(line.starts_with(&bad), "{line}");
        folder.check_nothing_left();
    }
    let out = folder.at("refused.npz");
    let line = refusal(&["decompose", "missing.npy", "--tolerance", "0.1", "-o", &out]);
    assert_eq!(line, "missing.npy: there is no such file");
    let line = refusal(&["reconstruct", "missing.npz", "-o", &out]);
    assert_eq!(line, "missing.npz: there is no such file");
    let line = refusal(&["info", folder.folder.path().to_str().unwrap()]);
    assert!(line.contains("this is a directory"), "{line}");
}

#[test]
fn entries_that_are_not_finite_are_refused_by_index() {
    let folder = Folder::new();
    let out = folder.at("refused.npz");
    let nan = numpy("nan.npy");
    for method in ["st-hosvd", "hosvd", "hooi"] {
        let line = refusal(&[
            "decompose",
            &nan,
            "--ranks",
            "1,1,1",
            "--method",
            method,
            "-o",
            &out,
        ]);
        assert_eq!(
            line,
            format!("{nan}: the entry at [1, 1, 1] is NaN, every entry must be finite")
        );
    }
    let line = refusal(&["info", &nan]);
    assert!(line.contains("the entry at [1, 1, 1] is NaN"));
    let mut x = folder.x.clone();
    x.data_mut()[79] = f64::NEG_INFINITY;
    write_npy(folder.path("inf.npy"), &x).unwrap();
    let line = refusal(&[
        "decompose",
        &folder.at("inf.npy"),
        "--tolerance",
        "0.5",
        "-o",
        &out,
    ]);
    assert!(line.contains("the entry at [0, 9, 7] is -inf"), "{line}");
    folder.check_nothing_left();
}

#[test]
fn tensors_without_entries_are_refused() {
    let folder = Folder::new();
    let out = folder.at("refused.npz");
    let line = refusal(&[
        "decompose",
        &numpy("empty.npy"),
        "--tolerance",
        "0.1",
        "-o",
        &out,
    ]);
    assert!(line.contains("shape 2×0×3 has no entries"), "{line}");
    let line = refusal(&[
        "decompose",
        &numpy("number.npy"),
        "--tolerance",
        "0.1",
        "-o",
        &out,
    ]);
    assert!(line.contains("a tensor has 1 to 16 modes"), "{line}");
    folder.check_nothing_left();
}

#[test]
fn outputs_that_cannot_be_written_are_refused() {
    let folder = Folder::new();
    folder.decompose(&["--ranks", "2,2,2"]);
    let (x, tucker) = (folder.at("x.npy"), folder.at("x.tucker.npz"));
    let directory = folder.folder.path().to_str().unwrap();
    let missing = folder.at("no/such/folder/y");
    let inside_a_file = folder.at("x.npy/y");
    for (out, what) in [
        (directory, "this is a directory"),
        (&missing, "does not exist"),
        (&inside_a_file, "cannot write to"),
        ("", "a value is required for '--output"),
    ] {
        let line = refusal(&["decompose", &x, "--ranks", "2,2,2", "-o", out]);
        assert!(line.contains(what), "{line}");
        let line = refusal(&["reconstruct", &tucker, "-o", out]);
        assert!(line.contains(what), "{line}");
    }
    // What is not there to be decomposed costs the output nothing.
    fs::write(folder.path("precious.npz"), "precious").unwrap();
    refusal(&[
        "decompose",
        &numpy("nan.npy"),
        "--ranks",
        "1,1,1",
        "-o",
        &folder.at("precious.npz"),
    ]);
    assert_eq!(fs::read(folder.path("precious.npz")).unwrap(), b"precious");
    let line = refusal(&["decompose", &x, "--ranks", "2,2,2", "-o", &x]);
    assert!(line.contains("would replace the input"), "{line}");
}

#[test]
fn usage_errors_take_one_line() {
    for arguments in [
        &[][..],
        &["decompos"],
        &["decompose"],
        &["info"],
        &["reconstruct", "x", "-o"],
        &["--threads", "x", "info", "x"],
    ] {
        let line = refusal(arguments);
        assert!(line.ends_with("see tenfold --help"), "{line}");
    }
}

#[test]
fn help_and_version_are_printed() {
    let text = succeeds(&["--help"]);
    for word in [
        "decompose",
        "reconstruct",
        "info",
        "cam",
        "evaluate",
        "--threads",
    ] {
        assert!(text.contains(word), "{word}");
    }
    let version = succeeds(&["--version"]);
    assert_eq!(
        version.trim(),
        concat!("tenfold ", env!("CARGO_PKG_VERSION"))
    );
    let text = succeeds(&["decompose", "--help"]);
    for word in [
        "--ranks",
        "--tolerance",
        "--json",
        "--quiet",
        "st-hosvd",
        "hooi",
    ] {
        assert!(text.contains(word), "{word}");
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .arg("--help")
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn single_precision_stays_single() {
    let folder = Folder::new();
    let x = Tensor::from_fn(&[9, 8, 7], |i| (i[0] + i[1] * i[2]) as f32).unwrap();
    write_npy(folder.path("single.npy"), &x).unwrap();
    let (input, out) = (folder.at("single.npy"), folder.at("single.npz"));
    let object = json(&["decompose", &input, "--ranks", "2,2,2", "-o", &out]);
    assert_eq!(object["dtype"], f32::NAME);
    assert!(object["relative_error"].as_f64().unwrap() < 1e-5);
    let y = folder.at("y.npy");
    json(&["reconstruct", &out, "-o", &y]);
    let AnyTensor::F32(y) = read_npy(&y).unwrap() else {
        panic!("f32 was decomposed");
    };
    assert!(x.distance(&y).unwrap() < 1e-5 * x.norm());
}

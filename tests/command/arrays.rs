//! Arrays as the commands take them: members of files, raw numbers, and standard streams.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tenfold::Tensor;
use tenfold::io::{AnyTensor, read_npy_from, write_npy_to};

use crate::archive::write_archive;
use crate::folder::{Folder, notes, refused, repository, tensor};

/// The folder of [`tensor`], also as two of four arrays in `x.npz`, and as raw numbers in `x.f64`.
fn folder() -> Folder {
    let folder = Folder::with_tensor();
    let array = folder.read_bytes("x.npy");
    let pair = |entries: [f32; 2]| {
        let mut file = Vec::new();
        write_npy_to(&mut file, &Tensor::new(&[2], entries.to_vec()).unwrap()).unwrap();
        file
    };
    let members = [
        ("a.npy", array.clone()),
        ("layer/4.npy", array),
        ("nan.npy", pair([0.5, f32::NAN])),
        ("p.npy", pair([0.5, 0.25])),
    ];
    write_archive(&folder.at("several.npz"), &members);
    let numbers = tensor()
        .data()
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect::<Vec<u8>>();
    folder.write_bytes("x.f64", numbers);
    folder
}

/// Runs a command with these bytes on standard input.
fn with_input(folder: &Folder, arguments: &str, input: &[u8]) -> Output {
    let mut command = folder.tenfold(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its options may end before it reads the input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_command_reads_members_and_raw_numbers_as_it_reads_files() {
    let folder = folder();
    let raw = "x.f64 --raw f64 --shape 12,10,8";
    let norm = |input: &str| folder.json(&format!("info {input}"))["files"][0]["norm"].clone();
    let expected = norm("x.npy");
    for input in ["several.npz:a", "several.npz:layer/4", raw] {
        assert_eq!(norm(input), expected, "{input}");
        folder.succeeds("decompose x.npy --ranks 3,3,2 -o expected.npz");
        folder.succeeds(&format!("decompose {input} --ranks 3,3,2 -o x.npz"));
        assert_eq!(
            folder.read_bytes("x.npz"),
            folder.read_bytes("expected.npz")
        );
        folder.succeeds("cam x.npy -o expected.npy");
        folder.succeeds(&format!("cam {input} -o map.npy"));
        assert_eq!(
            folder.read_bytes("map.npy"),
            folder.read_bytes("expected.npy")
        );
    }
    let object =
        folder.json("evaluate --probabilities several.npz:p --masked-probabilities several.npz:p");
    assert_eq!(object["average_drop_percent"], 0.0);
}

#[test]
fn info_lists_the_arrays_of_a_file() {
    let folder = folder();
    let object = folder.json("info several.npz");
    let file = &object["files"][0];
    assert_eq!(file["kind"], "arrays");
    assert_eq!(
        file["members"][1],
        json!({
            "name": "layer/4",
            "shape": [12, 10, 8],
            "stored_dtype": "float64",
            "dtype": "f64",
            "note": null,
            "problem": null,
        })
    );
    let (text, _) = folder.succeeds("info several.npz");
    assert_eq!(
        text,
        "several.npz: 4 arrays\n  a        12×10×8 float64\n  layer/4  12×10×8 float64\n  \
         nan      2 float32\n  p        2 float32\n"
    );
    let samples = repository("tests/data/inputs/types.safetensors");
    fs::copy(samples, folder.at("x.safetensors")).unwrap();
    let (text, _) = folder.succeeds("info x.safetensors");
    assert!(text.contains("  bf16             3×4 bfloat16\n"), "{text}");
    assert!(
        text.contains("  scalar           float64: a tensor has 1 to 16"),
        "{text}"
    );
}

#[test]
fn messages_name_file_member_and_index() {
    let folder = folder();
    for (arguments, message) in [
        (
            "info several.npz:b",
            "several.npz:b: there is no array \"b\", the nearest names are \"a\", \"layer/4\", \"nan\"",
        ),
        (
            "decompose several.npz --ranks 1 -o y.npz",
            "several.npz: this is an archive (.npz) with 4 arrays, add a colon and the name of one: \
             a (12×10×8 float64), layer/4 (12×10×8 float64), nan (2 float32), p (2 float32)",
        ),
        (
            "decompose several.npz:nan --ranks 1 -o y.npz",
            "several.npz:nan: the entry at [1] is NaN, every entry must be finite",
        ),
        (
            "decompose several.npz:a --ranks 13,1 -o y.npz",
            "several.npz:a: ranks has 2 entries, the tensor has 3 modes; \
             --ranks needs one for each mode, or one for all",
        ),
        (
            "decompose x.npy:a --ranks 1 -o y.npz",
            "x.npy:a: this file holds one array without a name, not \"a\"",
        ),
        (
            "decompose several.npz:a --ranks 1 -o several.npz",
            "several.npz: this output would replace the input several.npz",
        ),
        (
            "info x.f64",
            "x.f64: this is not an array file of a known format (such as .npy); \
             --raw TYPE --shape N,… reads a file of raw numbers",
        ),
        (
            "info x.f64 --raw f32 --shape 12,10,8",
            "x.f64: the shape 12×10×8 of f32 has 3840 bytes, the file has 7680",
        ),
        (
            "info x.npy --raw f64 --shape 12,10,8",
            "x.npy: the shape 12×10×8 of f64 has 7680 bytes, the file has 7808",
        ),
    ] {
        assert_eq!(folder.refusal(arguments), message, "{arguments}");
    }
    for (arguments, part) in [
        ("info x.f64 --raw f64", "--shape"),
        ("info x.f64 --shape 12,10,8", "--raw"),
        ("info x.f64 --fortran", "--raw"),
        ("info x.f64 --big-endian", "--raw"),
        (
            "info x.f64 --raw f80 --shape 12,10,8",
            "there is no type of numbers \"f80\", only bool",
        ),
    ] {
        let line = folder.refusal(arguments);
        assert!(line.contains(part), "{arguments}: {line}");
    }
}

#[test]
fn outputs_in_a_folder_have_the_name_of_the_member() {
    let folder = folder();
    folder.succeeds("cam several.npz:a several.npz:layer/4 -o maps");
    for name in ["several.a.mtsm.npy", "several.layer.4.mtsm.png"] {
        assert!(folder.at("maps").join(name).exists(), "{name}");
    }
}

#[test]
fn bfloat16_is_read_with_a_note() {
    let folder = Folder::new();
    let sample = repository("tests/data/inputs/bfloat16.npy");
    fs::copy(sample, folder.at("x.npy")).unwrap();
    let object = folder.json("info x.npy --bfloat16");
    assert_eq!(object["files"][0]["stored_dtype"], "bfloat16");
    assert_eq!(
        notes(&object),
        ["x.npy: bfloat16 entries were converted to f32"]
    );
    let line = folder.refusal("info x.npy");
    assert!(line.contains("--bfloat16 reads them"), "{line}");
}

#[test]
fn standard_input_is_read_like_a_file() {
    let folder = folder();
    let array = folder.read_bytes("x.npy");
    let output = with_input(&folder, "info - --json", &array);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = folder.json("info x.npy");
    assert_eq!(object["files"][0]["spectra"], file["files"][0]["spectra"]);
    assert_eq!(object["files"][0]["file"], "-");

    folder.succeeds("decompose x.npy --ranks 3,3,2 -o expected.npz");
    let output = with_input(&folder, "decompose - --ranks 3,3,2 -o x.npz", &array);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        folder.read_bytes("x.npz"),
        folder.read_bytes("expected.npz")
    );
    let output = with_input(&folder, "cam - --quiet", &array);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.at("stdin.mtsm.png").exists());

    for (arguments, input, message) in [
        (
            "info -",
            &array[..300],
            "-: the header claims 7680 bytes of data, the file has 172",
        ),
        (
            "decompose - --ranks 1 -o y.npz",
            &[&array[..], b"x"].concat(),
            "-: there is data after the end of the array",
        ),
        (
            "info - -",
            &array,
            "-: standard input can be read only once",
        ),
        (
            "info -",
            b"x,y\n1,2\n",
            "-: this is a text file, an array file (such as .npy) or a decomposition (.npz) was \
             expected",
        ),
        (
            "info -",
            b"",
            "-: the file is empty, an array file (such as .npy) or a decomposition (.npz) was \
             expected",
        ),
        ("info - --max-memory 10MB", &array, "- needs"),
        (
            "decompose - --ranks 1 -o y.npz",
            b"x,y\n1,2\n",
            "-: this is a text file, an array file (such as .npy) was expected",
        ),
        (
            "decompose - --ranks 1 -o y.npz",
            b"",
            "-: the file is empty, an array file (such as .npy) was expected",
        ),
        (
            "decompose - --ranks 1 -o y.npz",
            &array[..300],
            "-: the data ends before its 7680 bytes",
        ),
        (
            "decompose - --ranks 1 -o y.npz",
            &folder.read_bytes("several.npz"),
            "-: this is an archive (.npz) with 4 arrays, the name of one is needed (file:name for \
             a file): a (12×10×8 float64), ",
        ),
        (
            "reconstruct - -o y.npy",
            &array,
            "-: this is an array (.npy), a decomposition (.npz) was expected",
        ),
        (
            "reconstruct - -o y.npy --max-memory 10MB",
            &folder.read_bytes("x.npz"),
            "- needs",
        ),
        (
            "evaluate --maps - --masks -",
            &array,
            "-: standard input can be read only once",
        ),
    ] {
        let line = refused(with_input(&folder, arguments, input));
        assert!(line.starts_with(message), "{arguments}: {line}");
    }
}

/// Formats that need positions in a file are read from standard input too.
#[test]
fn standard_input_may_have_any_format() {
    let folder = folder();
    folder.decompose("--ranks 3,3,2");
    let input = |arguments: &str, file: &str| {
        let output = with_input(&folder, arguments, &folder.read_bytes(file));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        output.stdout
    };
    let described = |arguments: &str, file: &str| {
        let object = input(&format!("info - --json {arguments}"), file);
        let mut object: Value = serde_json::from_slice(&object).unwrap();
        object["files"][0]["file"] = file.into();
        object
    };
    // 1. Descriptions: a decomposition, several arrays, raw numbers.
    for file in ["x.npz", "several.npz"] {
        assert_eq!(described("", file), folder.json(&format!("info {file}")));
    }
    let raw = "--raw f64 --shape 12,10,8";
    assert_eq!(
        described(raw, "x.f64"),
        folder.json(&format!("info x.f64 {raw}"))
    );
    // 2. An archive with one array.
    write_archive(
        &folder.at("one.npz"),
        &[("a.npy", folder.read_bytes("x.npy"))],
    );
    input("decompose - --ranks 3,3,2 -o y.npz", "one.npz");
    assert_eq!(folder.read_bytes("y.npz"), folder.read_bytes("x.npz"));
    // 3. A decomposition.
    folder.succeeds("reconstruct x.npz -o expected.npy");
    let array = input("reconstruct - -o -", "x.npz");
    assert_eq!(array, folder.read_bytes("expected.npy"));
    // 4. One of the arrays of `evaluate`.
    let pair = "evaluate --probabilities several.npz:p --masked-probabilities";
    write_archive(
        &folder.at("p.npz"),
        &[("p.npy", {
            let mut file = Vec::new();
            write_npy_to(&mut file, &Tensor::new(&[2], vec![0.25f32, 0.5]).unwrap()).unwrap();
            file
        })],
    );
    let metrics = |output: Vec<u8>| serde_json::from_slice::<Value>(&output).unwrap();
    assert_eq!(
        metrics(input(&format!("{pair} - --json"), "p.npz")),
        folder.json(&format!("{pair} p.npz"))
    );
}

#[test]
fn data_on_standard_output_leave_everything_else_to_standard_error() {
    let folder = folder();
    let array = |output: Output| match read_npy_from(&output.stdout[..]).unwrap() {
        AnyTensor::F32(x) => x.shape().to_vec(),
        AnyTensor::F64(x) => x.shape().to_vec(),
    };
    // 1. The array of a decomposition.
    folder.decompose("--ranks 3,3,2");
    let reconstruct = |options: &str| {
        let arguments = format!("reconstruct x.npz -o - {options}");
        folder.tenfold(&arguments).output().unwrap()
    };
    let output = reconstruct("");
    assert!(text(&output.stderr).contains("written: -"));
    assert_eq!(array(output), [12, 10, 8]);
    let output = reconstruct("--json");
    let object: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (&object["command"], &object["output"]),
        (&json!("reconstruct"), &json!("-"))
    );
    assert_eq!(array(output), [12, 10, 8]);
    let output = reconstruct("--quiet");
    assert!(output.stderr.is_empty());
    folder.succeeds("reconstruct x.npz -o y.npy");
    assert_eq!(output.stdout, folder.read_bytes("y.npy"));
    // 2. A map.
    let output = folder.tenfold("cam x.npy -o -").output().unwrap();
    assert!(text(&output.stderr).contains("written: -"));
    assert_eq!(array(output), [10, 8]);
    // 3. A decomposition, which `reconstruct` reads from the file that it is redirected to.
    let output = folder
        .tenfold("decompose x.npy --ranks 3,3,2 -o - --json")
        .output()
        .unwrap();
    let object: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(object["ranks"], json!([3, 3, 2]));
    folder.write_bytes("piped.npz", &output.stdout);
    folder.succeeds("reconstruct piped.npz -o z.npy");
    assert_eq!(folder.read_bytes("z.npy"), folder.read_bytes("y.npy"));
    // 4. A pipeline from array to array.
    let array = folder.read_bytes("x.npy");
    let output = with_input(&folder, "decompose - --ranks 3,3,2 -o -", &array);
    assert!(text(&output.stderr).contains("written: -"));
    assert_eq!(output.stdout, folder.read_bytes("piped.npz"));
    let output = with_input(&folder, "reconstruct - -o -", &output.stdout);
    assert!(text(&output.stderr).contains("written: -"));
    assert_eq!(output.stdout, folder.read_bytes("y.npy"));
    // 5. No file has the name of a stream.
    assert!(!folder.at("-").exists());
    let line = folder.refusal("cam x.npy x.npy -o -");
    assert!(
        line.contains("the maps of several files cannot be one array"),
        "{line}"
    );
}

#[test]
fn an_output_with_the_extension_of_another_format_is_refused() {
    let folder = folder();
    folder.decompose("--ranks 3,3,2");
    assert_eq!(
        folder.refusal("decompose x.npy --ranks 1 -o y.npy"),
        "y.npy: a decomposition is an archive (.npz), its name cannot end with .npy"
    );
    assert_eq!(
        folder.refusal("reconstruct x.npz -o y.NPZ"),
        "y.NPZ: an array is written as .npy, its name cannot end with .npz"
    );
}

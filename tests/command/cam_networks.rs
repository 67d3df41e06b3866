//! `tenfold cam --onnx`: from a network and photographs to maps and overlays.

use std::fs;

use serde_json::json;
use tenfold::Tensor;
use tenfold::cam::{Cam, Combination, Overlay, SaliencyMap, Weighting, combine, resize};
use tenfold::io::{AnyTensor, RgbImage, read_image, read_npy, write_png};
use tenfold::network::{Network, Preprocessing, Preset};

use crate::folder::{Folder, notes, repository};

/// A folder with the test networks and their photograph.
fn folder() -> Folder {
    let folder = Folder::new();
    for entry in fs::read_dir(repository("tests/data/networks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".onnx") || ["external.bin", "photograph.png"].contains(&name) {
            fs::copy(&path, folder.at(name)).unwrap();
        }
    }
    folder
}

const CAM: &str = "cam --onnx quadrants.onnx photograph.png";

fn golden(name: &str) -> Tensor<f32> {
    match read_npy(repository("tests/data/networks").join(name)).unwrap() {
        AnyTensor::F32(x) => x,
        AnyTensor::F64(_) => panic!("{name} is f64"),
    }
}

/// The part of the photograph that the networks see.
fn crop(folder: &Folder) -> RgbImage {
    let network = Network::open(folder.at("quadrants.onnx")).unwrap();
    let preprocessing = Preprocessing::of(Preset::Imagenet, network.input()).unwrap();
    let photograph = read_image(folder.at("photograph.png")).unwrap();
    preprocessing.crop(&photograph).unwrap()
}

/// The library's map of features of onnxruntime.
fn map(weighting: Weighting) -> SaliencyMap<f32> {
    Cam::new(weighting)
        .saliency_map(&golden("quadrants.features.npy"))
        .unwrap()
}

#[track_caller]
fn assert_close(actual: &Tensor<f32>, expected: &Tensor<f32>) {
    assert_eq!(actual.shape(), expected.shape());
    for (a, b) in actual.data().iter().zip(expected.data()) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn maps_are_those_of_the_features_of_onnxruntime() {
    let folder = folder();
    for network in [
        "quadrants",
        "quadrants_u8",
        "external",
        "newer",
        "channels_last",
    ] {
        folder.succeeds(&format!(
            "cam --onnx {network}.onnx photograph.png --weighting all --size 8x8 -o maps.npy"
        ));
        let maps = folder.read_f32("maps.npy");
        for (place, weighting) in Weighting::ALL.into_iter().enumerate() {
            let own = Tensor::new(&[8, 8], maps.data()[64 * place..][..64].to_vec()).unwrap();
            assert_close(&own, map(weighting).values());
        }
    }
}

/// The sizes are those of the crop, not those of the photograph.
#[test]
fn overlays_are_drawn_over_the_crop() {
    let folder = folder();
    let report = folder.json(&format!("{CAM} -o overlay.png"));
    assert_eq!(report["layers"], json!(["features"]));
    assert_eq!(report["network"], "quadrants.onnx");
    assert_eq!(report["inputs"], json!(["photograph.png"]));
    assert_eq!(report["shapes"], json!([[16, 8, 8]]));
    assert_eq!(report["maps"][0]["input"], "photograph.png");
    let drawn = read_image(folder.at("overlay.png")).unwrap();
    folder.succeeds(&format!("{CAM} -o map.npy"));
    let resized = folder.read_f32("map.npy");
    assert_close(
        &resized,
        &resize(map(Weighting::Mtsm).values(), 32, 32).unwrap(),
    );
    assert_eq!(
        drawn,
        Overlay::default().draw(&resized, &crop(&folder)).unwrap()
    );
}

#[test]
fn the_summary_says_which_layer_was_picked() {
    let folder = folder();
    let (text, _) = folder.succeeds(&format!("{CAM} -o x.png"));
    assert!(
        text.starts_with(
            "read as 1 feature map of 16 channels × 8×8 positions: layer features, the last \
             feature map of the convolutional part\n"
        ),
        "{text}"
    );
    // A layer is named by its tensor or by its node.
    for layer in ["relu2", "/relu2/Relu"] {
        let (text, _) = folder.succeeds(&format!("{CAM} --layer {layer} -o x.png"));
        let line = "read as 1 feature map of 8 channels × 32×32 positions: layer relu2\n";
        assert!(text.starts_with(line), "{text}");
    }
}

#[test]
fn several_layers_have_maps_of_their_own_or_a_combined_map() {
    let folder = folder();
    let layers = format!("{CAM} --layer features --layer relu2");
    let report = folder.json(&format!("{layers} -o maps"));
    assert_eq!(report["maps"][1]["layer"], "relu2");
    assert_eq!(
        fs::read_dir(folder.at("maps")).unwrap().count(),
        4,
        "{report}"
    );
    let read = |name: &str| folder.read_f32(&format!("maps/photograph.{name}.mtsm.npy"));
    let expected = resize(map(Weighting::Mtsm).values(), 32, 32).unwrap();
    assert_close(&read("features"), &expected);
    for how in [Combination::Mean, Combination::Max] {
        folder.succeeds(&format!("{layers} --combine {how} -o map.npy"));
        let relu2 = Cam::new(Weighting::Mtsm).saliency_map(&golden("quadrants.relu2.npy"));
        let relu2 = relu2.unwrap();
        let views = [
            map(Weighting::Mtsm).values().clone(),
            relu2.values().clone(),
        ];
        let views: Vec<_> = views.iter().map(Tensor::view).collect();
        assert_close(
            &folder.read_f32("map.npy"),
            &combine(&views, 32, 32, how).unwrap(),
        );
    }
    let message = folder.refusal(&format!("{CAM} --combine mean -o x.png"));
    assert!(message.contains("--layer NAME names each"), "{message}");
    let message = folder.refusal(&format!("{CAM} --layer relu2 --layer relu2 -o x.png"));
    assert!(message.contains("relu2 is named twice"), "{message}");
}

#[test]
fn tokens_of_a_transformer_form_a_grid() {
    let folder = folder();
    let cam = "cam --onnx transformer.onnx photograph.png";
    let message = folder.refusal(&format!("{cam} -o x.png"));
    assert!(
        message.contains("name a layer, such as norm (1×17×16), block1.sum2 (1×17×16)"),
        "{message}"
    );
    assert!(
        message.ends_with("(see --layer and --list-layers)"),
        "{message}"
    );
    let layer = format!("{cam} --layer block1.sum2 --size 4x4");
    let tokens = golden("transformer.block1.sum2.npy");
    let entry = |i: &[usize]| tokens.data()[(1 + 4 * i[1] + i[2]) * 16 + i[0]];
    let features = Tensor::from_fn(&[16, 4, 4], entry).unwrap();
    let expected = Cam::new(Weighting::Mtsm).saliency_map(&features).unwrap();
    for options in [
        "",
        "--layout lc",
        "--layout nlc",
        "--layout nlc --grid 4x4 --prefix-tokens 1",
        "--grid 4x4",
        "--prefix-tokens 1",
    ] {
        let report = folder.json(&format!("{layer} {options} -o map.npy"));
        assert_close(&folder.read_f32("map.npy"), expected.values());
        assert_eq!(
            notes(&report).len(),
            usize::from(!options.contains("x4 --p")),
            "{options}"
        );
    }
    let message = folder.refusal(&format!("{layer} --grid 5x5 -o x.png"));
    assert!(message.contains("the grid 5×5"), "{message}");
}

#[test]
fn layers_are_listed() {
    let folder = folder();
    let (text, _) = folder.succeeds("cam --onnx quadrants.onnx --list-layers");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "input image: 1×3×32×32 f32");
    assert_eq!(lines[1], "  layer          operator           shape");
    assert_eq!(lines[2], "  conv1          Conv               1×8×32×32");
    assert_eq!(lines[9], "* features       Mul                1×16×8×8");
    assert_eq!(lines.len(), 15);
    let object = folder.json("cam --onnx transformer.onnx --list-layers");
    assert_eq!(object["last_feature_map"], json!(null));
    assert_eq!(object["input"]["shape"], json!([1, 3, 32, 32]));
    let layers = object["layers"].as_array().unwrap();
    assert!(layers.contains(&json!({
        "name": "block1.sum2", "operator": "Add", "shape": [1, 17, 16],
    })));
    let (text, _) = folder.succeeds("cam --onnx open_size.onnx --list-layers");
    assert!(
        text.contains("* conv    Conv               1×4×?×?"),
        "{text}"
    );
}

#[test]
fn a_folder_of_photographs() {
    let folder = folder();
    fs::create_dir_all(folder.at("photos/more")).unwrap();
    let levels = |shift: u8| RgbImage::from_fn(40, 34, |x, y| [(x * y) as u8 ^ shift; 3].into());
    for name in ["b", "a", "more/c"] {
        let path = folder.at(&format!("photos/{name}.png"));
        write_png(path, &levels(name.len() as u8)).unwrap();
    }
    let report = folder.json("cam --onnx quadrants.onnx photos --weighting all -o maps");
    let inputs = ["photos/a.png", "photos/b.png", "photos/more/c.png"];
    assert_eq!(report["inputs"], json!(inputs));
    assert_eq!(report["outputs"].as_array().unwrap().len(), 3 * 4 * 2);
    // Each map is the same as alone, with any number of threads.
    folder.succeeds("cam --onnx quadrants.onnx photos/more/c.png --threads 1 -o c.npy");
    assert_eq!(
        folder.read_bytes("c.npy"),
        folder.read_bytes("maps/c.mtsm.npy")
    );
    // One picture of all maps: 3 rows and 4 columns.
    folder.succeeds("cam --onnx quadrants.onnx photos --weighting all -o all.png");
    let all = read_image(folder.at("all.png")).unwrap();
    assert_eq!(all.dimensions(), (4 * 36 - 4, 3 * 36 - 4));
    let message = folder.refusal("cam --onnx quadrants.onnx photos -o maps.npy");
    assert!(message.contains("cannot be one array"), "{message}");
    fs::create_dir(folder.at("empty")).unwrap();
    let message = folder.refusal("cam --onnx quadrants.onnx empty");
    assert!(
        message.starts_with("empty: the folder contains no photographs (png, "),
        "{message}"
    );
}

#[test]
fn bad_photographs_are_reported() {
    let folder = folder();
    folder.write_bytes("text.png", "no picture");
    let photograph = folder.read_bytes("photograph.png");
    folder.write_bytes("short.png", &photograph[..photograph.len() / 2]);
    for (name, problem) in [
        ("text.png", "this is a text file"),
        ("missing.png", "there is no such file"),
        ("short.png", "damaged or cut short"),
        ("quadrants.onnx", "this is not a PNG"),
    ] {
        let command = format!("cam --onnx quadrants.onnx {name} -o x.png");
        let message = folder.refusal(&command);
        assert!(
            message.starts_with(&format!("{name}: ")) && message.contains(problem),
            "{message}"
        );
    }
    let output = folder
        .tenfold("cam --onnx quadrants.onnx text.png photograph.png short.png --keep-going -o maps")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors.lines().count(), 2, "{errors}");
    assert!(folder.at("maps/photograph.mtsm.png").exists());
}

#[test]
fn bad_networks_are_reported() {
    let folder = folder();
    let whole = folder.read_bytes("quadrants.onnx");
    folder.write_bytes("short.onnx", &whole[..whole.len() / 3]);
    fs::remove_file(folder.at("external.bin")).unwrap();
    for (arguments, problem) in [
        (
            "photograph.png",
            "photograph.png: this is a PNG, an ONNX network was expected",
        ),
        ("missing.onnx", "missing.onnx: there is no such file"),
        (
            "short.onnx",
            "short.onnx: this is not an ONNX network, or it is damaged: ",
        ),
        (
            "external.onnx",
            "external.onnx: the network cannot be read: ",
        ),
        (
            "unsupported_start.onnx",
            "unsupported_start.onnx: the operator ImageMagic of the node \"/magic/ImageMagic\" is \
             not supported",
        ),
        (
            "unsupported_head.onnx --layer magic",
            "unsupported_head.onnx: the operator ImageMagic of the node \"/magic/ImageMagic\" is \
             not supported",
        ),
        (
            "two_inputs.onnx",
            "two_inputs.onnx: the network has 2 inputs (image, other)",
        ),
        (
            "claims_terabytes.onnx",
            "claims_terabytes.onnx: this is not an ONNX network, or it is",
        ),
        (
            "quadrants.onnx --layer feature",
            "quadrants.onnx: the network has no layer \"feature\", the nearest names are \
             \"features\", \"relu1\", \"relu2\" (see --list-layers)",
        ),
        (
            "quadrants.onnx --layer logits",
            "quadrants.onnx logits: a feature map has the shape channels × positions, such as C×H×W",
        ),
        (
            "not_a_number.onnx",
            "photograph.png: layer roots: the entry at [0, 1, 3] is NaN, every entry must be finite",
        ),
        (
            "open_size.onnx",
            "open_size.onnx: the input \"image\" has no fixed height and width, an input size \
             must be given (see --input-size)",
        ),
        (
            "quadrants.onnx --input-size 16x16",
            "quadrants.onnx: the input \"image\" has the shape 1×3×32×32, the input size 16×16 \
             does not fit",
        ),
        (
            "quadrants.onnx --mean 1,2",
            "--mean: one number for each of the 3 colours",
        ),
        (
            "quadrants.onnx --std 0",
            "--std: every number must be above 0",
        ),
        (
            "quadrants_u8.onnx --std 1",
            "--mean and --std are for inputs of floating-point numbers",
        ),
        (
            "quadrants.onnx --std nan",
            "--std: every number must be finite",
        ),
        (
            "quadrants.onnx --mean 1e39",
            "--mean: every number must be finite",
        ),
        ("quadrants.onnx --resize 0", "must be at least 1"),
        (
            "quadrants.onnx --resize 8193",
            "at most 8192 pixels were expected",
        ),
        ("quadrants.onnx --max-memory 1MB", "quadrants.onnx needs "),
        ("quadrants.onnx --preprocess other", "no preset \"other\""),
    ] {
        let message = folder.refusal(&format!("cam photograph.png -o x.png --onnx {arguments}"));
        assert!(message.contains(problem), "{arguments}: {message}");
    }
    for (command, problem) in [
        ("cam --onnx quadrants.onnx", "required arguments"),
        (
            "cam --onnx quadrants.onnx -",
            "-: with --onnx a file or a folder was expected, not standard input",
        ),
        ("cam photograph.png --layer x", "--onnx"),
        (
            "cam --onnx quadrants.onnx photograph.png --image photograph.png",
            "--image",
        ),
        (
            "cam --onnx quadrants.onnx photograph.png -o quadrants.onnx",
            "quadrants.onnx",
        ),
        (
            "cam --onnx quadrants.onnx photograph.png -o photograph.png",
            "would replace the input",
        ),
    ] {
        let message = folder.refusal(command);
        assert!(message.contains(problem), "{command}: {message}");
    }
}

#[test]
fn preprocessing_follows_the_options() {
    let folder = folder();
    // The preset's own numbers, given by hand.
    folder.succeeds(&format!("{CAM} -o a.npy"));
    let given = "--preprocess unit --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225";
    folder.succeeds(&format!("{CAM} {given} -o b.npy"));
    assert_close(&folder.read_f32("b.npy"), &folder.read_f32("a.npy"));
    for options in ["--preprocess tf", "--preprocess unit", "--resize 40"] {
        folder.succeeds(&format!("{CAM} {options} -o d.npy"));
        assert_ne!(
            folder.read_bytes("d.npy"),
            folder.read_bytes("a.npy"),
            "{options}"
        );
    }
    folder.succeeds("cam --onnx open_size.onnx photograph.png --input-size 24x40 -o e.npy");
    assert_eq!(folder.read_f32("e.npy").shape(), [24, 40]);
}

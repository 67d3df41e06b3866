//! `tenfold evaluate --onnx`: small networks on small photographs, interrupted runs, and faults.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tenfold::Tensor;
use tenfold::cam::metrics::{PixelOrder, THRESHOLDS, area_under_curve, embedding_error, iou};
use tenfold::cam::{Cam, Weighting, resize};
use tenfold::io::{RgbImage, read_image, write_png};
use tenfold::network::{Network, Preprocessing, Preset};

use crate::folder::{Folder, notes, repository};

/// The path of a small network. `tests/interop/make_networks.py` describes it.
fn network(name: &str) -> String {
    let path = repository("tests/data/networks").join(name);
    path.to_str().unwrap().to_owned()
}

/// A folder with photographs of 48×32 pixels in `photographs` and their masks in `masks`. A
/// quadrant of each is bright, and it is the object.
fn folder(count: u32) -> Folder {
    let folder = Folder::new();
    for name in ["photographs", "masks"] {
        fs::create_dir(folder.at(name)).unwrap();
    }
    for index in 0..count {
        let is_bright = |x: u32, y: u32| {
            let (left, top) = (8 + 16 * (index % 2), 16 * (index / 2 % 2));
            (left..left + 16).contains(&x) && (top..top + 16).contains(&y)
        };
        let level = |x: u32, y: u32, colour: u32| {
            let dark = (5 * x + 3 * y + 40 * colour + 17 * index) % 90;
            (dark + 140 * u32::from(is_bright(x, y))) as u8
        };
        let photograph = RgbImage::from_fn(48, 32, |x, y| [0, 1, 2].map(|c| level(x, y, c)).into());
        let mask = RgbImage::from_fn(48, 32, |x, y| {
            [if is_bright(x, y) { 255 } else { 0 }; 3].into()
        });
        let name = format!("{index:03}.png");
        write_png(folder.at("photographs").join(&name), &photograph).unwrap();
        write_png(folder.at("masks").join(&name), &mask).unwrap();
    }
    folder
}

/// The command for the network of quadrants.
fn command(options: &str) -> String {
    format!(
        "evaluate --onnx {} --images photographs -o run {options}",
        network("quadrants.onnx")
    )
}

/// The lines of the records, without times.
fn records(folder: &Folder) -> Vec<Value> {
    let text = fs::read_to_string(folder.at("run/records.jsonl")).unwrap();
    let lines = text.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record["network_seconds"] = Value::Null;
        for map in record["maps"].as_array_mut().into_iter().flatten() {
            map["seconds"] = Value::Null;
        }
        record
    });
    lines.collect()
}

const ALL: &str = "--masks masks --embedding embedding --curves 3 --ranks-grid 2,2,2;50%";

/// Recomputes the record of a photograph from the functions of the library.
#[test]
fn records_agree_with_the_definitions() {
    let folder = folder(4);
    let report = folder.json(&command(ALL));
    let records = records(&folder);
    assert_eq!(records.len(), 5);
    let methods = [
        "eigen-cam",
        "tsm",
        "multivec-eigen-cam",
        "mtsm",
        "tsm@2,2,2",
        "tsm@8,4,4",
        "mtsm@2,2,2",
        "mtsm@8,4,4",
    ];
    assert_eq!(records[0]["methods"], json!(methods));
    assert_eq!(records[0]["feature_map"], json!([16, 8, 8]));

    let network = Network::open(network("quadrants.onnx")).unwrap();
    let preprocessing = Preprocessing::of(Preset::Imagenet, network.input()).unwrap();
    let plan = network
        .plan(&["features", "embedding", "probabilities"])
        .unwrap();
    for (index, record) in records[1..].iter().enumerate() {
        let photograph = folder.at("photographs").join(format!("{index:03}.png"));
        let crop = preprocessing
            .crop(&read_image(photograph).unwrap())
            .unwrap();
        let image = preprocessing.tensor(&crop).unwrap();
        let outputs = plan.run(&image).unwrap();
        // The network classifies the brightest quadrant.
        assert_eq!(record["class"], index);
        assert_eq!(record["probability"], f64::from(outputs[2].data()[index]));
        let map = Cam::new(Weighting::Mtsm).saliency_map(&outputs[0]).unwrap();
        let of_mtsm = &record["maps"][3];
        let values: Vec<f64> = map.values().data().iter().map(|&v| f64::from(v)).collect();
        let recorded: Vec<f64> = serde_json::from_value(of_mtsm["values"].clone()).unwrap();
        assert!(
            values
                .iter()
                .zip(&recorded)
                .all(|(a, b)| (a - b).abs() < 1e-6)
        );

        let map = resize(map.values(), 32, 32).unwrap();
        // The levels times the factors, before mean and standard deviation.
        let masked = |factor: &dyn Fn(usize) -> f32| {
            let (mean, std) = (preprocessing.mean, preprocessing.std);
            let entry = |i: &[usize]| {
                let level = crop.get_pixel(i[2] as u32, i[1] as u32).0[i[0]];
                let level = f32::from(level) / 255.0 * factor(32 * i[1] + i[2]);
                (level - mean[i[0]]) / std[i[0]]
            };
            plan.run(&Tensor::from_fn(&[3, 32, 32], entry).unwrap())
                .unwrap()
        };
        let response = masked(&|pixel| map.data()[pixel]);
        let close = |value: &Value, expected: f64| {
            let value = value.as_f64().unwrap();
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        };
        close(
            &of_mtsm["masked_probability"],
            response[2].data()[index].into(),
        );
        let error = embedding_error(&outputs[1], &response[1]).unwrap();
        close(&of_mtsm["embedding_error"], error);

        let order = PixelOrder::new(map.data()).unwrap();
        for (curve, step, value) in [("insertion", 1, 1), ("deletion", 2, 2), ("deletion", 3, 3)] {
            let visible = match curve {
                "insertion" => order.inserted(step, 3).unwrap(),
                _ => order.kept(step, 3).unwrap(),
            };
            let response = masked(&|pixel| if visible[pixel] { 1.0 } else { 0.0 });
            close(&of_mtsm[curve][value], response[2].data()[index].into());
        }
        assert_eq!(of_mtsm["insertion"][0], of_mtsm["deletion"][3]);
        assert_eq!(of_mtsm["insertion"][3], record["probability"]);
        // The object is the bright quadrant of the photograph, in the crop from column 8 on.
        let inside = |pixel: usize| 2 * (pixel / 512) + pixel % 32 / 16 == index;
        let inside: Vec<bool> = (0..1024).map(inside).collect();
        for (place, threshold) in THRESHOLDS.into_iter().enumerate() {
            let expected = iou(map.data(), &inside, threshold).unwrap();
            assert_eq!(of_mtsm["iou"][place], expected);
        }
    }

    // The table has the means of the records.
    let curve = |record: &Value| -> Vec<f64> {
        serde_json::from_value(record["maps"][3]["insertion"].clone()).unwrap()
    };
    let areas = records[1..]
        .iter()
        .map(|record| area_under_curve(&curve(record)).unwrap());
    let mean = areas.sum::<f64>() / 4.0;
    let row = &report["rows"][3]["metrics"];
    let reported = row["insertion_area"]["mean"].as_f64().unwrap();
    assert!((reported - mean).abs() < 1e-12);
    let interval = &row["average_drop_percent"]["interval"];
    assert!(interval[0].as_f64() <= interval[1].as_f64());
    assert_eq!(report["photographs"], 4);
    let difference = &report["rows"][6]["metrics"]["embedding_mse"]["difference"];
    assert_eq!(difference["to"], "mtsm");
    assert!(report["times"]["network_seconds"].as_f64().unwrap() > 0.0);
    let written = ["records.jsonl", "table.csv", "table.json", "table.md"];
    assert_eq!(
        report["outputs"],
        json!(written.map(|name| format!("run/{name}")))
    );
    let markdown = fs::read_to_string(folder.at("run/table.md")).unwrap();
    assert!(markdown.contains("| method | AD(%) ↓ | AI(%) ↑ | MSE ↓ | mIoU(%) ↑ |"));
}

/// The table of a run that was killed twice has the bytes of an undisturbed run, on one thread and
/// on two.
#[test]
fn interrupted_runs_continue() {
    let undisturbed = folder(12);
    undisturbed.succeeds(&command(&format!("{ALL} --threads 2")));
    let interrupted = folder(12);
    let options = format!("{ALL} --threads 1");
    for lines in [3, 7] {
        let mut child = interrupted
            .tenfold(&command(&options))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let written = || {
            let text = fs::read_to_string(interrupted.at("run/records.jsonl"));
            text.map_or(0, |text| text.lines().count())
        };
        while written() < lines && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // The last line was not written to its end.
        let path = interrupted.at("run/records.jsonl");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        fs::remove_file(interrupted.at("run/table.csv")).ok();
    }
    let report = interrupted.json(&command(&options));
    let continues = notes(&report)
        .iter()
        .any(|note| note.ends_with("the run continues"));
    assert!(continues, "{report}");
    let table = |folder: &Folder| folder.read_bytes("run/table.csv");
    assert_eq!(table(&interrupted), table(&undisturbed));
    let mut records = [&interrupted, &undisturbed].map(records);
    for records in &mut records {
        records[0]["images"] = Value::Null;
        records[0]["masks"] = Value::Null;
    }
    assert_eq!(records[0], records[1]);
}

#[test]
fn a_run_with_other_settings_is_refused() {
    let folder = folder(2);
    folder.succeeds(&command(""));
    let table = folder.read_bytes("run/table.csv");
    let line = folder.refusal(&command("--layer relu3"));
    assert!(
        line.ends_with("the layer was features, now it is relu3; --restart begins it anew"),
        "{line}"
    );
    let line = folder.refusal(&command("--weighting tsm"));
    assert!(line.contains("the list of methods was"), "{line}");
    // Resamples and threads are no settings of the records.
    folder.succeeds(&command("--bootstrap 100 --threads 1"));
    folder.succeeds(&command("--layer relu3 --restart"));
    assert_ne!(folder.read_bytes("run/table.csv"), table);
}

#[test]
fn a_judge_classifies_for_a_network_without_classes() {
    let folder = folder(3);
    let plain = format!(
        "evaluate --onnx {} --images photographs --embedding embedding",
        network("channels_last.onnx")
    );
    let report = folder.json(&format!("{plain} -o plain"));
    let metrics = report["rows"][0]["metrics"].as_object().unwrap();
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["embedding_mse"]);
    assert!(
        notes(&report)
            .iter()
            .any(|note| note.contains("no AD and AI"))
    );
    assert_eq!(report["feature_map"], json!([16, 8, 8]));

    let judge = network("quadrants.onnx");
    let judged = folder.json(&format!("{plain} --judge {judge} -o run"));
    folder.succeeds(&format!(
        "{} --embedding embedding --restart -o own",
        command("").replace("-o run", "")
    ));
    let own: Value = serde_json::from_slice(&folder.read_bytes("own/table.json")).unwrap();
    // Both networks have the same feature map, so the judge sees the same masked images as the
    // classifier.
    for (judged, own) in judged["rows"]
        .as_array()
        .unwrap()
        .iter()
        .zip(own["rows"].as_array().unwrap())
    {
        let mean = |row: &Value| {
            row["metrics"]["average_drop_percent"]["mean"]
                .as_f64()
                .unwrap()
        };
        assert!((mean(judged) - mean(own)).abs() < 1e-3, "{judged} {own}");
    }
}

#[test]
fn each_masking_gives_another_image() {
    let folder = folder(2);
    let errors = ["map", "normalised", "upper-half"].map(|masking| {
        let options = format!("--masking {masking} --embedding embedding --restart");
        assert_eq!(folder.json(&command(&options))["masking"], masking);
        let records = records(&folder);
        let maps = records[1]["maps"].as_array().unwrap().iter();
        let errors = maps.map(|map| map["embedding_error"].as_f64().unwrap());
        errors.collect::<Vec<f64>>()
    });
    let [map, normalised, half] = &errors;
    assert!(
        map != normalised && map != half && normalised != half,
        "{errors:?}"
    );
}

/// The line of a run that must have failed with status 2. Notes may stand before it.
fn fault(folder: &Folder, arguments: &str) -> String {
    let output = folder.tenfold(arguments).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments}: {errors}");
    assert!(output.stdout.is_empty());
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 1, "{arguments}: {errors}");
    lines[0].strip_prefix("tenfold: ").unwrap().to_owned()
}

#[test]
fn faults_are_refused_in_one_line() {
    let folder = folder(2);
    folder.write_bytes("labels.csv", "000.png,0\n001.png,4\n");
    fs::create_dir(folder.at("empty")).unwrap();
    fs::create_dir(folder.at("broken")).unwrap();
    fs::write(folder.at("broken/a.png"), "no picture").unwrap();
    fs::create_dir(folder.at("small")).unwrap();
    write_png(folder.at("small/000.png"), &RgbImage::new(8, 8)).unwrap();
    for (options, problem) in [
        ("--layer feature", "the nearest names are \"features\""),
        ("--embedding embeddin", "\"embedding\""),
        (
            "--labels labels.csv",
            "001.png: the label is class 4, the network has the classes 0 to 3",
        ),
        ("--labels none.csv", "none.csv"),
        (
            "--masks small",
            "000.png: the mask has 8×8 pixels, the photograph 32×48",
        ),
        ("--masks empty", "no photograph has a mask here"),
        ("--ranks-grid 1,2", "2 entries"),
        ("--ranks-grid 0%", "was expected"),
        (
            "--ranks-grid 2 --weighting eigen-cam",
            "--ranks-grid is for tsm and mtsm",
        ),
        ("--mean 0.5,0.5", "--mean"),
        ("--std 0", "--std"),
        ("--resize 0", "resized side must be at least 1"),
        ("--thresholds 1.5", "--thresholds is 1.5"),
        ("--max-memory 1MB", "needs"),
        (
            "--judge no_such.onnx",
            "no_such.onnx: there is no such file",
        ),
        ("--layer logits", "shape 4 has too few modes"),
    ] {
        let line = fault(&folder, &command(options));
        assert!(line.contains(problem), "{options}: {line}");
        fs::remove_dir_all(folder.at("run")).ok();
    }
    for (file, images, problem) in [
        ("quadrants.onnx", "broken", "broken/a.png"),
        ("quadrants.onnx", "empty", "contains no photographs"),
        ("quadrants.onnx", "none", "none"),
        (
            "not_a_number.onnx",
            "photographs",
            "the score of class 0 is NaN, every score must be finite",
        ),
        ("unsupported_head.onnx", "photographs", "ImageMagic"),
        ("no_convolution.onnx", "photographs", "name a layer"),
        // Its output is the index of the class.
        (
            "quantised.onnx",
            "photographs",
            "the network has no output of class scores",
        ),
        (
            "quadrants.onnx --layer features --embedding probabilities --curves 20000",
            "photographs",
            "at most 10000 steps were expected",
        ),
    ] {
        let arguments = format!("evaluate --onnx {} --images {images} -o run", network(file));
        let line = fault(&folder, &arguments);
        assert!(line.contains(problem), "{file}: {line}");
        fs::remove_dir_all(folder.at("run")).ok();
    }
    let judged = format!(
        "evaluate --onnx {} --judge {} --images photographs -o run",
        network("not_a_number.onnx"),
        network("quadrants.onnx")
    );
    let line = fault(&folder, &judged);
    assert!(line.contains("the layer roots has the entry NaN"), "{line}");
    fs::remove_dir_all(folder.at("run")).ok();
    let alone = folder.refusal(&format!("evaluate --onnx {}", network("quadrants.onnx")));
    assert!(alone.contains("--images"), "{alone}");
}

#[test]
fn failures_are_recorded_with_keep_going() {
    let folder = folder(3);
    fs::write(folder.at("photographs/001.png"), "no picture").unwrap();
    write_png(folder.at("masks/002.png"), &RgbImage::new(8, 8)).unwrap();
    let arguments = command("--masks masks --keep-going --json");
    let output = folder.tenfold(&arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["photographs"], &report["failures"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(report["failed"][0]["file"], "001.png");
    let reason = report["failed"][1]["reason"].as_str().unwrap();
    assert!(reason.contains("the mask has 8×8 pixels"), "{reason}");
    let errors = String::from_utf8(output.stderr).unwrap();
    let bad = errors.lines().filter(|line| line.starts_with("tenfold: "));
    assert_eq!(bad.count(), 2, "{errors}");
    assert!(records(&folder)[2]["failure"].is_string());
    let markdown = fs::read_to_string(folder.at("run/table.md")).unwrap();
    assert!(markdown.contains("1 photograph, 2 failed"), "{markdown}");
}

#[test]
fn the_terminal_shows_the_table() {
    let folder = folder(2);
    let (text, errors) = folder.succeeds(&command("--masks masks"));
    assert!(
        text.contains("method") && text.contains("mIoU(%) ↑"),
        "{text}"
    );
    assert!(text.contains("written: run/table.csv"), "{text}");
    assert!(
        errors.contains("note: the class of a photograph is the predicted class"),
        "{errors}"
    );
    assert!(
        errors.contains("the layer is features (1×16×8×8)"),
        "{errors}"
    );
}

/// The memory of the run does not grow with the number of photographs.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_does_not_depend_on_the_number_of_photographs() {
    let peak = |count: u32| {
        let folder = folder(count);
        let arguments = command("--threads 1 --bootstrap 0 --weighting mtsm --quiet");
        crate::memory::peak_of(folder.tenfold(&arguments))
    };
    let (few, many) = (peak(4), peak(60));
    assert!(
        many < few + 4.0,
        "{few} MB for 4 photographs, {many} MB for 60"
    );
}

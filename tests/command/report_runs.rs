//! `tenfold report`: runs without some results, several runs, hostile names, and refusals.

use std::fs;

use serde_json::{Value, json};

use crate::folder::{Folder, notes};
use crate::report::{
    FIGURES, copy, elements, figures, lines, of_class, page, parsed, section, text, with_run,
    write_lines,
};

/// Writes the run `run` after `change` was applied to each record with results.
fn change_records(folder: &Folder, change: impl Fn(&mut Value)) {
    let mut lines = lines(folder, "run");
    for record in &mut lines[1..] {
        if record.get("failure").is_none() {
            change(record);
        }
    }
    write_lines(folder, "run", &lines);
}

#[test]
fn the_number_of_photographs_is_bounded() {
    let folder = with_run();
    for (count, pictures) in [(1, 1), (2, 2), (7, 3)] {
        folder.succeeds(&format!("report run --photographs {count}"));
        let page = page(&folder);
        let page = parsed(&page);
        assert_eq!(
            elements(section(&page, "overlays"), "image").len(),
            5 * pictures
        );
    }
    folder.succeeds("report run --photographs 0");
    let page = page(&folder);
    let page = parsed(&page);
    assert!(elements(page.root(), "image").is_empty());
    assert_eq!(figures(&page)[0], "mean-iou");
}

#[test]
fn names_from_the_records_are_escaped() {
    let folder = with_run();
    let hostile = "<script>alert('1')</script> \"&amp;\" \u{1}.png";
    let mut lines = lines(&folder, "run");
    lines[0]["name"] = json!(hostile);
    lines[0]["layer"] = json!("]]><b onload=\"x\">");
    lines[1]["image"] = json!(hostile);
    lines[4]["image"] = json!(hostile);
    write_lines(&folder, "run", &lines);
    folder.succeeds("report run --figures figures");
    let page = page(&folder);
    assert!(!page.contains("<script") && !page.contains("<b "));
    let page = parsed(&page);
    let readable = hostile.replace('\u{1}', "\u{fffd}");
    for id in ["overlays", "failures", "metrics"] {
        assert!(text(section(&page, id)).contains(&readable), "{id}");
    }
    for (name, _) in FIGURES {
        let file = folder.at("figures").join(format!("{name}.svg"));
        parsed(&fs::read_to_string(file).unwrap());
    }
}

#[test]
fn a_note_takes_the_place_of_a_missing_photograph_and_mask() {
    let folder = with_run();
    fs::remove_file(folder.at("run/photographs/cat.png")).unwrap();
    fs::write(folder.at("run/masks/disc.png"), "no picture").unwrap();
    let object = folder.json("report run");
    let notes = notes(&object);
    // The photograph is missing in both figures of pictures.
    let about = |name: &str| notes.iter().filter(|note| note.contains(name)).count();
    assert_eq!((about("cat.png"), about("disc.png")), (2, 1), "{notes:?}");
    let page = page(&folder);
    let page = parsed(&page);
    for (name, pictures) in [("overlays", 14), ("binarised", 16)] {
        let section = section(&page, name);
        assert_eq!(elements(section, "image").len(), pictures);
        assert_eq!(
            of_class(section, "frame").len(),
            if name == "overlays" { 1 } else { 2 }
        );
        assert!(text(section).contains("cannot be read"));
    }
}

#[test]
fn a_run_without_masks_or_classes_has_the_other_figures() {
    let folder = with_run();
    change_records(&folder, |record| {
        let object = record.as_object_mut().unwrap();
        for key in ["class", "probability", "mask"] {
            object.remove(key);
        }
        for map in record["maps"].as_array_mut().unwrap() {
            let map = map.as_object_mut().unwrap();
            for key in ["masked_probability", "iou", "insertion", "deletion"] {
                map.remove(key);
            }
        }
    });
    let object = folder.json("report run");
    let expected = [
        "overlays",
        "first-singular-value",
        "leading-singular-values",
        "truncated-ranks",
        "times",
    ];
    assert_eq!(object["figures"], json!(expected));
    let page = page(&folder);
    let page = parsed(&page);
    let metrics: Vec<&str> = elements(section(&page, "metrics"), "th")
        .into_iter()
        .filter_map(|head| head.attribute("data-metric"))
        .collect();
    assert_eq!(metrics, ["embedding_mse"]);
}

#[test]
fn one_photograph_has_no_intervals() {
    let folder = with_run();
    let lines = lines(&folder, "run");
    write_lines(&folder, "run", &lines[..2]);
    let object = folder.json("report run");
    assert_eq!(object["figures"].as_array().unwrap().len(), 9);
    let page = page(&folder);
    let page = parsed(&page);
    let table = section(&page, "metrics");
    assert!(!text(table).contains(" to "));
    let first = section(&page, "first-singular-value");
    assert_eq!(elements(first, "circle").len(), 2);
}

#[test]
fn a_run_of_failures_alone_lists_them() {
    let folder = with_run();
    let lines = lines(&folder, "run");
    write_lines(&folder, "run", &[lines[0].clone(), lines[4].clone()]);
    let object = folder.json("report run");
    assert_eq!(object["figures"], json!([]));
    let page = page(&folder);
    let page = parsed(&page);
    assert!(text(section(&page, "failures")).contains("torn.jpg"));
}

#[test]
fn several_runs_share_the_page() {
    let folder = with_run();
    copy(&folder.at("run"), &folder.at("same"));
    let mut other = lines(&folder, "run");
    other[0]["name"] = json!("large");
    other[0]["methods"] = json!(["tsm"]);
    other[0]["images"] = json!("../run/photographs");
    for record in &mut other[1..4] {
        let tsm = record["maps"][1].clone();
        record["maps"] = json!([tsm]);
    }
    write_lines(&folder, "other", &other);
    let object = folder.json("report run other same");
    assert_eq!(
        (&object["runs"], &object["photographs"]),
        (&json!(3), &json!(9))
    );
    let page = page(&folder);
    let page = parsed(&page);
    let networks: Vec<String> = elements(section(&page, "metrics"), "th")
        .into_iter()
        .filter(|head| head.attribute("scope") == Some("colgroup"))
        .map(text)
        .collect();
    // Equal names are told apart by the folders, since the layers are equal too.
    assert_eq!(networks, ["small, run", "large", "small, same"]);
    assert_eq!(
        elements(section(&page, "overlays"), "image").len(),
        2 * 15 + 6
    );
    // Two panels for a run with both groups of methods, one for TSM alone.
    assert_eq!(elements(section(&page, "mean-iou"), "svg").len(), 5);
    let rows = elements(section(&page, "metrics"), "tr");
    let eigen_cam = rows.iter().find(|row| text(**row).starts_with("EigenCAM"));
    let cells = elements(*eigen_cam.unwrap(), "td");
    assert_eq!(
        cells.iter().filter(|cell| cell.text() == Some("–")).count(),
        4
    );
}

#[test]
fn a_line_that_is_cut_off_is_skipped() {
    let folder = with_run();
    let path = folder.at("run/records.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let cut = format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..200]);
    fs::write(&path, cut).unwrap();
    assert_eq!(folder.json("report run")["photographs"], 1);
}

#[test]
fn folders_that_are_no_runs_are_refused() {
    let folder = with_run();
    let lines = lines(&folder, "run");
    fs::create_dir(folder.at("empty")).unwrap();
    write_lines(&folder, "none", &lines[..1]);
    let mut version = lines[0].clone();
    version["format"] = json!("tenfold-evaluation-9");
    write_lines(&folder, "version", &[version]);
    write_lines(&folder, "text", &[json!("no settings")]);
    let mut method = lines[0].clone();
    method["methods"] = json!(["grad-cam"]);
    write_lines(&folder, "method", &[method]);
    let mut values = lines[1].clone();
    values["maps"][0]["values"] = json!([0.5]);
    write_lines(&folder, "values", &[lines[0].clone(), values]);
    let mut beyond = lines[1].clone();
    beyond["maps"][0]["values"][3] = json!(1.5);
    write_lines(&folder, "beyond", &[lines[0].clone(), beyond]);
    write_lines(
        &folder,
        "record",
        &[lines[0].clone(), json!({ "images": 1 })],
    );
    for (run, message) in [
        ("missing", "there is no file records.jsonl in it"),
        ("empty", "there is no file records.jsonl in it"),
        ("none", "the run has no records yet"),
        ("version", "tenfold-evaluation-9"),
        ("text", "line 1"),
        ("method", "\"grad-cam\" is no method"),
        ("values", "has 1 values, 7×7 were expected"),
        ("beyond", "has the value 1.5"),
        ("record", "line 2"),
    ] {
        let line = folder.refusal(&format!("report run {run}"));
        assert!(
            line.contains(message) && line.contains(run),
            "{run}: {line}"
        );
    }
}

#[test]
fn outputs_do_not_replace_what_the_report_reads() {
    let folder = with_run();
    for arguments in [
        "report run -o run/records.jsonl",
        "report run -o run/photographs/cat.png",
        "report run -o run/masks/disc.png",
    ] {
        let line = folder.refusal(arguments);
        assert!(line.contains("would replace the input"), "{line}");
    }
    for arguments in [
        "report run -o no/such/folder/report.html",
        "report run -o -",
        "report",
    ] {
        folder.refusal(arguments);
    }
    fs::write(folder.at("file"), "").unwrap();
    let line = folder.refusal("report run --figures file");
    assert!(line.contains("file"), "{line}");
}

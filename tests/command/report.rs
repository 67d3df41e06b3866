//! `tenfold report`: the page and the figures of a run. `report_runs` has runs of other kinds, and
//! `tests/browser/check.py` opens the page in a browser.

use std::fs;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Value, json};

use crate::folder::{Folder, repository};

/// The figures of a run with masks, classes, curves and truncated ranks, in the order of the page.
pub(crate) const FIGURES: [(&str, &str); 9] = [
    ("overlays", "Overlays"),
    ("binarised", "Binarised maps beside the masks"),
    ("mean-iou", "Overlap with the masks"),
    ("insertion", "Insertion"),
    ("deletion", "Deletion"),
    ("first-singular-value", "Share of the first singular value"),
    (
        "leading-singular-values",
        "Shares of the five leading singular values",
    ),
    ("truncated-ranks", "Truncated ranks"),
    ("times", "Time of a map"),
];

/// A folder with a copy of the run in `tests/data/evaluation`.
pub(crate) fn with_run() -> Folder {
    let folder = Folder::new();
    copy(&repository("tests/data/evaluation"), &folder.at("run"));
    folder
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// The lines of a run: the settings, and the records.
pub(crate) fn lines(folder: &Folder, run: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.at(run).join("records.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn write_lines(folder: &Folder, run: &str, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::create_dir_all(folder.at(run)).unwrap();
    fs::write(folder.at(run).join("records.jsonl"), text).unwrap();
}

pub(crate) fn page(folder: &Folder) -> String {
    fs::read_to_string(folder.at("report.html")).unwrap()
}

pub(crate) fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).unwrap()
}

/// The elements with a name below a node.
pub(crate) fn elements<'a>(node: Node<'a, 'a>, name: &str) -> Vec<Node<'a, 'a>> {
    let elements = node.descendants();
    elements
        .filter(|element| element.tag_name().name() == name)
        .collect()
}

/// The elements that have a class among others.
pub(crate) fn of_class<'a>(node: Node<'a, 'a>, class: &str) -> Vec<Node<'a, 'a>> {
    let has_class = |node: &Node| {
        let classes = node.attribute("class").unwrap_or_default();
        classes.split(' ').any(|name| name == class)
    };
    node.descendants().filter(has_class).collect()
}

/// The section of a page.
pub(crate) fn section<'a>(page: &'a Document<'a>, id: &str) -> Node<'a, 'a> {
    let sections = elements(page.root(), "section");
    let section = sections
        .iter()
        .find(|node| node.attribute("id") == Some(id));
    *section.unwrap_or_else(|| panic!("there is no section {id}"))
}

/// All text of a node, without styles.
pub(crate) fn text(node: Node) -> String {
    let texts = node.descendants().filter(|node| node.is_text());
    let texts = texts.filter(|node| node.parent().is_none_or(|p| p.tag_name().name() != "style"));
    let texts: Vec<&str> = texts.filter_map(|node| node.text()).collect();
    texts.join(" ")
}

/// The texts that browsers show beside the pointer.
fn tips(node: Node) -> Vec<String> {
    elements(node, "title").into_iter().map(text).collect()
}

/// The sections of a page that have a figure.
pub(crate) fn figures(page: &Document) -> Vec<String> {
    elements(page.root(), "section")
        .iter()
        .filter(|section| !elements(**section, "figure").is_empty())
        .map(|section| section.attribute("id").unwrap().to_owned())
        .collect()
}

#[test]
fn the_page_has_each_figure_with_its_title() {
    let folder = with_run();
    let object = folder.json("report run");
    assert_eq!(object["output"], "report.html");
    assert_eq!(object["photographs"], 3);
    assert_eq!(object["failures"], 1);
    let names: Vec<&str> = FIGURES.iter().map(|(name, _)| *name).collect();
    assert_eq!(object["figures"], json!(names));
    let page = page(&folder);
    let page = parsed(&page);
    assert_eq!(figures(&page), names);
    for (name, title) in FIGURES {
        let section = section(&page, name);
        assert_eq!(elements(section, "h2")[0].text(), Some(title));
        let caption = text(elements(section, "figcaption")[0]);
        assert!(caption.ends_with('.'), "{caption}");
        for svg in elements(section, "svg") {
            assert!(svg.attribute("aria-label").unwrap().starts_with("small: "));
        }
    }
    // Links lead to the sections.
    for link in elements(elements(page.root(), "nav")[0], "a") {
        section(
            &page,
            link.attribute("href").unwrap().strip_prefix('#').unwrap(),
        );
    }
    let failures = text(section(&page, "failures"));
    assert!(failures.contains("torn.jpg: this is a JPEG that is damaged or cut short"));
    let settings = text(section(&page, "settings"));
    for setting in ["networks/small.onnx", "1234abcd", "16×7×7", "mtsm@4,2,2"] {
        assert!(settings.contains(setting), "{settings}");
    }
}

#[test]
fn the_figures_have_the_values_of_the_records() {
    let folder = with_run();
    folder.succeeds("report run");
    let lines = lines(&folder, "run");
    let page = page(&folder);
    let page = parsed(&page);

    // 1. A picture for each photograph and each method with full ranks.
    assert_eq!(elements(section(&page, "overlays"), "image").len(), 3 * 5);
    let binarised = section(&page, "binarised");
    assert_eq!(elements(binarised, "image").len(), 3 * 6);
    let first = &lines[1]["maps"][1]["iou"][1].as_f64().unwrap();
    assert!(text(binarised).contains(&format!("IoU {:.1} %", 100.0 * first)));

    // 2. The mean curve of each method.
    let tips = |name| tips(section(&page, name));
    let mean = |method: usize, value: &dyn Fn(&Value) -> f64| {
        let values = lines[1..4].iter().map(|r| value(&r["maps"][method]));
        values.sum::<f64>() / 3.0
    };
    let lines_of = |name| elements(section(&page, name), "polyline");
    for (name, points) in [("mean-iou", 6), ("insertion", 5), ("deletion", 5)] {
        let lines = lines_of(name);
        assert_eq!(lines.len(), 4, "{name}");
        for line in lines {
            let places = line.attribute("points").unwrap().split(' ').count();
            assert_eq!(places, points);
        }
        assert_eq!(of_class(section(&page, name), "dashed").len(), 2 * 2);
    }
    // The number in the text that starts with `start`, such as "TSM at 0.6: 45.8".
    let number = |name, start: &str| -> f64 {
        let tips = tips(name);
        let number = tips.iter().find_map(|text| text.strip_prefix(start));
        number
            .unwrap_or_else(|| panic!("{start}: {tips:?}"))
            .parse()
            .unwrap()
    };
    for (method, label) in [(0, "EigenCAM"), (1, "TSM"), (3, "MTSM")] {
        let overlap = 100.0 * mean(method, &|map| map["iou"][2].as_f64().unwrap());
        let shown = number("mean-iou", &format!("{label} at 0.6: "));
        assert!(
            (shown - overlap).abs() <= 0.05,
            "{label}: {shown}, {overlap}"
        );
        let rise = mean(method, &|map| map["insertion"][1].as_f64().unwrap());
        let shown = number("insertion", &format!("{label} at 25: "));
        assert!((shown - rise).abs() <= 0.0005, "{label}: {shown}, {rise}");
    }

    // 3. A box for each decomposition and singular value, with a dot for each photograph.
    for (name, boxes) in [
        ("first-singular-value", 2),
        ("leading-singular-values", 10),
        ("times", 5),
    ] {
        let section = section(&page, name);
        assert_eq!(of_class(section, "box-plot").len(), boxes, "{name}");
        assert_eq!(elements(section, "circle").len(), 3 * boxes, "{name}");
    }
    let mut shares: Vec<f64> = lines[1..4]
        .iter()
        .map(|r| {
            100.0 * r["svd"]["leading"][0].as_f64().unwrap() / r["svd"]["sum"].as_f64().unwrap()
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    let tip = format!("σ₁, SVD: median {:.1} %", shares[1]);
    let has_median = |tip_of_box: &String| tip_of_box.starts_with(&tip);
    assert!(tips("first-singular-value").iter().any(has_median), "{tip}");

    // 4. Two methods with truncated ranks, and four metrics.
    let truncated = section(&page, "truncated-ranks");
    assert_eq!(of_class(truncated, "interval").len(), 2 * 4);
    let difference = mean(5, &|map| map["embedding_error"].as_f64().unwrap())
        - mean(3, &|map| map["embedding_error"].as_f64().unwrap());
    let tip = format!("MTSM 4, 2, 2: {difference:.2}, 95% interval");
    let tips = tips("truncated-ranks");
    assert!(
        tips.iter().any(|text| text.starts_with(&tip)),
        "{tip}: {tips:?}"
    );
}

#[test]
fn the_table_has_the_metrics_with_the_best_in_bold() {
    let folder = with_run();
    folder.succeeds("report run");
    let lines = lines(&folder, "run");
    let page = page(&folder);
    let page = parsed(&page);
    let table = elements(section(&page, "metrics"), "table")[0];
    let rows = elements(elements(table, "tbody")[0], "tr");
    let labels: Vec<&str> = rows
        .iter()
        .map(|row| elements(*row, "th")[0].text().unwrap())
        .collect();
    assert_eq!(labels, ["EigenCAM", "TSM", "Multivec-EigenCAM", "MTSM"]);
    // The column of the embeddings.
    let mean = |method: usize| {
        let errors = lines[1..4]
            .iter()
            .map(|record| record["maps"][method]["embedding_error"].as_f64().unwrap());
        errors.sum::<f64>() / 3.0
    };
    let means: Vec<f64> = (0..4).map(mean).collect();
    let mut sorted = means.clone();
    sorted.sort_by(f64::total_cmp);
    for (row, mean) in rows.iter().zip(means) {
        let cell = elements(*row, "td")[2];
        assert!(
            text(cell).starts_with(&format!("{mean:.2}")),
            "{}",
            text(cell)
        );
        assert_eq!(
            elements(cell, "strong").len(),
            usize::from(mean == sorted[0])
        );
        assert_eq!(elements(cell, "u").len(), usize::from(mean == sorted[1]));
        assert!(text(elements(cell, "small")[0]).contains(" to "));
    }
}

#[test]
fn without_resamples_there_are_no_intervals() {
    let folder = with_run();
    folder.succeeds("report run --bootstrap 0");
    let without = page(&folder);
    assert!(!without.contains("95% "), "{without}");
    let document = parsed(&without);
    let body = elements(section(&document, "metrics"), "tbody")[0];
    assert!(elements(body, "small").is_empty());
    // Few resamples, so that the interval depends on the seed.
    let of_seed = |seed| {
        let arguments = format!("report run --bootstrap 2 --bootstrap-seed {seed}");
        folder.succeeds(&arguments);
        page(&folder)
    };
    assert!(of_seed(1) != of_seed(2));
}

#[test]
fn each_figure_is_an_svg_file_for_light_and_dark_pages() {
    let folder = with_run();
    folder.succeeds("report run --figures figures/of/run");
    let page = page(&folder);
    let page = parsed(&page);
    for (name, title) in FIGURES {
        let file = folder.at("figures/of/run").join(format!("{name}.svg"));
        let file = fs::read_to_string(file).unwrap();
        let svg = parsed(&file);
        let root = svg.root_element();
        assert_eq!(
            root.tag_name().namespace(),
            Some("http://www.w3.org/2000/svg")
        );
        let children = |tag| root.children().find(|node| node.has_tag_name(tag)).unwrap();
        let tag = |name| ("http://www.w3.org/2000/svg", name);
        assert_eq!(children(tag("title")).text(), Some(title));
        assert!(children(tag("desc")).text().unwrap().ends_with('.'));
        let style = children(tag("style")).text().unwrap();
        assert!(style.contains("prefers-color-scheme: dark"));
        // The file has what the page has.
        let section = section(&page, name);
        for element in ["image", "circle", "polyline", "rect"] {
            let background = usize::from(element == "rect");
            assert_eq!(
                elements(root, element).len(),
                elements(section, element).len() + background,
                "{name}: {element}"
            );
        }
    }
    assert_eq!(folder.names(), ["figures", "report.html", "run"]);
    // docs/report.md shows a figure of this run.
    let shown = fs::read(repository("docs/images/report-mean-iou.svg")).unwrap();
    let is_shown = folder.read_bytes("figures/of/run/mean-iou.svg") == shown;
    assert!(is_shown, "docs/images/report-mean-iou.svg is out of date");
    assert_eq!(
        fs::read_dir(folder.at("figures/of/run")).unwrap().count(),
        9
    );
}

#[test]
fn the_page_loads_nothing_and_has_no_scripts() {
    let folder = with_run();
    folder.succeeds("report run");
    let page = page(&folder);
    let page = parsed(&page);
    for element in page.descendants() {
        assert!(!["script", "link", "iframe"].contains(&element.tag_name().name()));
        for attribute in element.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on"), "{name}");
            if ["href", "src"].contains(&name) {
                assert!(
                    value.starts_with("data:") || value.starts_with('#'),
                    "{value}"
                );
            }
        }
    }
    let metas = elements(page.root(), "meta");
    let policies = metas.iter().filter_map(|meta| meta.attribute("content"));
    let forbids_all = |policy: &str| policy.starts_with("default-src 'none'");
    assert_eq!(policies.filter(|policy| forbids_all(policy)).count(), 1);
    let style: String = elements(page.root(), "style")
        .into_iter()
        .filter_map(|s| s.text())
        .collect();
    assert!(!style.contains("url(") && !style.contains("@import"));
}

//! Tables of records that are written by hand.

use super::*;
use crate::records::{MapRecord, sample_settings};

fn settings(methods: &[&str]) -> Settings {
    sample_settings(methods, &[0.4, 0.5])
}

fn map(method: &str, masked: f64, iou: [f64; 2]) -> MapRecord {
    MapRecord {
        method: method.to_owned(),
        shape: [1, 1],
        values: vec![1.0],
        seconds: if method == "eigen-cam" { 0.25 } else { 0.5 },
        masked_probability: Some(masked),
        embedding_error: None,
        iou: iou.to_vec(),
        insertion: Vec::new(),
        deletion: Vec::new(),
    }
}

fn record(image: &str, probability: f64, maps: Vec<MapRecord>) -> Record {
    Record {
        image: image.to_owned(),
        class: Some(0),
        probability: Some(probability),
        network_seconds: 50.0,
        maps,
        ..Record::default()
    }
}

/// Three methods and two photographs. The drops are 50 and 0, 25 and 0, and 75 and 50 percent.
fn table() -> Table {
    let mut samples = Samples::new(settings(&["eigen-cam", "tsm", "tsm@1,1,1"]));
    let records = [
        record(
            "a.png",
            0.5,
            vec![
                map("eigen-cam", 0.25, [0.5, 0.25]),
                map("tsm", 0.375, [0.5, 0.5]),
                map("tsm@1,1,1", 0.125, [0.25, 0.25]),
            ],
        ),
        record(
            "b.png",
            0.5,
            vec![
                map("eigen-cam", 0.75, [0.5, 0.75]),
                map("tsm", 0.5, [0.5, 0.75]),
                map("tsm@1,1,1", 0.25, [0.25, 0.75]),
            ],
        ),
        Record {
            image: "c.png".to_owned(),
            failure: Some("it is cut off".to_owned()),
            ..Record::default()
        },
    ];
    for record in &records {
        assert!(samples.add(record).is_ok());
    }
    let expected = [("c.png".to_owned(), "it is cut off".to_owned())];
    assert_eq!(samples.failures(), expected);
    let table = samples.table(&BootstrapArgs::with(1000));
    table.unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn the_terminal_shows_means_and_half_widths() {
    let text = table().terminal();
    let expected = "\
2 photographs, 1 failed; network small, layer features
The intervals of so few photographs are unreliable.

Metrics
method           AD(%) ↓        AI(%) ↑      mIoU(%) ↑
eigen-cam  25.00 ± 25.00  50.00 ± 50.00  50.00 ± 25.00
tsm        12.50 ± 12.50    0.00 ± 0.00  62.50 ± 12.50
tsm@1,1,1  62.50 ± 12.50    0.00 ± 0.00  50.00 ± 25.00
±: half the width of the 95% bootstrap interval

mIoU(%) where the map is at least T
method        T = 0.4 ↑      T = 0.5 ↑
eigen-cam  50.00 ± 0.00  50.00 ± 25.00
tsm        50.00 ± 0.00  62.50 ± 12.50
tsm@1,1,1  25.00 ± 0.00  50.00 ± 25.00
±: half the width of the 95% bootstrap interval
";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.contains("tsm@1,1,1     500.000          2.00            1.00 %"),
        "{text}"
    );
}

#[test]
fn markdown_marks_the_best_and_the_second() {
    let text = table().markdown();
    for line in [
        "# small",
        "| method | AD(%) ↓ | AI(%) ↑ | mIoU(%) ↑ |",
        "| --- | ---: | ---: | ---: |",
        "| eigen-cam | <u>25.00</u> | **50.00** | <u>50.00</u> |",
        "| tsm | **12.50** | <u>0.00</u> | **62.50** |",
        "| tsm@1,1,1 | 62.50 | <u>0.00</u> | <u>50.00</u> |",
        // The differences of both photographs are −25, and 0 for the threshold 0.5 of b.png.
        "| method | AD(%) ↓ | AI(%) ↑ | mIoU(%) ↑ | AG(%) ↑ | absolute drop(%) ↓ |",
        "| tsm@1,1,1 − tsm | +50.00 [+50.00, +50.00] \\* | +0.00 [+0.00, +0.00] | \
         -12.50 [-25.00, +0.00] | +0.00 [+0.00, +0.00] | +25.00 [+25.00, +25.00] \\* |",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}

#[test]
fn csv_has_the_ends_of_the_intervals_and_no_times() {
    let text = table().csv();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        lines[0][..5],
        [
            "method",
            "photographs",
            "average_drop_percent",
            "average_drop_percent_low",
            "average_drop_percent_high"
        ]
    );
    assert_eq!(lines[1][..5], ["eigen-cam", "2", "25", "0", "50"]);
    let difference = lines[0]
        .iter()
        .position(|name| *name == "average_drop_percent_difference");
    let difference = difference.unwrap();
    assert_eq!(lines[1][difference..difference + 3], ["", "", ""]);
    // The name of the last method has two commas.
    assert!(
        text.lines()
            .last()
            .unwrap()
            .starts_with("\"tsm@1,1,1\",2,62.5,50,75,")
    );
    assert_eq!(lines[3][difference + 2..][..3], ["50", "50", "50"]);
    let columns = lines[0].len();
    assert!(lines[1..3].iter().all(|line| line.len() == columns));
    assert!(!text.contains("seconds"));
    // The threshold 0.5 is in two tables of the text, and in one column of the file.
    assert_eq!(text.matches("mean_iou_at_0.5,").count(), 1);
}

#[test]
fn json_has_rows_and_times() {
    let object = table().json();
    assert_eq!(object["photographs"], 2);
    assert_eq!(object["failures"], 1);
    let row = &object["rows"][2];
    assert_eq!(row["method"], "tsm@1,1,1");
    assert_eq!(row["metrics"]["average_drop_percent"]["mean"], 62.5);
    let difference = &row["metrics"]["average_drop_percent"]["difference"];
    assert_eq!(
        (&difference["to"], &difference["mean"]),
        (&"tsm".into(), &50.0.into())
    );
    assert_eq!(object["times"]["maps"][1]["ratio_to_svd"], 2.0);
    assert_eq!(object["times"]["network_seconds"], 50.0);
}

#[test]
fn records_of_other_methods_are_refused() {
    let mut samples = Samples::new(settings(&["tsm"]));
    let outcome = samples.add(&record("a.png", 0.5, vec![map("mtsm", 0.5, [0.0; 2])]));
    let message = outcome.err().map(|failure| failure.to_string());
    assert!(message.unwrap().contains("other methods"));
}

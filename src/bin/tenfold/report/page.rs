//! The page: one HTML file without scripts and without external resources. It is well-formed XML.

use super::chart::count;
use super::figure::{Figure, STYLE};
use super::markup::Markup;
use super::run::Run;
use super::table::Table;
use super::times;

const PAGE_STYLE: &str = include_str!("page.css");

/// The start of the head. Its policy forbids scripts and the loading of other files, so that a hostile
/// file name in a record cannot start either.
const HEAD: &str = include_str!("head.html");

const TITLE: &str = "Evaluation of saliency maps";

/// The page of the runs.
pub(super) fn page(runs: &[Run], table: &Table, figures: &[Figure]) -> String {
    let mut page = Markup::default();
    page.element("html", &[("lang", &"en")], |page| {
        page.element("head", &[], |page| head(page, runs));
        page.element("body", &[], |page| {
            page.element("main", &[], |page| {
                header(page, runs, figures);
                page.element("section", &[("id", &"metrics")], |page| {
                    page.leaf("h2", &[], "Metrics");
                    table.add_to(page);
                });
                for figure in figures {
                    figure.add_to(page);
                    if figure.name == "times" {
                        times::table(page, runs);
                    }
                }
                failures(page, runs);
                settings(page, runs);
            });
        });
    });
    format!("<!DOCTYPE html>\n{}\n", page.as_str())
}

fn head(page: &mut Markup, runs: &[Run]) {
    page.raw(HEAD);
    page.leaf("title", &[], &format!("{TITLE}: {}", names(runs)));
    page.element("style", &[], |page| {
        page.raw(PAGE_STYLE);
        page.raw(STYLE);
    });
}

/// The names of the networks.
fn names(runs: &[Run]) -> String {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    names.join(", ")
}

/// The title, what was evaluated, and links to the sections.
fn header(page: &mut Markup, runs: &[Run], figures: &[Figure]) {
    page.element("header", &[], |page| {
        page.leaf("h1", &[], TITLE);
        for run in runs {
            page.element("p", &[], |page| {
                page.leaf("strong", &[], &run.name);
                page.text(&summary(run));
            });
        }
        page.element("nav", &[("aria-label", &"sections")], |page| {
            link(page, "metrics", "Metrics");
            for figure in figures {
                link(page, figure.name, figure.title);
            }
            if runs.iter().any(|run| !run.failures.is_empty()) {
                link(page, "failures", "Failures");
            }
            link(page, "settings", "Settings");
        });
    });
}

fn link(page: &mut Markup, target: &str, text: &str) {
    page.leaf("a", &[("href", &format!("#{target}"))], text);
    page.text(" ");
}

/// A run in one sentence.
fn summary(run: &Run) -> String {
    let shape = crate::console::times(&run.settings.feature_map);
    let mut text = format!(": {} with results", count(run.records.len(), "photograph"));
    if !run.failures.is_empty() {
        text += &format!(", {}", count(run.failures.len(), "failure"));
    }
    text += &format!(", feature maps {shape} of layer {}", run.settings.layer);
    let masks = run.records.iter().filter(|record| record.mask.is_some());
    match masks.count() {
        0 => {}
        masks => text += &format!(", {}", count(masks, "mask")),
    }
    if let Some(judge) = &run.settings.judge {
        text += &format!(", classes by {judge}");
    }
    text.push('.');
    text
}

/// The photographs without results.
fn failures(page: &mut Markup, runs: &[Run]) {
    if runs.iter().all(|run| run.failures.is_empty()) {
        return;
    }
    page.element("section", &[("id", &"failures")], |page| {
        page.leaf("h2", &[], "Failures");
        page.leaf("p", &[], "These photographs have no results.");
        page.element("div", &[("class", &"scroll"), ("tabindex", &0)], |page| {
            page.element("table", &[("class", &"texts")], |page| {
                page.element("thead", &[], |page| {
                    page.element("tr", &[], |page| {
                        for title in ["network", "photograph", "reason"] {
                            page.leaf("th", &[("scope", &"col")], title);
                        }
                    });
                });
                page.element("tbody", &[], |page| {
                    for run in runs {
                        for (image, reason) in &run.failures {
                            page.element("tr", &[], |page| {
                                for text in [&run.name, image, reason] {
                                    page.leaf("td", &[], text);
                                }
                            });
                        }
                    }
                });
            });
        });
    });
}

/// A setting: its name, and its text for a run.
type Setting = (&'static str, fn(&Run) -> String);

const SETTINGS: [Setting; 15] = [
    ("network", |run| run.settings.network.clone()),
    ("checksum of the network (CRC-32)", |run| {
        format!("{:08x}", run.settings.checksum)
    }),
    ("layer", |run| run.settings.layer.clone()),
    ("feature map", |run| {
        crate::console::times(&run.settings.feature_map)
    }),
    ("input", |run| crate::console::times(&run.settings.input)),
    ("preprocessing", |run| run.settings.preprocessing.clone()),
    ("photographs", |run| run.settings.images.clone()),
    ("masks", |run| given(&run.settings.masks)),
    ("classes", |run| run.settings.classes.clone()),
    ("network that classifies", |run| {
        let checksum = run.settings.judge_checksum;
        let checksum = checksum.map(|checksum| format!(" (CRC-32 {checksum:08x})"));
        given(&run.settings.judge) + &checksum.unwrap_or_default()
    }),
    ("layer of the embeddings", |run| {
        given(&run.settings.embedding)
    }),
    ("methods", |run| run.settings.methods.join(" ")),
    ("thresholds", |run| {
        let thresholds = run.settings.thresholds.iter();
        let texts: Vec<String> = thresholds.map(f64::to_string).collect();
        texts.join(", ")
    }),
    ("masking", |run| run.settings.masking.clone()),
    ("steps of insertion and deletion", |run| {
        run.settings.curve_steps.to_string()
    }),
];

fn given(setting: &Option<String>) -> String {
    setting.clone().unwrap_or_else(|| "none".into())
}

/// The settings of each run, and the version of the command.
fn settings(page: &mut Markup, runs: &[Run]) {
    page.element("section", &[("id", &"settings")], |page| {
        page.leaf("h2", &[], "Settings");
        page.element("div", &[("class", &"scroll"), ("tabindex", &0)], |page| {
            page.element("table", &[("class", &"texts")], |page| {
                page.element("tbody", &[], |page| {
                    for (name, text) in SETTINGS {
                        page.element("tr", &[], |page| {
                            page.leaf("th", &[("scope", &"row")], name);
                            for run in runs {
                                page.leaf("td", &[], &text(run));
                            }
                        });
                    }
                });
            });
        });
        let version = env!("CARGO_PKG_VERSION");
        page.leaf("p", &[], &format!("Written by tenfold {version}."));
    });
}

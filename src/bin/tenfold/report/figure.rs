//! A figure: panels with a title and a caption. It becomes a part of the page, or a file of its own.
//!
//! ```text
//!   in the page: <figure>, panels wrap         as a file: one SVG with all panels
//!
//!   Title                                      ┌──────────────────────────────┐
//!   ┌─────────┐ ┌─────────┐                    │ Title                        │
//!   │ panel 0 │ │ panel 1 │                    │ ┌─────────┐ ┌─────────┐      │
//!   └─────────┘ └─────────┘                    │ │ panel 0 │ │ panel 1 │      │
//!   ┌─────────┐                                │ └─────────┘ └─────────┘      │
//!   │ panel 2 │                                │ Caption                      │
//!   └─────────┘                                └──────────────────────────────┘
//!   Caption
//! ```
//!
//! Panels have their width in pixels of the page, so that their text is readable on a telephone.

use super::markup::{Attributes, Markup, Px};

/// The colours and fonts of figures, for light and dark pages.
pub(super) const STYLE: &str = include_str!("figure.css");

/// The namespace of SVG.
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// The distance between panels in a file, and from the panels to its edges.
const GAP: f64 = 20.0;

/// The height of a line of the caption in a file.
const LINE: f64 = 17.0;

/// The number of panels side by side in a file, for a list of `panels`.
fn columns(panels: usize) -> usize {
    // Four panels make a square.
    if panels == 4 { 2 } else { 3 }
}

/// The minimum width of a file, so that the title and the caption have room.
const MIN_WIDTH: f64 = 560.0;

/// A figure of the report.
pub(super) struct Figure {
    /// The name of the file without extension. It is also the anchor in the page.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What the figure shows, and which direction is better.
    pub(super) caption: String,
    /// The panels. Each list starts on a new line.
    pub(super) rows: Vec<Vec<Panel>>,
}

/// A part of a figure with a picture of its own.
pub(super) struct Panel {
    /// The title, for readers who cannot see the panel; the drawing has it too.
    pub(super) title: String,
    /// The width and the height in pixels.
    pub(super) size: (f64, f64),
    pub(super) drawing: Markup,
}

impl Figure {
    /// Adds the figure to a page.
    pub(super) fn add_to(&self, page: &mut Markup) {
        page.element("section", &[("id", &self.name)], |page| {
            page.leaf("h2", &[], self.title);
            page.element("figure", &[], |page| {
                for row in &self.rows {
                    page.element("div", &[("class", &"panels"), ("tabindex", &0)], |page| {
                        for panel in row {
                            panel.add_to(page);
                        }
                    });
                }
                page.leaf("figcaption", &[], &self.caption);
            });
        });
    }

    /// The figure as an SVG file.
    pub(super) fn file(&self) -> String {
        // 1. The place of each panel.
        let mut places = Vec::new();
        let (mut top, mut width) = (44.0, MIN_WIDTH);
        for row in self
            .rows
            .iter()
            .flat_map(|row| row.chunks(columns(row.len())))
        {
            let mut left = GAP;
            for panel in row {
                places.push((left, top));
                left += panel.size.0 + GAP;
            }
            width = width.max(left);
            top += row.iter().map(|panel| panel.size.1).fold(0.0, f64::max) + GAP;
        }
        let caption = wrapped(&self.caption, width - 2.0 * GAP);
        let height = top + LINE * caption.len() as f64 + GAP / 2.0;

        // 2. The drawing.
        let mut svg = Markup::default();
        svg.element(
            "svg",
            &[
                ("xmlns", &NAMESPACE),
                ("width", &Px(width)),
                ("height", &Px(height)),
                ("viewBox", &view_box(width, height)),
                ("role", &"img"),
                ("aria-labelledby", &"title description"),
            ],
            |svg| {
                svg.leaf("title", &[("id", &"title")], self.title);
                svg.leaf("desc", &[("id", &"description")], &self.caption);
                svg.element("style", &[], |svg| svg.raw(STYLE));
                let all: Attributes = &[
                    ("class", &"background"),
                    ("width", &"100%"),
                    ("height", &"100%"),
                ];
                svg.empty("rect", all);
                let at: Attributes = &[("class", &"heading"), ("x", &GAP), ("y", &28)];
                svg.leaf("text", at, self.title);
                for (panel, (left, top)) in self.rows.iter().flatten().zip(places) {
                    let place = format!("translate({}, {})", Px(left), Px(top));
                    svg.element("g", &[("transform", &place)], |svg| {
                        svg.raw(panel.drawing.as_str());
                    });
                }
                for (i, line) in caption.iter().enumerate() {
                    let y = Px(top + LINE * (i as f64 + 0.5));
                    let at: Attributes = &[("class", &"muted"), ("x", &GAP), ("y", &y)];
                    svg.leaf("text", at, line);
                }
            },
        );
        format!("{}\n", svg.as_str())
    }
}

impl Panel {
    fn add_to(&self, page: &mut Markup) {
        let (width, height) = self.size;
        page.element(
            "svg",
            &[
                ("xmlns", &NAMESPACE),
                ("class", &"panel"),
                ("width", &Px(width)),
                ("height", &Px(height)),
                ("viewBox", &view_box(width, height)),
                ("role", &"img"),
                ("aria-label", &self.title),
            ],
            |page| page.raw(self.drawing.as_str()),
        );
    }
}

fn view_box(width: f64, height: f64) -> String {
    format!("0 0 {} {}", Px(width), Px(height))
}

/// The estimated width of a text in pixels. Fonts differ; this is the width in a wide one.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    0.6 * size * text.chars().count() as f64
}

/// The text, or its beginning with an ellipsis if it is wider than `width` pixels.
pub(super) fn shortened(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let room = (width / (0.6 * size)) as usize;
    let start: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{start}…")
}

/// The lines of a text of 12 pixels that is broken at blanks.
fn wrapped(text: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, 12.0) + text_width(word, 12.0) + 7.0 <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_or_shortened() {
        assert_eq!(wrapped("one two three", 60.0), ["one two", "three"]);
        assert_eq!(shortened("resnet50", 10.0, 48.0), "resnet50");
        assert_eq!(shortened("resnet50", 10.0, 30.0), "resn…");
    }

    #[test]
    fn the_panels_of_a_file_do_not_overlap() {
        let panel = |title: &str| Panel {
            title: title.into(),
            size: (300.0, 100.0),
            drawing: Markup::default(),
        };
        let figure = Figure {
            name: "f",
            title: "T",
            caption: "c".into(),
            rows: vec![vec![panel("a"), panel("b")], vec![panel("c")]],
        };
        let file = figure.file();
        for place in [
            "translate(20, 44)",
            "translate(340, 44)",
            "translate(20, 164)",
        ] {
            assert!(file.contains(place), "{file}");
        }
        assert!(file.contains(r#"width="660""#), "{file}");
    }
}

//! Builds HTML and SVG as well-formed XML: each element is closed, and each text is escaped.

use std::fmt::{self, Display, Write};

/// The attributes of an element, with their values.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a dyn Display)];

/// A text in HTML or SVG that grows element by element.
#[derive(Clone, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds an element with content.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: Attributes,
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.0.push('>');
        content(self);
        self.0 += "</";
        self.0 += name;
        self.0.push('>');
    }

    /// Adds an element that contains a text.
    pub(super) fn leaf(&mut self, name: &str, attributes: Attributes, text: &str) {
        self.element(name, attributes, |markup| markup.text(text));
    }

    /// Adds an element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: Attributes) {
        self.open(name, attributes);
        self.0 += "/>";
    }

    /// Adds a text.
    pub(super) fn text(&mut self, text: &str) {
        self.0 += &escape(text);
    }

    /// Adds a text that is HTML or SVG already.
    pub(super) fn raw(&mut self, markup: &str) {
        self.0 += markup;
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Adds `<name attribute="value"`.
    fn open(&mut self, name: &str, attributes: Attributes) {
        self.0.push('<');
        self.0 += name;
        for (attribute, value) in attributes {
            let value = escape(&value.to_string());
            // Writing to a `String` cannot fail.
            let _ = write!(self.0, " {attribute}=\"{value}\"");
        }
    }
}

/// `text` for an element's content or an attribute in double quotes. XML cannot contain control
/// characters; each becomes the replacement character.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' => escaped.push('\n'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if c.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A length in pixels, written with at most two decimals.
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding 0 turns −0 into 0.
        write!(f, "{}", (100.0 * self.0).round() / 100.0 + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_closed_and_texts_escaped() {
        let mut markup = Markup::default();
        markup.element("p", &[("title", &"a \"b\" <c>")], |markup| {
            markup.text("1 < 2 & 'x'\u{1}");
            markup.empty("br", &[]);
        });
        assert_eq!(
            markup.as_str(),
            "<p title=\"a &quot;b&quot; &lt;c&gt;\">1 &lt; 2 &amp; 'x'\u{fffd}<br/></p>"
        );
    }

    #[test]
    fn lengths_have_at_most_two_decimals() {
        assert_eq!(Px(1.0 / 3.0).to_string(), "0.33");
        assert_eq!(Px(-0.001).to_string(), "0");
        assert_eq!(Px(12.0).to_string(), "12");
    }
}

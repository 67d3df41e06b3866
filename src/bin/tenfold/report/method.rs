//! A method of a run: a weighting, at full or truncated ranks.

use tenfold::cam::{Decomposition, Vectors, Weighting};

/// A method, as the records name it: `mtsm`, or `mtsm@64,3,3` with truncated ranks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Method {
    /// The name in the records.
    pub(super) name: String,
    pub(super) weighting: Weighting,
    /// The truncated ranks, such as `64,3,3`.
    pub(super) ranks: Option<String>,
}

impl Method {
    /// `None` for a name without a known weighting.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (weighting, ranks) = match name.split_once('@') {
            Some((weighting, ranks)) => (weighting, Some(ranks.to_owned())),
            None => (name, None),
        };
        Some(Self {
            name: name.to_owned(),
            weighting: weighting.parse().ok()?,
            ranks,
        })
    }

    /// The name in figures and tables: `MTSM`, or `MTSM (64, 3, 3)`.
    pub(super) fn label(&self) -> String {
        let label = label(self.weighting);
        match &self.ranks {
            None => label.to_owned(),
            Some(ranks) => format!("{label} ({})", spaced(ranks)),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.ranks.is_none()
    }
}

/// A list of ranks with a space after each comma.
pub(super) fn spaced(ranks: &str) -> String {
    let ranks: Vec<&str> = ranks.split(',').map(str::trim).collect();
    ranks.join(", ")
}

/// The name of a weighting as the paper writes it.
pub(super) fn label(weighting: Weighting) -> &'static str {
    match weighting {
        Weighting::EigenCam => "EigenCAM",
        Weighting::Tsm => "TSM",
        Weighting::MultivecEigenCam => "Multivec-EigenCAM",
        Weighting::Mtsm => "MTSM",
    }
}

/// The class of the weighting's marks in figures. It gives the colour.
pub(super) fn class(weighting: Weighting) -> &'static str {
    match weighting.decomposition() {
        Decomposition::Svd => "svd",
        Decomposition::Tucker => "tucker",
    }
}

/// The two groups of weightings that figures compare, with the title of each.
pub(super) const GROUPS: [(Vectors, &str); 2] = [
    (Vectors::First, "first vector"),
    (Vectors::All, "all vectors"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_a_weighting_with_or_without_ranks() {
        let full = Method::parse("multivec-eigen-cam").unwrap();
        assert_eq!(full.label(), "Multivec-EigenCAM");
        assert!(full.is_full());
        let truncated = Method::parse("mtsm@64,3,3").unwrap();
        assert_eq!(truncated.label(), "MTSM (64, 3, 3)");
        assert_eq!(truncated.weighting, Weighting::Mtsm);
        assert_eq!(Method::parse("grad-cam"), None);
    }
}

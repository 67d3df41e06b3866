//! The value of `--weighting`: one weighting or all of them.

use tenfold::cam::Weighting;

use crate::names::Names;

/// The names on the command line.
const NAMES: &str = "eigen-cam, tsm, multivec-eigen-cam, mtsm, all";

/// One weighting or all of them.
#[derive(Clone)]
pub(crate) struct Weightings(pub(crate) Vec<Weighting>);

impl Weightings {
    /// The name for file names.
    pub(crate) fn name(&self) -> &'static str {
        match self.0.as_slice() {
            [weighting] => weighting.name(),
            _ => "all",
        }
    }

    pub(crate) fn parser() -> Names<Self> {
        Names::new(NAMES.split(", "), Self::parse)
    }

    fn parse(name: &str) -> tenfold::Result<Self> {
        if name == "all" {
            return Ok(Self(Weighting::ALL.to_vec()));
        }
        let weighting = name.parse().map_err(|_| tenfold::Error::UnknownName {
            what: "weighting",
            name: name.to_owned(),
            known: NAMES,
        })?;
        Ok(Self(vec![weighting]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weighting_has_its_name() {
        for weighting in Weighting::ALL {
            let parsed = Weightings::parse(weighting.name()).unwrap();
            assert_eq!(
                (&parsed.0[..], parsed.name()),
                (&[weighting][..], weighting.name())
            );
            assert!(NAMES.split(", ").any(|name| name == weighting.name()));
        }
        assert_eq!(Weightings::parse("all").unwrap().0, Weighting::ALL);
        assert!(Weightings::parse("none").is_err());
    }
}

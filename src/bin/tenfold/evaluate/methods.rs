//! The methods of a run: weightings, at full ranks and with the ranks of `--ranks-grid`.

use std::str::FromStr;

use tenfold::cam::{Cam, Decomposition, Weighting};

use crate::console::times;
use crate::failure::{Failure, Outcome};
use crate::list;
use crate::ranks::Ranks;

/// A saliency map with a name for tables.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Method {
    /// The weighting, and the ranks if they are truncated: "mtsm", "mtsm@64,3,3".
    pub(super) name: String,
    pub(super) cam: Cam,
}

/// Entries of `--ranks-grid`, separated by semicolons.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RankGrid(Vec<RankEntry>);

#[derive(Clone, Debug, PartialEq)]
enum RankEntry {
    /// One rank for each mode, or one for all modes.
    Ranks(Vec<usize>),
    /// The same percentage of the extent of each mode.
    Percent(f64),
}

impl FromStr for RankGrid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entries = text.split(';').map(RankEntry::from_str);
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }
}

impl FromStr for RankEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{:?}: ranks such as 64,3,3, one rank for all modes, or a percentage such as 50% \
                 was expected",
                text.trim()
            )
        };
        if let Some(percent) = text.trim().strip_suffix('%') {
            let percent = list::number(percent).map_err(|_| wrong())?;
            return if percent > 0.0 && percent <= 100.0 {
                Ok(Self::Percent(percent))
            } else {
                Err(wrong())
            };
        }
        let ranks = text.split(',').map(list::whole_number);
        let ranks = ranks.collect::<Result<_, _>>().map_err(|_| wrong())?;
        Ok(Self::Ranks(ranks))
    }
}

impl RankEntry {
    /// The ranks for feature maps of shape `shape`, lowered where no core has them.
    fn of(&self, shape: &[usize]) -> Outcome<Vec<usize>> {
        let given = match self {
            Self::Ranks(ranks) => ranks.clone(),
            Self::Percent(percent) => {
                let rank = |extent: usize| (percent / 100.0 * extent as f64).round().max(1.0);
                shape.iter().map(|&extent| rank(extent) as usize).collect()
            }
        };
        let ranks = Ranks::of(&given, shape, None);
        let ranks = ranks.map_err(|failure| {
            let shape = times(shape);
            Failure::usage(format!("--ranks-grid: {failure}, for feature maps {shape}"))
        })?;
        Ok(ranks.each)
    }
}

/// The methods for feature maps of shape `shape`: the weightings at full ranks, then TSM and MTSM
/// with each entry of the grids.
pub(super) fn methods(
    weightings: &[Weighting],
    grids: &[RankGrid],
    shape: &[usize],
) -> Outcome<Vec<Method>> {
    let mut methods: Vec<Method> = weightings
        .iter()
        .map(|&weighting| Method {
            name: weighting.name().to_owned(),
            cam: Cam::new(weighting),
        })
        .collect();
    let tucker = |weighting: &&Weighting| weighting.decomposition() == Decomposition::Tucker;
    let tucker: Vec<Weighting> = weightings.iter().filter(tucker).copied().collect();
    if !grids.is_empty() && tucker.is_empty() {
        return Err(Failure::usage(
            "--ranks-grid is for tsm and mtsm, --weighting names neither",
        ));
    }
    for weighting in tucker {
        for entry in grids.iter().flat_map(|grid| &grid.0) {
            let ranks = entry.of(shape)?;
            let text: Vec<String> = ranks.iter().map(usize::to_string).collect();
            let method = Method {
                name: format!("{}@{}", weighting.name(), text.join(",")),
                cam: Cam {
                    ranks: Some(ranks),
                    ..Cam::new(weighting)
                },
            };
            // Two percentages may give the same ranks.
            if methods.iter().all(|other| other.name != method.name) {
                methods.push(method);
            }
        }
    }
    Ok(methods)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(weightings: &[Weighting], grid: &str, shape: &[usize]) -> Result<Vec<String>, String> {
        let grid: RankGrid = grid.parse()?;
        let methods = methods(weightings, &[grid], shape).map_err(|failure| failure.to_string())?;
        Ok(methods.into_iter().map(|method| method.name).collect())
    }

    #[test]
    fn each_entry_gives_a_map_for_each_tucker_weighting() {
        let names = names(&Weighting::ALL, "4,2,2; 50% ;1", &[8, 4, 4]).unwrap();
        let full = ["eigen-cam", "tsm", "multivec-eigen-cam", "mtsm"];
        // 50% is 4,2,2 as well.
        let truncated = ["tsm@4,2,2", "tsm@1,1,1", "mtsm@4,2,2", "mtsm@1,1,1"];
        assert_eq!(names, [full, truncated].concat());
    }

    #[test]
    fn ranks_that_no_core_has_are_lowered() {
        let of = |grid| names(&[Weighting::Tsm], grid, &[100, 3, 3]);
        assert_eq!(of("50%").unwrap()[1], "tsm@4,2,2");
        assert_eq!(of("0.1%").unwrap()[1], "tsm@1,1,1");
        assert_eq!(of("100%").unwrap()[1], "tsm@9,3,3");
        assert_eq!(of("20").unwrap()[1], "tsm@9,3,3");
        assert_eq!(of("20,3,3").unwrap()[1], "tsm@9,3,3");
        assert_eq!(of("200,3,2").unwrap()[1], "tsm@6,3,2");
        let message = of("0,3,3").unwrap_err();
        assert!(message.contains("rank of mode 0 is 0"), "{message}");
        assert!(of("4,2").unwrap_err().contains("2 entries"));
    }

    #[test]
    fn wrong_grids_are_refused() {
        for grid in ["", "0%", "101%", "x", "1,2,;3", "nan%", "1.5,2,2"] {
            let message = names(&[Weighting::Tsm], grid, &[8, 4, 4]).unwrap_err();
            assert!(message.contains("was expected"), "{grid}: {message}");
        }
        let message = names(&[Weighting::EigenCam], "1", &[8, 4, 4]).unwrap_err();
        assert!(message.contains("for tsm and mtsm"), "{message}");
    }
}

//! Colour maps: the colour of a value in \[0, 1\].

use crate::names::named;

/// A colour map.
///
/// ```
/// use tenfold::cam::Colormap;
/// let colormap: Colormap = "gray".parse()?;
/// assert_eq!(colormap.color(1.0), [255, 255, 255]);
/// assert_eq!(Colormap::Jet.color(0.0), [0, 0, 128]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colormap {
    /// Blue, green, yellow, red: neighbouring levels are easy to distinguish (Mikhailov, 2019).
    #[default]
    Turbo,
    /// Purple, green, yellow: perceptually uniform.
    Viridis,
    /// Black, red, yellow, white: perceptually uniform.
    Inferno,
    /// Black, purple, pink, white: perceptually uniform.
    Magma,
    /// Blue, pink, yellow: perceptually uniform.
    Plasma,
    /// Black to white.
    Gray,
    /// Blue, cyan, yellow, red: MATLAB's `jet`, which most published overlays use.
    Jet,
}

impl Colormap {
    /// Red, green and blue of a value between 0 and 1. A smaller value has the colour of 0, a
    /// larger value the colour of 1, and NaN the colour of 0.
    ///
    /// ```
    /// # use tenfold::cam::Colormap;
    /// assert_eq!(Colormap::Gray.color(1.0), [255, 255, 255]);
    /// assert_eq!(Colormap::Gray.color(-3.0), [0, 0, 0]);
    /// ```
    pub fn color(self, value: f64) -> [u8; 3] {
        let value = if value.is_nan() {
            0.0
        } else {
            value.clamp(0.0, 1.0)
        };
        let gradient = match self {
            Self::Turbo => colorous::TURBO,
            Self::Viridis => colorous::VIRIDIS,
            Self::Inferno => colorous::INFERNO,
            Self::Magma => colorous::MAGMA,
            Self::Plasma => colorous::PLASMA,
            Self::Gray => return [level(value); 3],
            Self::Jet => {
                // The three colours have the same curve, with its peak at ¾, ½ and ¼.
                return [3.0, 2.0, 1.0].map(|peak| level(1.5 - (4.0 * value - peak).abs()));
            }
        };
        gradient.eval_continuous(value).into_array()
    }
}

/// The level, from 0 to 255, that is nearest to 255·`value`.
fn level(value: f64) -> u8 {
    (255.0 * value.clamp(0.0, 1.0)).round() as u8
}

named!(Colormap, "colour map",
    Turbo => "turbo",
    Viridis => "viridis",
    Inferno => "inferno",
    Magma => "magma",
    Plasma => "plasma",
    Gray => "gray",
    Jet => "jet",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_and_others_refused() {
        for colormap in Colormap::ALL {
            assert_eq!(colormap.to_string().parse::<Colormap>().unwrap(), colormap);
        }
        let error = "rainbow".parse::<Colormap>().unwrap_err();
        assert!(error.to_string().contains("turbo, viridis"));
    }

    /// Compares the ends and the middle with the published tables: d3's for Turbo, Matplotlib's for
    /// the others.
    #[test]
    fn colours_agree_with_published_tables() {
        for (name, expected) in [
            ("turbo", [[35, 23, 27], [149, 251, 81], [144, 12, 0]]),
            ("viridis", [[68, 1, 84], [33, 145, 140], [253, 231, 37]]),
            ("inferno", [[0, 0, 4], [188, 55, 84], [252, 255, 164]]),
            ("magma", [[0, 0, 4], [183, 55, 121], [252, 253, 191]]),
            ("plasma", [[13, 8, 135], [204, 71, 120], [240, 249, 33]]),
            ("gray", [[0, 0, 0], [128, 128, 128], [255, 255, 255]]),
            ("jet", [[0, 0, 128], [128, 255, 128], [128, 0, 0]]),
        ] {
            let colormap: Colormap = name.parse().unwrap();
            for (value, expected) in [0.0, 0.5, 1.0].into_iter().zip(expected) {
                let colour = colormap.color(value);
                let close = (0..3).all(|c| colour[c].abs_diff(expected[c]) <= 2);
                assert!(
                    close,
                    "{name} at {value}: {colour:?}, expected {expected:?}"
                );
            }
        }
    }

    #[test]
    fn jet_runs_from_blue_over_green_to_red() {
        assert_eq!(Colormap::Jet.color(0.5), [128, 255, 128]);
        assert_eq!(Colormap::Jet.color(1.0), [128, 0, 0]);
        assert_eq!(Colormap::Jet.color(0.25), [0, 128, 255]);
    }

    #[test]
    fn values_outside_get_the_colour_of_the_nearer_end() {
        for colormap in Colormap::ALL {
            assert_eq!(colormap.color(2.0), colormap.color(1.0));
            assert_eq!(colormap.color(f64::NAN), colormap.color(0.0));
        }
    }
}

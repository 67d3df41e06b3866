//! Colour maps: the colour of a value in \[0, 1\].

mod turbo;

use self::turbo::TURBO;
use crate::names::named;

/// A colour map. The colours are those of Matplotlib to 2 of 255 levels, except those of
/// [`Colormap::Jet`].
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
    /// Blue, cyan, yellow, red: the `jet` of MATLAB and OpenCV, which most published overlays use.
    /// Matplotlib's `jet` differs from it by up to 34 levels.
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
            Self::Turbo => return turbo(value),
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

/// The colour of Turbo, interpolated between the neighbours in the table.
fn turbo(value: f64) -> [u8; 3] {
    let position = value * (TURBO.len() - 1) as f64;
    let first = position as usize;
    let second = (first + 1).min(TURBO.len() - 1);
    let fraction = position - first as f64;
    [16, 8, 0].map(|shift| {
        let [first, second] = [first, second].map(|i| f64::from((TURBO[i] >> shift) & 0xff));
        level((first + fraction * (second - first)) / 255.0)
    })
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

    #[test]
    fn jet_runs_from_blue_over_green_to_red() {
        assert_eq!(Colormap::Jet.color(0.5), [128, 255, 128]);
        assert_eq!(Colormap::Jet.color(1.0), [128, 0, 0]);
        assert_eq!(Colormap::Jet.color(0.25), [0, 128, 255]);
    }

    #[test]
    fn turbo_is_interpolated_between_the_entries_of_its_table() {
        // Entries 0 and 1 of the table.
        assert_eq!(Colormap::Turbo.color(0.0), [0x30, 0x12, 0x3b]);
        assert_eq!(Colormap::Turbo.color(1.0 / 255.0), [0x32, 0x15, 0x43]);
        assert_eq!(Colormap::Turbo.color(0.5 / 255.0), [0x31, 0x14, 0x3f]);
        assert_eq!(Colormap::Turbo.color(1.0), [0x7a, 0x04, 0x03]);
    }

    #[test]
    fn values_outside_get_the_colour_of_the_nearer_end() {
        for colormap in Colormap::ALL {
            assert_eq!(colormap.color(2.0), colormap.color(1.0));
            assert_eq!(colormap.color(f64::NAN), colormap.color(0.0));
        }
    }
}

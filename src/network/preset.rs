//! Names for the numbers that networks expect in their inputs.

use crate::names::named;

/// The numbers that a network expects for the levels 0 to 255 of a photograph.
///
/// ```
/// use tenfold::network::Preset;
/// assert_eq!("tf".parse::<Preset>()?, Preset::Tf);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// \[0, 1\], minus the mean of ImageNet for each colour, divided by its standard deviation: the
    /// networks of torchvision and most of timm.
    Imagenet,
    /// \[0, 1\].
    Unit,
    /// \[−1, 1\]: many networks that were trained with TensorFlow.
    Tf,
    /// The levels 0 to 255: networks with inputs of the type `u8`, and networks that convert the
    /// levels themselves.
    Levels,
}

named!(Preset, "preset",
    Imagenet => "imagenet",
    Unit => "unit",
    Tf => "tf",
    Levels => "levels",
);

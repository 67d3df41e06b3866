//! Pictures of saliency maps: a map in colours, and its overlay on a photograph. For each pixel and
//! each of red, green and blue,
//!
//! > overlay = round( (1 − α)·photograph + α·colour(map) )

use image::{Rgb, RgbImage};

use super::fraction::{check_fraction, check_fractions};
use super::{Colormap, resize};
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::TensorRef;

/// The overlay of a saliency map on a photograph.
///
/// ```
/// use image::RgbImage;
/// use tenfold::{Tensor, cam::{Colormap, Overlay}};
/// let map = Tensor::new(&[1, 2], vec![0.0f32, 1.0])?;
/// let photograph = RgbImage::from_pixel(2, 1, image::Rgb([100, 100, 100]));
/// let overlay = Overlay { colormap: Colormap::Gray, alpha: 0.5 };
/// let picture = overlay.draw(&map, &photograph)?;
/// assert_eq!(picture.into_raw(), [50, 50, 50, 178, 178, 178]);
/// # Ok::<(), tenfold::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlay {
    /// The colours of the map.
    pub colormap: Colormap,
    /// The weight α of the map's colour in each pixel, from 0 to 1.
    pub alpha: f64,
}

impl Default for Overlay {
    /// [`Colormap::Turbo`] with α = ½.
    fn default() -> Self {
        Self {
            colormap: Colormap::default(),
            alpha: 0.5,
        }
    }
}

impl Overlay {
    /// (1 − α)·photograph + α·colour(map), with the map resized to the photograph ([`resize()`]).
    ///
    /// # Errors
    /// [`Error::FractionOutOfRange`] for α outside \[0, 1\], [`Error::NotAPicture`] unless the
    /// map has two modes, [`Error::EntryOutOfRange`] or [`Error::NonFinite`] for a value of the
    /// map outside \[0, 1\], [`Error::Empty`] for a map without entries, [`Error::NotPositive`]
    /// for a photograph without pixels.
    ///
    /// ```
    /// # use tenfold::cam::{Colormap, Overlay};
    /// # use tenfold::{Tensor, io::RgbImage};
    /// let map = Tensor::new(&[1, 1], vec![1.0f32])?;
    /// let photograph = RgbImage::new(3, 2);
    /// let overlay = Overlay { colormap: Colormap::Gray, alpha: 0.2 };
    /// assert_eq!(overlay.draw(&map, &photograph)?.get_pixel(2, 1).0, [51; 3]);
    /// # Ok::<(), tenfold::Error>(())
    /// ```
    pub fn draw<'a, T: Scalar>(
        &self,
        map: impl Into<TensorRef<'a, T>>,
        photograph: &RgbImage,
    ) -> Result<RgbImage> {
        check_fraction("the weight of the map's colour", self.alpha)?;
        let (width, height) = photograph.dimensions();
        let map = checked_map(map.into())?;
        let map = resize(map, height as usize, width as usize)?;
        let mut picture = colorize(&map, self.colormap)?;
        for (pixel, photograph) in picture.pixels_mut().zip(photograph.pixels()) {
            for (level, &below) in pixel.0.iter_mut().zip(&photograph.0) {
                let blend = self.alpha * f64::from(*level) + (1.0 - self.alpha) * f64::from(below);
                *level = blend.round() as u8;
            }
        }
        Ok(picture)
    }
}

/// The picture of an H×W map, one pixel for each entry.
///
/// # Errors
/// [`Error::NotAPicture`] unless the map has two modes and at most 2³² − 1 rows and columns;
/// [`Error::EntryOutOfRange`] or [`Error::NonFinite`] for a value outside \[0, 1\], because colour
/// maps have no colour for it. [`normalize()`](super::normalize()) stretches a map to \[0, 1\].
///
/// ```
/// use tenfold::{Tensor, cam::{Colormap, colorize}};
/// let map = Tensor::new(&[1, 2], vec![0.0, 1.0])?;
/// let picture = colorize(&map, Colormap::Gray)?;
/// assert_eq!(picture.into_raw(), [0, 0, 0, 255, 255, 255]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn colorize<'a, T: Scalar>(
    map: impl Into<TensorRef<'a, T>>,
    colormap: Colormap,
) -> Result<RgbImage> {
    let map = checked_map(map.into())?;
    let too_large = || Error::NotAPicture {
        shape: map.shape().to_vec(),
    };
    let height = u32::try_from(map.shape()[0]).map_err(|_| too_large())?;
    let width = u32::try_from(map.shape()[1]).map_err(|_| too_large())?;
    let mut picture = RgbImage::new(width, height);
    for (pixel, value) in picture.pixels_mut().zip(map.data()) {
        *pixel = Rgb(colormap.color(value.as_f64()));
    }
    Ok(picture)
}

/// The map, if it has two modes and values in \[0, 1\].
fn checked_map<T: Scalar>(map: TensorRef<'_, T>) -> Result<TensorRef<'_, T>> {
    if map.order() != 2 {
        return Err(Error::NotAPicture {
            shape: map.shape().to_vec(),
        });
    }
    check_fractions("a value of a saliency map", map)?;
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    #[test]
    fn alpha_zero_is_the_photograph_and_alpha_one_the_map() {
        let map = Tensor::from_fn(&[2, 3], |i| (i[0] + i[1]) as f64 / 3.0).unwrap();
        let photograph = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8, y as u8, 200]));
        let draw = |alpha| {
            let overlay = Overlay {
                alpha,
                ..Overlay::default()
            };
            overlay.draw(&map, &photograph).unwrap()
        };
        assert_eq!(draw(0.0), photograph);
        assert_eq!(draw(1.0), colorize(&map, Colormap::Turbo).unwrap());
    }

    #[test]
    fn bad_input_is_an_error() {
        let video = Tensor::<f64>::zeros(&[2, 2, 2]).unwrap();
        let photograph = RgbImage::new(2, 2);
        assert!(matches!(
            Overlay::default().draw(&video, &photograph),
            Err(Error::NotAPicture { .. })
        ));
        let map = Tensor::<f64>::zeros(&[2, 2]).unwrap();
        let overlay = Overlay {
            alpha: 1.5,
            ..Overlay::default()
        };
        assert!(matches!(
            overlay.draw(&map, &photograph),
            Err(Error::FractionOutOfRange { .. })
        ));
        // The error has the index in the map before resizing.
        let map = Tensor::new(&[1, 2], vec![0.5, 255.0]).unwrap();
        assert!(matches!(
            Overlay::default().draw(&map, &RgbImage::new(8, 4)),
            Err(Error::EntryOutOfRange { index, .. }) if index == [0, 1]
        ));
        let map = Tensor::new(&[1, 2], vec![0.5, f64::NAN]).unwrap();
        assert!(matches!(
            colorize(&map, Colormap::Gray),
            Err(Error::NonFinite { .. })
        ));
    }
}

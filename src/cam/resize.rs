//! Bilinear interpolation of maps.
//!
//! The input pixels and the output pixels divide the same picture. Along one direction there are
//! `old` input pixels, with their centres at 0, 1, …, old − 1, and `new` output pixels. The centre
//! of output pixel i is the point x, and its value is interpolated between the nearest centres:
//!
//! ```text
//!   x = (i + ½)·old/new − ½, clamped to [0, old − 1],   a = ⌊x⌋,   t = x − a
//!   output[i] = (1 − t)·input[a] + t·input[a + 1]
//!
//!   old = 2    │    ·    │    ·    │      centres at 0 and 1
//!   new = 4    │ ·  │ ·  │ ·  │ ·  │      x = 0 (clamped from −¼), ¼, ¾, 1 (clamped from 1¼)
//! ```
//!
//! In two directions, the values are interpolated first along the two nearest rows, and then
//! between the rows.

use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::{Shape, Tensor, TensorRef, first_non_finite, with_room};

/// Resizes the last two modes of a map to another height and width by bilinear interpolation. The
/// other modes do not change.
///
/// Along one direction with h input pixels and n output pixels, output pixel i is interpolated at
/// the point (i + ½)·h/n − ½. Points beyond the first or last centre get the value of the nearest
/// pixel. This is `INTER_LINEAR` of OpenCV, and `bilinear` of PyTorch with `align_corners=False`.
/// As in both, reducing a map does not smooth it first.
///
/// # Errors
/// [`Error::TooFewModes`] for a map of one mode, [`Error::Empty`], [`Error::NonFinite`],
/// [`Error::NotPositive`] for a height or width of 0, [`Error::ShapeOverflow`], [`Error::OutOfMemory`].
///
/// ```
/// use tenfold::{Tensor, cam::resize};
/// let map = Tensor::new(&[1, 2], vec![0.0, 1.0])?;
/// assert_eq!(resize(&map, 1, 4)?.data(), [0.0, 0.25, 0.75, 1.0]);
/// # Ok::<(), tenfold::Error>(())
/// ```
pub fn resize<'a, T: Scalar>(
    map: impl Into<TensorRef<'a, T>>,
    height: usize,
    width: usize,
) -> Result<Tensor<T>> {
    let map = map.into();
    let &[ref leading @ .., old_height, old_width] = map.shape() else {
        return Err(Error::TooFewModes {
            what: "a map to resize",
            expected: 2,
            shape: map.shape().to_vec(),
        });
    };
    if map.data().is_empty() {
        return Err(Error::Empty {
            shape: map.shape().to_vec(),
        });
    }
    if let Some(error) = first_non_finite(map) {
        return Err(error);
    }
    check_resize(height, width)?;
    let mut resized = Tensor::zeros(&[leading, &[height, width]].concat())?;
    let rows = sample_points(old_height, height)?;
    let columns = sample_points(old_width, width)?;
    let planes = map.data().chunks(old_height * old_width);
    for (plane, target) in planes.zip(resized.data_mut().chunks_mut(height * width)) {
        for (target, row) in target.chunks_mut(width).zip(&rows) {
            let upper = &plane[row.first * old_width..][..old_width];
            let lower = &plane[row.second * old_width..][..old_width];
            for (target, column) in target.iter_mut().zip(&columns) {
                let value = row.interpolate(column.sample(upper), column.sample(lower));
                *target = T::from_f64(value);
            }
        }
    }
    Ok(resized)
}

/// Fails if the height or the width is 0.
pub(crate) fn check_resize(height: usize, width: usize) -> Result<()> {
    for (what, extent) in [("the height", height), ("the width", width)] {
        if extent == 0 {
            return Err(Error::NotPositive { what });
        }
    }
    Ok(())
}

/// A point between the centres of two neighbouring pixels.
struct SamplePoint {
    /// The pixel a before the point.
    first: usize,
    /// The pixel after it.
    second: usize,
    /// The distance t from the first centre to the point.
    fraction: f64,
}

impl SamplePoint {
    /// The value at the point for the values of the two pixels.
    fn interpolate(&self, first: f64, second: f64) -> f64 {
        (1.0 - self.fraction) * first + self.fraction * second
    }

    /// The value at the point for a line of pixels.
    fn sample<T: Scalar>(&self, line: &[T]) -> f64 {
        self.interpolate(line[self.first].as_f64(), line[self.second].as_f64())
    }
}

/// The points of `new` output pixels among `old` input pixels.
fn sample_points(old: usize, new: usize) -> Result<Vec<SamplePoint>> {
    let ratio = old as f64 / new as f64;
    let last = old - 1;
    let mut points = with_room(&Shape::new(&[new])?)?;
    points.extend((0..new).map(|i| {
        let point = ((i as f64 + 0.5) * ratio - 0.5).clamp(0.0, last as f64);
        let first = point.floor() as usize;
        SamplePoint {
            first,
            second: (first + 1).min(last),
            fraction: point - first as f64,
        }
    }));
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resizing_to_the_same_size_changes_nothing() {
        let map = Tensor::from_fn(&[3, 5], |i| (7 * i[0] + 3 * i[1]) as f64).unwrap();
        assert_eq!(resize(&map, 3, 5).unwrap(), map);
    }

    #[test]
    fn one_pixel_fills_the_plane() {
        let map = Tensor::new(&[1, 1], vec![0.3f32]).unwrap();
        assert_eq!(resize(&map, 2, 3).unwrap().data(), [0.3; 6]);
    }

    #[test]
    fn reducing_samples_and_does_not_smooth() {
        // Centres at 1 and 4 of six pixels: (i + ½)·3 − ½.
        let map = Tensor::new(&[1, 6], vec![0.0, 9.0, 0.0, 0.0, 5.0, 0.0]).unwrap();
        assert_eq!(resize(&map, 1, 2).unwrap().data(), [9.0, 5.0]);
    }

    /// Compares each pixel with the definition, for larger and smaller sizes.
    #[test]
    fn every_pixel_agrees_with_the_definition() {
        let (old_height, old_width) = (4, 7);
        let entry = |i: usize, j: usize| ((5 * i + 3 * j * j) % 11) as f64;
        let map = Tensor::from_fn(&[old_height, old_width], |i| entry(i[0], i[1])).unwrap();
        let sample_point = |i: usize, old: usize, new: usize| {
            let point = (i as f64 + 0.5) * old as f64 / new as f64 - 0.5;
            point.clamp(0.0, (old - 1) as f64)
        };
        // The hat function around a point.
        let weight = |point: f64, i: usize| (1.0 - (point - i as f64).abs()).max(0.0);
        for (height, width) in [(4, 8), (9, 3), (1, 2), (13, 26), (26, 13), (5, 5)] {
            let resized = resize(&map, height, width).unwrap();
            for (position, value) in resized.data().iter().enumerate() {
                let y = sample_point(position / width, old_height, height);
                let x = sample_point(position % width, old_width, width);
                let row = |i| {
                    (0..old_width)
                        .map(move |j| weight(x, j) * entry(i, j))
                        .sum::<f64>()
                };
                let exact: f64 = (0..old_height).map(|i| weight(y, i) * row(i)).sum();
                assert!(
                    (value - exact).abs() < 1e-12,
                    "{height}×{width}: {position}"
                );
            }
        }
    }

    #[test]
    fn leading_modes_do_not_change() {
        let map = Tensor::new(&[2, 1, 2], vec![0.0, 2.0, 10.0, 14.0]).unwrap();
        let resized = resize(&map, 1, 1).unwrap();
        assert_eq!(resized.shape(), [2, 1, 1]);
        assert_eq!(resized.data(), [1.0, 12.0]);
    }

    #[test]
    fn bad_sizes_are_errors() {
        let map = Tensor::<f64>::zeros(&[2, 2]).unwrap();
        assert!(matches!(resize(&map, 0, 3), Err(Error::NotPositive { .. })));
        let line = Tensor::<f64>::zeros(&[2]).unwrap();
        assert!(matches!(
            resize(&line, 1, 1),
            Err(Error::TooFewModes { .. })
        ));
    }
}

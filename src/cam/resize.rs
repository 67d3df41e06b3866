//! Bilinear resizing.

use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::tensor::{Shape, Tensor, TensorRef, with_room};

/// The map at another height and width, by bilinear interpolation: the last
/// two modes are resized, the modes before them left as they are.
///
/// Pixels are squares: output pixel i of n lies at (i + ½)·h/n − ½ among h input
/// pixels, and at an edge the outermost pixel continues. That is OpenCV's
/// `INTER_LINEAR` and PyTorch's `bilinear` with `align_corners=False`. Reducing
/// does not smooth first, as there.
///
/// # Errors
/// [`Error::TooFewModes`], [`Error::Empty`], [`Error::NotPositive`],
/// [`Error::ShapeOverflow`], [`Error::OutOfMemory`].
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
    check_resize(height, width)?;
    let mut resized = Tensor::zeros(&[leading, &[height, width]].concat())?;
    let rows = taps(old_height, height)?;
    let columns = taps(old_width, width)?;
    let planes = map.data().chunks(old_height * old_width);
    for (plane, target) in planes.zip(resized.data_mut().chunks_mut(height * width)) {
        for (target, row) in target.chunks_mut(width).zip(&rows) {
            let upper = &plane[row.first * old_width..][..old_width];
            let lower = &plane[row.second * old_width..][..old_width];
            for (target, column) in target.iter_mut().zip(&columns) {
                let value = row.between(column.of(upper), column.of(lower));
                *target = T::from_f64(value);
            }
        }
    }
    Ok(resized)
}

/// Fails where no map has this height and width.
pub(crate) fn check_resize(height: usize, width: usize) -> Result<()> {
    for (what, extent) in [("the height", height), ("the width", width)] {
        if extent == 0 {
            return Err(Error::NotPositive { what });
        }
    }
    Ok(())
}

/// Two neighbouring pixels and how far a point lies from the first to the
/// second.
struct Tap {
    first: usize,
    second: usize,
    share: f64,
}

impl Tap {
    fn between(&self, first: f64, second: f64) -> f64 {
        (1.0 - self.share) * first + self.share * second
    }

    fn of<T: Scalar>(&self, line: &[T]) -> f64 {
        self.between(line[self.first].as_f64(), line[self.second].as_f64())
    }
}

/// For each of `new` pixels where it lies among `old` ones.
fn taps(old: usize, new: usize) -> Result<Vec<Tap>> {
    let ratio = old as f64 / new as f64;
    let last = old - 1;
    let mut taps = with_room(&Shape::new(&[new])?)?;
    taps.extend((0..new).map(|i| {
        let point = ((i as f64 + 0.5) * ratio - 0.5).clamp(0.0, last as f64);
        let first = point.floor() as usize;
        Tap {
            first,
            second: (first + 1).min(last),
            share: point - first as f64,
        }
    }));
    Ok(taps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_size_changes_nothing() {
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

    /// Each pixel by the definition, of all proportions.
    #[test]
    fn every_pixel_is_where_the_definition_has_it() {
        let (old_height, old_width) = (4, 7);
        let entry = |i: usize, j: usize| ((5 * i + 3 * j * j) % 11) as f64;
        let map = Tensor::from_fn(&[old_height, old_width], |i| entry(i[0], i[1])).unwrap();
        let place = |i: usize, old: usize, new: usize| {
            let point = (i as f64 + 0.5) * old as f64 / new as f64 - 0.5;
            point.clamp(0.0, (old - 1) as f64)
        };
        // The hat functions around a point.
        let weight = |point: f64, i: usize| (1.0 - (point - i as f64).abs()).max(0.0);
        for (height, width) in [(4, 8), (9, 3), (1, 2), (13, 26), (26, 13), (5, 5)] {
            let resized = resize(&map, height, width).unwrap();
            for (position, value) in resized.data().iter().enumerate() {
                let y = place(position / width, old_height, height);
                let x = place(position % width, old_width, width);
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
    fn leading_modes_are_left_alone() {
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

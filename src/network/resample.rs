//! Resizing of RGB pictures as Pillow does it: a triangle filter, wider for smaller results, first
//! along the rows and then along the columns, in integers.
//!
//! The result at position x of `full` positions, made from `source` positions, is a weighted mean of
//! the source around the centre c = (x + ½) · source/full:
//!
//! ```text
//!   weight of source position i = max(0, 1 − |i + ½ − c| / r),  r = max(1, source/full)
//!
//!           ╱╲               the weights are divided by their sum
//!         ╱    ╲
//!       ╱        ╲
//!   ─ c−r ── c ── c+r ─
//! ```
//!
//! Pillow rounds each weight to a multiple of 2⁻²², and the result of each pass to whole levels. The
//! results here are rounded in the same way.

/// The positions of one side that are computed: `count` of the `full` positions of the resized side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The number of positions before resizing.
    pub(super) source: usize,
    /// The number of positions after resizing.
    pub(super) full: usize,
    /// The first position that is computed.
    pub(super) first: usize,
    /// The number of positions that are computed.
    pub(super) count: usize,
}

impl Window {
    /// The source position that is nearest to the computed position `place`.
    pub(super) fn nearest(&self, place: usize) -> usize {
        let centre = (self.first + place) as f64 + 0.5;
        (centre * self.source as f64 / self.full as f64) as usize
    }

    /// The weights of each computed position.
    fn weights(&self) -> Vec<Weights> {
        let scale = self.source as f64 / self.full as f64;
        let radius = scale.max(1.0);
        let of_place = |place: usize| {
            let centre = ((self.first + place) as f64 + 0.5) * scale;
            let first = (centre - radius + 0.5).max(0.0) as usize;
            let end = ((centre + radius + 0.5) as usize).min(self.source);
            let weight = |i: usize| (1.0 - ((i as f64 - centre + 0.5) / radius).abs()).max(0.0);
            let sum: f64 = (first..end).map(weight).sum();
            let unit = f64::from(1 << WEIGHT_BITS);
            let rounded = |i| (0.5 + weight(i) / sum * unit) as i32;
            Weights {
                first,
                weights: (first..end).map(rounded).collect(),
            }
        };
        (0..self.count).map(of_place).collect()
    }
}

/// The weights of the source positions from `first` on, as multiples of 2⁻²².
struct Weights {
    first: usize,
    weights: Vec<i32>,
}

const WEIGHT_BITS: u32 = 22;

impl Weights {
    fn end(&self) -> usize {
        self.first + self.weights.len()
    }

    /// The weighted mean of the levels `level(first)`, `level(first + 1)`, …
    fn mean(&self, level: impl Fn(usize) -> u8) -> u8 {
        let half = 1 << (WEIGHT_BITS - 1);
        let terms = self.weights.iter().enumerate();
        let terms = terms.map(|(i, &weight)| weight * i32::from(level(self.first + i)));
        let sum: i32 = terms.sum::<i32>() + half;
        (sum >> WEIGHT_BITS).clamp(0, 255) as u8
    }
}

/// The number of levels of a pixel.
const COLOURS: usize = 3;

/// Resizes an RGB picture of `width` columns, and returns the pixels in both windows, row by row.
pub(super) fn resample(pixels: &[u8], width: usize, rows: Window, columns: Window) -> Vec<u8> {
    let row_weights = rows.weights();
    let column_weights = columns.weights();
    // 1. Along the rows, for the rows that the second pass reads.
    let first_row = row_weights.first().map_or(0, |weights| weights.first);
    let end_row = row_weights.last().map_or(0, Weights::end);
    let mut narrow = Vec::with_capacity((end_row - first_row) * columns.count * COLOURS);
    for row in first_row..end_row {
        let row = &pixels[row * width * COLOURS..][..width * COLOURS];
        for weights in &column_weights {
            for colour in 0..COLOURS {
                narrow.push(weights.mean(|x| row[x * COLOURS + colour]));
            }
        }
    }
    // 2. Along the columns.
    let stride = columns.count * COLOURS;
    let mut result = Vec::with_capacity(rows.count * stride);
    for weights in &row_weights {
        for place in 0..stride {
            result.push(weights.mean(|y| narrow[(y - first_row) * stride + place]));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(source: usize, full: usize) -> Window {
        Window {
            source,
            full,
            first: 0,
            count: full,
        }
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let pixels: Vec<u8> = (0..5 * 4 * 3).map(|i| (i * 37 % 256) as u8).collect();
        assert_eq!(resample(&pixels, 4, whole(5, 5), whole(4, 4)), pixels);
    }

    #[test]
    fn a_window_is_a_part_of_the_whole() {
        let pixels: Vec<u8> = (0..9 * 3).map(|i| (i * 91 % 256) as u8).collect();
        let all = resample(&pixels, 9, whole(1, 3), whole(9, 20));
        let columns = Window {
            first: 7,
            count: 5,
            ..whole(9, 20)
        };
        let rows = Window {
            first: 1,
            count: 1,
            ..whole(1, 3)
        };
        let part = resample(&pixels, 9, rows, columns);
        assert_eq!(part, all[(20 + 7) * 3..][..15]);
    }

    #[test]
    fn the_nearest_position_is_below_the_centre() {
        let window = whole(10, 4);
        let nearest: Vec<usize> = (0..4).map(|place| window.nearest(place)).collect();
        assert_eq!(nearest, [1, 3, 6, 8]);
    }
}

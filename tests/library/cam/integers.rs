//! Features of integers with large offsets, and the maps that tests compute of them.

use faer::Mat;
use tenfold::cam::{Cam, Sign, Weighting};
use tenfold::{Scalar, Tensor};

use crate::common::random::Random;

/// Shapes with fewer channels than positions, as many, and more.
pub(super) const SHAPES: [[usize; 3]; 8] = [
    [3, 1, 3],
    [2, 1, 5],
    [5, 4, 6],
    [24, 6, 6],
    [36, 6, 6],
    [7, 1, 4],
    [64, 4, 4],
    [300, 5, 5],
];

/// How an offset is added to channels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Offset {
    /// The same offset to all channels.
    Common,
    /// Another offset to each channel, between half the offset and the whole.
    EachChannel,
    /// The offset with alternating signs.
    BothSigns,
    /// The offset to the first channel only.
    FirstChannel,
}

pub(super) const OFFSETS: [Offset; 4] = [
    Offset::Common,
    Offset::EachChannel,
    Offset::BothSigns,
    Offset::FirstChannel,
];

impl Offset {
    fn of_channel(self, channel: usize, offset: i64) -> i64 {
        match self {
            Self::Common => offset,
            Self::EachChannel => offset - offset / 16 * (channel as i64 * 5 % 8),
            Self::BothSigns => offset - 2 * offset * (channel as i64 % 2),
            Self::FirstChannel => offset * i64::from(channel == 0),
        }
    }
}

/// Integers as features: the sum of two patterns of rank one and of noise, so that the leading
/// singular values are well separated. Means and deviations of integers are exact.
pub(super) struct Integers {
    shape: [usize; 3],
    entries: Vec<i64>,
}

impl Integers {
    pub(super) fn new(shape: [usize; 3]) -> Self {
        let [channels, height, width] = shape;
        let positions = height * width;
        let mut random = Random::new((channels * 1000 + positions) as u64);
        let mut vector = |len: usize, below: usize| -> Vec<i64> {
            (0..len).map(|_| random.below(below) as i64).collect()
        };
        let [u, v] = [vector(channels, 6), vector(channels, 4)];
        let [y, z] = [vector(positions, 7), vector(positions, 5)];
        let noise = vector(channels * positions, 4);
        let entries = (0..channels * positions).map(|k| {
            let (c, p) = (k / positions, k % positions);
            u[c] * y[p] - v[c] * z[p] + noise[k]
        });
        let entries = entries.collect();
        Self { shape, entries }
    }

    pub(super) fn positions(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// The entries plus an offset. Fails unless they are exact in `T`.
    pub(super) fn with_offset<T: Scalar>(&self, kind: Offset, offset: i64) -> Tensor<T> {
        let positions = self.positions();
        let entries = self.entries.iter().enumerate().map(|(k, &entry)| {
            let entry = entry + kind.of_channel(k / positions, offset);
            let scalar = T::from_f64(entry as f64);
            assert_eq!(scalar.as_f64() as i64, entry, "{entry} is not exact");
            scalar
        });
        Tensor::new(&self.shape, entries.collect()).unwrap()
    }

    /// The deviations from the mean of each channel, times the number of positions: exact, and
    /// equal for all offsets.
    pub(super) fn deviations(&self) -> Mat<f64> {
        let positions = self.positions();
        let channels: Vec<&[i64]> = self.entries.chunks(positions).collect();
        Mat::from_fn(self.shape[0], positions, |c, p| {
            let sum: i64 = channels[c].iter().sum();
            (channels[c][p] * positions as i64 - sum) as f64
        })
    }

    /// The sum of each channel: its mean times the number of positions.
    pub(super) fn sums(&self, kind: Offset, offset: i64) -> Vec<f64> {
        let channels = self.entries.chunks(self.positions()).enumerate();
        let sums = channels.map(|(c, channel)| {
            let entries = channel.iter();
            entries
                .map(|entry| i128::from(entry + kind.of_channel(c, offset)))
                .sum::<i128>()
        });
        sums.map(|sum| sum as f64).collect()
    }
}

/// Every weighting, centred and not, with every sign.
pub(super) fn cams() -> Vec<Cam> {
    let mut cams = Vec::new();
    for weighting in Weighting::ALL {
        for centring in [true, false] {
            for sign in [Sign::Absolute, Sign::Positive, Sign::Negative] {
                cams.push(Cam {
                    centring: Some(centring),
                    sign: Some(sign),
                    ..Cam::new(weighting)
                });
            }
        }
    }
    cams
}

//! Saliency maps of features with large offsets: maps in `f32` against maps in `f64` of
//! the same entries, and maps in `f64` against decompositions in which the offset does
//! not occur.

use faer::Mat;
use tenfold::cam::{Cam, Decomposition, SaliencyMap, Sign, Status, Vectors, Weighting};
use tenfold::{Scalar, Tensor, TensorRef};

use super::common::random::Random;

/// The bound that the documentation of `Cam` gives for maps in `f32`.
const SINGLE_BOUND: f64 = 1e-4;

/// Shapes with fewer channels than positions, as many, and more.
const SHAPES: [[usize; 3]; 8] = [
    [3, 1, 3],
    [2, 1, 5],
    [5, 4, 6],
    [24, 6, 6],
    [36, 6, 6],
    [7, 1, 4],
    [64, 4, 4],
    [300, 5, 5],
];

/// Which channels an offset is added to.
#[derive(Clone, Copy, Debug)]
enum Offset {
    /// The same to all.
    Common,
    /// Another one to each, between half of it and all of it.
    EachChannel,
    /// Of either sign, in turn.
    BothSigns,
    /// To the first channel only.
    FirstChannel,
}

const OFFSETS: [Offset; 4] = [
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

/// Integers of a shape: two shared patterns and noise, so that the leading singular
/// values stand apart.
struct Integers {
    shape: [usize; 3],
    entries: Vec<i64>,
}

impl Integers {
    fn new(shape: [usize; 3]) -> Self {
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

    fn positions(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// The entries with an offset, which are exact in `T`.
    fn with_offset<T: Scalar>(&self, kind: Offset, offset: i64) -> Tensor<T> {
        let positions = self.positions();
        let entries = self.entries.iter().enumerate().map(|(k, &entry)| {
            let entry = entry + kind.of_channel(k / positions, offset);
            let scalar = T::from_f64(entry as f64);
            assert_eq!(scalar.as_f64() as i64, entry, "{entry} is exact");
            scalar
        });
        Tensor::new(&self.shape, entries.collect()).unwrap()
    }

    /// The deviations from each channel's mean, times the number of positions: exact,
    /// and the same for all offsets.
    fn deviations(&self) -> Mat<f64> {
        let positions = self.positions();
        let channels: Vec<&[i64]> = self.entries.chunks(positions).collect();
        Mat::from_fn(self.shape[0], positions, |c, p| {
            let sum: i64 = channels[c].iter().sum();
            (channels[c][p] * positions as i64 - sum) as f64
        })
    }

    /// Each channel's mean, times the number of positions.
    fn sums(&self, kind: Offset, offset: i64) -> Vec<f64> {
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

/// Every weighting, centred and not, with its own sign and with each of the others
/// where it has a choice.
fn cams() -> Vec<Cam> {
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

fn widened(x: &Tensor<f32>) -> Tensor<f64> {
    let entries = x.data().iter().map(|&entry| f64::from(entry)).collect();
    Tensor::new(x.shape(), entries).unwrap()
}

fn difference<A: Scalar, B: Scalar>(a: &[A], b: &[B]) -> f64 {
    assert_eq!(a.len(), b.len());
    let differences = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a.as_f64() - b.as_f64()).abs());
    // A comparison with what is no number is a difference.
    differences.fold(0.0, |most, d| if d <= most { most } else { d })
}

/// Compares the map in `f32` with that of the same entries in `f64`.
fn compare_precisions(cam: &Cam, x: &Tensor<f32>, what: &str) -> f64 {
    let single = cam.saliency_map(x).unwrap();
    let double = cam.saliency_map(&widened(x)).unwrap();
    assert_eq!(single.status(), double.status(), "{what} {cam:?}");
    let difference = difference(single.values().data(), double.values().data());
    assert!(difference <= SINGLE_BOUND, "{what} {cam:?}: {difference:e}");
    difference
}

#[test]
fn the_offset_of_three_channels_does_not_choose_the_map() {
    let entries = [2.0, 0.0, 1.0, 0.0, 3.0, 1.0, 1.0, 1.0, -2.0].map(|entry| entry + 70_000.0);
    let double = Tensor::new(&[3, 1, 3], entries.to_vec()).unwrap();
    let single = Tensor::new(&[3, 1, 3], entries.map(|entry| entry as f32).to_vec()).unwrap();
    let cam = Cam::new(Weighting::EigenCam);
    assert_eq!(
        cam.saliency_map(&double).unwrap().values().data(),
        [0.0, 1.0, 0.0]
    );
    assert_eq!(
        cam.saliency_map(&single).unwrap().values().data(),
        [0.0, 1.0, 0.0]
    );
}

#[test]
fn maps_in_f32_are_those_in_f64_at_any_offset() {
    let mut compared = 0;
    for shape in SHAPES {
        let integers = Integers::new(shape);
        for kind in OFFSETS {
            for exponent in 0..=7 {
                let x = integers.with_offset::<f32>(kind, 10i64.pow(exponent));
                for cam in cams() {
                    compare_precisions(&cam, &x, &format!("{shape:?} {kind:?} 1e{exponent}"));
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 8 * 4 * 8 * 24);
}

#[test]
fn truncated_maps_in_f32_are_those_in_f64_at_any_offset() {
    let mut compared = 0;
    for shape in [[5, 4, 6], [64, 4, 4]] {
        let integers = Integers::new(shape);
        for exponent in 0..=7 {
            let x = integers.with_offset::<f32>(Offset::EachChannel, 10i64.pow(exponent));
            for cam in cams() {
                if cam.weighting.decomposition() == Decomposition::Svd {
                    continue;
                }
                let cam = Cam {
                    ranks: Some(vec![3, 2, 2]),
                    ..cam
                };
                compare_precisions(&cam, &x, &format!("{shape:?} 1e{exponent}"));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * 8 * 12);
}

#[test]
fn batches_of_offsets_give_the_maps_one_by_one() {
    let mut compared = 0;
    for shape in [[5, 4, 6], [64, 4, 4]] {
        let integers = Integers::new(shape);
        let items: Vec<Tensor<f32>> = (0..=7)
            .map(|exponent| integers.with_offset(Offset::Common, 10i64.pow(exponent)))
            .collect();
        let entries: Vec<f32> = items.iter().flat_map(|x| x.data()).copied().collect();
        let batch = [&[items.len()][..], &shape].concat();
        let batch = TensorRef::new(&batch, &entries).unwrap();
        for cam in cams() {
            let maps = cam.saliency_maps(batch).unwrap();
            let mut into = vec![0.0; items.len() * integers.positions()];
            let statuses = cam.saliency_maps_into(batch, &mut into).unwrap();
            let into = into.chunks(integers.positions());
            for (((x, map), into), status) in items.iter().zip(&maps).zip(into).zip(statuses) {
                assert_eq!(&cam.saliency_map(x).unwrap(), map);
                assert_eq!(map.values().data(), into);
                assert_eq!(map.status(), status);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * 24 * 8);
}

/// A map by its definition, and how far rounding may move it.
struct Expected {
    map: Vec<f64>,
    /// σ₁ over the range of the map before it is stretched.
    flatness: f64,
    /// The largest λᵢ/(λᵢ − λᵢ₊₁) of the vectors that are summed.
    closeness: f64,
    /// Whether entries of both signs tie for the largest magnitude.
    tied: bool,
}

impl Expected {
    /// From σᵢ, λᵢ₊₁ up to the last, and the projected maps, each the sum of a constant
    /// and of values that are added to it.
    fn new(cam: &Cam, squares: &[f64], projected: &[(f64, Vec<f64>)]) -> Self {
        let sigma = |i: usize| squares[i].max(0.0).sqrt();
        let mut sum = vec![0.0; projected[0].1.len()];
        let mut tied = false;
        for (i, (constant, values)) in projected.iter().enumerate() {
            let weight = sigma(i) / sigma(0);
            let [min, max] = extremes(values);
            // A constant that no value outweighs adds the same to each entry of the
            // sum, or nothing where it is clipped.
            let one_sign = constant.abs() > max.max(-min);
            let entry = |value: f64| if one_sign { value } else { constant + value };
            let wanted = cam.sign.unwrap_or(cam.weighting.sign());
            tied |=
                wanted != Sign::Absolute && (2.0 * constant + max + min).abs() < 1e-6 * sigma(i);
            let down = 2.0 * constant + max + min < 0.0;
            for (sum, &value) in sum.iter_mut().zip(values) {
                *sum += weight
                    * match wanted {
                        Sign::Absolute if one_sign => constant.signum() * value,
                        Sign::Absolute => entry(value).abs(),
                        _ => {
                            let upright = if down { -1.0 } else { 1.0 };
                            let flip = if wanted == Sign::Negative { -1.0 } else { 1.0 };
                            match (one_sign, wanted) {
                                (true, Sign::Positive) => upright * value,
                                (true, _) => 0.0,
                                _ => (flip * upright * entry(value)).max(0.0),
                            }
                        }
                    };
            }
        }
        let [min, max] = extremes(&sum);
        let gaps = squares.windows(2).take(projected.len());
        let gaps = gaps.filter(|pair| pair[0] > 1e-12 * squares[0]);
        Self {
            map: sum
                .iter()
                .map(|value| (value - min) / (max - min))
                .collect(),
            flatness: sigma(0) / (max - min),
            closeness: gaps
                .map(|pair| pair[0] / (pair[0] - pair[1]))
                .fold(1.0, f64::max),
            tied,
        }
    }

    /// The bound of the documentation of `Cam` on the error in `f64`.
    fn bound(&self, order: usize) -> f64 {
        30.0 * order as f64 * f64::EPSILON * self.flatness * self.closeness
    }
}

fn extremes(values: &[f64]) -> [f64; 2] {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    [min, max]
}

/// The singular value decomposition of a matrix: σᵢ² and σᵢzᵢ.
struct Decomposed {
    squares: Vec<f64>,
    projected: Vec<(f64, Vec<f64>)>,
}

impl Decomposed {
    fn new(m: &Mat<f64>) -> Self {
        let svd = m.thin_svd().unwrap();
        let all = m.nrows().min(m.ncols());
        let sigma = svd.S().column_vector();
        let projected = (0..all).map(|i| {
            let values = (0..m.ncols()).map(|p| sigma[i] * svd.V()[(p, i)]);
            (0.0, values.collect())
        });
        Self {
            squares: (0..all).map(|i| sigma[i] * sigma[i]).collect(),
            projected: projected.collect(),
        }
    }

    fn expected(&self, cam: &Cam) -> Expected {
        let count = match cam.weighting.vectors() {
            Vectors::First => 1,
            Vectors::All => self.projected.len(),
        };
        Expected::new(cam, &self.squares, &self.projected[..count])
    }
}

/// The leading right singular vector of a matrix, times σ₁.
struct Leading {
    /// Its mean.
    constant: f64,
    /// What is left of it.
    values: Vec<f64>,
    /// σ₁², and an estimate of σ₂² from above.
    squares: [f64; 2],
}

impl Leading {
    /// That of M = o·1ᵀ + N, N with rows of mean zero, by power iteration on
    /// a·1 + q = Mᵀu: no digit of N is lost in o, however large o is. `None` where the
    /// iteration takes long.
    fn new(o: &[f64], n: &Mat<f64>) -> Option<Self> {
        let positions = n.ncols() as f64;
        let mut u = Mat::from_fn(o.len(), 1, |c, _| 1.0 + 0.1 * (c % 3) as f64);
        let mut q = Mat::<f64>::zeros(n.ncols(), 1);
        for _ in 0..500 {
            let length = u.norm_l2();
            u.col_iter_mut()
                .for_each(|column| column.iter_mut().for_each(|u| *u /= length));
            let along = n.transpose() * &u;
            let a = (0..o.len()).map(|c| u[(c, 0)] * o[c]).sum::<f64>();
            let change = (&along - &q).norm_l2();
            q = along;
            if change <= 1e-15 * q.norm_l2() {
                return Some(Self::found(o, n, a, &q));
            }
            u = n * &q;
            (0..o.len()).for_each(|c| u[(c, 0)] += positions * a * o[c]);
        }
        None
    }

    fn found(o: &[f64], n: &Mat<f64>, a: f64, q: &Mat<f64>) -> Self {
        let positions = n.ncols() as f64;
        let square = a * a * positions + q.squared_norm_l2();
        let offsets: f64 = o.iter().map(|o| o * o).sum();
        let rest = offsets * positions + n.squared_norm_l2() - square;
        Self {
            constant: a,
            values: q.col_iter().flat_map(|q| q.iter().copied()).collect(),
            squares: [square, rest.clamp(0.0, 0.999 * square)],
        }
    }
}

/// Compares maps in `f64` with what is expected of them; counts the comparisons.
fn compare_with(
    cam: &Cam,
    map: &SaliencyMap<f64>,
    expected: &Expected,
    bound: f64,
    what: &str,
) -> usize {
    if expected.tied || bound > 0.01 || map.status() != Status::Fine {
        return 0;
    }
    let difference = difference(map.values().data(), &expected.map);
    assert!(
        difference <= bound,
        "{what} {cam:?}: {difference:e}, bound {bound:e}"
    );
    1
}

#[test]
fn centred_maps_in_f64_have_no_offset() {
    let (mut compared, mut all) = (0, 0);
    for shape in SHAPES {
        let integers = Integers::new(shape);
        let order = shape[0].min(integers.positions());
        let decomposed = Decomposed::new(&integers.deviations());
        for cam in cams().iter().filter(|cam| cam.centring == Some(true)) {
            let expected = decomposed.expected(cam);
            for kind in OFFSETS {
                for step in 0..=31 {
                    // 1, 3, 10, 30, … to where integers are exact no longer.
                    let offset = 10i64.pow(step / 2) * [1, 3][step as usize % 2];
                    let x = integers.with_offset::<f64>(kind, offset);
                    let map = cam.saliency_map(&x).unwrap();
                    let what = format!("{shape:?} {kind:?} {offset}");
                    let bound = expected.bound(order);
                    compared += compare_with(cam, &map, &expected, bound, &what);
                    all += 1;
                }
            }
        }
    }
    assert!(compared > all * 3 / 4, "{compared} of {all}");
}

#[test]
fn uncentred_first_vectors_in_f64_keep_to_their_bound() {
    let (mut compared, mut all) = (0, 0);
    for shape in SHAPES {
        let integers = Integers::new(shape);
        let order = shape[0].min(integers.positions());
        for kind in OFFSETS {
            for exponent in 0..=15 {
                let offset = 10i64.pow(exponent);
                let x = integers.with_offset::<f64>(kind, offset);
                let deviations = integers.deviations();
                let sums = integers.sums(kind, offset);
                let firsts = cams().into_iter().filter(|cam| {
                    cam.centring == Some(false) && cam.weighting.vectors() == Vectors::First
                });
                let leading = Leading::new(&sums, &deviations);
                for cam in firsts {
                    all += 1;
                    let Some(leading) = &leading else { continue };
                    let projected = (leading.constant, leading.values.clone());
                    let expected = Expected::new(&cam, &leading.squares, &[projected]);
                    let map = cam.saliency_map(&x).unwrap();
                    let what = format!("{shape:?} {kind:?} 1e{exponent}");
                    let bound = expected.bound(order);
                    compared += compare_with(&cam, &map, &expected, bound, &what);
                }
            }
        }
    }
    assert!(compared > all / 3, "{compared} of {all}");
}

#[test]
fn uncentred_sums_of_all_vectors_in_f64_keep_to_their_bound() {
    let (mut compared, mut all) = (0, 0);
    for shape in SHAPES {
        let integers = Integers::new(shape);
        let order = shape[0].min(integers.positions());
        for kind in OFFSETS {
            for exponent in 0..=10 {
                let x = integers.with_offset::<f64>(kind, 10i64.pow(exponent));
                let m = Mat::from_fn(shape[0], integers.positions(), |c, p| {
                    x.data()[c * integers.positions() + p]
                });
                let decomposed = Decomposed::new(&m);
                for weighting in [Weighting::Mtsm, Weighting::MultivecEigenCam] {
                    let cam = Cam {
                        centring: Some(false),
                        ..Cam::new(weighting)
                    };
                    let map = cam.saliency_map(&x).unwrap();
                    let expected = decomposed.expected(&cam);
                    let what = format!("{shape:?} {kind:?} 1e{exponent}");
                    let bound = expected.bound(order);
                    compared += compare_with(&cam, &map, &expected, bound, &what);
                    all += 1;
                }
            }
        }
    }
    assert!(compared > all / 3, "{compared} of {all}");
}

#[test]
fn one_channel_of_a_thousand_drowns_no_other() {
    for shape in [[3, 8, 8], [40, 8, 8], [64, 8, 8], [100, 8, 8], [24, 40, 40]] {
        let mut random = Random::new(7);
        let mut x = random.tensor::<f32>(&shape);
        let positions = shape[1] * shape[2];
        x.data_mut()[..positions].fill(1000.0);
        for cam in cams() {
            compare_precisions(&cam, &x, &format!("{shape:?}"));
        }
    }
}

/// Entries whose products in `f32` round the same way again and again, or are lost one
/// by one: what an estimate by independent roundings does not foresee.
fn conspiring(kind: usize, shape: [usize; 3], seed: u64) -> Tensor<f32> {
    let mut random = Random::new(seed);
    let positions = shape[1] * shape[2];
    let (levels, strong) = (2 + random.below(6), random.below(shape[0]));
    let tilt: Vec<f64> = (0..shape[0].max(positions))
        .map(|_| random.uniform())
        .collect();
    Tensor::from_fn(&shape, |i| {
        let p = i[1] * shape[2] + i[2];
        let value = match kind {
            // Few values, none of them a short binary fraction.
            0 => 0.1 + 0.1 * random.below(levels) as f64,
            // One channel whose squares outweigh every other product.
            1 if i[0] == strong => 1.0 + 0.5 * tilt[p],
            1 => 2.4e-4 * (1.0 + 0.1 * random.uniform()),
            // Channels that are constant but for some positions.
            2 => 0.7 + 0.3 * tilt[i[0]] + if p < 3 { random.uniform() } else { 0.0 },
            // A mean with deviations of a thousandth.
            3 => 0.3 + 1e-3 * random.uniform(),
            // One pattern, the same in every channel, over a weak one.
            4 => 0.1 * (1.0 + tilt[p]) + 1e-3 * tilt[i[0]] * random.uniform(),
            // Magnitudes over six decades.
            _ => 10f64.powf(3.0 * random.uniform()),
        };
        value as f32
    })
    .unwrap()
}

#[test]
fn roundings_that_conspire_stay_within_the_bound() {
    let mut largest: f64 = 0.0;
    let mut compared = 0;
    let shapes = [
        [16, 30, 30],
        [49, 40, 40],
        [112, 14, 14],
        [600, 4, 4],
        [512, 7, 7],
        [2048, 3, 3],
    ];
    for shape in shapes {
        for kind in 0..6 {
            for seed in 0..3 {
                let x = conspiring(kind, shape, seed);
                for weighting in Weighting::ALL {
                    let what = format!("{shape:?} {kind} {seed}");
                    let difference = compare_precisions(&Cam::new(weighting), &x, &what);
                    largest = largest.max(difference);
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 6 * 6 * 3 * 4);
    // Some of them came from products in f32.
    assert!(largest > 1e-7, "{largest:e}");
}

#[test]
fn entries_at_the_ends_of_the_range_of_f32_give_the_maps_of_f64() {
    for shape in [[5, 4, 6], [40, 7, 7], [64, 4, 4]] {
        let x = Random::new(3).tensor::<f32>(&shape);
        for scale in [1e-38f32, 1e-30, 1e30, 3e38] {
            let scaled = x.data().iter().map(|entry| entry * scale).collect();
            let scaled = Tensor::new(&shape, scaled).unwrap();
            for cam in cams() {
                compare_precisions(&cam, &scaled, &format!("{shape:?} {scale:e}"));
            }
        }
    }
}

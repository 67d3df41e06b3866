//! Maps in `f64` keep the error bound of the documentation of `Cam`, for features with offsets up
//! to 3·10¹⁵. The maps are compared with the definition, computed from singular values and vectors
//! that an offset cannot disturb:
//!
//! ```text
//! centred             SVD of the deviations from each channel's mean, which are exact integers
//! not centred, first  power iteration on o·1ᵀ + N, with the offsets o apart from the deviations N
//! not centred, all    SVD of the features; the bound is larger than the error of the SVD
//! ```

use faer::Mat;
use tenfold::cam::{Cam, SaliencyMap, Sign, Status, Vectors, Weighting};

use super::integers::{Integers, OFFSETS, SHAPES, cams};
use super::stretched;
use crate::common::oracle::{extremes, largest_difference};

/// A projected map σᵢzᵢ: a constant plus values. The values keep all digits beside a constant that
/// is far larger.
struct Projected {
    constant: f64,
    values: Vec<f64>,
}

impl Projected {
    /// Whether the constant is so large that all entries have its sign.
    fn has_one_sign(&self) -> bool {
        let [min, max] = extremes(&self.values);
        self.constant.abs() > max.max(-min)
    }

    /// The sum of the largest and the smallest entry. It has the sign of the entry of largest
    /// magnitude, and is 0 if two entries of opposite signs have this magnitude.
    fn balance(&self) -> f64 {
        let [min, max] = extremes(&self.values);
        2.0 * self.constant + max + min
    }

    /// The entries as the sign demands, up to an added constant, which makes no difference when a
    /// map is stretched to [0, 1].
    fn with_sign(&self, sign: Sign) -> Vec<f64> {
        let upright = if self.balance() < 0.0 { -1.0 } else { 1.0 };
        let has_one_sign = self.has_one_sign();
        let signed = |&value: &f64| match sign {
            Sign::Negative if has_one_sign => 0.0,
            Sign::Absolute | Sign::Positive if has_one_sign => upright * value,
            Sign::Absolute => (self.constant + value).abs(),
            Sign::Positive => (upright * (self.constant + value)).max(0.0),
            Sign::Negative => (-upright * (self.constant + value)).max(0.0),
        };
        self.values.iter().map(signed).collect()
    }
}

/// A map by its definition, and what its error bound depends on.
struct Expected {
    map: Vec<f64>,
    /// σ₁ divided by the range of the map before it is stretched.
    flatness: f64,
    /// The largest λᵢ/(λᵢ − λᵢ₊₁) of the vectors that are summed.
    closeness: f64,
    /// Whether rounding may decide the sign of a projected map.
    is_tied: bool,
}

impl Expected {
    /// Σᵢ (σᵢ/σ₁)·φ(σᵢzᵢ), stretched to [0, 1]. `squares` has λᵢ = σᵢ² of the vectors in use and
    /// of the next one.
    fn new(cam: &Cam, squares: &[f64], projected: &[Projected]) -> Self {
        let sigma = |i: usize| squares[i].max(0.0).sqrt();
        let sign = cam.sign.unwrap_or(cam.weighting.sign());
        let mut sum = vec![0.0; projected[0].values.len()];
        let mut is_tied = false;
        for (i, projected) in projected.iter().enumerate() {
            let weight = sigma(i) / sigma(0);
            let entries = projected.with_sign(sign);
            sum.iter_mut()
                .zip(entries)
                .for_each(|(sum, entry)| *sum += weight * entry);
            is_tied |= sign != Sign::Absolute && projected.balance().abs() < 1e-6 * sigma(i);
        }
        let [min, max] = extremes(&sum);
        let pairs = squares.windows(2).take(projected.len());
        let pairs = pairs.filter(|pair| pair[0] > 1e-12 * squares[0]);
        let closeness = pairs.map(|pair| pair[0] / (pair[0] - pair[1]));
        Self {
            map: stretched(&sum),
            flatness: sigma(0) / (max - min),
            closeness: closeness.fold(1.0, f64::max),
            is_tied,
        }
    }

    /// 30·n·ε·(σ₁/r)·κ, where `order` is n, the smaller of channels and positions.
    fn bound(&self, order: usize) -> f64 {
        30.0 * order as f64 * f64::EPSILON * self.flatness * self.closeness
    }

    /// Fails if the map differs from the expected one by more than the bound. Returns `false` without
    /// a comparison if the sign is tied, the map is constant or degenerate, or the bound is above
    /// 0.01.
    fn compare(&self, cam: &Cam, map: &SaliencyMap<f64>, order: usize, what: &str) -> bool {
        let bound = self.bound(order);
        if self.is_tied || bound > 0.01 || map.status() != Status::Fine {
            return false;
        }
        let difference = largest_difference(map.values().data(), &self.map);
        assert!(
            difference <= bound,
            "{what} {cam:?}: {difference:e}, bound {bound:e}"
        );
        true
    }
}

/// The singular value decomposition of a matrix: σᵢ² and σᵢzᵢ.
struct Svd {
    squares: Vec<f64>,
    projected: Vec<Projected>,
}

impl Svd {
    fn new(m: &Mat<f64>) -> Self {
        let svd = m.thin_svd().unwrap();
        let count = m.nrows().min(m.ncols());
        let sigma = svd.S().column_vector();
        let projected = (0..count).map(|i| Projected {
            constant: 0.0,
            values: (0..m.ncols()).map(|p| sigma[i] * svd.V()[(p, i)]).collect(),
        });
        Self {
            squares: (0..count).map(|i| sigma[i] * sigma[i]).collect(),
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

/// The first projected map σ₁z₁ of a matrix with large row means.
struct First {
    projected: Projected,
    /// σ₁², and an estimate of σ₂² from above.
    squares: [f64; 2],
}

impl First {
    /// For M = o·1ᵀ + N with rows of N of mean zero: power iteration on Mᵀu = a·1 + q with
    /// a = oᵀu and q = Nᵀu. The constant a and the values q stay apart, so that no digit of N is
    /// lost, however large o is. `None` if 500 iterations are not enough.
    fn new(o: &[f64], n: &Mat<f64>) -> Option<Self> {
        let positions = n.ncols() as f64;
        let mut u = Mat::from_fn(o.len(), 1, |c, _| 1.0 + 0.1 * (c % 3) as f64);
        let mut q = Mat::<f64>::zeros(n.ncols(), 1);
        for _ in 0..500 {
            let length = u.norm_l2();
            u.col_iter_mut()
                .for_each(|column| column.iter_mut().for_each(|u| *u /= length));
            let a = (0..o.len()).map(|c| u[(c, 0)] * o[c]).sum::<f64>();
            let next = n.transpose() * &u;
            let change = (&next - &q).norm_l2();
            q = next;
            if change <= 1e-15 * q.norm_l2() {
                return Some(Self::from_parts(o, n, a, &q));
            }
            // M(a·1 + q) = a·P·o + N·q with P positions, because N·1 = 0 and 1ᵀq = 0.
            u = n * &q;
            (0..o.len()).for_each(|c| u[(c, 0)] += positions * a * o[c]);
        }
        None
    }

    fn from_parts(o: &[f64], n: &Mat<f64>, a: f64, q: &Mat<f64>) -> Self {
        let positions = n.ncols() as f64;
        let first = a * a * positions + q.squared_norm_l2();
        let offsets: f64 = o.iter().map(|o| o * o).sum();
        // Σᵢ σᵢ² without σ₁².
        let rest = offsets * positions + n.squared_norm_l2() - first;
        Self {
            projected: Projected {
                constant: a,
                values: (0..n.ncols()).map(|p| q[(p, 0)]).collect(),
            },
            squares: [first, rest.clamp(0.0, 0.999 * first)],
        }
    }
}

#[test]
fn centred_maps_keep_the_bound_at_any_offset() {
    let (mut compared, mut all) = (0, 0);
    for shape in SHAPES {
        let integers = Integers::new(shape);
        let order = shape[0].min(integers.positions());
        let svd = Svd::new(&integers.deviations());
        for cam in cams().iter().filter(|cam| cam.centring == Some(true)) {
            let expected = svd.expected(cam);
            for kind in OFFSETS {
                for step in 0..=31 {
                    // 1, 3, 10, 30, … up to the largest integers that are exact.
                    let offset = 10i64.pow(step / 2) * [1, 3][step as usize % 2];
                    let x = integers.with_offset::<f64>(kind, offset);
                    let map = cam.saliency_map(&x).unwrap();
                    let what = format!("{shape:?} {kind:?} {offset}");
                    compared += usize::from(expected.compare(cam, &map, order, &what));
                    all += 1;
                }
            }
        }
    }
    assert!(compared > all * 3 / 4, "{compared} of {all}");
}

#[test]
fn maps_of_the_first_vector_keep_the_bound_without_centring() {
    let (mut compared, mut all) = (0, 0);
    for shape in SHAPES {
        let integers = Integers::new(shape);
        let order = shape[0].min(integers.positions());
        for kind in OFFSETS {
            for exponent in 0..=15 {
                let offset = 10i64.pow(exponent);
                let x = integers.with_offset::<f64>(kind, offset);
                let first = First::new(&integers.sums(kind, offset), &integers.deviations());
                let cams = cams().into_iter().filter(|cam| {
                    cam.centring == Some(false) && cam.weighting.vectors() == Vectors::First
                });
                for cam in cams {
                    all += 1;
                    let Some(First { projected, squares }) = &first else {
                        continue;
                    };
                    let expected = Expected::new(&cam, squares, std::slice::from_ref(projected));
                    let map = cam.saliency_map(&x).unwrap();
                    let what = format!("{shape:?} {kind:?} 1e{exponent}");
                    compared += usize::from(expected.compare(&cam, &map, order, &what));
                }
            }
        }
    }
    assert!(compared > all / 3, "{compared} of {all}");
}

#[test]
fn sums_of_all_vectors_keep_the_bound_without_centring() {
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
                let svd = Svd::new(&m);
                for weighting in [Weighting::Mtsm, Weighting::MultivecEigenCam] {
                    let cam = Cam {
                        centring: Some(false),
                        ..Cam::new(weighting)
                    };
                    let map = cam.saliency_map(&x).unwrap();
                    let what = format!("{shape:?} {kind:?} 1e{exponent}");
                    let expected = svd.expected(&cam);
                    compared += usize::from(expected.compare(&cam, &map, order, &what));
                    all += 1;
                }
            }
        }
    }
    assert!(compared > all / 3, "{compared} of {all}");
}

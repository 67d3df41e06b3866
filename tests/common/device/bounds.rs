//! How far two decompositions may differ by rounding alone. These are the bounds of every
//! comparison of a device with the CPU.
//!
//! M is a matrix of m×n or n×m entries, n ≤ m. G is the Gram matrix of its smaller side, with
//! eigenvalues λ₁ ≥ λ₂ ≥ … and eigenvectors zᵢ. ε is the machine epsilon of `f64`: both sides form
//! Gram matrices and solve eigenproblems in `f64`.
//!
//! **1. Rounding is a perturbation of G.** An entry of G is a sum of m products. Its rounding error
//! is at most m·ε/2 times the sum of their magnitudes (Higham, *Accuracy and Stability of Numerical
//! Algorithms*, §3.1); all errors together have a Frobenius norm of at most m·ε/2·‖M‖². Subtracting
//! the means of n entries adds less than 2·n·ε·‖M‖². The eigenproblem adds less than that too: the
//! largest residual over n·ε in `docs/reliability.md` is 1.6, and Jacobi rotations stay below it.
//! Each of the two sides therefore decomposes exactly some matrix that differs from G by at most
//! half of
//!
//! > η = (m + 8n)·ε·‖M‖²,
//!
//! and the difference D of the two matrices has ‖D‖ ≤ η.
//!
//! **2. The effect of D on eigenvectors.** Let z̃ᵢ be an eigenvector of G + D with the eigenvalue
//! λ̃ᵢ. The equation zⱼᵀ(G + D)z̃ᵢ = λ̃ᵢzⱼᵀz̃ᵢ implies zⱼᵀz̃ᵢ = zⱼᵀDz̃ᵢ/(λ̃ᵢ − λⱼ) for j ≠ i. The
//! numerators of all j together have a norm of at most η, and |λ̃ᵢ − λⱼ| ≥ |λᵢ − λⱼ| − η (Weyl). Let
//!
//! > κᵢⱼ = min(1, η/(|λᵢ − λⱼ| − η)),   and κᵢⱼ = 1 if |λᵢ − λⱼ| ≤ η.
//!
//! Consider the entry rᵢ(p) = aᵀzᵢ of a vector a = a(p). Cauchy's inequality, applied once to the j
//! with κᵢⱼ < 1 and once to the others, gives
//!
//! > |r̃ᵢ(p) − rᵢ(p)| ≤ √2·√(Σ_{j≠i} κᵢⱼ²·rⱼ(p)²) + maxⱼκᵢⱼ²·|rᵢ(p)|.
//!
//! The last term bounds 1 − cos ∠(zᵢ, z̃ᵢ) ≤ sin². Vectors of a cluster mix freely; their κ is 1.
//!
//! **3. The effect on a map.** Up to a factor that normalisation removes, a map is
//! f(p) = Σᵢ wᵢ·φ(rᵢ(p)). φ is the absolute value or the part of one sign, and
//! |φ(x) − φ(y)| ≤ |x − y|.
//! - With G = MᵀM (positions), rᵢ(p) is entry p of zᵢ, and wᵢ = λᵢ.
//! - With G = MMᵀ (channels), rᵢ(p) is entry p of Mᵀzᵢ, and wᵢ = √λᵢ.
//!
//! By Weyl w̃ᵢ is at most λᵢ + η, or √(λᵢ + η). In both cases the errors of the weights add at most η
//! to f (Hoffman and Wielandt: Σ(λ̃ᵢ − λᵢ)² ≤ η²). With k vectors,
//!
//! > |f̃(p) − f(p)| ≤ β = max_p Σᵢ w̃ᵢ·(the bound of step 2) + η + (k + 8)·ε·max f.
//!
//! The last term bounds the rounding of the sum. The term η is omitted for a single vector, because
//! normalisation removes its weight. After min-max normalisation with the range R = max f − min f
//! the bound is 2β/(R − 2β). Rounding to the scalar adds one ε of the scalar.
//!
//! **4. Single precision.** Let u₃₂ = ε₃₂/2. The roundings of a sum of k products in `f32` add up to
//! about √k·u₃₂/3 if they are independent (Higham and Mary, SIAM J. Sci. Comput. 41, 2019).
//! - For a first vector the CPU forms the Gram matrix in `f32`, in runs of at most 256 products. A
//!   symmetric matrix of independent entries of sizes s·√(Gᵢᵢ·Gⱼⱼ) has a norm of at most
//!   2s·√(max Gᵢᵢ·tr G). η therefore grows by √min(m, 256)·u₃₂·√(max Gᵢᵢ·tr G).
//! - Both sides project `f32` features on channel vectors in `f32`, after rounding the vectors. The
//!   CPU sums C products, the device runs of 32. The error of an entry of Mᵀzᵢ is at most
//!   2·(√C + √32 + 2)·u₃₂·max_p ‖M e_p‖. This is six times the expected size, because the bound is
//!   for the largest of many entries.
//!
//! **5. HOOI.** The Gram matrix of mode n is the Gram matrix of X projected on the other factors. By
//! step 2 the factor of a mode o turns by η/(λᵢ − λⱼ) from a kept vector i to a discarded vector j.
//! This changes the Gram matrix of another mode by 2σᵢσⱼ times the angle. The change is at most
//! 2η·ρₒ with ρₒ = √(λ_r·λ_{r+1})/(λ_r − λ_{r+1}) for rank r. Sweeps that converge do not amplify the
//! changes of earlier sweeps. k sweeps add up to
//!
//! > η' = η·(1 + 2k·Σₒ ρₒ).

use tenfold::cam::{Cam, Sign, Vectors};
use tenfold::faer::{Mat, MatRef};
use tenfold::linalg::{Precision, Side, eigh, gram};
use tenfold::{Hooi, Scalar, Start, Tensor, Tucker};

/// The longest sum in `f32` when the CPU forms a Gram matrix.
const SINGLE_RUN: usize = 256;

/// HOOI for a map stops when a sweep changes ‖G‖²/‖X‖² by at most `ENERGY_TOLERANCE`, or after
/// `MAX_SWEEPS` sweeps.
const ENERGY_TOLERANCE: f64 = 1e-14;
const MAX_SWEEPS: usize = 200;

/// The longest sum in `f32` when the device projects features.
const RUN: usize = 32;

/// Magnitudes with a relative difference of at most this are tied when a sign is chosen.
const TIE_TOLERANCE: f64 = 1e-12;

/// η of step 1 for a matrix with these extents and this sum of squares.
fn perturbation(extents: [usize; 2], energy: f64) -> f64 {
    let [n, m] = [extents[0].min(extents[1]), extents[0].max(extents[1])];
    (m + 8 * n) as f64 * f64::EPSILON * energy
}

/// κᵢⱼ for two eigenvalues.
fn mixing(one: f64, other: f64, eta: f64) -> f64 {
    let gap = (one - other).abs() - eta;
    if gap > eta { eta / gap } else { 1.0 }
}

/// The parts of a map.
struct Spectrum {
    /// λᵢ, largest first.
    values: Vec<f64>,
    /// rᵢ(p) in row i.
    rows: Mat<f64>,
    /// w̃ᵢ of the vectors in use, the first ones.
    weights: Vec<f64>,
    eta: f64,
    /// Whether each row has two entries, which centring makes opposite on CPU and device.
    paired: bool,
}

/// The largest difference between the normalised maps of CPU and device that rounding can cause.
/// The features are finite and not all zero.
pub(crate) fn of_map<T: Scalar>(cam: &Cam, features: &Tensor<T>) -> f64 {
    // 1. The unfolding M, C×P, and the perturbation of its Gram matrix.
    let features = scaled(features);
    let channels = features.shape()[0];
    let extents = [channels, features.data().len() / channels];
    let unfolding = features.clone().reshape(&extents).unwrap();
    let eta = perturbation(extents, squares(&unfolding));
    let centring = cam.centring.unwrap_or(cam.weighting.centring());
    let matrix = if centring {
        centred(&unfolding)
    } else {
        unfolding.clone()
    };
    let first = cam.weighting.vectors() == Vectors::First;
    // 2. The spectrum.
    let mut row_error = 0.0;
    let mut spectrum = if let Some(ranks) = &cam.ranks {
        let tensor = matrix.clone().reshape(features.shape()).unwrap();
        let (of_channels, eta) = truncated(&tensor, ranks, eta);
        let rank = if first { 1 } else { ranks[0] };
        Spectrum::of_channels(&of_channels, &matrix, rank, eta)
    } else {
        let single = Single::of::<T>(&unfolding, centring);
        let eta = eta + if first { single.gram } else { 0.0 };
        let vectors = if first { 1 } else { extents[0].min(extents[1]) };
        if extents[1] < extents[0] {
            Spectrum::of_positions(&matrix, vectors, eta)
        } else {
            row_error = single.row;
            let of_channels = gram(&matrix, 0, Side::Mode, Precision::Double).unwrap();
            Spectrum::of_channels(&of_channels, &matrix, vectors, eta)
        }
    };
    spectrum.paired = centring && extents[1] == 2;
    // 3. The bound.
    spectrum.bound(cam.sign.unwrap_or(cam.weighting.sign()), row_error) + T::EPSILON
}

/// The additions of step 4: zero for `f64`.
struct Single {
    /// The addition to η.
    gram: f64,
    /// The addition to the error of each entry of Mᵀzᵢ.
    row: f64,
}

impl Single {
    fn of<T: Scalar>(unfolding: &Tensor<f64>, centring: bool) -> Self {
        if T::EPSILON <= f64::EPSILON {
            return Self {
                gram: 0.0,
                row: 0.0,
            };
        }
        let &[channels, positions] = unfolding.shape() else {
            panic!("an unfolding has two extents");
        };
        let unit_roundoff = 0.5 * T::EPSILON;
        let rows = unfolding.data().chunks(positions);
        let of_rows = largest(rows.map(|row| row.iter().map(|entry| entry * entry).sum()));
        let of_columns = largest((0..positions).map(|p| {
            let column = unfolding.data().iter().skip(p).step_by(positions);
            column.map(|entry| entry * entry).sum()
        }));
        let diagonal = if positions < channels {
            of_columns
        } else {
            of_rows
        };
        let run = channels.max(positions).min(SINGLE_RUN) as f64;
        let roundings = (channels as f64).sqrt() + (RUN as f64).sqrt() + 2.0;
        // The mean of a row of Mᵀzᵢ has the same error as an entry.
        let centred = if centring { 2.0 } else { 1.0 };
        Self {
            gram: unit_roundoff * (run * squares(unfolding) * diagonal).sqrt(),
            row: 2.0 * centred * roundings * unit_roundoff * of_columns.sqrt(),
        }
    }
}

impl Spectrum {
    /// From the Gram matrix of positions, formed of `matrix`.
    fn of_positions(matrix: &Tensor<f64>, vectors: usize, eta: f64) -> Self {
        let gram = gram(matrix, 0, Side::Rest, Precision::Double).unwrap();
        let eigen = eigh(gram.as_ref()).unwrap();
        let weights = eigen.values.iter().map(|value| value.max(0.0) + eta);
        Self {
            weights: weights.take(vectors).collect(),
            rows: eigen.vectors.transpose().to_owned(),
            values: eigen.values,
            eta,
            paired: false,
        }
    }

    /// From a Gram matrix of channels. `matrix` is projected on its vectors.
    fn of_channels(gram: &Mat<f64>, matrix: &Tensor<f64>, vectors: usize, eta: f64) -> Self {
        let eigen = eigh(gram.as_ref()).unwrap();
        let weights = eigen
            .values
            .iter()
            .map(|value| (value.max(0.0) + eta).sqrt());
        let rows = matrix.mode_product(0, eigen.vectors.transpose()).unwrap();
        let &[count, positions] = rows.shape() else {
            panic!("a matrix has two extents");
        };
        Self {
            weights: weights.take(vectors).collect(),
            rows: MatRef::from_row_major_slice(rows.data(), count, positions).to_owned(),
            values: eigen.values,
            eta,
            paired: false,
        }
    }

    /// 2β/(R − 2β); infinite if rounding may exceed the range.
    fn bound(&self, sign: Sign, row_error: f64) -> f64 {
        let (count, positions) = (self.rows.nrows(), self.rows.ncols());
        let used = self.weights.len();
        // 1. Σⱼ κᵢⱼ² rⱼ(p)² for all i and p at once.
        let kappa_squares = Mat::from_fn(used, count, |i, j| {
            if i == j {
                0.0
            } else {
                mixing(self.values[i], self.values[j], self.eta).powi(2)
            }
        });
        let row_squares = Mat::from_fn(count, positions, |i, p| self.rows[(i, p)].powi(2));
        let mixed = &kappa_squares * &row_squares;
        // 2. The map before normalisation, and the bound on the error of each entry.
        let (mut map, mut moves) = (vec![0.0; positions], vec![0.0; positions]);
        for (i, weight) in self.weights.iter().enumerate() {
            let turned = largest((0..count).map(|j| kappa_squares[(i, j)]));
            let entry = |p: usize| self.rows[(i, p)];
            let moved =
                |p: usize| f64::sqrt(2.0 * mixed[(i, p)]) + turned * entry(p).abs() + row_error;
            let most_moved = largest((0..positions).map(moved));
            let row: Vec<f64> = (0..positions).map(entry).collect();
            let upright = Orientation::of(&row, sign);
            let flips =
                sign != Sign::Absolute && !self.paired && upright.margin <= 2.0 * most_moved;
            for p in 0..positions {
                map[p] += weight * of_sign(upright.factor * entry(p), sign);
                let flipped = if flips { entry(p).abs() } else { 0.0 };
                moves[p] += weight * (moved(p) + flipped);
            }
        }
        // 3. Normalisation.
        let most = largest(map.iter().copied());
        let range = most - map.iter().copied().fold(f64::INFINITY, f64::min);
        let rounding = (used + 8) as f64 * f64::EPSILON * most;
        let of_weights = if used > 1 { self.eta } else { 0.0 };
        let beta = largest(moves.into_iter()) + of_weights + rounding;
        if range > 2.0 * beta {
            2.0 * beta / (range - 2.0 * beta)
        } else {
            f64::INFINITY
        }
    }
}

/// The sign of a row. A row is upright if its entry of largest magnitude is positive.
struct Orientation {
    /// The factor, 1 or −1, that makes the wanted part of the upright row positive.
    factor: f64,
    /// How much the largest magnitude exceeds all magnitudes of the other sign.
    margin: f64,
}

impl Orientation {
    fn of(row: &[f64], sign: Sign) -> Self {
        let up = largest(row.iter().copied());
        let down = largest(row.iter().map(|entry| -entry));
        // Both sides choose the first of the tied magnitudes.
        let tie = TIE_TOLERANCE * up.max(down);
        let first = row.iter().find(|entry| entry.abs() >= up.max(down) - tie);
        let points_down = first.is_some_and(|&entry| entry < 0.0);
        Self {
            factor: if points_down == (sign == Sign::Negative) {
                1.0
            } else {
                -1.0
            },
            margin: (up - down).abs() - tie,
        }
    }
}

/// The largest of numbers, at least zero.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, f64::max)
}

/// φ of an entry, for a row with a positive wanted part.
fn of_sign(entry: f64, sign: Sign) -> f64 {
    if sign == Sign::Absolute {
        entry.abs()
    } else {
        entry.max(0.0)
    }
}

/// The Gram matrix of channels in HOOI's last sweep, and η' of step 5. The device may stop one
/// sweep earlier or later than the CPU, so that the change over these sweeps is added to η'.
fn truncated(x: &Tensor<f64>, ranks: &[usize], eta: f64) -> (Mat<f64>, f64) {
    let hooi = Hooi {
        start: Start::Hosvd,
        max_sweeps: MAX_SWEEPS,
        sweep_tolerance: 0.0,
        ..Hooi::new(ranks.to_vec())
    };
    let mut sweeps = hooi.sweeps(x).unwrap();
    let (mut before, mut at, mut made) = (sweeps.clone(), sweeps.clone(), 0);
    while let Some(sweep) = sweeps.next() {
        let sweep = sweep.unwrap();
        (before, at) = (at, sweeps.clone());
        made += 1;
        if 2.0 * sweep.relative_error * sweep.change.abs() <= ENERGY_TOLERANCE {
            break;
        }
    }
    sweeps.next();
    let [before, at, after] = [before, at, sweeps].map(|sweeps| sweeps.finish().unwrap());
    let of_channels = |tucker: &Tucker<f64>| {
        let mut projected = x.clone();
        for mode in 1..x.shape().len() {
            let factor = tucker.factor(mode).unwrap().transpose();
            projected = projected.mode_product(mode, factor).unwrap();
        }
        gram(&projected, 0, Side::Mode, Precision::Double).unwrap()
    };
    let stopping = (of_channels(&after) - of_channels(&before)).norm_l2();
    (of_channels(&at), coupled(&at, eta, made) + stopping)
}

/// η' of step 5 for a decomposition after this number of sweeps.
fn coupled<T: Scalar>(tucker: &Tucker<T>, eta: f64, sweeps: usize) -> f64 {
    let modes = 0..tucker.shape().len();
    let ratios = modes.filter_map(|mode| Some(ratio(tucker.spectrum(mode)?, tucker.ranks()[mode])));
    eta * (1.0 + 2.0 * sweeps.max(1) as f64 * ratios.sum::<f64>())
}

/// ρ of step 5 for rank `rank`; zero if all singular values are kept.
fn ratio(values: &[f64], rank: usize) -> f64 {
    let Some(left) = values.get(rank) else {
        return 0.0;
    };
    let quotient = left / values[rank - 1];
    quotient / ((1.0 - quotient) * (1.0 + quotient))
}

/// The bounds on the results of a mode.
pub(crate) struct FactorBounds {
    /// For each column, the largest distance of the two results.
    pub(crate) columns: Vec<f64>,
    /// The largest difference of squares of singular values, relative to σ₁².
    pub(crate) squares: f64,
}

/// The bounds on a mode's factor and spectrum, from the CPU's decomposition of a tensor of this
/// norm.
pub(crate) fn of_factor(tucker: &Tucker<f64>, mode: usize, norm: f64) -> FactorBounds {
    let rows = tucker.shape()[mode];
    let rest = tucker.shape().iter().product::<usize>() / rows;
    // In units of σ₁. If there are more rows than values, the other directions have the value 0.
    let first = tucker.spectrum(mode).unwrap()[0];
    let values = tucker
        .spectrum(mode)
        .unwrap()
        .iter()
        .map(|value| value / first);
    let values: Vec<f64> = values.collect();
    let beyond = (values.len() < rows).then_some(0.0);
    let squares: Vec<f64> = values
        .iter()
        .map(|value| value * value)
        .chain(beyond)
        .collect();
    let sweeps = tucker
        .convergence()
        .map_or(0, |convergence| convergence.sweeps);
    let eta = coupled(
        tucker,
        perturbation([rows, rest], (norm / first).powi(2)),
        sweeps,
    );
    let column = |j: usize| {
        let others = (0..squares.len()).filter(|&i| i != j);
        let kappa = largest(others.map(|i| mixing(squares[j], squares[i], eta)));
        // A vector from the other side of the unfolding, u = Xv/σ, has an error larger by σ₁/σ.
        let lifted = if rest < rows { 1.0 / values[j] } else { 1.0 };
        2f64.sqrt() * lifted * kappa + eta
    };
    FactorBounds {
        columns: (0..tucker.ranks()[mode]).map(column).collect(),
        squares: eta,
    }
}

/// The features divided by their largest magnitude: no square leaves the range of `f64`.
fn scaled<T: Scalar>(features: &Tensor<T>) -> Tensor<f64> {
    let entries = features.data().iter().map(|entry| entry.as_f64());
    let largest = entries.clone().map(f64::abs).fold(0.0, f64::max);
    Tensor::new(
        features.shape(),
        entries.map(|entry| entry / largest).collect(),
    )
    .unwrap()
}

fn squares(x: &Tensor<f64>) -> f64 {
    x.data().iter().map(|entry| entry * entry).sum()
}

/// Each row minus its mean. The second pass removes the rounding error of the first mean.
fn centred(matrix: &Tensor<f64>) -> Tensor<f64> {
    let mut matrix = matrix.clone();
    let positions = matrix.shape()[1];
    for row in matrix.data_mut().chunks_mut(positions) {
        for _ in 0..2 {
            let mean = row.iter().sum::<f64>() / positions as f64;
            row.iter_mut().for_each(|entry| *entry -= mean);
        }
    }
    matrix
}

//! Non-negative least squares for a factor and for the core, from small matrices alone.
//!
//! For a fixed core and fixed other factors, ‖X − X̂‖² is a quadratic function of Aₙ. With the
//! projection Yₙ = X ×ₘ≠ₙ Aₘᵀ and the Gram matrices Sₘ = AₘᵀAₘ,
//!
//! ```text
//! C = Yₙ₍ₙ₎ G₍ₙ₎ᵀ,   H = (G ×ₘ≠ₙ Sₘ)₍ₙ₎ G₍ₙ₎ᵀ,   ‖X − X̂‖² = ‖X‖² − 2⟨C, Aₙ⟩ + ⟨Aₙ, Aₙ H⟩
//! ```
//!
//! For fixed factors, it is one of the core, with K = X ×₀ A₀ᵀ ×₁ A₁ᵀ …:
//!
//! ```text
//! ‖X − X̂‖² = ‖X‖² − 2⟨K, G⟩ + ⟨G, G ×₀ S₀ ×₁ S₁ …⟩
//! ```

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::linalg::eigh;
use crate::tensor::{Tensor, inner, multi_mode_product};

/// The maximum number of passes over the columns of a factor.
const PASSES: usize = 10;

/// Passes end when the change of the factor is this share of the change in the first pass.
const PASS_TOLERANCE: f64 = 0.05;

/// The maximum number of gradient steps for the core.
const CORE_STEPS: usize = 60;

/// The steps end when the change of the core is this share of its norm.
const CORE_TOLERANCE: f64 = 1e-6;

/// Makes −2⟨C, A⟩ + ⟨A, AH⟩ smaller over A ≥ 0, one column after the other: HALS (Cichocki & Phan,
/// IEICE Trans. Fundamentals 2009). Column k becomes
///
/// ```text
/// aₖ ← max(0, aₖ + (cₖ − A hₖ)/hₖₖ)
/// ```
///
/// A column that would become 0 stays as it is, so that a later update can use it. The core then
/// gets zeros in its place.
pub(super) fn update_factor(a: &mut Mat<f64>, c: MatRef<'_, f64>, h: MatRef<'_, f64>) {
    let rows = a.nrows();
    let mut first = 0.0;
    let mut column = vec![0.0; rows];
    for pass in 0..PASSES {
        let mut change = 0.0;
        for k in 0..a.ncols() {
            let curvature = h[(k, k)];
            if curvature <= 0.0 {
                continue;
            }
            // 1. The gradient cₖ − A hₖ, a column of A at a time.
            for (entry, i) in column.iter_mut().zip(0..) {
                *entry = c[(i, k)];
            }
            for j in 0..a.ncols() {
                let factor = h[(j, k)];
                let other = a.col(j);
                for (entry, &value) in column.iter_mut().zip(other.iter()) {
                    *entry -= factor * value;
                }
            }
            // 2. The new column.
            let mut any = false;
            for (entry, &old) in column.iter_mut().zip(a.col(k).iter()) {
                *entry = (old + *entry / curvature).max(0.0);
                any |= *entry > 0.0;
            }
            if !any {
                continue;
            }
            for (old, &new) in a.col_mut(k).iter_mut().zip(&column) {
                change += (*old - new).powi(2) * curvature;
                *old = new;
            }
        }
        if pass == 0 {
            first = change;
        }
        if change <= PASS_TOLERANCE.powi(2) * first {
            break;
        }
    }
}

/// The quadratic function of the core for fixed factors.
pub(super) struct CoreProblem<'a> {
    /// K.
    pub(super) projection: &'a Tensor<f64>,
    /// The Gram matrices of the factors.
    pub(super) grams: &'a [Mat<f64>],
}

impl CoreProblem<'_> {
    /// −2⟨K, G⟩ + ⟨G, G ×₀ S₀ ×₁ S₁ …⟩.
    pub(super) fn value(&self, core: &Tensor<f64>) -> Result<f64> {
        let image = self.image(core)?;
        Ok(inner(core, &image)? - 2.0 * inner(core, self.projection)?)
    }

    fn image(&self, core: &Tensor<f64>) -> Result<Tensor<f64>> {
        let matrices: Vec<_> = self.grams.iter().map(Mat::as_ref).enumerate().collect();
        multi_mode_product(core.view(), &matrices)
    }

    /// A core G ≥ 0 with a value of at most that of `start`: projected gradient steps with momentum,
    /// which starts anew when it points uphill (O'Donoghue & Candès, Found. Comput. Math. 2015).
    pub(super) fn solve(&self, start: &Tensor<f64>) -> Result<Tensor<f64>> {
        // 1. 1/L, with the largest eigenvalue L of S₀ ⊗ S₁ ….
        let mut largest = 1.0;
        for gram in self.grams {
            let values = eigh(gram.as_ref())?.values;
            largest *= values.iter().copied().fold(0.0, f64::max);
        }
        if largest <= 0.0 || !largest.is_finite() {
            return Ok(start.clone());
        }
        // 2. Steps.
        let (mut current, mut ahead) = (start.clone(), start.clone());
        let mut momentum = 1.0f64;
        for _ in 0..CORE_STEPS {
            let image = self.image(&ahead)?;
            let mut next = ahead.clone();
            let gradient = image.data().iter().zip(self.projection.data());
            for (entry, (image, projection)) in next.data_mut().iter_mut().zip(gradient) {
                *entry = (*entry + (projection - image) / largest).max(0.0);
            }
            let uphill: f64 = ahead
                .data()
                .iter()
                .zip(next.data())
                .zip(current.data())
                .map(|((ahead, next), current)| (ahead - next) * (next - current))
                .sum();
            let following = if uphill > 0.0 {
                1.0
            } else {
                (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0
            };
            let share = if uphill > 0.0 {
                0.0
            } else {
                (momentum - 1.0) / following
            };
            let (mut change, mut size) = (0.0, 0.0);
            for ((ahead, &next), &current) in ahead
                .data_mut()
                .iter_mut()
                .zip(next.data())
                .zip(current.data())
            {
                *ahead = (next + share * (next - current)).max(0.0);
                change += (next - current).powi(2);
                size += next * next;
            }
            (current, momentum) = (next, following);
            if change <= CORE_TOLERANCE.powi(2) * size {
                break;
            }
        }
        // 3. Momentum can end uphill.
        if self.value(&current)? <= self.value(start)? {
            return Ok(current);
        }
        Ok(start.clone())
    }
}

//! The tangent space of the tensors of given ranks at X̂ = G ×₀ A₀ ×₁ A₁ ….
//!
//! Its tensors are the first-order changes of X̂, when the core changes by H and the column space of
//! Aₙ by directions Wₙ orthogonal to Aₙ:
//!
//! ```text
//! ξ = H ×₀ A₀ ×₁ A₁ …  +  Σₙ Bₙ ×ₙ Wₙ ×ₘ≠ₙ Aₘ,      WₙᵀAₙ = 0
//! ```
//!
//! The rows of Bₙ₍ₙ₎ are an orthonormal basis of the rows of G₍ₙ₎. With it all terms are orthogonal, and
//! ‖ξ‖² = ‖H‖² + Σ‖Wₙ‖². A tangent tensor is stored as the entries of H, W₀, W₁, … in one list, and
//! inner products of tensors are inner products of lists (Koch & Lubich, SIAM J. Matrix Anal.
//! Appl. 2010).

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::linalg::{orthonormal_basis, product};
use crate::scalar::Scalar;
use crate::tensor::{Tensor, fold, unfold};
use crate::tucker::computation::Computation;
use crate::tucker::decomposition::{Tucker, transposed};
use crate::tucker::st_hosvd::StHosvd;

/// The tangent space at a decomposition of all modes.
pub(super) struct Tangent<'a, T> {
    tucker: &'a Tucker<T>,
    computation: Computation<'a>,
    /// The transposes of Bₙ₍ₙ₎.
    bases: Vec<Mat<T>>,
    /// The tensors Bₙ.
    tensors: Vec<Tensor<T>>,
    /// B₀ ×ₘ>₀ Aₘ.
    first: Tensor<T>,
}

/// The parts H and Wₙ of a tangent tensor.
struct Parts<T> {
    core: Tensor<T>,
    factors: Vec<Mat<T>>,
}

impl<'a, T: Scalar> Tangent<'a, T> {
    pub(super) fn new(tucker: &'a Tucker<T>, computation: Computation<'a>) -> Result<Self> {
        let core = tucker.core();
        let (mut bases, mut tensors) = (Vec::new(), Vec::new());
        for mode in 0..core.order() {
            let basis = orthonormal_basis(unfold(core, mode)?.transpose())?;
            tensors.push(fold(basis.transpose(), mode, core.shape())?);
            bases.push(basis);
        }
        let others = &tucker.products()[1..];
        Ok(Self {
            first: computation.multi_mode_product(tensors[0].view(), others)?,
            tucker,
            computation,
            bases,
            tensors,
        })
    }

    /// The orthogonal projection of a tensor on the tangent space.
    ///
    /// With Yₙ = E ×ₘ≠ₙ Aₘᵀ, this is H = E ×₀ A₀ᵀ ×₁ A₁ᵀ … and Wₙ = (I − AₙAₙᵀ) Yₙ₍ₙ₎ Bₙ₍ₙ₎ᵀ.
    pub(super) fn project(&self, e: &Tensor<T>) -> Result<Vec<f64>> {
        let order = self.bases.len();
        let mut parts = Parts {
            core: Tensor::zeros(&vec![0; order])?,
            factors: vec![Mat::new(); order],
        };
        let modes: Vec<usize> = (0..order).collect();
        self.project_modes(e, &modes, &mut parts)?;
        let mut list: Vec<f64> = parts.core.data().iter().map(|x| x.as_f64()).collect();
        for w in &parts.factors {
            for j in 0..w.ncols() {
                list.extend((0..w.nrows()).map(|i| w[(i, j)].as_f64()));
            }
        }
        Ok(list)
    }

    /// The parts of `modes`, where `y` is projected on all other factors. Projections are shared as in
    /// a sweep of HOOI.
    fn project_modes(&self, y: &Tensor<T>, modes: &[usize], parts: &mut Parts<T>) -> Result<()> {
        if let &[mode] = modes {
            let Some(a) = self.tucker.factor(mode) else {
                return Ok(());
            };
            let w = product(unfold(y, mode)?.as_ref(), self.bases[mode].as_ref());
            let within = product(a, product(a.transpose(), w.as_ref()).as_ref());
            parts.factors[mode] = w - within;
            if mode == 0 {
                parts.core = self
                    .computation
                    .mode_product(y.view(), mode, a.transpose())?;
            }
            return Ok(());
        }
        let (first, second) = modes.split_at(modes.len() / 2);
        for (half, other) in [(first, second), (second, first)] {
            let matrices = transposed(self.tucker.factors(), other);
            let projected = self.computation.multi_mode_product(y.view(), &matrices)?;
            self.project_modes(&projected, half, parts)?;
        }
        Ok(())
    }

    /// The tensor ξ of the list.
    ///
    /// The terms other than that of W₀ are added up before the product with A₀. The two products of
    /// mode 0 are one product with \[A₀ | W₀\], since blocks of rows are adjacent in memory.
    pub(super) fn tensor(&self, list: &[f64]) -> Result<Tensor<T>> {
        let Parts { core, factors } = self.parts(list)?;
        let products = self.tucker.products();
        let others = &products[1..];
        let mut sum = self.computation.multi_mode_product(core.view(), others)?;
        for mode in 1..factors.len() {
            let mut matrices = others.to_vec();
            matrices[mode - 1].1 = factors[mode].as_ref();
            let term = &self.tensors[mode];
            let term = self
                .computation
                .multi_mode_product(term.view(), &matrices)?;
            for (entry, &other) in sum.data_mut().iter_mut().zip(term.data()) {
                *entry += other;
            }
        }
        let mut shape = sum.shape().to_vec();
        shape[0] *= 2;
        let mut entries = sum.into_data();
        entries.extend_from_slice(self.first.data());
        let both = Tensor::new(&shape, entries)?;
        let matrix = beside(products[0].1, factors[0].as_ref());
        self.computation
            .mode_product(both.view(), 0, matrix.as_ref())
    }

    /// A decomposition of the ranks of X̂ near X̂ + ξ: X̂ + ξ has a core of twice these ranks, which
    /// ST-HOSVD truncates.
    ///
    /// ```text
    /// core for a matrix    G + H  B₀ᵣ      factors   [A₀ | W₀], [A₁ | W₁]
    ///                      B₁     0
    /// ```
    pub(super) fn retract(&self, list: &[f64]) -> Result<Tucker<T>> {
        let Parts { core, factors } = self.parts(list)?;
        let ranks = self.tucker.ranks();
        // 1. The core of twice the ranks.
        let twice: Vec<usize> = ranks.iter().map(|&rank| 2 * rank).collect();
        let both = Tensor::from_fn(&twice, |index| {
            let within = |mode: usize| index[mode] < ranks[mode];
            let mut beyond = (0..ranks.len()).filter(|&mode| !within(mode));
            let place: Vec<usize> = index.iter().zip(ranks).map(|(&i, &r)| i % r).collect();
            let at = |tensor: &Tensor<T>| tensor.get(&place).unwrap_or(T::zero());
            match (beyond.next(), beyond.next()) {
                (None, _) => at(self.tucker.core()) + at(&core),
                (Some(mode), None) => at(&self.tensors[mode]),
                (Some(_), Some(_)) => T::zero(),
            }
        })?;
        // 2. Orthonormal bases of the factors, where they are tall.
        let (mut matrices, mut outer) = (Vec::new(), Vec::new());
        for ((mode, a), w) in self.tucker.products().into_iter().zip(&factors) {
            let beside = beside(a, w.as_ref());
            if beside.nrows() > beside.ncols() {
                let basis = orthonormal_basis(beside.as_ref())?;
                matrices.push((mode, product(basis.transpose(), beside.as_ref())));
                outer.push(Some(basis));
            } else {
                matrices.push((mode, beside));
                outer.push(None);
            }
        }
        let matrices: Vec<_> = matrices
            .iter()
            .map(|(mode, m)| (*mode, m.as_ref()))
            .collect();
        let both = self
            .computation
            .multi_mode_product(both.view(), &matrices)?;
        // 3. The truncation.
        let solver = StHosvd {
            route: self.computation.route,
            monitor: self.computation.monitor.without_reports(),
            ..StHosvd::new(ranks.to_vec())
        };
        solver.decompose(&both)?.lift(&outer)
    }

    /// The parts of a list.
    fn parts(&self, list: &[f64]) -> Result<Parts<T>> {
        let core = self.tucker.core();
        let (entries, mut rest) = list.split_at(core.data().len());
        let entries = entries.iter().map(|&entry| T::from_f64(entry));
        let core = Tensor::new(core.shape(), entries.collect())?;
        let factors = self.tucker.products().into_iter().map(|(_, a)| {
            let entries;
            (entries, rest) = rest.split_at(a.nrows() * a.ncols());
            Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
                T::from_f64(entries[i + j * a.nrows()])
            })
        });
        let factors = factors.collect();
        Ok(Parts { core, factors })
    }
}

/// \[A | B\].
fn beside<T: Scalar>(a: MatRef<'_, T>, b: MatRef<'_, T>) -> Mat<T> {
    Mat::from_fn(a.nrows(), a.ncols() + b.ncols(), |i, j| {
        if j < a.ncols() {
            a[(i, j)]
        } else {
            b[(i, j - a.ncols())]
        }
    })
}

//! ST-HOSVD and HOSVD with an even split of the budget, the ranks to compare the solvers with.

use tenfold::linalg::{Accuracy, Precision, Route, left_singular};
use tenfold::{StHosvd, Tensor, Tucker};

/// The entries of core and factors.
pub(crate) fn stored(ranks: &[usize], shape: &[usize]) -> usize {
    let factors: usize = ranks.iter().zip(shape).map(|(r, n)| r * n).sum();
    ranks.iter().product::<usize>() + factors
}

/// The decomposition by ST-HOSVD within `tolerance`: each of the modes that are left may discard an
/// equal part of what is left of the budget. Short modes come first, the last of equal ones.
pub(crate) fn st_hosvd(x: &Tensor<f64>, tolerance: f64) -> Tucker<f64> {
    let mut order: Vec<usize> = (0..x.order()).rev().collect();
    order.sort_by_key(|&mode| x.shape()[mode]);
    let total = (tolerance * x.norm()).powi(2);
    let (mut discarded, mut core) = (0.0, x.clone());
    let mut factors = vec![None; x.order()];
    for (step, &mode) in order.iter().enumerate() {
        let share = (total - discarded) / (order.len() - step) as f64;
        let leading = left_singular(&core, mode, accuracy(), |values| rank(values, share));
        let leading = leading.expect("a finite tensor");
        let kept = leading.vectors.ncols();
        discarded += leading.values[kept..].iter().map(|s| s * s).sum::<f64>();
        core = core
            .mode_product(mode, leading.vectors.transpose())
            .expect("matching extents");
        factors[mode] = Some(leading.vectors);
    }
    // The rank law reduces the core without loss.
    let lawful = lawful(core.shape());
    if lawful == core.shape() {
        return Tucker::new(core, factors).expect("matching extents");
    }
    let lawful = StHosvd::new(lawful);
    let (core, inner) = lawful.decompose(&core).expect("lawful ranks").into_parts();
    let pairs = factors.into_iter().zip(inner);
    let factors = pairs.map(|(outer, inner)| Some(outer? * inner?));
    Tucker::new(core, factors.collect()).expect("matching extents")
}

/// The ranks of HOSVD within `tolerance`: each mode discards at most an equal part of the budget.
/// They obey the rank law.
pub(crate) fn hosvd_ranks(x: &Tensor<f64>, tolerance: f64) -> Vec<usize> {
    let share = (tolerance * x.norm()).powi(2) / x.order() as f64;
    let ranks = (0..x.order()).map(|mode| {
        let leading = left_singular(x, mode, accuracy(), |values| rank(values, share));
        leading.expect("a finite tensor").vectors.ncols()
    });
    lawful(&ranks.collect::<Vec<usize>>())
}

/// The ranks, where the largest is at most the product of the others.
fn lawful(ranks: &[usize]) -> Vec<usize> {
    let product: usize = ranks.iter().product();
    let lowered = ranks.iter().map(|&rank| rank.min(product / rank));
    lowered.collect()
}

fn accuracy() -> Accuracy {
    Accuracy {
        route: Route::Auto,
        precision: Precision::Double,
    }
}

/// The smallest rank, at least 1, for which the squares of the values from it on add up to at most
/// `share`.
fn rank(values: &[f64], share: f64) -> usize {
    let mut tail = 0.0;
    let discarded = values.iter().rev().take_while(|value| {
        tail += *value * *value;
        tail <= share
    });
    (values.len() - discarded.count()).max(1)
}

//! The rank law, Rₙ ≤ Πₘ≠ₙ Rₘ. A larger rank does not make a better approximation.

use faer::MatRef;

use super::decomposition::{Replacement, Tucker};
use crate::error::Result;
use crate::linalg::{Accuracy, Precision, Route, left_singular, product};
use crate::scalar::Scalar;
use crate::tensor::mode_product;

/// The same tensor with ranks that obey the rank law.
///
/// A tolerance determines the rank of each mode on its own. A rank can then be larger than the
/// number of columns of the core's unfolding, which is the product of the other ranks. Let
/// G₍ₙ₎ = U Y with a tall U of orthonormal columns. Then Aₙ becomes Aₙ U, and G becomes G ×ₙ Uᵀ:
/// the same tensor up to rounding.
pub(crate) fn obey_rank_law<T: Scalar>(mut tucker: Tucker<T>) -> Result<Tucker<T>> {
    let accuracy = Accuracy {
        route: Route::Qr,
        precision: Precision::Double,
    };
    while let Some((mode, factor)) = above_the_law(&tucker) {
        let all = left_singular(tucker.core(), mode, accuracy, <[f64]>::len)?;
        let u = all.vectors;
        let replacement = Replacement {
            factor: product(factor, u.as_ref()),
            core: mode_product(tucker.core(), mode, u.transpose())?,
            values: None,
            rung: all.rung,
        };
        tucker.replace_mode(mode, replacement)?;
    }
    Ok(tucker)
}

/// A decomposed mode whose rank is above the product of the others, and its factor.
fn above_the_law<T: Scalar>(tucker: &Tucker<T>) -> Option<(usize, MatRef<'_, T>)> {
    let ranks = tucker.ranks();
    (0..ranks.len()).find_map(|mode| {
        let others = ranks.iter().enumerate().filter(|&(other, _)| other != mode);
        let product = others.fold(1usize, |product, (_, &rank)| product.saturating_mul(rank));
        let factor = tucker.factor(mode)?;
        (ranks[mode] > product).then_some((mode, factor))
    })
}

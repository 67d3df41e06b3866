//! The rank law, Rₙ ≤ Πₘ≠ₙ Rₘ: no core has other ranks.

use super::Tucker;
use crate::error::Result;
use crate::linalg::{Accuracy, Precision, Route, left_singular, product};
use crate::scalar::Scalar;
use crate::tensor::mode_product;

/// The same tensor with ranks that obey the rank law.
///
/// A tolerance finds the rank of each mode on its own, and may keep more vectors
/// of one than the ranks of the others leave columns in the core's unfolding:
/// with G₍ₙ₎ = U Y, U square or tall, Aₙ becomes Aₙ U and G becomes G ×ₙ Uᵀ.
/// Nothing is lost but rounding.
pub(crate) fn obey_rank_law<T: Scalar>(mut tucker: Tucker<T>) -> Result<Tucker<T>> {
    while let Some(mode) = above_the_law(&tucker) {
        let all = |values: &[f64]| values.len();
        let all = left_singular(
            &tucker.core,
            mode,
            Accuracy {
                route: Route::Qr,
                precision: Precision::Double,
            },
            all,
        )?;
        tucker.rung = tucker.rung.max(all.rung);
        let u = all.vectors;
        if let Some(a) = &tucker.factors[mode] {
            let turned = product(a.as_ref(), u.as_ref());
            tucker.core = mode_product(&tucker.core, mode, u.transpose())?;
            tucker.set_factor(mode, turned)?;
        }
    }
    Ok(tucker)
}

/// A decomposed mode whose rank is above the product of the others.
fn above_the_law<T: Scalar>(tucker: &Tucker<T>) -> Option<usize> {
    let ranks = tucker.ranks();
    (0..ranks.len()).find(|&mode| {
        let others = ranks.iter().enumerate().filter(|&(other, _)| other != mode);
        let product = others.fold(1usize, |product, (_, &rank)| product.saturating_mul(rank));
        tucker.factors[mode].is_some() && ranks[mode] > product
    })
}

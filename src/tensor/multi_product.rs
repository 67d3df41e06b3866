//! Products in several modes: X ×ₐ Uₐ ×ᵦ Uᵦ ….
//!
//! The product with the largest reduction comes first, so that later products are smaller. The
//! products in the last two modes are computed together, a few slabs at a time, so that the
//! intermediate result stays in the cache:
//!
//! ```text
//!   X, slabs over the last two modes        between            Y
//!   ┌────┬────┬────┬ …   some slabs   U      ┌──┬──┐    V      ┌─┬─┬─┬ …
//!   │    │    │    │     ───────────────>    │  │  │  ────>    │ │ │ │
//!   └────┴────┴────┴ …                       └──┴──┘           └─┴─┴─┴ …
//! ```

use faer::MatRef;
use rayon::prelude::*;

use super::product::{Packed, check_extent, mode_product_memory, mode_product_until};
use super::sizes::Sizes;
use super::{ModeExtents, Tensor, TensorRef, check_modes};
use crate::error::Result;
use crate::monitor::Cancellation;
use crate::scalar::Scalar;
use crate::simd::Scratch;

/// X ×ₐ Uₐ ×ᵦ Uᵦ …: the product with one matrix for each named mode. Other modes stay as they
/// are.
///
/// The order of the products changes the result by rounding only. They are computed in the order of
/// fewest flops: for J×I matrices, the mode with the largest 1/J − 1/I first. If two modes have the
/// same value, the later mode comes first, since its fibres are closer to contiguous.
///
/// # Errors
/// The errors of [`mode_product`], and [`Error::RepeatedMode`].
pub(crate) fn multi_mode_product<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    matrices: &[(usize, MatRef<'_, T>)],
) -> Result<Tensor<T>> {
    multi_mode_product_until(x, matrices, Cancellation::default())
}

/// Like [`multi_mode_product`]. Returns [`Error::Cancelled`] soon after the flag is set.
pub(crate) fn multi_mode_product_until<'a, T: Scalar>(
    x: impl Into<TensorRef<'a, T>>,
    matrices: &[(usize, MatRef<'_, T>)],
    cancellation: Cancellation<'_>,
) -> Result<Tensor<T>> {
    let x = x.into();
    // 1. Sort by flops.
    let modes: Vec<usize> = matrices.iter().map(|&(mode, _)| mode).collect();
    check_modes(&modes, x.order())?;
    let mut ordered = matrices.to_vec();
    cheapest_first(&mut ordered, |u| (u.nrows() as f64, u.ncols() as f64));
    // 2. The first product. If the first two products are in the last two modes, both together.
    let (mut y, rest) = match *ordered {
        [] => return Ok(x.to_tensor()),
        [first, second, ref rest @ ..] if last_two(first.0, second.0, x.order()) => {
            (product_of_two(x, first, second, cancellation)?, rest)
        }
        [(mode, u), ref rest @ ..] => (mode_product_until(x, mode, u, cancellation)?, rest),
    };
    // 3. The other products.
    for &(mode, u) in rest {
        y = mode_product_until(&y, mode, u, cancellation)?;
    }
    Ok(y)
}

/// Sorts products in several modes so that they need the fewest flops. `size` gives the rows
/// and columns of a matrix.
fn cheapest_first<U>(products: &mut [(usize, U)], size: impl Fn(&U) -> (f64, f64)) {
    let gain = |u: &U| {
        let (rows, columns) = size(u);
        1.0 / rows - 1.0 / columns
    };
    products.sort_by(|a, b| gain(&b.1).total_cmp(&gain(&a.1)).then(b.0.cmp(&a.0)));
}

/// The maximum number of bytes that [`multi_mode_product`] allocates, for products given by mode
/// and number of rows of the matrix. The input and the result of one product exist at the same
/// time. The input of the first product is `x`, which is not counted.
pub(crate) fn multi_mode_product_memory(x: &Sizes, products: &[(usize, f64)]) -> f64 {
    let mut ordered: Vec<(usize, (f64, f64))> = products
        .iter()
        .map(|&(mode, rows)| (mode, (rows, x.extents[mode])))
        .collect();
    cheapest_first(&mut ordered, |&size| size);
    let (mut y, mut input, mut most) = (x.clone(), 0.0, 0.0f64);
    for (mode, (rows, _)) in ordered {
        most = most.max(input + mode_product_memory(&y, mode, rows));
        y = y.with(mode, rows);
        input = y.bytes();
    }
    most
}

/// Whether modes `a` and `b` are the last two.
fn last_two(a: usize, b: usize, order: usize) -> bool {
    a.min(b) + 2 == order && a.max(b) + 1 == order
}

/// The number of entries of the intermediate result of [`product_of_two`] that exist at a time.
/// They stay in the second level of cache.
const BETWEEN: usize = if cfg!(test) { 64 } else { 1 << 16 };

/// X ×ₐ Uₐ ×ᵦ Uᵦ for the last two modes, both products for a few slabs at a time, so that the
/// intermediate result stays in the cache.
fn product_of_two<T: Scalar>(
    x: TensorRef<'_, T>,
    (a, u): (usize, MatRef<'_, T>),
    (b, v): (usize, MatRef<'_, T>),
    cancellation: Cancellation<'_>,
) -> Result<Tensor<T>> {
    // 1. Check the extents, and allocate the result.
    let around = x.extents(a)?;
    check_extent(around, a, u)?;
    let between = x.shape.with(a, u.nrows())?;
    let then = ModeExtents::around(&between, b);
    check_extent(then, b, v)?;
    let mut y = Tensor::zeros(&between.with(b, v.nrows())?)?;
    let slab = |shape: &[usize]| shape[shape.len() - 2..].iter().product::<usize>();
    let sizes = [slab(x.shape()), slab(&between), slab(y.shape())];
    if sizes.contains(&0) || y.data.is_empty() {
        return Ok(y);
    }
    // 2. Both products, for a few slabs at a time.
    let slabs = (BETWEEN / sizes[1]).max(1);
    let (u, v) = (Packed::new(u, around), Packed::new(v, then));
    x.data
        .par_chunks(slabs * sizes[0])
        .zip(y.data.par_chunks_mut(slabs * sizes[2]))
        .for_each(|(x, y)| {
            let mut between = Scratch::unspecified(x.len() / sizes[0] * sizes[1]);
            u.multiply(x, &mut between, cancellation);
            v.multiply(&between, y, cancellation);
        });
    cancellation.check()?;
    Ok(y)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::common::oracle::{self, assert_rounded, magnitude};
    use crate::common::random::Random;
    use crate::error::Error;
    use crate::monitor::Monitor;

    /// Several groups of slabs, with and without a last mode of one entry.
    const SHAPES: [[usize; 3]; 6] = [
        [200, 3, 1],
        [70, 4, 5],
        [3, 35, 397],
        [5, 3, 47],
        [17, 2, 130],
        [13, 11, 12],
    ];

    fn check<T: Scalar>() {
        let mut random = Random::new(3);
        for shape in SHAPES {
            let x: Tensor<T> = random.tensor(&shape);
            for [a, b] in [[1, 2], [2, 1], [0, 1], [0, 2]] {
                let (u, v) = (random.matrix(3, shape[a]), random.matrix(2, shape[b]));
                let y = multi_mode_product(&x, &[(a, u.as_ref()), (b, v.as_ref())]).unwrap();
                let mut exact = oracle::in_f64(&x);
                let mut sizes = oracle::abs(&exact);
                for (mode, u) in [(a, &u), (b, &v)] {
                    let double = oracle::matrix_in_f64(u.as_ref());
                    exact = oracle::mode_product(&exact, mode, double.as_ref());
                    sizes = oracle::mode_product(&sizes, mode, magnitude(u.as_ref()).as_ref());
                }
                assert_rounded(&y, &exact, &sizes, shape[a] + shape[b] + 4);
            }
        }
    }

    #[test]
    fn products_in_two_modes_are_products_one_after_the_other() {
        check::<f64>();
        check::<f32>();
    }

    #[test]
    fn products_end_when_cancelled() {
        let cancelled = Monitor::new().cancelled_by(Arc::new(AtomicBool::new(true)));
        let mut random = Random::new(4);
        for shape in SHAPES {
            let x: Tensor<f64> = random.tensor(&shape);
            for [a, b] in [[1, 2], [0, 2]] {
                let (u, v) = (random.matrix(3, shape[a]), random.matrix(2, shape[b]));
                let matrices = [(a, u.as_ref()), (b, v.as_ref())];
                let y = multi_mode_product_until(&x, &matrices, cancelled.cancellation());
                let ended = matches!(y, Err(Error::Cancelled));
                assert!(ended, "{shape:?}, modes {a} and {b}");
            }
        }
    }
}

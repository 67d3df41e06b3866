//! Tensors of several chunks, which several threads share: products, sums, copies, and the search
//! for entries that are not finite.

use tenfold::cam::normalize;
use tenfold::linalg::{Side, triangular_factor};
use tenfold::tensor::Shape;
use tenfold::{Error, StHosvd, Tensor};

use super::definitions::{check_mode_products, check_permutations, check_reductions};
use crate::common::oracle::{self, assert_rounded, magnitude};
use crate::common::random::Random;

/// Products of several tasks, with many slabs, with few slabs and with one transposed slab: each
/// way in which the kernel divides the work.
#[test]
fn large_mode_products_agree_with_the_definition() {
    let shapes = [
        [100, 33, 17],
        [9, 7, 400],
        [3, 100, 200],
        [2, 40, 1100],
        [1, 129, 257],
        [700, 65, 1],
    ];
    for (seed, shape) in (0..).zip(&shapes) {
        check_mode_products::<f64>(shape, seed);
        check_mode_products::<f32>(shape, seed + 100);
    }
}

/// Unit tests lower the size of a chunk. Here it has its real size.
#[test]
fn large_reductions_and_permutations_agree_with_the_definition() {
    let shapes = [&[50, 40, 45][..], &[300, 301], &[90_001]];
    for (seed, shape) in (0..).zip(shapes) {
        check_reductions::<f64>(shape, seed);
        check_reductions::<f32>(shape, seed);
        check_permutations::<f64>(shape, seed);
        check_permutations::<f32>(shape, seed + 100);
    }
}

/// A product with the last two modes is computed for one run of slabs after another.
#[test]
fn a_large_product_with_two_modes_agrees_with_the_definition() {
    let mut random = Random::new(4);
    let x: Tensor<f64> = random.tensor(&[41, 60, 70]);
    let (u, v) = (random.matrix(30, 60), random.matrix(3, 70));
    let exact = oracle::mode_product(&oracle::mode_product(&x, 1, u.as_ref()), 2, v.as_ref());
    let sizes = oracle::mode_product(&oracle::abs(&x), 1, magnitude(u.as_ref()).as_ref());
    let sizes = oracle::mode_product(&sizes, 2, magnitude(v.as_ref()).as_ref());
    for products in [[(1, &u), (2, &v)], [(2, &v), (1, &u)]] {
        let products = products.map(|(mode, u)| (mode, u.as_ref()));
        let y = x.multi_mode_product(&products).unwrap();
        assert_rounded(&y, &exact, &sizes, 60 + 70 + 4);
    }
}

/// The positions are on both sides of the limits of chunks.
#[test]
fn the_first_entry_that_is_not_finite_is_named_in_any_chunk() {
    let shape = [30, 41, 50];
    let mut x = Tensor::<f64>::zeros(&shape).unwrap();
    // The positions descend, and earlier ones stay NaN: each position is the first of several.
    for position in [
        61_499, 61_000, 49_152, 49_151, 32_768, 20_000, 16_384, 16_383, 1, 0,
    ] {
        x.data_mut()[position] = f64::NAN;
        let expected = Shape::new(&shape).unwrap().index(position).unwrap();
        for error in [
            StHosvd::new([2, 2, 2]).decompose(&x).unwrap_err(),
            triangular_factor(&x, 1, Side::Mode).unwrap_err(),
            normalize(&x).unwrap_err(),
        ] {
            let is_named = matches!(&error, Error::NonFinite { index, .. } if *index == expected);
            assert!(is_named, "{position}: {error}");
        }
    }
}

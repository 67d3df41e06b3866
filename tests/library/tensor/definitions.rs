//! The tensor operations agree with their definitions, index by index, for random shapes.

use crate::common::oracle::{self, assert_rounded, magnitude, matrix_in_f64};
use crate::common::random::{Random, random_cases};
use crate::common::random_layout::RandomLayout;
use faer::Mat;
use proptest::prelude::*;
use tenfold::tensor::Shape;
use tenfold::{Error, MAX_ORDER, Scalar, Tensor};

/// Shapes of order 1 to 6 with extents 0 to 5.
fn small_shapes() -> impl Strategy<Value = Vec<usize>> {
    let extent = prop_oneof![1 => Just(0usize), 3 => Just(1usize), 12 => 2usize..=5];
    prop::collection::vec(extent, 1..=6)
}

/// Shapes of order 7 to 16. At most five extents are 2 or 3, the others 1.
fn high_order_shapes() -> impl Strategy<Value = Vec<usize>> {
    let wide = prop::collection::vec((0..MAX_ORDER, 2usize..=3), 0..=5);
    (7..=MAX_ORDER, wide).prop_map(|(order, wide)| {
        let mut shape = vec![1; order];
        for (mode, extent) in wide {
            shape[mode % order] = extent;
        }
        shape
    })
}

/// Shapes with extents at and around the block sizes of the kernels.
fn large_shapes() -> impl Strategy<Value = Vec<usize>> {
    let extents = vec![1usize, 2, 7, 8, 9, 15, 16, 17, 31, 33, 49, 100];
    prop::collection::vec(prop::sample::select(extents), 1..=4)
        .prop_filter("too slow to check", |shape| {
            shape.iter().product::<usize>() <= 60_000
        })
}

fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![6 => small_shapes(), 2 => high_order_shapes(), 2 => large_shapes()]
}

fn check_unfoldings<T: Scalar>(shape: &[usize], seed: u64) {
    let x: Tensor<T> = Random::new(seed).tensor(shape);
    for mode in 0..shape.len() {
        let expected = oracle::unfold(&x, mode);
        let unfolding = x.unfold(mode).unwrap();
        assert_eq!(matrix_in_f64(unfolding.as_ref()), expected);
        let folded = Tensor::from_unfolding(unfolding.as_ref(), mode, shape);
        assert_eq!(folded.unwrap(), x);

        let around = x.view().extents(mode).unwrap();
        assert_eq!(around.left, shape[..mode].iter().product::<usize>());
        assert_eq!(around.extent, shape[mode]);
        assert_eq!(around.right, shape[mode + 1..].iter().product::<usize>());
        assert_eq!(around.columns(), expected.ncols());

        let slabs = x.slabs(mode).unwrap();
        assert_eq!(slabs.count() * slabs.columns(), expected.ncols());
        assert_eq!(slabs.iter().len(), slabs.count());
        for (l, slab) in slabs.iter().enumerate() {
            assert_eq!((slab.nrows(), slab.ncols()), (shape[mode], slabs.columns()));
            assert_eq!(slab, slabs.get(l).unwrap());
            for j in 0..slab.ncols() {
                for i in 0..slab.nrows() {
                    assert_eq!(
                        slab[(i, j)].as_f64(),
                        expected[(i, l * slabs.columns() + j)]
                    );
                }
            }
        }
    }
}

pub(super) fn check_mode_products<T: Scalar>(shape: &[usize], seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = random.tensor(shape);
    let entries: usize = shape.iter().product();
    let rows = [0, 1, 2, 3, 5, 8, 17];
    for (mode, &extent) in shape.iter().enumerate() {
        let rows = rows[random.below(if entries > 2000 { rows.len() } else { 5 })];
        let u: Mat<T> = random.matrix(rows, extent);
        let u = RandomLayout::new(&mut random, &u);
        let y = x.mode_product(mode, u.as_ref()).unwrap();
        let exact = oracle::mode_product(&x, mode, u.as_ref());
        let sizes = oracle::mode_product(
            &oracle::abs(&oracle::in_f64(&x)),
            mode,
            magnitude(u.as_ref()).as_ref(),
        );
        assert_rounded(&y, &exact, &sizes, extent + 2);
    }
}

fn check_multi_mode_product<T: Scalar>(shape: &[usize], seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = random.tensor(shape);
    let mut modes: Vec<usize> = (0..shape.len()).filter(|_| random.below(3) > 0).collect();
    if random.below(2) == 0 {
        modes.reverse();
    }
    let matrices: Vec<RandomLayout<T>> = modes
        .iter()
        .map(|&mode| {
            let rows = 1 + random.below(3);
            let u = random.matrix(rows, shape[mode]);
            RandomLayout::new(&mut random, &u)
        })
        .collect();
    let products: Vec<_> = modes
        .iter()
        .zip(&matrices)
        .map(|(&mode, u)| (mode, u.as_ref()))
        .collect();
    let y = x.multi_mode_product(&products).unwrap();
    let (mut exact, mut sizes) = (oracle::in_f64(&x), oracle::abs(&oracle::in_f64(&x)));
    let mut terms = 0;
    for &(mode, u) in &products {
        exact = oracle::mode_product(&exact, mode, matrix_in_f64(u).as_ref());
        sizes = oracle::mode_product(&sizes, mode, magnitude(u).as_ref());
        terms += shape[mode] + 2;
    }
    assert_rounded(&y, &exact, &sizes, terms);
}

pub(super) fn check_reductions<T: Scalar>(shape: &[usize], seed: u64) {
    let mut random = Random::new(seed);
    let (x, y): (Tensor<T>, Tensor<T>) = (random.tensor(shape), random.tensor(shape));
    // Sums are in f64 for every scalar. The bound has the ε of f64.
    let terms = x.data().len() as f64 + 8.0;
    let pairs = x.data().iter().zip(y.data());
    let products: Vec<f64> = pairs.map(|(x, y)| x.as_f64() * y.as_f64()).collect();
    let size: f64 = products.iter().map(|p| p.abs()).sum();
    let bound = terms * f64::EPSILON * size;
    assert!((x.inner(&y).unwrap() - products.iter().sum::<f64>()).abs() <= bound);
    let bound = terms * f64::EPSILON;
    assert!((x.norm() - oracle::norm(&x)).abs() <= bound * oracle::norm(&x));
    let expected = oracle::distance(&x, &y);
    assert!((x.distance(&y).unwrap() - expected).abs() <= bound * expected);
}

pub(super) fn check_permutations<T: Scalar>(shape: &[usize], seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = random.tensor(shape);
    let mut permutation: Vec<usize> = (0..shape.len()).collect();
    for k in (1..permutation.len()).rev() {
        permutation.swap(k, random.below(k + 1));
    }
    let y = x.permute(&permutation).unwrap();
    let expected: Vec<usize> = permutation.iter().map(|&mode| shape[mode]).collect();
    assert_eq!(y.shape(), expected);
    oracle::for_each_index(shape, |index| {
        let moved: Vec<usize> = permutation.iter().map(|&mode| index[mode]).collect();
        assert_eq!(y.get(&moved), x.get(index));
    });

    let reversed: Vec<usize> = (0..shape.len()).rev().collect();
    let column_major = x.permute(&reversed).unwrap();
    assert_eq!(Tensor::from_fortran(shape, column_major.data()).unwrap(), x);
}

proptest! {
    #![proptest_config(random_cases(192, 10))]

    #[test]
    fn unfoldings_agree_with_the_definition(shape in shapes(), seed: u64) {
        check_unfoldings::<f64>(&shape, seed);
        check_unfoldings::<f32>(&shape, seed);
    }

    #[test]
    fn mode_products_agree_with_the_definition(shape in shapes(), seed: u64) {
        check_mode_products::<f64>(&shape, seed);
        check_mode_products::<f32>(&shape, seed);
    }

    #[test]
    fn chains_of_mode_products_agree_with_the_definition(shape in shapes(), seed: u64) {
        check_multi_mode_product::<f64>(&shape, seed);
        check_multi_mode_product::<f32>(&shape, seed);
    }

    #[test]
    fn reductions_agree_with_the_definition(shape in shapes(), seed: u64) {
        check_reductions::<f64>(&shape, seed);
        check_reductions::<f32>(&shape, seed);
    }

    #[test]
    fn permutations_agree_with_the_definition(shape in shapes(), seed: u64) {
        check_permutations::<f64>(&shape, seed);
        check_permutations::<f32>(&shape, seed);
    }

    #[test]
    fn offsets_count_indices_in_row_major_order(extents in shapes()) {
        let shape = Shape::new(&extents).unwrap();
        prop_assert_eq!(shape.order(), extents.len());
        prop_assert_eq!(shape.entries(), extents.iter().product::<usize>());
        let mut position = 0;
        oracle::for_each_index(&extents, |index| {
            assert_eq!(shape.offset(index), Some(position));
            assert_eq!(shape.index(position).as_deref(), Some(index));
            position += 1;
        });
        prop_assert_eq!(position, shape.entries());
        let mut outside = vec![0; extents.len()];
        outside[0] = extents[0];
        prop_assert_eq!(shape.offset(&outside), None);
        prop_assert_eq!(shape.offset(&extents[1..]), None);
    }

    #[test]
    fn shapes_above_the_address_space_are_refused(extents in prop::collection::vec(prop_oneof![
        Just(0usize), Just(1usize), Just(usize::MAX), Just(1usize << 40), 1usize..1 << 20
    ], 0..20)) {
        let product = extents
            .iter()
            .filter(|&&extent| extent > 0)
            .try_fold(16u128, |product, &extent| product.checked_mul(extent as u128));
        let fits = product.is_some_and(|bytes| bytes <= isize::MAX as u128);
        match Shape::new(&extents) {
            Ok(shape) => {
                prop_assert!(fits && (1..=MAX_ORDER).contains(&extents.len()));
                prop_assert_eq!(&shape[..], &extents[..]);
            }
            Err(Error::OrderOutOfRange { order }) => {
                prop_assert_eq!(order, extents.len());
                prop_assert!(order == 0 || order > MAX_ORDER);
            }
            Err(Error::ShapeOverflow { shape }) => {
                prop_assert_eq!(shape, extents);
                prop_assert!(!fits);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn iteration_is_in_row_major_order() {
    let x = Tensor::from_fn(&[2, 3], |i| 10 * i[0] + i[1]).unwrap();
    let expected = [0, 1, 2, 10, 11, 12];
    assert!(x.iter().eq(&expected));
    assert!((&x).into_iter().eq(&expected));
    assert!(x.view().into_iter().rev().eq(expected.iter().rev()));
    let mut sum = 0;
    for entry in &x {
        sum += entry;
    }
    assert_eq!(sum, 36);
}

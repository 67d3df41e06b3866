//! The tensor operations against the definitions, index by index.

use crate::common::oracle::{self, assert_rounded, magnitude, matrix_in_f64};
use crate::common::random::Random;
use crate::common::random_layout::RandomLayout;
use faer::{Mat, mat};
use proptest::prelude::*;
use tenfold::cam::normalize;
use tenfold::linalg::{Side, triangular_factor};
use tenfold::tensor::Shape;
use tenfold::{Error, MAX_ORDER, Scalar, StHosvd, Tensor, TensorRef};

/// Kolda & Bader's 3×4×2 tensor (§2.4): frontal slices X₁, then X₁ + 12.
fn kolda_bader() -> Tensor<f64> {
    Tensor::from_fn(&[3, 4, 2], |i| (1 + i[0] + 3 * i[1] + 12 * i[2]) as f64).unwrap()
}

/// Their 2×3 matrix U (§2.5).
fn kolda_bader_matrix() -> Mat<f64> {
    mat![[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]
}

/// Their Y = X ×₁ U, given by frontal slices.
fn kolda_bader_product() -> Tensor<f64> {
    let slices = [
        [[22.0, 49.0, 76.0, 103.0], [28.0, 64.0, 100.0, 136.0]],
        [[130.0, 157.0, 184.0, 211.0], [172.0, 208.0, 244.0, 280.0]],
    ];
    Tensor::from_fn(&[2, 4, 2], |i| slices[i[2]][i[0]][i[1]]).unwrap()
}

/// Their three unfoldings, columns reordered: the last index runs fastest here,
/// the first one there.
fn kolda_bader_unfoldings() -> [Mat<f64>; 3] {
    [
        mat![
            [1.0, 13.0, 4.0, 16.0, 7.0, 19.0, 10.0, 22.0],
            [2.0, 14.0, 5.0, 17.0, 8.0, 20.0, 11.0, 23.0],
            [3.0, 15.0, 6.0, 18.0, 9.0, 21.0, 12.0, 24.0],
        ],
        mat![
            [1.0, 13.0, 2.0, 14.0, 3.0, 15.0],
            [4.0, 16.0, 5.0, 17.0, 6.0, 18.0],
            [7.0, 19.0, 8.0, 20.0, 9.0, 21.0],
            [10.0, 22.0, 11.0, 23.0, 12.0, 24.0],
        ],
        mat![
            [
                1.0, 4.0, 7.0, 10.0, 2.0, 5.0, 8.0, 11.0, 3.0, 6.0, 9.0, 12.0
            ],
            [
                13.0, 16.0, 19.0, 22.0, 14.0, 17.0, 20.0, 23.0, 15.0, 18.0, 21.0, 24.0
            ],
        ],
    ]
}

#[test]
fn the_oracle_agrees_with_kolda_and_bader() {
    let x = kolda_bader();
    let y = oracle::mode_product(&x, 0, kolda_bader_matrix().as_ref());
    assert_eq!(y, kolda_bader_product());
    for (mode, unfolding) in kolda_bader_unfoldings().into_iter().enumerate() {
        assert_eq!(oracle::unfold(&x, mode), unfolding);
    }
    assert_eq!(oracle::norm(&x), 70.0); // Σ k² for k to 24 is 4900
}

#[test]
fn the_library_agrees_with_kolda_and_bader() {
    let x = kolda_bader();
    let y = x.mode_product(0, kolda_bader_matrix().as_ref()).unwrap();
    assert_eq!(y, kolda_bader_product());
    for (mode, unfolding) in kolda_bader_unfoldings().into_iter().enumerate() {
        assert_eq!(x.unfold(mode).unwrap(), unfolding);
        assert_eq!(
            Tensor::from_unfolding(unfolding.as_ref(), mode, x.shape()).unwrap(),
            x
        );
    }
    assert_eq!(x.norm(), 70.0);
}

/// Shapes of order 1 to 6, extents 0 to 5.
fn small_shapes() -> impl Strategy<Value = Vec<usize>> {
    let extent = prop_oneof![1 => Just(0usize), 3 => Just(1usize), 12 => 2usize..=5];
    prop::collection::vec(extent, 1..=6)
}

/// Shapes of high order: extents 1, and 2 or 3 in a few modes.
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

/// Shapes at and around the block sizes of the kernels, and of ragged edges.
fn large_shapes() -> impl Strategy<Value = Vec<usize>> {
    let extents = vec![1usize, 2, 7, 8, 9, 15, 16, 17, 31, 33, 49, 100];
    prop::collection::vec(prop::sample::select(extents), 1..=4)
        .prop_filter("too slow to check", |s| {
            s.iter().product::<usize>() <= 60_000
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
        assert_eq!(
            Mat::from_fn(unfolding.nrows(), unfolding.ncols(), |i, j| unfolding
                [(i, j)]
                .as_f64()),
            expected
        );
        assert_eq!(
            Tensor::from_unfolding(unfolding.as_ref(), mode, shape).unwrap(),
            x
        );

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

fn check_mode_products<T: Scalar>(shape: &[usize], seed: u64) {
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
    let mut named: Vec<usize> = (0..shape.len()).filter(|_| random.below(3) > 0).collect();
    if random.below(2) == 0 {
        named.reverse();
    }
    let matrices: Vec<RandomLayout<T>> = named
        .iter()
        .map(|&mode| {
            let rows = 1 + random.below(3);
            let u = random.matrix(rows, shape[mode]);
            RandomLayout::new(&mut random, &u)
        })
        .collect();
    let products: Vec<_> = named
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

fn check_reductions<T: Scalar>(shape: &[usize], seed: u64) {
    let mut random = Random::new(seed);
    let (x, y): (Tensor<T>, Tensor<T>) = (random.tensor(shape), random.tensor(shape));
    // Accumulated in f64 whatever the tensor holds: the bound is in its ε.
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

fn check_permutations<T: Scalar>(shape: &[usize], seed: u64) {
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
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(10),
        ..ProptestConfig::default()
    })]

    #[test]
    fn unfoldings_are_as_defined(shape in shapes(), seed: u64) {
        check_unfoldings::<f64>(&shape, seed);
        check_unfoldings::<f32>(&shape, seed);
    }

    #[test]
    fn mode_products_are_as_defined(shape in shapes(), seed: u64) {
        check_mode_products::<f64>(&shape, seed);
        check_mode_products::<f32>(&shape, seed);
    }

    #[test]
    fn chains_of_mode_products_are_as_defined(shape in shapes(), seed: u64) {
        check_multi_mode_product::<f64>(&shape, seed);
        check_multi_mode_product::<f32>(&shape, seed);
    }

    #[test]
    fn reductions_are_as_defined(shape in shapes(), seed: u64) {
        check_reductions::<f64>(&shape, seed);
        check_reductions::<f32>(&shape, seed);
    }

    #[test]
    fn permutations_are_as_defined(shape in shapes(), seed: u64) {
        check_permutations::<f64>(&shape, seed);
        check_permutations::<f32>(&shape, seed);
    }

    #[test]
    fn shape_arithmetic_is_as_defined(extents in shapes()) {
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
    fn shapes_too_large_to_address_are_refused(extents in prop::collection::vec(prop_oneof![
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

/// Products large enough to be cut into several tasks along each of the ways
/// a kernel may go: many slabs, few slabs, one transposed slab.
#[test]
fn large_mode_products_are_as_defined() {
    for (seed, shape) in [
        [100, 33, 17],
        [9, 7, 400],
        [3, 100, 200],
        [2, 40, 1100],
        [1, 129, 257],
        [700, 65, 1],
    ]
    .iter()
    .enumerate()
    {
        check_mode_products::<f64>(shape, seed as u64);
        check_mode_products::<f32>(shape, seed as u64 + 100);
    }
}

/// Sums and copies of several chunks, at the sizes that chunks have outside unit tests.
#[test]
fn large_sums_and_permutations_are_as_defined() {
    for (seed, shape) in [&[50, 40, 45][..], &[300, 301], &[90_001]]
        .iter()
        .enumerate()
    {
        check_reductions::<f64>(shape, seed as u64);
        check_reductions::<f32>(shape, seed as u64);
        check_permutations::<f64>(shape, seed as u64);
        check_permutations::<f32>(shape, seed as u64 + 100);
    }
}

/// A product with the last two modes, of several runs of slabs.
#[test]
fn a_large_product_of_two_modes_is_as_defined() {
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

/// The first entry that is not finite is named wherever it stands in a large tensor.
#[test]
fn entries_that_are_not_finite_are_named_in_large_tensors() {
    let shape = [30, 41, 50];
    let mut x = Tensor::<f64>::zeros(&shape).unwrap();
    // All after the first that is tried are not finite either.
    for position in [
        61_499, 61_000, 49_152, 49_151, 32_768, 20_000, 16_384, 16_383, 1, 0,
    ] {
        x.data_mut()[position] = f64::NAN;
        let expected = Shape::new(&shape).unwrap().index(position).unwrap();
        let named =
            |error: Error| matches!(error, Error::NonFinite { index, .. } if index == expected);
        assert!(
            named(StHosvd::new([2, 2, 2]).decompose(&x).unwrap_err()),
            "{position}"
        );
        assert!(
            named(triangular_factor(&x, 1, Side::Mode).unwrap_err()),
            "{position}"
        );
        assert!(named(normalize(&x).unwrap_err()), "{position}");
    }
}

/// A product by the identity moves every entry of a large tensor unchanged.
#[test]
fn the_identity_changes_nothing() {
    let x: Tensor<f64> = Random::new(1).tensor(&[70, 90, 80]);
    for mode in 0..3 {
        let identity = Mat::identity(x.shape()[mode], x.shape()[mode]);
        assert_eq!(x.mode_product(mode, identity.as_ref()).unwrap(), x);
    }
}

/// X ×ₘ U ×ₙ V = X ×ₙ V ×ₘ U, and X ×ₙ U ×ₙ V = X ×ₙ (V U) (Kolda & Bader, §2.5).
#[test]
fn mode_products_commute_and_compose() {
    let mut random = Random::new(2);
    let x: Tensor<f64> = random.tensor(&[8, 9, 10]);
    let (u, v, w) = (
        random.matrix(4, 8),
        random.matrix(5, 10),
        random.matrix(3, 4),
    );
    let uv = x
        .mode_product(0, u.as_ref())
        .unwrap()
        .mode_product(2, v.as_ref())
        .unwrap();
    let vu = x
        .mode_product(2, v.as_ref())
        .unwrap()
        .mode_product(0, u.as_ref())
        .unwrap();
    assert!(oracle::relative_distance(&uv, &vu) < 1e-15);
    let one_by_one = x
        .mode_product(0, u.as_ref())
        .unwrap()
        .mode_product(0, w.as_ref())
        .unwrap();
    let at_once = x.mode_product(0, (&w * &u).as_ref()).unwrap();
    assert!(oracle::relative_distance(&one_by_one, &at_once) < 1e-15);
}

/// Norm and distance keep their digits at every scale of the type, and with one
/// entry that dwarfs the others.
#[test]
fn norms_are_safe_at_every_scale() {
    fn check<T: Scalar>(exponents: impl Iterator<Item = i32>) {
        for exponent in exponents {
            let scale = 10f64.powi(exponent);
            let x = Tensor::new(
                &[3],
                [2.0, -3.0, 6.0].map(|v| T::from_f64(v * scale)).to_vec(),
            )
            .unwrap();
            let zero = Tensor::<T>::zeros(&[3]).unwrap();
            let expected = oracle::norm(&x);
            assert!((expected / scale / 7.0 - 1.0).abs() < 8.0 * T::EPSILON);
            assert!(
                (x.norm() / expected - 1.0).abs() < 4.0 * f64::EPSILON,
                "1e{exponent}"
            );
            let d = x.distance(&zero).unwrap();
            assert!(
                (d / expected - 1.0).abs() < 4.0 * f64::EPSILON,
                "1e{exponent}"
            );
        }
    }
    check::<f64>((-300..=300).step_by(25));
    check::<f32>((-36..=36).step_by(6));

    let mut x = Tensor::<f64>::zeros(&[40, 40]).unwrap();
    x.data_mut().fill(1.0);
    x.data_mut()[777] = 1e250;
    assert_eq!(x.norm(), 1e250);
    assert_eq!(Tensor::<f64>::zeros(&[4, 0]).unwrap().norm(), 0.0);
    assert!(
        Tensor::new(&[2], vec![1.0, f64::NAN])
            .unwrap()
            .norm()
            .is_nan()
    );
}

/// Each way to get the arguments wrong is told apart.
#[test]
fn errors_name_what_was_wrong() {
    let x = Tensor::<f64>::zeros(&[2, 3, 4]).unwrap();
    let u = Mat::<f64>::zeros(2, 3);
    let says = |error: Error, message: &str| assert_eq!(error.to_string(), message);
    says(
        Tensor::new(&[2, 2], vec![0.0; 5]).unwrap_err(),
        "shape 2×2 holds 4 entries, the data has 5",
    );
    says(
        TensorRef::new(&[], &[0.0]).unwrap_err(),
        "a tensor has 1 to 16 modes, this shape has 0",
    );
    says(
        Tensor::<f64>::zeros(&[usize::MAX, 3]).unwrap_err(),
        &format!("shape {}×3 is too large to address", usize::MAX),
    );
    says(
        x.mode_product(3, u.as_ref()).unwrap_err(),
        "mode 3 does not exist: the tensor has 3 modes, counted from 0",
    );
    says(
        x.mode_product(0, u.as_ref()).unwrap_err(),
        "the matrix for mode 0 has 3 columns, the tensor has extent 2 there",
    );
    says(
        x.multi_mode_product(&[(1, u.as_ref()), (1, u.as_ref())])
            .unwrap_err(),
        "mode 1 is named twice",
    );
    says(
        x.permute(&[0, 2, 2]).unwrap_err(),
        "[0, 2, 2] is not a permutation of the modes 0 to 2",
    );
    says(
        Tensor::from_unfolding(u.as_ref(), 1, &[2, 3, 4]).unwrap_err(),
        "unfolding: shape 3×8 was expected, not 2×3",
    );
    says(
        x.inner(&Tensor::zeros(&[4, 3, 2]).unwrap()).unwrap_err(),
        "second tensor: shape 2×3×4 was expected, not 4×3×2",
    );
    assert!(matches!(
        x.slabs(9),
        Err(Error::ModeOutOfRange { mode: 9, order: 3 })
    ));
    assert!(matches!(x.unfold(3), Err(Error::ModeOutOfRange { .. })));
    assert!(matches!(
        x.distance(&Tensor::zeros(&[2]).unwrap()),
        Err(Error::ShapeMismatch { .. })
    ));
    assert!(matches!(
        Tensor::from_fortran(&[2, 2], &[1.0]),
        Err(Error::DataLengthMismatch { .. })
    ));
    assert!(matches!(
        x.clone().reshape(&[5, 5]),
        Err(Error::DataLengthMismatch { .. })
    ));
    let none = Mat::<f64>::zeros(0, 3);
    assert_eq!(x.mode_product(1, none.as_ref()).unwrap().shape(), [2, 0, 4]);
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

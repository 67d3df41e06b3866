//! Arbitrary shapes, tensors, views, slabs, products, reductions and slices.

use faer::Mat;
use proptest::prelude::*;
use tenfold::tensor::{ModeExtents, Shape};
use tenfold::{Error, MAX_ORDER, Scalar, Slice, Tensor, TensorRef};

use super::{Entries, call, config, entries, number, numbers, shapes};
use crate::common::oracle;
use crate::common::random::Random;
use crate::common::random_layout::RandomLayout;

/// Extents 0 to 5, and extents that are far too large.
fn extents() -> impl Strategy<Value = Vec<usize>> {
    let extent = prop_oneof![
        12 => 0usize..=5,
        1 => prop::sample::select(vec![usize::MAX, 1 << 58, 1 << 40, 1 << 20]),
    ];
    prop::collection::vec(extent, 0..=17)
}

/// `Shape::index` is the inverse of `Shape::offset`. Both return `None` outside the shape.
fn check_shape(extents: &[usize], offset: usize, index: &[usize]) {
    let shape = match call("Shape::new", || Shape::new(extents)) {
        Ok(shape) => shape,
        Err(Error::OrderOutOfRange { order }) => {
            assert!(order == extents.len() && (order == 0 || order > MAX_ORDER));
            return;
        }
        Err(error) => {
            assert!(matches!(error, Error::ShapeOverflow { .. }), "{error}");
            return;
        }
    };
    assert_eq!(call("Shape::order", || shape.order()), extents.len());
    let entries = call("Shape::entries", || shape.entries());
    assert_eq!(entries, extents.iter().product::<usize>());
    for offset in [offset, offset % (entries + 2), entries.wrapping_sub(1)] {
        let index = call("Shape::index", || shape.index(offset));
        assert_eq!(index.is_some(), offset < entries, "offset {offset}");
        if let Some(index) = index {
            assert_eq!(call("Shape::offset", || shape.offset(&index)), Some(offset));
        }
    }
    let fits = index.len() == extents.len() && index.iter().zip(extents).all(|(i, e)| i < e);
    let position = call("Shape::offset", || shape.offset(index));
    assert_eq!(position.is_some(), fits);
    if let Some(position) = position {
        assert_eq!(
            call("Shape::index", || shape.index(position)).unwrap(),
            index
        );
    }
}

/// Tensors from data of arbitrary length, and their parts.
fn check_construction<T: Scalar>(extents: &[usize], kind: Entries, seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = kind.tensor(&mut random, extents);
    let entries = extents.iter().product::<usize>();
    let length = if random.below(2) == 0 {
        entries
    } else {
        random.below(9)
    };
    let data: Vec<T> = (0..length).map(|_| kind.entry(&mut random)).collect();
    let other = numbers(&mut random, 17, 4);
    for shape in [extents, &other] {
        let fits = Shape::new(shape).is_ok_and(|shape| shape.entries() == length);
        let owned = call("Tensor::new", || Tensor::new(shape, data.clone()));
        let viewed = call("TensorRef::new", || TensorRef::new(shape, &data));
        let column_major = call("Tensor::from_fortran", || {
            Tensor::from_fortran(shape, &data)
        });
        assert_eq!(
            (owned.is_ok(), viewed.is_ok(), column_major.is_ok()),
            (fits, fits, fits)
        );
        if let Err(Error::DataLengthMismatch { shape: named, .. }) = column_major {
            assert_eq!(named, shape);
        }
    }

    let reshaped = call("Tensor::reshape", || x.clone().reshape(&other));
    let fits = Shape::new(&other).is_ok_and(|shape| shape.entries() == entries);
    assert_eq!(reshaped.is_ok(), fits);

    let mut zeros = call("Tensor::zeros", || Tensor::<T>::zeros(extents)).unwrap();
    assert_eq!(call("Tensor::shape", || zeros.shape().to_vec()), extents);
    assert_eq!(call("Tensor::order", || zeros.order()), extents.len());
    assert_eq!(
        call("Tensor::data", || zeros.data()),
        vec![T::default(); entries]
    );
    call("Tensor::data_mut", || {
        zeros.data_mut().copy_from_slice(x.data())
    });
    let view = call("Tensor::view", || x.view());
    assert_eq!(call("TensorRef::shape", || view.shape()), extents);
    assert_eq!(call("TensorRef::order", || view.order()), extents.len());
    assert_eq!(call("TensorRef::data", || view.data()).len(), entries);
    let copy = call("TensorRef::to_tensor", || view.to_tensor());
    let data = call("Tensor::into_data", || copy.into_data());
    let bits = |data: &[T]| -> Vec<u64> { data.iter().map(|v| v.as_f64().to_bits()).collect() };
    assert_eq!(bits(&data), bits(x.data()));
    assert_eq!(bits(&data), bits(zeros.data()));

    let index = numbers(&mut random, extents.len(), 5);
    let within = Shape::new(extents).unwrap().offset(&index);
    let entry = call("Tensor::get", || x.get(&index));
    let viewed = call("TensorRef::get", || view.get(&index));
    let as_bits = |entry: Option<T>| entry.map(|entry| entry.as_f64().to_bits());
    assert_eq!(as_bits(entry), as_bits(viewed));
    let owned: Vec<T> = call("Tensor::iter", || x.iter().copied().collect());
    let viewed: Vec<T> = call("TensorRef::iter", || view.iter().copied().collect());
    assert_eq!((bits(&owned), bits(&viewed)), (bits(&data), bits(&data)));
    assert_eq!(
        entry.map(|e| e.as_f64().to_bits()),
        within.map(|at| bits(&data)[at])
    );
}

/// The entries of slabs, unfoldings and permutations are the entries of the tensor.
fn check_unfoldings<T: Scalar>(extents: &[usize], seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = Entries::Moderate.tensor(&mut random, extents);
    let mode = number(&mut random, extents.len());
    let (view, exists) = (x.view(), mode < extents.len());
    let around = call("TensorRef::extents", || view.extents(mode));
    let stack = call("TensorRef::slabs", || view.slabs(mode));
    let unfolding = call("TensorRef::unfold", || view.unfold(mode));
    assert_eq!(
        (around.is_ok(), stack.is_ok(), unfolding.is_ok()),
        (exists, exists, exists)
    );
    assert_eq!(
        call("Tensor::extents", || x.extents(mode)).ok(),
        around.as_ref().ok().copied()
    );
    assert_eq!(call("Tensor::slabs", || x.slabs(mode)).is_ok(), exists);
    assert_eq!(
        call("Tensor::unfold", || x.unfold(mode)).ok(),
        unfolding.as_ref().ok().cloned()
    );
    let (Ok(around), Ok(stack), Ok(unfolding)) = (around, stack, unfolding) else {
        let matrix = Mat::<T>::zeros(1, 1);
        let folded = call("Tensor::from_unfolding", || {
            Tensor::from_unfolding(matrix.as_ref(), mode, extents)
        });
        assert!(matches!(folded, Err(Error::ModeOutOfRange { .. })));
        return;
    };
    let columns = call("ModeExtents::columns", || around.columns());
    assert_eq!(
        (around.extent, columns),
        (unfolding.nrows(), unfolding.ncols())
    );
    let count = call("Slabs::count", || stack.count());
    let width = call("Slabs::columns", || stack.columns());
    assert_eq!(call("Slabs::iter", || stack.iter()).len(), count);
    for l in [0, 1, count.saturating_sub(1), count, count + 1, usize::MAX] {
        let slab = call("Slabs::get", || stack.get(l));
        assert_eq!(slab.is_some(), l < count, "slab {l} of {count}");
        if let Some(slab) = slab {
            assert_eq!(slab, unfolding.get(.., l * width..(l + 1) * width));
        }
    }

    let matrix = RandomLayout::new(&mut random, &unfolding);
    let folded = call("Tensor::from_unfolding", || {
        Tensor::from_unfolding(matrix.as_ref(), mode, extents)
    })
    .unwrap();
    assert_eq!(folded, x);
    let (rows, columns) = (random.below(4), random.below(4));
    let other: Mat<T> = Entries::Any.matrix(&mut random, rows, columns);
    let folded = call("Tensor::from_unfolding", || {
        Tensor::from_unfolding(other.as_ref(), mode, extents)
    });
    assert_eq!(
        folded.is_ok(),
        (rows, columns) == (around.extent, around.columns())
    );

    let mut permutation: Vec<usize> = (0..extents.len()).collect();
    let mut inverse = permutation.clone();
    permutation.rotate_left(mode);
    inverse.rotate_right(mode);
    let moved = call("Tensor::permute", || x.permute(&permutation)).unwrap();
    let moved = moved.view();
    assert_eq!(
        call("TensorRef::permute", || moved.permute(&inverse)).unwrap(),
        x
    );
    let list = numbers(&mut random, 17, extents.len());
    let mut sorted = list.clone();
    sorted.sort_unstable();
    let expected = sorted.iter().copied().eq(0..extents.len());
    assert_eq!(
        call("Tensor::permute", || x.permute(&list)).is_ok(),
        expected
    );
}

/// Products have the right shape. Their entries are compared if the factors are moderate.
fn check_products<T: Scalar>(extents: &[usize], kind: Entries, seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = kind.tensor(&mut random, extents);
    let mode = number(&mut random, extents.len());
    let fitting = extents.get(mode).copied().unwrap_or(2);
    let columns = [fitting, fitting, random.below(6)][random.below(3)];
    let rows = random.below(7);
    let u: Mat<T> = kind.matrix(&mut random, rows, columns);
    let strided = RandomLayout::new(&mut random, &u);
    let y = call("Tensor::mode_product", || {
        x.mode_product(mode, strided.as_ref())
    });
    let of_view = call("TensorRef::mode_product", || {
        x.view().mode_product(mode, strided.as_ref())
    });
    assert_eq!(of_view.is_ok(), y.is_ok());
    match y {
        Ok(y) => {
            let mut expected = extents.to_vec();
            expected[mode] = rows;
            assert_eq!(y.shape(), expected);
            if kind == Entries::Moderate {
                let exact = oracle::mode_product(&x, mode, u.as_ref());
                let pairs = y.data().iter().zip(exact.data());
                let bound = 64.0 * T::EPSILON;
                assert!(
                    pairs
                        .into_iter()
                        .all(|(y, e)| (y.as_f64() - e).abs() <= bound)
                );
            }
        }
        Err(Error::ModeOutOfRange { .. }) => assert!(mode >= extents.len()),
        Err(error) => assert!(matches!(error, Error::ProductMismatch { .. }) && columns != fitting),
    }

    let named: Vec<usize> = (0..random.below(4))
        .map(|_| number(&mut random, extents.len()))
        .collect();
    let matrices: Vec<Mat<T>> = named
        .iter()
        .map(|&mode| {
            let fitting = extents.get(mode).copied().unwrap_or(1);
            let columns = if random.below(9) == 0 {
                random.below(5)
            } else {
                fitting
            };
            let rows = random.below(4);
            kind.matrix(&mut random, rows, columns)
        })
        .collect();
    let products: Vec<_> = named
        .iter()
        .copied()
        .zip(matrices.iter().map(Mat::as_ref))
        .collect();
    let once = (1..named.len()).all(|i| !named[..i].contains(&named[i]));
    let fits = once
        && products
            .iter()
            .all(|&(mode, u)| extents.get(mode) == Some(&u.ncols()));
    let y = call("Tensor::multi_mode_product", || {
        x.multi_mode_product(&products)
    });
    assert_eq!(y.is_ok(), fits, "{named:?}");
    let of_view = call("TensorRef::multi_mode_product", || {
        x.view().multi_mode_product(&products)
    });
    assert_eq!(of_view.is_ok(), fits, "{named:?}");
    if let Ok(y) = y {
        let mut expected = extents.to_vec();
        products
            .iter()
            .for_each(|&(mode, u)| expected[mode] = u.nrows());
        assert_eq!(y.shape(), expected);
    }
}

/// Reductions agree with their definition. A NaN in the input gives NaN. A norm is not negative.
fn check_reductions<T: Scalar>(extents: &[usize], other: &[usize], kind: Entries, seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = kind.tensor(&mut random, extents);
    let y: Tensor<T> = kind.tensor(&mut random, other);
    let same = extents == other;
    assert_eq!(call("Tensor::inner", || x.inner(&y)).is_ok(), same);
    assert_eq!(call("Tensor::distance", || x.distance(&y)).is_ok(), same);
    let view = x.view();
    assert_eq!(call("TensorRef::inner", || view.inner(&y)).is_ok(), same);
    assert_eq!(
        call("TensorRef::distance", || view.distance(&y)).is_ok(),
        same
    );
    let length = call("Tensor::norm", || x.norm());
    let of_view = call("TensorRef::norm", || view.norm());
    assert_eq!(length.to_bits(), of_view.to_bits());
    let has_nan = x.data().iter().any(|entry| entry.as_f64().is_nan());
    assert_eq!(length.is_nan(), has_nan);
    assert!(has_nan || length >= 0.0);
    let nonzero = x.data().iter().any(|entry| entry.as_f64() != 0.0);
    assert_eq!(length != 0.0, nonzero);
    let zero = Tensor::zeros(extents).unwrap();
    let from_zero = call("Tensor::distance", || x.distance(&zero)).unwrap();
    assert!(has_nan && from_zero.is_nan() || from_zero == length);
    if kind == Entries::Moderate {
        let square = call("Tensor::inner", || x.inner(&x)).unwrap();
        assert!((square.sqrt() - length).abs() <= 1e-13 * length);
    }
}

/// A text is refused as a slice, or resolves to ranges within the extents.
fn check_slice(text: &str, extents: &[usize]) {
    let Ok(slice) = call("Slice::from_str", || text.parse::<Slice>()) else {
        return;
    };
    let ranges = call("Slice::resolve", || slice.resolve(extents));
    let shape = call("Slice::sliced_shape", || slice.sliced_shape(extents));
    assert_eq!(ranges.is_ok(), shape.is_ok());
    let (Ok(ranges), Ok(shape)) = (ranges, shape) else {
        return;
    };
    assert_eq!(ranges.len(), extents.len());
    let within = |(range, &extent): (&std::ops::Range<usize>, &usize)| {
        range.start <= range.end && range.end <= extent
    };
    assert!(ranges.iter().zip(extents).all(within));
    let is_range = |part: &str| part.contains(':');
    let modes = text.split(',').zip(&ranges);
    let kept: Vec<usize> = modes
        .filter(|(part, _)| is_range(part))
        .map(|(_, range)| range.len())
        .collect();
    assert_eq!(shape, kept);
    // A slice made of ranges alone keeps all modes.
    let ranges_alone = Slice::from(&ranges[..]);
    assert_eq!(ranges_alone.resolve(extents).unwrap(), ranges);
}

proptest! {
    #![proptest_config(config(160))]

    #[test]
    fn slices_from_arbitrary_texts(
        parts in prop::collection::vec("(-?[0-9]{0,2}:-?[0-9]{0,2}|-?[0-9]{1,2}|[-:0-9 x]{0,6})", 1..=3),
        extents in prop::collection::vec(0usize..60, 1..=3),
    ) {
        check_slice(&parts.join(","), &extents);
    }

    #[test]
    fn an_index_is_the_inverse_of_its_offset(
        extents in extents(),
        offset: usize,
        index in prop::collection::vec(0usize..6, 0..=17),
    ) {
        check_shape(&extents, offset, &index);
        let within: Vec<usize> = extents.iter().map(|&extent| offset % extent.max(1)).collect();
        check_shape(&extents, offset % 50, &within);
    }

    #[test]
    fn columns_of_arbitrary_extents_saturate(left: usize, extent: usize, right: usize) {
        let around = ModeExtents { left, extent, right };
        let columns = call("ModeExtents::columns", || around.columns());
        prop_assert_eq!(columns, left.saturating_mul(right));
    }

    #[test]
    fn tensors_from_data_of_arbitrary_length(shape in shapes(), kind in entries(), seed: u64) {
        check_construction::<f64>(&shape, kind, seed);
        check_construction::<f32>(&shape, kind, seed);
    }

    #[test]
    fn unfoldings_slabs_and_permutations_of_arbitrary_tensors(shape in shapes(), seed: u64) {
        check_unfoldings::<f64>(&shape, seed);
        check_unfoldings::<f32>(&shape, seed);
    }

    #[test]
    fn products_with_arbitrary_matrices(shape in shapes(), kind in entries(), seed: u64) {
        check_products::<f64>(&shape, kind, seed);
        check_products::<f32>(&shape, kind, seed);
    }

    #[test]
    fn reductions_of_arbitrary_entries(
        shape in shapes(), other in shapes(), kind in entries(), seed: u64,
    ) {
        check_reductions::<f64>(&shape, &other, kind, seed);
        check_reductions::<f32>(&shape, &shape, kind, seed);
    }
}

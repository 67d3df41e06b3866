//! Sizes above any memory, and huge extents of empty tensors.

use faer::{Mat, MatRef};
use tenfold::cam::{Cam, Weighting, resize};
use tenfold::linalg::{Accuracy, Precision, Side, gram, left_singular, triangular_factor};
use tenfold::{Error, Randomized, Result, Scalar, Slice, Tensor, Truncation, Tucker};

use super::call;
use crate::common::solvers::solvers;

/// A number of entries above the memory of any machine.
const HUGE: usize = 1 << 57;

fn assert_out_of_memory<R>(name: &str, function: impl FnOnce() -> Result<R>) {
    match call(name, function) {
        Err(Error::OutOfMemory { bytes, .. }) => assert!(bytes >= 1 << 48, "{name}: {bytes}"),
        Err(error) => panic!("{name}: {error}"),
        Ok(_) => panic!("{name} succeeded"),
    }
}

fn check_out_of_memory<T: Scalar>() {
    let one = T::from_f64(1.0);
    assert_out_of_memory("Tensor::zeros", || Tensor::<T>::zeros(&[HUGE]));
    assert_out_of_memory("Tensor::from_fn", || Tensor::<T>::from_fn(&[HUGE], |_| one));
    let unit = Tensor::new(&[1, 1], vec![one]).unwrap();
    let tall = MatRef::from_repeated_ref(&one, HUGE, 1);
    assert_out_of_memory("Tensor::from_unfolding", || {
        Tensor::from_unfolding(tall, 0, &[HUGE, 1])
    });
    assert_out_of_memory("Tensor::mode_product", || unit.mode_product(0, tall));
    assert_out_of_memory("Tensor::multi_mode_product", || {
        unit.multi_mode_product(&[(0, tall), (1, unit_matrix(&one))])
    });
    assert_out_of_memory("resize", || resize(&unit, 1, HUGE));
    assert_out_of_memory("resize", || resize(&unit, HUGE, 1));

    // The Gram matrix of the larger side has 2²²×2²² entries.
    let long = Tensor::<T>::zeros(&[1 << 22, 1]).unwrap();
    assert_out_of_memory("gram", || gram(&long, 0, Side::Mode, Precision::Native));
    assert_out_of_memory("gram", || gram(&long, 1, Side::Rest, Precision::Double));
    assert_out_of_memory("triangular_factor", || {
        triangular_factor(&long, 0, Side::Mode)
    });
}

fn unit_matrix<T>(one: &T) -> MatRef<'_, T> {
    MatRef::from_repeated_ref(one, 1, 1)
}

#[test]
fn a_result_above_the_memory_is_an_error() {
    check_out_of_memory::<f64>();
    check_out_of_memory::<f32>();
    assert_out_of_memory("Tensor::from_fn", || {
        Tensor::from_fn(&[HUGE], |_| [0u64; 100])
    });
}

#[test]
fn the_error_names_the_shape_and_the_bytes() {
    let error = Tensor::<f64>::zeros(&[HUGE, 2]).unwrap_err();
    let expected = "2305843009213693952 bytes for shape 144115188075855872×2 cannot be allocated";
    assert_eq!(error.to_string(), expected);
}

/// No function loops over the 2⁵⁷ empty rows.
#[test]
fn empty_tensors_may_have_huge_extents() {
    for shape in [
        [HUGE, 0, 3],
        [HUGE, 3, 0],
        [0, HUGE, 1],
        [3, 0, HUGE],
        [0, 1, HUGE],
    ] {
        let x = Tensor::<f64>::zeros(&shape).unwrap();
        for mode in 0..3 {
            for side in [Side::Mode, Side::Rest] {
                for (name, outcome) in [
                    (
                        "gram",
                        call("gram", || gram(&x, mode, side, Precision::Native)),
                    ),
                    (
                        "triangular_factor",
                        call("triangular_factor", || triangular_factor(&x, mode, side)),
                    ),
                ] {
                    match outcome {
                        Ok(square) => assert!(square.nrows() <= 3, "{name}"),
                        Err(Error::OutOfMemory { .. } | Error::ShapeOverflow { .. }) => {}
                        Err(error) => panic!("{name}: {error}"),
                    }
                }
            }
            let leading = call("left_singular", || {
                left_singular(&x, mode, Accuracy::default(), |_| 1)
            });
            assert!(leading.unwrap().values.is_empty());
            let slabs = call("Tensor::slabs", || x.slabs(mode)).unwrap();
            assert_eq!(call("Slabs::get", || slabs.get(slabs.count())), None);
            let u = Mat::<f64>::zeros(2, shape[mode].min(3));
            let _ = call("Tensor::mode_product", || x.mode_product(mode, u.as_ref()));
            if let Ok(unfolding) = call("Tensor::unfold", || x.unfold(mode)) {
                let folded = call("Tensor::from_unfolding", || {
                    Tensor::from_unfolding(unfolding.as_ref(), mode, &shape)
                });
                assert_eq!(folded.unwrap(), x);
            }
        }
        let permuted = call("Tensor::permute", || x.permute(&[2, 0, 1])).unwrap();
        assert_eq!(permuted.shape(), [shape[2], shape[0], shape[1]]);
    }
}

fn check_estimates<T: Scalar>(truncation: &Truncation, shape: &[usize]) {
    for solver in solvers::<T>(truncation, None) {
        let bytes = call(solver.method().name(), || solver.memory(shape));
        assert!(bytes.is_ok(), "{solver:?}: {bytes:?}");
    }
}

#[test]
fn estimates_of_the_largest_shapes_do_not_overflow() {
    for shape in [
        &[1 << 28, 1 << 30][..],
        &[(1 << 59) - 1],
        &[2, 1 << 57, 1],
        &[1 << 29, 1 << 29],
    ] {
        for truncation in [
            Truncation::RelativeError(0.0),
            Truncation::Ranks(vec![1; shape.len()]),
        ] {
            check_estimates::<f64>(&truncation, shape);
            check_estimates::<f32>(&truncation, shape);
        }
        let randomized = Randomized {
            oversampling: usize::MAX,
            ..Randomized::new(vec![1; shape.len()])
        };
        assert!(call("randomized", || randomized.memory::<f64>(shape)).is_ok());
        for ranks in [None, Some(shape.to_vec()), Some(vec![1; shape.len()])] {
            let cam = Cam {
                ranks,
                ..Cam::new(Weighting::Mtsm)
            };
            let _ = call("Cam::memory", || cam.memory::<f64>(shape));
        }
    }
}

/// A mode without a factor is cut out of the core. A product with a part of the identity would
/// allocate a matrix of the extent squared.
#[test]
fn a_slice_of_a_long_mode_without_a_factor_takes_little_memory() {
    let extent = 1 << 22;
    let core = Tensor::<f32>::zeros(&[extent, 1]).unwrap();
    let factor = Mat::from_fn(2, 1, |i, _| 1.0 + i as f32);
    let tucker = Tucker::new(core, vec![None, Some(factor)]).unwrap();
    let slice = Slice::from([1..extent, 0..2]);
    let part = call("Tucker::reconstruct_slice", || {
        tucker.reconstruct_slice(&slice)
    })
    .unwrap();
    assert_eq!(part.shape(), [extent - 1, 2]);
    let needed = call("Tucker::reconstruction_memory", || {
        tucker.reconstruction_memory(Some(&slice))
    });
    let needed = needed.unwrap();
    assert!((12 << 22..1 << 28).contains(&needed), "{needed}");
}

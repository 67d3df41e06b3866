//! Sizes that no memory holds, and huge extents of empty tensors.

use faer::{Mat, MatRef};
use tenfold::cam::{Cam, Weighting, resize};
use tenfold::linalg::{Accuracy, Precision, Side, gram, left_singular, triangular_factor};
use tenfold::{
    Error, Hooi, Hosvd, Randomized, Result, Scalar, Slice, StHosvd, Tensor, Truncation, Tucker,
};

use super::call;

/// More entries than any address space has bytes.
const HUGE: usize = 1 << 57;

fn assert_no_memory<R>(name: &str, function: impl FnOnce() -> Result<R>) {
    match call(name, function) {
        Err(Error::OutOfMemory { bytes, .. }) => assert!(bytes >= 1 << 48, "{name}: {bytes}"),
        Err(error) => panic!("{name}: {error}"),
        Ok(_) => panic!("{name} allocated too much"),
    }
}

fn check_memory<T: Scalar>() {
    let one = T::from_f64(1.0);
    assert_no_memory("Tensor::zeros", || Tensor::<T>::zeros(&[HUGE]));
    assert_no_memory("Tensor::from_fn", || Tensor::<T>::from_fn(&[HUGE], |_| one));
    let unit = Tensor::new(&[1, 1], vec![one]).unwrap();
    let tall = MatRef::from_repeated_ref(&one, HUGE, 1);
    assert_no_memory("Tensor::from_unfolding", || {
        Tensor::from_unfolding(tall, 0, &[HUGE, 1])
    });
    assert_no_memory("Tensor::mode_product", || unit.mode_product(0, tall));
    assert_no_memory("Tensor::multi_mode_product", || {
        unit.multi_mode_product(&[(0, tall), (1, unit_matrix(&one))])
    });
    assert_no_memory("resize", || resize(&unit, 1, HUGE));
    assert_no_memory("resize", || resize(&unit, HUGE, 1));

    // n×n entries of the larger side, n = 2²².
    let long = Tensor::<T>::zeros(&[1 << 22, 1]).unwrap();
    assert_no_memory("gram", || gram(&long, 0, Side::Mode, Precision::Native));
    assert_no_memory("gram", || gram(&long, 1, Side::Rest, Precision::Double));
    assert_no_memory("triangular_factor", || {
        triangular_factor(&long, 0, Side::Mode)
    });
}

fn unit_matrix<T>(one: &T) -> MatRef<'_, T> {
    MatRef::from_repeated_ref(one, 1, 1)
}

#[test]
fn more_memory_than_there_is_is_an_error() {
    check_memory::<f64>();
    check_memory::<f32>();
    assert_no_memory("Tensor::from_fn", || {
        Tensor::from_fn(&[HUGE], |_| [0u64; 100])
    });
}

#[test]
fn the_error_names_shape_and_bytes() {
    let error = Tensor::<f64>::zeros(&[HUGE, 2]).unwrap_err();
    let expected = "2305843009213693952 bytes for shape 144115188075855872×2 cannot be allocated";
    assert_eq!(error.to_string(), expected);
}

/// Loops skip empty rows, of which there are 2⁵⁷.
#[test]
fn empty_tensors_with_huge_extents() {
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
        let turned = call("Tensor::permute", || x.permute(&[2, 0, 1])).unwrap();
        assert_eq!(turned.shape(), [shape[2], shape[0], shape[1]]);
    }
}

/// Estimates of sizes up to the largest shape.
#[test]
fn estimates_of_the_largest_shapes() {
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
            let (st_hosvd, hosvd, hooi) = (
                StHosvd::new(truncation.clone()),
                Hosvd::new(truncation.clone()),
                Hooi::new(truncation.clone()),
            );
            assert!(call("StHosvd::memory", || st_hosvd.memory::<f64>(shape)).is_ok());
            assert!(call("Hosvd::memory", || hosvd.memory::<f64>(shape)).is_ok());
            assert!(call("Hooi::memory", || hooi.memory::<f32>(shape)).is_ok());
        }
        let randomized = Randomized {
            oversampling: usize::MAX,
            ..Randomized::new(vec![1; shape.len()])
        };
        assert!(call("Randomized::memory", || randomized.memory::<f64>(shape)).is_ok());
        for ranks in [None, Some(shape.to_vec()), Some(vec![1; shape.len()])] {
            let cam = Cam {
                ranks,
                ..Cam::new(Weighting::Mtsm)
            };
            let _ = call("Cam::memory", || cam.memory::<f64>(shape));
        }
    }
}

/// A mode without a factor is cut from the core, not multiplied by a matrix of its
/// extent squared.
#[test]
fn a_slice_of_a_long_mode_without_a_factor() {
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

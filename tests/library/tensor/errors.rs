//! Bad arguments of the tensor operations and the errors that they give.

use faer::Mat;
use tenfold::{Error, Tensor, TensorRef};

#[test]
fn messages_name_what_was_wrong_and_what_was_expected() {
    let x = Tensor::<f64>::zeros(&[2, 3, 4]).unwrap();
    let u = Mat::<f64>::zeros(2, 3);
    let check = |error: Error, message: &str| assert_eq!(error.to_string(), message);
    check(
        Tensor::new(&[2, 2], vec![0.0; 5]).unwrap_err(),
        "shape 2×2 holds 4 entries, the data has 5",
    );
    check(
        TensorRef::new(&[], &[0.0]).unwrap_err(),
        "a tensor has 1 to 16 modes, this shape has 0",
    );
    check(
        Tensor::<f64>::zeros(&[usize::MAX, 3]).unwrap_err(),
        &format!("shape {}×3 is too large to address", usize::MAX),
    );
    check(
        x.mode_product(3, u.as_ref()).unwrap_err(),
        "mode 3 does not exist: the tensor has 3 modes, counted from 0",
    );
    check(
        x.mode_product(0, u.as_ref()).unwrap_err(),
        "the matrix for mode 0 has 3 columns, the tensor has extent 2 there",
    );
    check(
        x.multi_mode_product(&[(1, u.as_ref()), (1, u.as_ref())])
            .unwrap_err(),
        "mode 1 is named twice",
    );
    check(
        x.permute(&[0, 2, 2]).unwrap_err(),
        "[0, 2, 2] is not a permutation of the modes 0 to 2",
    );
    check(
        Tensor::from_unfolding(u.as_ref(), 1, &[2, 3, 4]).unwrap_err(),
        "unfolding: shape 3×8 was expected, not 2×3",
    );
    check(
        x.inner(&Tensor::zeros(&[4, 3, 2]).unwrap()).unwrap_err(),
        "second tensor: shape 2×3×4 was expected, not 4×3×2",
    );
}

#[test]
fn errors_have_a_variant_for_each_fault() {
    let x = Tensor::<f64>::zeros(&[2, 3, 4]).unwrap();
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
}

#[test]
fn a_matrix_without_rows_is_no_error() {
    let x = Tensor::<f64>::zeros(&[2, 3, 4]).unwrap();
    let u = Mat::<f64>::zeros(0, 3);
    assert_eq!(x.mode_product(1, u.as_ref()).unwrap().shape(), [2, 0, 4]);
}

//! Bad features and ranks, and the errors that they give.

use tenfold::cam::{Cam, Weighting};
use tenfold::{Error, Tensor};

fn zeros(shape: &[usize]) -> Tensor<f64> {
    Tensor::zeros(shape).unwrap()
}

#[test]
fn shapes_that_are_no_feature_maps_are_refused() {
    let cam = Cam::new(Weighting::Mtsm);
    let no_positions = cam.saliency_map(&zeros(&[5]));
    assert!(matches!(no_positions, Err(Error::NotAFeatureMap { .. })));
    let no_batch = cam.saliency_maps(&zeros(&[5, 2]));
    assert!(matches!(no_batch, Err(Error::NotAFeatureMap { .. })));
    let empty = cam.saliency_map(&zeros(&[5, 0, 3]));
    assert!(matches!(empty, Err(Error::Empty { .. })));
    let no_items = cam.saliency_maps(&zeros(&[0, 5, 2, 2]));
    assert!(matches!(no_items, Err(Error::Empty { .. })));
}

#[test]
fn ranks_for_a_weighting_without_a_tucker_decomposition_are_refused() {
    let svd = Cam {
        ranks: Some(vec![1, 1, 1]),
        ..Cam::new(Weighting::EigenCam)
    };
    let outcome = svd.saliency_map(&zeros(&[5, 2, 2]));
    assert!(matches!(outcome, Err(Error::RanksWithoutTucker { .. })));
}

#[test]
fn ranks_that_do_not_fit_the_features_are_refused() {
    let x = zeros(&[5, 2, 2]);
    let ranks = |ranks: &[usize]| {
        let cam = Cam {
            ranks: Some(ranks.to_vec()),
            ..Cam::new(Weighting::Tsm)
        };
        cam.saliency_map(&x).unwrap_err()
    };
    assert!(matches!(ranks(&[1, 1]), Error::RankCountMismatch { .. }));
    assert!(matches!(ranks(&[1, 0, 1]), Error::ZeroRank { mode: 1 }));
    assert!(matches!(
        ranks(&[6, 2, 2]),
        Error::RankAboveExtent { mode: 0, .. }
    ));
    assert!(matches!(
        ranks(&[5, 2, 2]),
        Error::RankAboveProduct { mode: 0, .. }
    ));
}

#[test]
fn the_first_entry_that_is_not_finite_is_named() {
    for weighting in Weighting::ALL {
        let cam = Cam::new(weighting);
        let mut x = Tensor::<f32>::zeros(&[3, 2, 2]).unwrap();
        x.data_mut()[6] = f32::INFINITY;
        x.data_mut()[9] = f32::NAN;
        let error = cam.saliency_map(&x).unwrap_err();
        assert!(
            matches!(&error, Error::NonFinite { index, .. } if index == &[1, 1, 0]),
            "{error}"
        );

        let mut batch = Tensor::<f64>::zeros(&[3, 3, 2, 2]).unwrap();
        batch.data_mut()[12 + 7] = f64::NAN;
        batch.data_mut()[24] = f64::NAN;
        let error = cam.saliency_maps(&batch).unwrap_err();
        assert!(
            matches!(&error, Error::NonFinite { index, .. } if index == &[1, 1, 1, 1]),
            "{error}"
        );
    }
}

//! Properties that the maps of all features have.

use std::cell::Cell;

use faer::Mat;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tenfold::cam::{Cam, Status, Vectors, Weighting};
use tenfold::{Tensor, TensorRef};

use super::{map, stretched};
use crate::common::oracle::{extremes, largest_difference};
use crate::common::random::random_cases;

/// Features with entries of both signs, with fewer channels than positions and with more.
fn features(channels: usize, height: usize, width: usize) -> impl Strategy<Value = Tensor<f64>> {
    (1..=channels, 1..=height, 1..=width).prop_flat_map(|(c, h, w)| {
        prop::collection::vec(-1.0..1.0f64, c * h * w)
            .prop_map(move |data| Tensor::new(&[c, h, w], data).unwrap())
    })
}

fn weighting() -> impl Strategy<Value = Weighting> {
    prop::sample::select(Weighting::ALL.to_vec())
}

/// The features as a matrix of channels by positions, centred if the map demands it.
fn matrix(x: &Tensor<f64>, cam: &Cam) -> Mat<f64> {
    let channels = x.shape()[0];
    let positions = x.data().len() / channels;
    let mut m = Mat::from_fn(channels, positions, |c, p| x.data()[c * positions + p]);
    if cam.centring.unwrap_or(cam.weighting.centring()) {
        for c in 0..channels {
            let mean = (0..positions).map(|p| m[(c, p)]).sum::<f64>() / positions as f64;
            (0..positions).for_each(|p| m[(c, p)] -= mean);
        }
    }
    m
}

/// The map by its definition, Σᵢ σᵢ·φ(Σ_c uᵢ[c]·F[c]) stretched to [0, 1], from a plain singular
/// value decomposition.
fn by_definition(x: &Tensor<f64>, cam: &Cam) -> Vec<f64> {
    let m = matrix(x, cam);
    let (channels, positions) = (m.nrows(), m.ncols());
    let svd = m.thin_svd().unwrap();
    let count = match cam.weighting.vectors() {
        Vectors::First => 1,
        Vectors::All => channels.min(positions),
    };
    let mut map = vec![0.0; positions];
    for i in 0..count {
        let mut projected: Vec<f64> = (0..positions)
            .map(|p| (0..channels).map(|c| svd.U()[(c, i)] * m[(c, p)]).sum())
            .collect();
        if cam.weighting == Weighting::EigenCam {
            let [min, max] = extremes(&projected);
            let sign = if min.abs() > max.abs() { -1.0 } else { 1.0 };
            projected.iter_mut().for_each(|v| *v = (sign * *v).max(0.0));
        }
        let sigma = svd.S().column_vector()[i];
        for (map, value) in map.iter_mut().zip(&projected) {
            *map += sigma * value.abs();
        }
    }
    stretched(&map)
}

/// How far rounding may move the map of `x`: it rotates singular vectors by ε·σ₁²/gap, where the
/// gap is the smallest difference between successive squares of singular values. `None` if the
/// rotation may be too large to compare maps, or if the sign of EigenCAM is tied.
fn sensitivity(x: &Tensor<f64>, cam: &Cam) -> Option<f64> {
    let m = matrix(x, cam);
    let (channels, positions) = (m.nrows(), m.ncols());
    let svd = m.thin_svd().unwrap();
    let sigma = svd.S().column_vector();
    let squares: Vec<f64> = (0..channels.min(positions))
        .map(|i| (sigma[i] / sigma[0]).powi(2))
        .collect();
    let gap = squares
        .windows(2)
        .filter(|pair| pair[0] > 1e-12)
        .map(|pair| pair[0] - pair[1])
        .fold(1.0, f64::min);
    let first: Vec<f64> = (0..positions).map(|p| svd.V()[(p, 0)]).collect();
    let [min, max] = extremes(&first);
    let is_tied = (max + min).abs() < 1e-6;
    let map = by_definition(x, cam);
    let is_comparable = gap > 1e-6 && !is_tied && map.iter().all(|v| v.is_finite());
    is_comparable.then_some(1e-13 / gap)
}

/// Runs `check` on many cases. It compares two maps, or returns `false` if rounding may move them
/// too far. At least half of the cases must be compared.
fn compare_cases<S: Strategy>(
    strategy: S,
    check: impl Fn(S::Value) -> Result<bool, TestCaseError>,
) {
    let (cases, compared) = (Cell::new(0), Cell::new(0));
    let outcome = TestRunner::new(random_cases(256, 14)).run(&strategy, |case| {
        cases.set(cases.get() + 1);
        compared.set(compared.get() + usize::from(check(case)?));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (cases, compared) = (cases.get(), compared.get());
    assert!(
        2 * compared >= cases,
        "only {compared} of {cases} cases were compared"
    );
}

/// Fails if two maps of `x` differ by more than rounding explains. Returns whether they could be
/// compared.
fn check_equal(
    x: &Tensor<f64>,
    cam: &Cam,
    maps: impl FnOnce() -> [Vec<f64>; 2],
) -> Result<bool, TestCaseError> {
    let Some(tolerance) = sensitivity(x, cam) else {
        return Ok(false);
    };
    let [one, other] = maps();
    let difference = largest_difference(&one, &other);
    prop_assert!(
        difference <= tolerance.max(1e-12) * 1e2,
        "{difference:e} {tolerance:e}"
    );
    Ok(true)
}

fn values(cam: &Cam, x: &Tensor<f64>) -> Vec<f64> {
    map(cam, x).into_values().into_data()
}

/// The Gram matrix has the order of the channels or of the positions, whichever are fewer. The cases
/// have both.
#[test]
fn maps_agree_with_the_definition() {
    compare_cases((features(8, 4, 4), weighting()), |(x, weighting)| {
        let cam = Cam::new(weighting);
        check_equal(&x, &cam, || [values(&cam, &x), by_definition(&x, &cam)])
    });
}

#[test]
fn channels_of_zeros_do_not_change_the_map() {
    compare_cases((features(4, 3, 3), weighting()), |(x, weighting)| {
        let cam = Cam::new(weighting);
        let (c, p) = (x.shape()[0], x.data().len() / x.shape()[0]);
        let mut padded = x.data().to_vec();
        padded.resize((c + 2 * p) * p, 0.0);
        let padded = Tensor::new(&[c + 2 * p, x.shape()[1], x.shape()[2]], padded).unwrap();
        check_equal(&x, &cam, || [values(&cam, &x), values(&cam, &padded)])
    });
}

#[test]
fn the_scale_of_the_features_does_not_change_the_map() {
    let cases = (features(6, 3, 3), weighting(), -300i32..=300);
    compare_cases(cases, |(x, weighting, exponent)| {
        let cam = Cam::new(weighting);
        let scaled = x.data().iter().map(|v| v * 10f64.powi(exponent)).collect();
        let scaled = Tensor::new(x.shape(), scaled).unwrap();
        let compared = check_equal(&x, &cam, || [values(&cam, &x), values(&cam, &scaled)])?;
        if compared {
            prop_assert_eq!(map(&cam, &x).status(), map(&cam, &scaled).status());
        }
        Ok(compared)
    });
}

#[test]
fn the_order_of_the_channels_does_not_change_the_map() {
    let shuffled = features(7, 3, 3).prop_flat_map(|x| {
        let order: Vec<usize> = (0..x.shape()[0]).collect();
        (Just(x), Just(order).prop_shuffle())
    });
    compare_cases((shuffled, weighting()), |((x, order), weighting)| {
        let cam = Cam::new(weighting);
        let entry = |i: &[usize]| x.get(&[order[i[0]], i[1], i[2]]).unwrap();
        let shuffled = Tensor::from_fn(x.shape(), entry).unwrap();
        check_equal(&x, &cam, || [values(&cam, &x), values(&cam, &shuffled)])
    });
}

#[test]
fn transposed_features_have_the_transposed_map() {
    compare_cases((features(6, 4, 3), weighting()), |(x, weighting)| {
        let cam = Cam::new(weighting);
        let transposed = x.permute(&[0, 2, 1]).unwrap();
        check_equal(&x, &cam, || {
            let own = map(&cam, &x).values().permute(&[1, 0]).unwrap();
            [own.into_data(), values(&cam, &transposed)]
        })
    });
}

#[test]
fn hooi_at_full_ranks_is_the_closed_form() {
    compare_cases((features(8, 3, 3), any::<bool>()), |(x, all)| {
        let closed = Cam::new(if all { Weighting::Mtsm } else { Weighting::Tsm });
        let (c, h, w) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        // Height and width are not truncated; the rank of the channels is as large as the rank law
        // allows.
        let ranks = vec![c.min(h * w), h.min(c * w), w.min(c * h)];
        if ranks[1..] != [h, w] {
            return Ok(false);
        }
        let hooi = Cam {
            ranks: Some(ranks),
            ..closed.clone()
        };
        check_equal(&x, &closed, || [values(&closed, &x), values(&hooi, &x)])
    });
}

proptest! {
    #![proptest_config(random_cases(256, 14))]

    #[test]
    fn values_lie_between_0_and_1(x in features(6, 4, 4), weighting in weighting()) {
        let map = map(&Cam::new(weighting), &x);
        prop_assert_eq!(map.values().shape(), &x.shape()[1..]);
        let values = map.values().data();
        prop_assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
        if map.status() == Status::Constant {
            prop_assert!(values.iter().all(|&v| v == 0.0));
        } else {
            prop_assert!(values.contains(&0.0) && values.contains(&1.0));
        }
    }

    #[test]
    fn all_modes_after_the_first_are_positions(x in features(5, 6, 4), weighting in weighting()) {
        // C×T×H×W, C×H×W and C×L with the same entries give the same bits.
        let cam = Cam::new(weighting);
        let (c, h, w) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        let video = x.clone().reshape(&[c, 1, h, w]).unwrap();
        let tokens = x.clone().reshape(&[c, h * w]).unwrap();
        let own = map(&cam, &x);
        let (video, tokens) = (map(&cam, &video), map(&cam, &tokens));
        prop_assert_eq!(video.values().shape(), &[1, h, w]);
        prop_assert_eq!(tokens.values().shape(), &[h * w]);
        prop_assert_eq!(own.values().data(), video.values().data());
        prop_assert_eq!(own.values().data(), tokens.values().data());
    }

    #[test]
    fn a_batch_gives_the_bits_of_each_item_on_any_number_of_threads(
        x in prop::collection::vec(-1.0..1.0f32, 5 * 7 * 3 * 3),
        weighting in weighting(),
    ) {
        let cam = Cam::new(weighting);
        let batch = TensorRef::new(&[5, 7, 3, 3], &x).unwrap();
        let maps = cam.saliency_maps(batch).unwrap();
        for (item, map) in x.chunks(7 * 3 * 3).zip(&maps) {
            let alone = cam.saliency_map(TensorRef::new(&[7, 3, 3], item).unwrap()).unwrap();
            prop_assert_eq!(&alone, map);
        }
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            prop_assert_eq!(&pool.install(|| cam.saliency_maps(batch)).unwrap(), &maps);
        }
    }

    #[test]
    fn features_of_rank_one_have_their_only_pattern_as_the_map(
        u in prop::collection::vec(0.1..1.0f64, 6),
        z in prop::collection::vec(0.1..1.0f64, 4),
    ) {
        // F[c] = u[c]·z. A map that is not centred is z, stretched to [0, 1].
        let x = Tensor::from_fn(&[6, 2, 2], |i| u[i[0]] * z[2 * i[1] + i[2]]).unwrap();
        let [min, max] = extremes(&z);
        prop_assume!(max - min > 1e-3);
        let expected = stretched(&z);
        for weighting in [Weighting::Tsm, Weighting::Mtsm] {
            for ranks in [None, Some(vec![1, 1, 1]), Some(vec![4, 2, 2])] {
                let map = map(&Cam { ranks, ..Cam::new(weighting) }, &x);
                prop_assert!(largest_difference(map.values().data(), &expected) < 1e-8);
            }
        }
    }
}

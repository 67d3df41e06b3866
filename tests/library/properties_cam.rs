//! What holds for every feature map.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use tenfold::cam::{Cam, Decomposition, SaliencyMap, Sign, Status, Weighting};
use tenfold::{Error, Scalar, Tensor, TensorRef};

/// Feature maps with both signs, of every proportion.
fn features(channels: usize, height: usize, width: usize) -> impl Strategy<Value = Tensor<f64>> {
    (1..=channels, 1..=height, 1..=width).prop_flat_map(|(c, h, w)| {
        prop::collection::vec(-1.0..1.0f64, c * h * w)
            .prop_map(move |data| Tensor::new(&[c, h, w], data).unwrap())
    })
}

fn weighting() -> impl Strategy<Value = Weighting> {
    prop::sample::select(Weighting::ALL.to_vec())
}

fn map(cam: &Cam, x: &Tensor<f64>) -> SaliencyMap<f64> {
    cam.saliency_map(x).unwrap()
}

fn largest_difference(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let differences = x.iter().zip(y).map(|(x, y)| (x - y).abs());
    differences.fold(0.0, f64::max)
}

/// σᵢ and |Σ_c uᵢ[c]·F[c]| summed by a plain singular value decomposition: the
/// equations, written down without any thought of speed.
fn by_definition(x: &Tensor<f64>, cam: &Cam) -> Vec<f64> {
    let (c, p) = (x.shape()[0], x.data().len() / x.shape()[0]);
    let mut m = faer::Mat::from_fn(c, p, |i, j| x.data()[i * p + j]);
    if cam.centring.unwrap_or(cam.weighting.centring()) {
        for i in 0..c {
            let mean = (0..p).map(|j| m[(i, j)]).sum::<f64>() / p as f64;
            for j in 0..p {
                m[(i, j)] -= mean;
            }
        }
    }
    let svd = m.thin_svd().unwrap();
    let count = match cam.weighting.vectors() {
        tenfold::cam::Vectors::First => 1,
        tenfold::cam::Vectors::All => c.min(p),
    };
    let mut map = vec![0.0; p];
    for i in 0..count {
        let mut projected: Vec<f64> = (0..p)
            .map(|j| (0..c).map(|k| svd.U()[(k, i)] * m[(k, j)]).sum())
            .collect();
        let min = projected.iter().copied().fold(f64::INFINITY, f64::min);
        let max = projected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if cam.weighting == Weighting::EigenCam {
            let sign = if min.abs() > max.abs() { -1.0 } else { 1.0 };
            projected.iter_mut().for_each(|v| *v = (sign * *v).max(0.0));
        }
        let sigma = svd.S().column_vector()[i];
        for (map, value) in map.iter_mut().zip(&projected) {
            *map += sigma * value.abs();
        }
    }
    let min = map.iter().copied().fold(f64::INFINITY, f64::min);
    let max = map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    map.iter().map(|v| (v - min) / (max - min)).collect()
}

/// How far rounding may move the map of `x`: the directions of singular vectors
/// turn by ε·σ₁²/gap, the gap that of the squared singular values next to each
/// other, and EigenCAM's sign by a tie. `None` where that is too far to compare.
fn sensitivity(x: &Tensor<f64>, cam: &Cam) -> Option<f64> {
    let (c, p) = (x.shape()[0], x.data().len() / x.shape()[0]);
    let mut m = faer::Mat::from_fn(c, p, |i, j| x.data()[i * p + j]);
    if cam.centring.unwrap_or(cam.weighting.centring()) {
        for i in 0..c {
            let mean = (0..p).map(|j| m[(i, j)]).sum::<f64>() / p as f64;
            (0..p).for_each(|j| m[(i, j)] -= mean);
        }
    }
    let svd = m.thin_svd().unwrap();
    let values: Vec<f64> = (0..c.min(p)).map(|i| svd.S().column_vector()[i]).collect();
    let squares: Vec<f64> = values.iter().map(|s| (s / values[0]).powi(2)).collect();
    let gap = squares
        .windows(2)
        .filter(|pair| pair[0] > 1e-12)
        .map(|pair| pair[0] - pair[1])
        .fold(1.0, f64::min);
    let first: Vec<f64> = (0..p).map(|j| svd.V()[(j, 0)]).collect();
    let min = first.iter().copied().fold(f64::INFINITY, f64::min);
    let max = first.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let tie = (max + min).abs() < 1e-6;
    let map = by_definition(x, cam);
    let comparable = gap > 1e-6 && !tie && map.iter().all(|v| v.is_finite());
    comparable.then_some(1e-13 / gap)
}

/// The same cases in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(14),
        ..ProptestConfig::default()
    }
}

/// Runs `check` on many cases. It compares two maps, or says with `false` that rounding
/// may move them too far; `least` percent of the cases must have been compared.
fn compares<S: Strategy>(
    least: usize,
    strategy: S,
    check: impl Fn(S::Value) -> Result<bool, TestCaseError>,
) {
    let (cases, compared) = (Cell::new(0), Cell::new(0));
    let outcome = TestRunner::new(config()).run(&strategy, |case| {
        cases.set(cases.get() + 1);
        compared.set(compared.get() + usize::from(check(case)?));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let (cases, compared) = (cases.get(), compared.get());
    assert!(
        100 * compared >= least * cases,
        "only {compared} of {cases} cases were compared"
    );
}

/// Fails where two maps of `x` differ by more than rounding; whether they were compared.
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

/// The values of the map.
fn values(cam: &Cam, x: &Tensor<f64>) -> Vec<f64> {
    map(cam, x).into_values().into_data()
}

#[test]
fn both_sides_follow_the_definition() {
    // Some draws have more channels than positions, some fewer.
    compares(50, (features(8, 4, 4), weighting()), |(x, weighting)| {
        let cam = Cam::new(weighting);
        check_equal(&x, &cam, || [values(&cam, &x), by_definition(&x, &cam)])
    });
}

#[test]
fn channels_of_zeros_change_nothing_but_the_side() {
    compares(50, (features(4, 3, 3), weighting()), |(x, weighting)| {
        let cam = Cam::new(weighting);
        let (c, p) = (x.shape()[0], x.data().len() / x.shape()[0]);
        let mut padded = x.data().to_vec();
        padded.resize((c + 2 * p) * p, 0.0);
        let padded = Tensor::new(&[c + 2 * p, x.shape()[1], x.shape()[2]], padded).unwrap();
        check_equal(&x, &cam, || [values(&cam, &x), values(&cam, &padded)])
    });
}

#[test]
fn scale_changes_nothing() {
    let cases = (features(6, 3, 3), weighting(), -300i32..=300);
    compares(50, cases, |(x, weighting, exponent)| {
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
fn the_order_of_the_channels_changes_nothing() {
    let shuffled = features(7, 3, 3).prop_flat_map(|x| {
        let order: Vec<usize> = (0..x.shape()[0]).collect();
        (Just(x), Just(order).prop_shuffle())
    });
    compares(50, (shuffled, weighting()), |((x, order), weighting)| {
        let cam = Cam::new(weighting);
        let entry = |i: &[usize]| x.get(&[order[i[0]], i[1], i[2]]).unwrap();
        let shuffled = Tensor::from_fn(x.shape(), entry).unwrap();
        check_equal(&x, &cam, || [values(&cam, &x), values(&cam, &shuffled)])
    });
}

#[test]
fn the_map_moves_with_the_positions() {
    compares(50, (features(6, 4, 3), weighting()), |(x, weighting)| {
        let cam = Cam::new(weighting);
        let turned = x.permute(&[0, 2, 1]).unwrap();
        check_equal(&x, &cam, || {
            let own = map(&cam, &x).values().permute(&[1, 0]).unwrap();
            [own.into_data(), values(&cam, &turned)]
        })
    });
}

#[test]
fn hooi_at_full_ranks_is_the_closed_form() {
    compares(50, (features(8, 3, 3), any::<bool>()), |(x, all)| {
        let closed = Cam::new(if all { Weighting::Mtsm } else { Weighting::Tsm });
        let (c, h, w) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        // The largest ranks that the rank law allows; the others must span all.
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
    #![proptest_config(config())]

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
    fn any_trailing_shape_is_positions(x in features(5, 6, 4), weighting in weighting()) {
        // C×T×H×W, C×H×W and C×L with the same entries: the same bits.
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
    fn a_batch_gives_the_same_bits(
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
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let three_threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        prop_assert_eq!(&one_thread.install(|| cam.saliency_maps(batch)).unwrap(), &maps);
        prop_assert_eq!(&three_threads.install(|| cam.saliency_maps(batch)).unwrap(), &maps);
    }

    #[test]
    fn rank_deficient_maps_keep_their_rank_one_part(
        u in prop::collection::vec(0.1..1.0f64, 6),
        z in prop::collection::vec(0.1..1.0f64, 4),
    ) {
        // F[c] = u[c]·z: every uncentred map is norm(z).
        let x = Tensor::from_fn(&[6, 2, 2], |i| u[i[0]] * z[2 * i[1] + i[2]]).unwrap();
        let min = z.iter().copied().fold(f64::INFINITY, f64::min);
        let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assume!(max - min > 1e-3);
        let expected: Vec<f64> = z.iter().map(|v| (v - min) / (max - min)).collect();
        for weighting in [Weighting::Tsm, Weighting::Mtsm] {
            for ranks in [None, Some(vec![1, 1, 1]), Some(vec![4, 2, 2])] {
                let map = map(&Cam { ranks, ..Cam::new(weighting) }, &x);
                prop_assert!(largest_difference(map.values().data(), &expected) < 1e-8);
            }
        }
    }
}

#[test]
fn the_smallest_shapes_give_maps() {
    for weighting in Weighting::ALL {
        let cam = Cam::new(weighting);
        for shape in [&[1, 1, 1][..], &[5, 1, 1], &[1, 1], &[3, 1, 1, 1]] {
            let x = Tensor::from_fn(shape, |i| 1.0 + i[0] as f64).unwrap();
            let map = cam.saliency_map(&x).unwrap();
            assert_eq!(map.status(), Status::Constant, "{weighting} {shape:?}");
            assert!(map.values().data().iter().all(|&v| v == 0.0));
        }
        let one_channel = Tensor::new(&[1, 1, 3], vec![1.0, 2.0, 4.0]).unwrap();
        let map = cam.saliency_map(&one_channel).unwrap();
        assert_eq!(map.status(), Status::Fine);
        assert_eq!(map.values().data()[2], 1.0);
    }
}

#[test]
fn constant_and_zero_feature_maps_give_zeros() {
    for weighting in Weighting::ALL {
        for ranks in [None, Some(vec![2, 2, 2])] {
            if ranks.is_some() && weighting.decomposition() == Decomposition::Svd {
                continue;
            }
            let cam = Cam {
                ranks,
                ..Cam::new(weighting)
            };
            // 0.1 is no binary fraction: its mean is not exactly itself.
            for value in [0.0, 0.1, -1e30, 1e-300] {
                let x = Tensor::from_fn(&[6, 7, 7], |i| value * (1.0 + i[0] as f64)).unwrap();
                let map = cam.saliency_map(&x).unwrap();
                assert_eq!(map.status(), Status::Constant, "{weighting} {value}");
                assert!(map.values().data().iter().all(|&v| v == 0.0));
            }
        }
    }
}

#[test]
fn equal_singular_values_are_degenerate() {
    let x = Tensor::new(&[2, 1, 3], vec![3.0, 0.0, 0.0, 0.0, 3.0, 0.0]).unwrap();
    let map = Cam::new(Weighting::Tsm).saliency_map(&x).unwrap();
    assert_eq!(map.status(), Status::Degenerate);
}

/// σ₂ > 0.999·σ₁ makes a map degenerate, on either side of the Gram matrix, in closed
/// form and by iteration.
fn check_degeneracy<T: Scalar>(ratio: f64, expected: Status) {
    for shape in [[2, 1, 3], [3, 1, 2]] {
        let entry = |i: &[usize]| match (i[0], i[2]) {
            (0, 0) => 1.0,
            (1, 1) => ratio,
            _ => 0.0,
        };
        let x = Tensor::from_fn(&shape, |i| T::from_f64(entry(i))).unwrap();
        for weighting in Weighting::ALL {
            for ranks in [None, Some(vec![2, 1, 2])] {
                if ranks.is_some() && weighting.decomposition() == Decomposition::Svd {
                    continue;
                }
                let cam = Cam {
                    ranks,
                    centring: Some(false),
                    ..Cam::new(weighting)
                };
                let status = cam.saliency_map(&x).unwrap().status();
                assert_eq!(status, expected, "{cam:?}, {shape:?}, {ratio}, {}", T::NAME);
            }
        }
    }
}

#[test]
fn a_map_is_degenerate_above_the_documented_ratio_alone() {
    for (ratio, expected) in [
        (0.5, Status::Fine),
        (0.998, Status::Fine),
        (0.9988, Status::Fine),
        (0.9992, Status::Degenerate),
        (0.9999, Status::Degenerate),
    ] {
        check_degeneracy::<f64>(ratio, expected);
        check_degeneracy::<f32>(ratio, expected);
    }
}

#[test]
fn a_map_is_constant_up_to_rounding_alone() {
    for (difference, expected) in [(3e-13, Status::Constant), (3e-12, Status::Fine)] {
        let x = Tensor::new(&[1, 1, 3], vec![1.0, 1.0 + difference, 1.0]).unwrap();
        for weighting in Weighting::ALL {
            let cam = Cam {
                centring: Some(false),
                ..Cam::new(weighting)
            };
            assert_eq!(
                map(&cam, &x).status(),
                expected,
                "{weighting}, {difference:e}"
            );
        }
    }
}

#[test]
fn huge_offsets_do_not_drown_the_centred_map() {
    let x = Tensor::from_fn(&[4, 3, 3], |i| ((i[0] + 1) * (3 * i[1] + i[2])) as f64).unwrap();
    let offset = x.data().iter().map(|v| v + 1e12).collect();
    let offset = Tensor::new(x.shape(), offset).unwrap();
    for weighting in [Weighting::EigenCam, Weighting::MultivecEigenCam] {
        let cam = Cam::new(weighting);
        let (own, offset) = (map(&cam, &x), map(&cam, &offset));
        assert!(largest_difference(own.values().data(), offset.values().data()) < 1e-12);
    }
}

#[test]
fn scales_of_f32_change_nothing() {
    let entry = |i: &[usize]| ((7 * i[0] + 3 * i[1] * i[2] + i[1]) % 11) as f32;
    let x = Tensor::from_fn(&[9, 4, 4], entry).unwrap();
    for weighting in Weighting::ALL {
        let cam = Cam::new(weighting);
        let own = cam.saliency_map(&x).unwrap();
        for scale in [1e-30f32, 1e-5, 1e30] {
            let scaled = x.data().iter().map(|v| v * scale).collect();
            let scaled = Tensor::new(x.shape(), scaled).unwrap();
            let map = cam.saliency_map(&scaled).unwrap();
            let pairs = own.values().data().iter().zip(map.values().data());
            // Each entry was rounded to f32 once more.
            assert!(
                pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5),
                "{weighting}"
            );
        }
    }
}

#[test]
fn the_first_entry_decides_a_tie_of_signs() {
    // Centred, the two positions are always opposite.
    let x = Tensor::new(&[3, 1, 2], vec![1.0, 5.0, 0.0, 2.0, 4.0, 9.0]).unwrap();
    let cam = Cam::new(Weighting::EigenCam);
    assert_eq!(map(&cam, &x).values().data(), [1.0, 0.0]);
    let opposite = Cam {
        sign: Some(Sign::Negative),
        ..cam
    };
    assert_eq!(map(&opposite, &x).values().data(), [0.0, 1.0]);
}

/// The channel vector of the best rank-one approximation, by plain alternating
/// products from a start of ones.
fn rank_one_channels(x: &Tensor<f64>) -> Vec<f64> {
    let shape = x.shape();
    let mut vectors: Vec<Vec<f64>> = shape.iter().map(|&extent| vec![1.0; extent]).collect();
    for _ in 0..500 {
        for mode in 0..shape.len() {
            let mut vector = vec![0.0; shape[mode]];
            for i in 0..shape[0] {
                for j in 0..shape[1] {
                    for k in 0..shape[2] {
                        let index = [i, j, k];
                        let others = (0..3).filter(|&m| m != mode);
                        let weight: f64 = others.map(|m| vectors[m][index[m]]).product();
                        vector[index[mode]] += weight * x.get(&index).unwrap();
                    }
                }
            }
            let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
            vectors[mode] = vector.iter().map(|v| v / norm).collect();
        }
    }
    vectors.swap_remove(0)
}

#[test]
fn truncated_ranks_tie_the_positions_together() {
    // Non-negative, as after a ReLU, so that the best rank-one approximation is
    // where alternating products from ones end.
    let x = Tensor::from_fn(&[6, 4, 5], |i| {
        ((11 * i[0] * i[0] + 5 * i[1] * (i[2] + i[0]) + 3 * i[2]) % 13) as f64
    })
    .unwrap();
    let v = rank_one_channels(&x);
    let projected: Vec<f64> = (0..20)
        .map(|p| {
            (0..6)
                .map(|c| v[c] * x.data()[20 * c + p])
                .sum::<f64>()
                .abs()
        })
        .collect();
    let min = projected.iter().copied().fold(f64::INFINITY, f64::min);
    let max = projected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let expected: Vec<f64> = projected.iter().map(|p| (p - min) / (max - min)).collect();

    let full = Cam::new(Weighting::Tsm);
    let truncated = Cam {
        ranks: Some(vec![1, 1, 1]),
        ..full.clone()
    };
    let truncated = map(&truncated, &x);
    // HOOI stops where the factors are good to some 1e-7.
    let difference = largest_difference(truncated.values().data(), &expected);
    assert!(difference < 1e-6, "{difference:e}");
    let difference = largest_difference(truncated.values().data(), map(&full, &x).values().data());
    assert!(difference > 1e-3, "{difference:e}");
}

#[test]
fn bad_input_is_an_error() {
    let cam = Cam::new(Weighting::Mtsm);
    let line = Tensor::<f64>::zeros(&[5]).unwrap();
    assert!(matches!(
        cam.saliency_map(&line),
        Err(Error::NotAFeatureMap { .. })
    ));
    let matrix = Tensor::<f64>::zeros(&[5, 2]).unwrap();
    assert!(matches!(
        cam.saliency_maps(&matrix),
        Err(Error::NotAFeatureMap { .. })
    ));
    let empty = Tensor::<f64>::zeros(&[5, 0, 3]).unwrap();
    assert!(matches!(cam.saliency_map(&empty), Err(Error::Empty { .. })));
    let none = Tensor::<f64>::zeros(&[0, 5, 2, 2]).unwrap();
    assert!(matches!(cam.saliency_maps(&none), Err(Error::Empty { .. })));

    let svd = Cam {
        ranks: Some(vec![1, 1, 1]),
        ..Cam::new(Weighting::EigenCam)
    };
    let x = Tensor::<f64>::zeros(&[5, 2, 2]).unwrap();
    assert!(matches!(
        svd.saliency_map(&x),
        Err(Error::RanksWithoutTucker { .. })
    ));
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

//! Saliency maps with arbitrary options, and pictures and metrics of arbitrary maps.

use proptest::prelude::*;
use tenfold::cam::metrics::{
    Bootstrap, PixelOrder, ProbabilityPair, Region, area_under_curve, average_absolute_drop,
    average_drop, average_drop_with_epsilon, average_gain, average_increase, embedding_error,
    embedding_mse, iou, iou_of_regions, mean_iou,
};
use tenfold::cam::{
    Cam, Combination, Grid, Layout, Sign, Tokens, Weighting, combine, normalize, resize,
};
use tenfold::{Scalar, Tensor, TensorRef};

use super::{Entries, all_finite, call, config, entries, names_bad_entry, number, numbers, shapes};
use crate::common::random::Random;

fn check_cam<T: Scalar>(shape: &[usize], kind: Entries, seed: u64) {
    let mut random = Random::new(seed);
    let x: Tensor<T> = kind.tensor(&mut random, shape);
    let cam = Cam {
        ranks: match random.below(3) {
            0 => Some(numbers(&mut random, shape.len() + 1, 4)),
            1 => Some(vec![1; shape.len()]),
            _ => None,
        },
        centring: [None, Some(true), Some(false)][random.below(3)],
        sign: [None, Some(Sign::Positive), Some(Sign::Negative)][random.below(3)],
        ..Cam::new(Weighting::ALL[random.below(4)])
    };
    let map = call("Cam::saliency_map", || cam.saliency_map(&x));
    let bytes = call("Cam::memory", || cam.memory::<T>(shape));
    match map {
        Ok(map) => {
            assert!(bytes.is_ok() && all_finite(&x));
            assert_eq!(map.values().shape(), &shape[1..]);
            assert!(
                map.values()
                    .data()
                    .iter()
                    .all(|v| (0.0..=1.0).contains(&v.as_f64()))
            );
        }
        // The estimate shows that the options fit the shape. Only an entry can be wrong.
        Err(error) if bytes.is_ok() => assert!(names_bad_entry(&error, &x), "{error}"),
        Err(_) => {}
    }
    let maps = call("Cam::saliency_maps", || cam.saliency_maps(&x));
    let entries = shape.iter().product::<usize>() / shape.get(1).copied().unwrap_or(1).max(1);
    let length = if random.below(4) == 0 {
        random.below(9)
    } else {
        entries
    };
    let mut values = vec![T::default(); length];
    let statuses = call("Cam::saliency_maps_into", || {
        cam.saliency_maps_into(&x, &mut values)
    });
    assert_eq!(statuses.is_ok(), maps.is_ok() && length == entries);
    if let (Ok(maps), Ok(statuses)) = (maps, statuses) {
        assert_eq!((maps.len(), statuses.len()), (shape[0], shape[0]));
        let one_by_one = maps.iter().flat_map(|map| map.values().data());
        assert!(one_by_one.eq(&values));
    }
}

/// Applies a random word to a shape.
fn check_layout<T: Scalar>(shape: &[usize], seed: u64) {
    let mut random = Random::new(seed);
    // Mostly one letter for each mode, and mostly letters with a meaning.
    let length = shape.len() + usize::from(random.below(8) == 0);
    let symbols: Vec<char> = "cchhwwllnntxxxxxCX é".chars().collect();
    let word: String = (0..length)
        .map(|_| symbols[random.below(symbols.len())])
        .collect();
    let layout = call("Layout::from_str", || word.parse::<Layout>());
    let words = ["cl", "lc", "nlc", "hwc", "nchw"];
    let layout = layout.unwrap_or_else(|_| words[random.below(words.len())].parse().unwrap());
    let grid = Grid {
        height: number(&mut random, 4),
        width: number(&mut random, 4),
    };
    let tokens = Tokens {
        grid: (random.below(3) == 0).then_some(grid),
        prefix: (random.below(3) == 0).then(|| number(&mut random, 3)),
    };
    let Ok(reading) = call("Layout::read", || layout.read(shape, tokens)) else {
        return;
    };
    let entries: usize = reading.shape().iter().product();
    assert!(entries > 0 && entries <= shape.iter().product());
    let index = numbers(&mut random, 5, 4);
    call("Reading::index_in_array", || reading.index_in_array(&index));
    let x = Entries::Any.tensor::<T>(&mut random, shape);
    let features = call("Reading::feature_maps", || reading.feature_maps(x)).unwrap();
    assert_eq!(features.shape(), reading.shape());
}

fn check_pictures<T: Scalar>(shape: &[usize], kind: Entries, seed: u64) {
    let mut random = Random::new(seed);
    let map: Tensor<T> = kind.tensor(&mut random, shape);
    let normalized = call("normalize", || normalize(&map));
    assert_eq!(normalized.is_ok(), all_finite(&map));
    if let Ok(normalized) = normalized {
        assert!(
            normalized
                .data()
                .iter()
                .all(|v| (0.0..=1.0).contains(&v.as_f64()))
        );
    }
    let (height, width) = (number(&mut random, 6), random.below(6));
    let resized = call("resize", || resize(&map, height, width));
    let fits = shape.len() >= 2 && !shape.contains(&0) && height > 0 && width > 0;
    assert!(fits || resized.is_err());
    let is_resized = resized.is_ok();
    if let Ok(resized) = resized {
        let kept = &shape[..shape.len() - 2];
        assert_eq!(resized.shape(), [kept, &[height, width]].concat());
    }
    let combination = Combination::ALL[random.below(2)];
    let combined = call("combine", || {
        combine(&[map.view(), map.view()], height, width, combination)
    });
    assert_eq!(combined.is_ok(), is_resized && all_finite(&map));
    if let Ok(combined) = combined {
        let mut values = combined.data().iter().map(|v| v.as_f64());
        assert!(values.all(|v| (0.0..=1.0).contains(&v)));
    }
    #[cfg(feature = "image")]
    check_colours(&map, &mut random);
}

/// The valid entries of a map.
#[cfg(feature = "image")]
const RANGE: std::ops::RangeInclusive<f64> =
    -tenfold::cam::metrics::ROUNDING..=1.0 + tenfold::cam::metrics::ROUNDING;

#[cfg(feature = "image")]
fn check_colours<T: Scalar>(map: &Tensor<T>, random: &mut Random) {
    use tenfold::cam::{Colormap, Overlay, colorize};
    use tenfold::io::{RgbImage, read_image, write_png};

    let colormap = Colormap::ALL[random.below(Colormap::ALL.len())];
    let alpha = [0.0, 0.5, 1.0, -0.1, f64::NAN, f64::INFINITY][random.below(6)];
    let picture = call("colorize", || colorize(map, colormap));
    let is_map = map.order() == 2 && map.data().iter().all(|v| RANGE.contains(&v.as_f64()));
    assert_eq!(picture.is_ok(), is_map);
    // The buffer of the photograph may be longer than necessary.
    let (width, height) = (random.below(4) as u32, random.below(4) as u32);
    let bytes = vec![7; (3 * width * height) as usize + random.below(5)];
    let photograph = RgbImage::from_raw(width, height, bytes).unwrap();
    let overlay = Overlay { colormap, alpha };
    let drawn = call("Overlay::draw", || overlay.draw(map, &photograph));
    let fits = is_map && !map.data().is_empty() && width > 0 && height > 0;
    assert_eq!(drawn.is_ok(), fits && (0.0..=1.0).contains(&alpha));
    call("Colormap::color", || {
        colormap.color(Entries::Any.entry::<f64>(random))
    });
    if random.below(8) == 0 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        let written = call("write_png", || write_png(&path, &photograph));
        assert_eq!(written.is_ok(), width > 0 && height > 0);
        if written.is_ok() {
            let read = call("read_image", || read_image(&path)).unwrap();
            assert!(read.pixels().eq(photograph.pixels()));
        }
    }
}

fn check_metrics(seed: u64) {
    let mut random = Random::new(seed);
    let kind = [Entries::Moderate, Entries::Any][random.below(2)];
    let list = |random: &mut Random, count: usize| -> Vec<f64> {
        (0..count)
            .map(|_| kind.entry::<f64>(random).abs())
            .collect()
    };
    let count = random.below(4);
    let other = if random.below(3) == 0 {
        random.below(4)
    } else {
        count
    };
    let (p, o) = (list(&mut random, count), list(&mut random, other));
    let drop = call("average_drop", || average_drop(&p, &o));
    let increase = call("average_increase", || average_increase(&p, &o));
    let absolute = call("average_absolute_drop", || average_absolute_drop(&p, &o));
    let gain = call("average_gain", || average_gain(&p, &o));
    for other in [&increase, &absolute, &gain] {
        assert_eq!(drop.is_ok(), other.is_ok());
    }
    let epsilon = kind.entry::<f64>(&mut random);
    let with_epsilon = call("average_drop_with_epsilon", || {
        average_drop_with_epsilon(&p, &o, epsilon)
    });
    assert_eq!(
        with_epsilon.is_ok(),
        drop.is_ok() && (0.0..=1.0).contains(&epsilon)
    );
    assert!(count > 0 && count == other || drop.is_err());
    // The metrics over images are the means of the metrics of each image.
    let pairs: Result<Vec<ProbabilityPair>, _> = p
        .iter()
        .zip(&o)
        .map(|(&p, &o)| ProbabilityPair::new(p, o))
        .collect();
    if let (Ok(drop), Ok(gain), Ok(absolute)) = (&drop, &gain, &absolute) {
        let pairs = pairs.unwrap();
        let percent = |metric: fn(ProbabilityPair) -> f64| {
            100.0 * pairs.iter().map(|&pair| metric(pair)).sum::<f64>() / pairs.len() as f64
        };
        assert_eq!(*drop, percent(ProbabilityPair::drop));
        assert_eq!(*gain, percent(ProbabilityPair::gain));
        assert_eq!(*absolute, percent(ProbabilityPair::absolute_drop));
        assert!(absolute <= drop);
    }
    for percent in [drop, increase, absolute, gain, with_epsilon] {
        assert!(percent.is_err() || (0.0..=100.0).contains(&percent.unwrap()));
    }

    let mask: Vec<bool> = (0..other).map(|_| random.below(2) == 0).collect();
    let threshold = kind.entry::<f64>(&mut random);
    let overlap = call("iou", || iou(&p, &mask, threshold));
    assert!(overlap.is_err() || count == other && count > 0);
    let pixels = number(&mut random, 4);
    let mean = call("mean_iou", || mean_iou(&p, &mask, pixels, threshold));
    let regions: Vec<Region> = (0..other)
        .map(|_| Region::from_voc([0, 1, 255][random.below(3)]))
        .collect();
    let labelled = call("iou_of_regions", || iou_of_regions(&p, &regions, threshold));
    assert_eq!(labelled.is_ok(), overlap.is_ok());
    let area = call("area_under_curve", || area_under_curve(&p));
    for share in [overlap, mean, labelled, area].into_iter().flatten() {
        assert!((0.0..=1.0).contains(&share));
    }

    if let Ok(order) = call("PixelOrder::new", || PixelOrder::new(&p)) {
        let (step, steps) = (number(&mut random, 4), number(&mut random, 4));
        let inserted = call("PixelOrder::inserted", || order.inserted(step, steps));
        let kept = call("PixelOrder::kept", || order.kept(step, steps));
        assert_eq!(inserted.is_ok(), steps > 0 && step <= steps);
        assert_eq!(inserted.is_ok(), kept.is_ok());
        if let (Ok(inserted), Ok(kept)) = (inserted, kept) {
            assert!(inserted.iter().zip(&kept).all(|(a, b)| a != b));
        }
        let half = order.upper_half().iter().filter(|&&pixel| pixel).count();
        assert_eq!(half, count.div_ceil(2));
    }

    let bootstrap = Bootstrap {
        resamples: random.below(20),
        level: [0.95, 0.0, 1.0, -0.1, f64::NAN][random.below(5)],
        seed,
    };
    let interval = call("Bootstrap::mean", || bootstrap.mean(&o));
    if let Ok(interval) = interval {
        let least = o.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = o.iter().copied().fold(0.0, f64::max);
        let margin = 1e-12 * largest;
        assert!(least - margin <= interval.low && interval.low <= interval.high);
        assert!(interval.high <= largest + margin && interval.mean <= largest + margin);
    }

    let shape = [[0, 3], [3, 0], [2, 1], [1, 2]][random.below(4)];
    let (z, masked) = (
        list(&mut random, shape[0] * shape[1]),
        list(&mut random, shape[0] * shape[1]),
    );
    let z = TensorRef::new(&shape, &z).unwrap();
    let masked = TensorRef::new(&shape, &masked).unwrap();
    let error = call("embedding_mse", || embedding_mse(z, masked));
    assert!(shape[0] > 0 || error.is_err());
    call("embedding_error", || embedding_error(z, masked)).ok();
}

proptest! {
    #![proptest_config(config(128))]

    #[test]
    fn saliency_maps_with_arbitrary_options(shape in shapes(), kind in entries(), seed: u64) {
        check_cam::<f64>(&shape, kind, seed);
        check_cam::<f32>(&shape, kind, seed.rotate_left(1));
    }

    #[test]
    fn layouts_of_arbitrary_words(shape in shapes(), seed: u64) {
        check_layout::<f64>(&shape, seed);
    }

    #[test]
    fn pictures_of_arbitrary_maps(shape in shapes(), kind in entries(), seed: u64) {
        check_pictures::<f64>(&shape, kind, seed);
        check_pictures::<f32>(&shape[..shape.len().min(2)], kind, seed);
    }

    #[test]
    fn metrics_of_arbitrary_lists(seed: u64) {
        check_metrics(seed);
    }
}

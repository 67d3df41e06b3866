//! Layouts: an array with permuted modes and its layout give the feature maps of the array in the
//! usual order, and their saliency maps, bit by bit.

use proptest::prelude::*;
use tenfold::cam::{Cam, Grid, Layout, Reading, Tokens, Weighting};
use tenfold::{Error, LayoutError, Tensor};

use crate::common::random::{Random, random_cases};

/// Letters in the order of feature maps, with the extents of their modes.
#[derive(Clone, Debug)]
struct Modes {
    letters: Vec<char>,
    extents: Vec<usize>,
}

impl Modes {
    /// Feature maps H×W, or lines if `is_line`, with some of the letters x, n and t before them.
    fn new(random: &mut Random, is_line: bool) -> Self {
        let (mut letters, mut extents) = (Vec::new(), Vec::new());
        let mut push = |letter, extent| {
            letters.push(letter);
            extents.push(extent);
        };
        for _ in 0..random.below(3) {
            push('x', 1);
        }
        for batch in ['n', 't'] {
            if random.below(2) == 0 {
                push(batch, 1 + random.below(3));
            }
        }
        push('c', 1 + random.below(5));
        let positions: &[char] = if is_line { &['l'] } else { &['h', 'w'] };
        for &letter in positions {
            push(letter, 1 + random.below(5));
        }
        Self { letters, extents }
    }

    fn extent(&self, letter: char) -> Option<usize> {
        let mode = self.letters.iter().position(|&own| own == letter)?;
        Some(self.extents[mode])
    }

    /// The shape of the feature maps.
    fn shape(&self) -> Vec<usize> {
        let batch: Vec<usize> = ['n', 't'].iter().filter_map(|&l| self.extent(l)).collect();
        let batch = (!batch.is_empty()).then(|| batch.iter().product());
        let map = ['c', 'h', 'w', 'l'].iter().filter_map(|&l| self.extent(l));
        batch.into_iter().chain(map).collect()
    }

    /// A permutation of the modes.
    fn permutation(&self, random: &mut Random) -> Vec<usize> {
        let mut permutation: Vec<usize> = (0..self.letters.len()).collect();
        for last in (1..permutation.len()).rev() {
            permutation.swap(last, random.below(last + 1));
        }
        permutation
    }

    /// The layout of the array with permuted modes.
    fn layout(&self, permutation: &[usize]) -> Layout {
        let word: String = permutation.iter().map(|&mode| self.letters[mode]).collect();
        word.parse().unwrap()
    }
}

fn maps_of(features: &Tensor<f64>, reading: &Reading) -> Vec<f64> {
    let cam = Cam::new(Weighting::Mtsm);
    if reading.is_batch() {
        let maps = cam.saliency_maps(features).unwrap().into_iter();
        maps.flat_map(|map| map.into_values().into_data()).collect()
    } else {
        let map = cam.saliency_map(features).unwrap();
        map.into_values().into_data()
    }
}

/// Fails unless each entry of the feature maps is the entry of the array at the index that
/// [`Reading::index_in_array`] returns.
fn check_indices(array: &Tensor<f64>, features: &Tensor<f64>, reading: &Reading) {
    let shape = tenfold::tensor::Shape::new(features.shape()).unwrap();
    for (offset, entry) in features.iter().enumerate() {
        let index = reading.index_in_array(&shape.index(offset).unwrap());
        assert_eq!(array.get(&index.unwrap()), Some(*entry));
    }
    assert_eq!(reading.index_in_array(features.shape()), None);
}

proptest! {
    #![proptest_config(random_cases(256, 17))]

    #[test]
    fn a_permuted_array_with_its_layout_gives_the_same_maps(seed: u64, is_line: bool) {
        let mut random = Random::new(seed);
        let modes = Modes::new(&mut random, is_line);
        let original: Tensor<f64> = random.tensor(&modes.extents);
        let permutation = modes.permutation(&mut random);
        let array = original.permute(&permutation).unwrap();
        // A line remains a line: without a grid of one row, `lc` would be a square grid.
        let tokens = Tokens {
            grid: modes.extent('l').map(|width| Grid { height: 1, width }),
            prefix: is_line.then_some(0),
        };
        let reading = modes.layout(&permutation).read(array.shape(), tokens).unwrap();
        let mut shape = modes.shape();
        if is_line {
            shape.insert(shape.len() - 1, 1);
        }
        prop_assert_eq!(reading.shape(), &shape);
        let expected = original.reshape(&shape).unwrap();
        let features = reading.feature_maps(array.clone()).unwrap();
        prop_assert_eq!(&features, &expected);
        if array.data() != features.data() {
            prop_assert_eq!(reading.memory::<f64>(), 8 * array.data().len() as u64);
        }
        check_indices(&array, &features, &reading);
        prop_assert_eq!(maps_of(&features, &reading), maps_of(&expected, &reading));
    }

    #[test]
    fn prefix_tokens_change_nothing(seed: u64, prefix in 0usize..4, side in 1usize..4) {
        let mut random = Random::new(seed);
        let (items, channels) = (1 + random.below(3), 1 + random.below(4));
        let plain: Tensor<f64> = random.tensor(&[items, channels, side * side]);
        // Not finite, so that a prefix token that is used is an error.
        let all = Tensor::from_fn(&[items, channels, prefix + side * side], |i| {
            match i[2].checked_sub(prefix) {
                Some(token) => plain.get(&[i[0], i[1], token]).unwrap(),
                None => f64::NAN,
            }
        });
        let all = all.unwrap();
        let expected = plain.reshape(&[items, channels, side, side]).unwrap();
        let grid = Some(Grid { height: side, width: side });
        for (word, permutation, grid) in [
            ("nlc", [0, 2, 1], None),
            ("lnc", [2, 0, 1], None),
            ("ncl", [0, 1, 2], grid),
        ] {
            let array = all.permute(&permutation).unwrap();
            let tokens = Tokens { grid, prefix: Some(prefix) };
            let layout: Layout = word.parse().unwrap();
            let reading = layout.read(array.shape(), tokens).unwrap();
            let features = reading.feature_maps(array.clone()).unwrap();
            prop_assert_eq!(&features, &expected);
            check_indices(&array, &features, &reading);
            prop_assert_eq!(maps_of(&features, &reading), maps_of(&expected, &reading));
        }
    }
}

/// The bytes that a reading of an array in `f32` allocates.
fn copied(word: &str, shape: &[usize], tokens: Tokens) -> u64 {
    let layout: Layout = word.parse().unwrap();
    layout.read(shape, tokens).unwrap().memory::<f32>()
}

#[test]
fn entries_in_the_right_order_are_not_copied() {
    let line = Tokens::default();
    for (word, shape) in [
        ("chw", &[8, 3, 4][..]),
        ("nchw", &[2, 8, 3, 4]),
        ("cthw", &[8, 1, 3, 4]),
        ("hwc", &[1, 1, 8]),
        ("hwcx", &[3, 4, 1, 1]),
        ("xclx", &[1, 8, 9, 1]),
        ("nlc", &[5, 1, 9]),
    ] {
        assert_eq!(copied(word, shape, line), 0, "{word}");
        let layout: Layout = word.parse().unwrap();
        let x = Tensor::<f32>::zeros(shape).unwrap();
        let place = x.data().as_ptr();
        let features = layout.read(shape, line).unwrap().feature_maps(x).unwrap();
        assert_eq!(features.data().as_ptr(), place, "{word}");
    }
    assert_eq!(copied("hwc", &[3, 4, 8], line), 4 * 96);
    assert_eq!(copied("nlc", &[2, 10, 8], line), 4 * 2 * 9 * 8);
}

#[test]
fn readings_are_sentences() {
    let given = Tokens {
        grid: Some("12x16".parse().unwrap()),
        prefix: Some(5),
    };
    for (word, shape, tokens, sentence) in [
        (
            "ncthw",
            &[2, 512, 4, 7, 7][..],
            Tokens::default(),
            "8 feature maps of 512 channels × 7×7 positions",
        ),
        (
            "chw",
            &[1, 1, 1],
            Tokens::default(),
            "1 feature map of 1 channel × 1×1 position",
        ),
        (
            "cl",
            &[512, 49],
            Tokens::default(),
            "1 feature map of 512 channels × 49 positions",
        ),
        (
            "lc",
            &[197, 96],
            Tokens::default(),
            "1 feature map of 96 channels × 14×14 positions, 1 prefix token dropped",
        ),
        (
            "nlc",
            &[1, 197, 96],
            given,
            "1 feature map of 96 channels × 12×16 positions, 5 prefix tokens dropped",
        ),
    ] {
        let layout: Layout = word.parse().unwrap();
        let reading = layout.read(shape, tokens).unwrap();
        assert_eq!(reading.to_string(), sentence);
    }
}

#[test]
fn layouts_that_do_not_fit_the_array_are_refused() {
    let grid = Tokens {
        grid: Some("7x7".parse().unwrap()),
        prefix: None,
    };
    for (word, shape, tokens, message) in [
        (
            "hwc",
            &[512, 7, 7, 2][..],
            Tokens::default(),
            "layout hwc has 3 letters, the array 512×7×7×2 has 4 modes",
        ),
        (
            "nhwc",
            &[5],
            Tokens::default(),
            "layout nhwc has 4 letters, the array 5 has 1 mode",
        ),
        (
            "xhwcx",
            &[1, 7, 7, 8, 2],
            Tokens::default(),
            "layout xhwcx drops mode 4 of the array 1×7×7×8×2, \
             only a mode of extent 1 can be dropped",
        ),
        (
            "hwc",
            &[7, 7, 8],
            grid,
            "layout hwc has no letter l, a grid and prefix tokens need one, as in nlc",
        ),
        (
            "hwc",
            &[7, 0, 8],
            Tokens::default(),
            "shape 7×0×8 has no entries, at least one is needed",
        ),
    ] {
        let layout: Layout = word.parse().unwrap();
        let error = layout.read(shape, tokens).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let nlc: Layout = "nlc".parse().unwrap();
    let error = nlc.read(&[1, 199, 96], Tokens::default()).unwrap_err();
    let expected = LayoutError::NoSquareGrid {
        tokens: 199,
        prefix: None,
    };
    assert!(matches!(error, Error::Layout(error) if error == expected));
    let hwc: Layout = "hwc".parse().unwrap();
    let reading = hwc.read(&[2, 3, 4], Tokens::default()).unwrap();
    let other = Tensor::<f64>::zeros(&[4, 2, 3]).unwrap();
    let error = reading.feature_maps(other).unwrap_err();
    assert!(matches!(error, Error::ShapeMismatch { .. }), "{error}");
}

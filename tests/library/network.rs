//! Networks: small files of `tests/interop/make_networks.py`, and what onnxruntime and Pillow
//! compute with them.

use std::path::PathBuf;

use tenfold::io::{AnyTensor, RgbImage, read_image, read_npy};
use tenfold::network::{Network, Preprocessing, Preset};
use tenfold::{Error, NetworkError, Tensor};

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/networks");
    folder.join(name)
}

fn open(name: &str) -> Network {
    Network::open(path(name)).unwrap()
}

fn refusal(name: &str) -> String {
    match Network::open(path(name)) {
        Ok(_) => panic!("{name} was read"),
        Err(error) => error.to_string(),
    }
}

fn golden(name: &str) -> Tensor<f32> {
    match read_npy(path(name)).unwrap() {
        AnyTensor::F32(x) => x,
        AnyTensor::F64(_) => panic!("{name} is f64"),
    }
}

fn photograph() -> RgbImage {
    read_image(path("photograph.png")).unwrap()
}

/// The image of the photograph for a network.
fn image(network: &Network) -> Tensor<f32> {
    let preprocessing = Preprocessing::of(Preset::Imagenet, network.input()).unwrap();
    let crop = preprocessing.crop(&photograph()).unwrap();
    preprocessing.tensor(&crop).unwrap()
}

#[track_caller]
fn assert_close(actual: &Tensor<f32>, expected: &Tensor<f32>, tolerance: f32) {
    assert_eq!(actual.shape(), expected.shape());
    for (a, b) in actual.data().iter().zip(expected.data()) {
        assert!((a - b).abs() <= tolerance, "{a} {b}");
    }
}

#[test]
fn a_network_computes_what_onnxruntime_computes() {
    for (name, tolerance) in [
        ("quadrants.onnx", 1e-5),
        ("external.onnx", 1e-5),
        ("newer.onnx", 1e-5),
        ("quadrants_u8.onnx", 1e-5),
        ("quadrants_f16.onnx", 1e-2),
    ] {
        let network = open(name);
        let plan = network
            .plan(&["features", "probabilities", "relu2"])
            .unwrap();
        let outputs = plan.run(&image(&network)).unwrap();
        assert_close(&outputs[0], &golden("quadrants.features.npy"), tolerance);
        let probabilities = &outputs[1];
        assert_close(
            probabilities,
            &golden("quadrants.probabilities.npy"),
            tolerance,
        );
        // The bright quadrant is the lower left.
        assert!(probabilities.data()[2] > 0.5, "{probabilities:?}");
        assert_close(&outputs[2], &golden("quadrants.relu2.npy"), tolerance);
    }
}

#[test]
fn tokens_of_a_transformer() {
    let network = open("transformer.onnx");
    let plan = network.plan(&["block1.sum2"]).unwrap();
    let outputs = plan.run(&image(&network)).unwrap();
    assert_close(&outputs[0], &golden("transformer.block1.sum2.npy"), 1e-4);
}

#[test]
fn outputs_follow_the_order_of_the_names() {
    let network = open("quadrants.onnx");
    let image = image(&network);
    let all = ["logits", "features", "logits", "/features/Mul"];
    let outputs = network.plan(&all).unwrap().run(&image).unwrap();
    assert_eq!(outputs[0], outputs[2]);
    assert_eq!(outputs[1], outputs[3]);
    let alone = network.plan(&["logits"]).unwrap();
    assert_close(&alone.run(&image).unwrap()[0], &outputs[0], 1e-6);
    let nothing = network.plan(&[]).unwrap();
    assert!(nothing.run(&image).unwrap().is_empty());
}

/// Images on several threads give the same bits as images one by one.
#[test]
fn results_do_not_depend_on_threads() {
    let network = open("quadrants.onnx");
    let plan = network.plan(&["features", "logits"]).unwrap();
    let first = image(&network);
    let images: Vec<Tensor<f32>> = (0..7)
        .map(|shift| {
            let entries = first.data().iter().map(|entry| entry + shift as f32 / 10.0);
            Tensor::new(first.shape(), entries.collect()).unwrap()
        })
        .collect();
    let one_by_one: Vec<_> = images
        .iter()
        .map(|image| plan.run(image).unwrap())
        .collect();
    assert_eq!(plan.run_all(&images).unwrap(), one_by_one);
}

#[test]
fn layers_have_names_operators_and_shapes() {
    let network = open("quadrants.onnx");
    let layers: Vec<String> = network
        .layers()
        .iter()
        .map(|layer| layer.to_string())
        .collect();
    assert_eq!(
        layers,
        [
            "conv1 (1×8×32×32)",
            "relu1 (1×8×32×32)",
            "conv2 (1×8×32×32)",
            "sum2 (1×8×32×32)",
            "relu2 (1×8×32×32)",
            "conv3 (1×16×8×8)",
            "relu3 (1×16×8×8)",
            "features (1×16×8×8)",
            "pooled (1×16×1×1)",
            "embedding (1×16)",
            "logits (1×4)",
            "probabilities (1×4)",
        ]
    );
    assert_eq!(network.layers()[3].operator(), "Add");
    assert_eq!(network.layers()[3].node(), "/sum2/Add");
    assert_eq!(network.outputs(), ["probabilities"]);
    let input = network.input();
    assert_eq!((input.name(), input.size().unwrap()), ("image", (32, 32)));
    let error = network.layer("feature").unwrap_err().to_string();
    assert_eq!(
        error,
        "the network has no layer \"feature\", the nearest names are \"features\", \"relu1\", \
         \"relu2\""
    );
}

#[test]
fn the_last_feature_map() {
    for (name, layer, last) in [
        ("quadrants.onnx", "features", false),
        ("quadrants_u8.onnx", "features", false),
        ("channels_last.onnx", "last", true),
        ("unsupported_head.onnx", "features", false),
        ("open_size.onnx", "conv", false),
        // Before the predictions of a detector, which are the last tensors with positions.
        ("detector.onnx", "neck2", false),
        // Before the mask of one channel.
        ("segmentation.onnx", "features", false),
        // After a convolution of integers.
        ("quantised.onnx", "features", false),
    ] {
        let network = open(name);
        let chosen = network.last_feature_map().unwrap();
        assert_eq!((chosen.name(), chosen.channels_last()), (layer, last));
    }
}

#[test]
fn networks_without_a_last_feature_map() {
    let refusal = |name| open(name).last_feature_map().unwrap_err().to_string();
    assert_eq!(
        refusal("transformer.onnx"),
        "after the last convolution, embedded, the network goes on with tokens (MatMul \
         \"/block0.q/MatMul\"): name a layer, such as norm (1×17×16), block1.sum2 (1×17×16), \
         block1.norm2 (1×17×16), block1.sum1 (1×17×16)"
    );
    assert_eq!(
        refusal("no_convolution.onnx"),
        "the network has no convolution with several channels and positions: name a layer"
    );
}

#[test]
fn an_operator_that_the_engine_lacks_is_named_if_it_is_needed() {
    let network = open("unsupported_head.onnx");
    assert!(network.plan(&["features"]).is_ok());
    let message = "the operator ImageMagic of the node \"/magic/ImageMagic\" is not supported";
    let refused = |network: &Network, layer| match network.plan(&[layer]) {
        Ok(_) => panic!("{layer} was prepared"),
        Err(error) => error.to_string(),
    };
    assert_eq!(refused(&network, "magic"), message);
    assert_eq!(refused(&open("unsupported_start.onnx"), "conv"), message);
}

#[test]
fn inputs_with_an_open_size() {
    for name in ["open_size.onnx", "open_input.onnx"] {
        let network = open(name);
        let message = "the input \"image\" has no fixed height and width, an input size must be \
                       given";
        assert_eq!(network.input().size().unwrap_err().to_string(), message);
        assert!(matches!(
            network.plan(&["conv"]),
            Err(Error::Network(NetworkError::UnknownInputSize { .. }))
        ));
        let network = network.with_input_size(20, 28).unwrap();
        let chosen = network.last_feature_map().unwrap();
        assert_eq!(chosen.to_string(), "conv (1×4×20×28)");
        let outputs = network
            .plan(&["conv"])
            .unwrap()
            .run(&image(&network))
            .unwrap();
        assert_eq!(outputs[0].shape(), [4, 20, 28]);
    }
    let network = open("quadrants.onnx");
    let Err(error) = network.with_input_size(16, 32) else {
        panic!("the size was accepted");
    };
    assert_eq!(
        error.to_string(),
        "the input \"image\" has the shape 1×3×32×32, the input size 16×32 does not fit"
    );
}

#[test]
fn inputs_that_are_not_one_image_are_refused() {
    for (name, problem) in [
        (
            "batch8.onnx",
            "the input \"image\" always holds 8 images, 1 or any number was expected",
        ),
        (
            "integers.onnx",
            "the input \"image\" has the type I64, f16, f32, f64 or u8 was expected",
        ),
        (
            "vector.onnx",
            "the input \"image\" has the shape 1×3, one batch of images was expected, such as \
             1×3×224×224",
        ),
        (
            "grey.onnx",
            "the input \"image\" has the shape 1×1×32×32, 3 colours in mode 1 or 3 were expected",
        ),
        (
            "two_inputs.onnx",
            "the network has 2 inputs (image, other), one image was expected",
        ),
    ] {
        let message = refusal(name);
        assert_eq!(message, format!("{}: {problem}", path(name).display()));
    }
}

#[test]
fn files_that_are_not_networks_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.onnx");
    let network = std::fs::read(path("quadrants.onnx")).unwrap();
    for (bytes, problem) in [
        (&b""[..], "the file is empty, an ONNX network was expected"),
        (
            b"version https://git-lfs",
            "this is a text file, an ONNX network was expected",
        ),
        (
            b"\x89PNG\r\n\x1a\n",
            "this is a PNG, an ONNX network was expected",
        ),
        (
            &network[..8000],
            "this is not an ONNX network, or it is damaged: ",
        ),
        (
            b"\xff\xff\xff\xff",
            "this is not an ONNX network, or it is damaged: ",
        ),
        (
            b"\x08\x07",
            "this is not an ONNX network, or it is damaged: it has no nodes",
        ),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let Err(error) = Network::open(&file) else {
            panic!("{problem}");
        };
        let message = error.to_string();
        let start = format!("{}: {problem}", file.display());
        assert!(message.starts_with(&start), "{message}");
        assert_eq!(message.lines().count(), 1);
    }
    // External data without its file.
    std::fs::copy(path("external.onnx"), &file).unwrap();
    let Err(error) = Network::open(&file) else {
        panic!("the file of the weights is missing");
    };
    assert!(error.to_string().contains("external.bin"), "{error}");
}

#[test]
fn a_file_cannot_claim_more_memory_than_it_needs() {
    let message = refusal("claims_terabytes.onnx");
    let problem = "the node \"/large/ConstantOfShape\" (ConstantOfShape) claims a tensor of the \
                   extents [1000000, 1000000], at most 268435456 entries were expected";
    assert!(message.ends_with(problem), "{message}");
}

#[test]
fn images_of_another_shape_are_refused() {
    let network = open("quadrants.onnx");
    let plan = network.plan(&["features"]).unwrap();
    for shape in [&[3, 32, 31][..], &[32, 32, 3], &[1, 3, 32, 32], &[3]] {
        let error = plan.run(&Tensor::zeros(shape).unwrap()).unwrap_err();
        assert!(matches!(error, Error::ShapeMismatch { .. }), "{error}");
    }
    // Colours last are accepted where the network has them last.
    let network = open("quadrants_u8.onnx");
    let plan = network.plan(&["features"]).unwrap();
    let first = image(&network);
    let last = first.permute(&[1, 2, 0]).unwrap();
    assert_eq!(plan.run(&last).unwrap(), plan.run(&first).unwrap());
}

/// The picture of `make_networks.py`.
fn pattern(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let level = |colour: u32| {
            let waves = x * x * 7 + y * 13 + x * y * 3 + colour * 85;
            ((waves + (x * 31 + y * 17) % 97) % 256) as u8
        };
        [level(0), level(1), level(2)].into()
    })
}

fn preprocessing(resize: usize, crop: (usize, usize)) -> Preprocessing {
    Preprocessing {
        resize,
        crop,
        mean: [0.0; 3],
        std: [1.0; 3],
        scale: 1.0,
    }
}

#[test]
fn crops_equal_those_of_pillow() {
    for (width, height, resize, crop) in [
        (40, 30, 16, 16),
        (30, 41, 20, 15),
        (7, 5, 16, 16),
        (1, 9, 6, 6),
        (9, 1, 6, 6),
        (1, 1, 8, 8),
        (3000, 2, 5, 5),
        (2, 3000, 5, 5),
        (257, 255, 32, 9),
        (16, 16, 16, 16),
        (33, 16, 16, 15),
    ] {
        let name = format!("crop.{width}x{height}.{resize}.{crop}.png");
        let expected = read_image(path(&name)).unwrap();
        let cropped = preprocessing(resize, (crop, crop));
        let cropped = cropped.crop(&pattern(width, height)).unwrap();
        assert_eq!(cropped, expected, "{name}");
    }
}

#[test]
fn a_crop_of_another_form_is_covered() {
    for (width, height) in [(40, 30), (30, 40), (1, 50), (50, 1)] {
        let photograph = RgbImage::from_pixel(width, height, [9, 8, 7].into());
        for crop in [(12, 40), (40, 12), (1, 1)] {
            let cropped = preprocessing(12, crop).crop(&photograph).unwrap();
            assert_eq!(cropped.dimensions(), (crop.1 as u32, crop.0 as u32));
            assert!(cropped.pixels().all(|pixel| pixel.0 == [9, 8, 7]));
        }
    }
}

/// The longer side would have 2³² pixels.
#[test]
fn a_very_long_picture_needs_little_memory() {
    let photograph = RgbImage::from_fn(1 << 20, 1, |x, _| [(x >> 12) as u8; 3].into());
    let cropped = preprocessing(4096, (8, 8)).crop(&photograph).unwrap();
    assert!(
        cropped
            .pixels()
            .all(|pixel| (127..=128).contains(&pixel.0[0]))
    );
}

/// A mask with the values of a photograph's pixels is cropped as the photograph.
#[test]
fn masks_have_the_geometry_of_photographs() {
    use tenfold::io::GrayImage;
    for (width, height, resize) in [(40, 30, 16), (30, 41, 20), (7, 5, 16), (1, 9, 16)] {
        let mask = GrayImage::from_fn(width, height, |x, y| [if x > y { 255 } else { 3 }].into());
        let cropped = preprocessing(resize, (16, 16)).crop_mask(&mask).unwrap();
        assert_eq!(cropped.dimensions(), (16, 16));
        assert!(cropped.pixels().all(|pixel| [3, 255].contains(&pixel.0[0])));
        let photograph =
            RgbImage::from_fn(width, height, |x, y| [mask.get_pixel(x, y).0[0]; 3].into());
        let smooth = preprocessing(resize, (16, 16)).crop(&photograph).unwrap();
        let differing = cropped.pixels().zip(smooth.pixels());
        let differing = differing.filter(|(mask, smooth)| mask.0[0].abs_diff(smooth.0[0]) > 170);
        assert!(differing.count() <= 2);
    }
}

#[test]
fn preprocessing_that_is_not_possible() {
    let photograph = pattern(4, 4);
    for (resize, crop) in [
        (0, (1, 1)),
        (1, (0, 1)),
        (1, (1, 0)),
        (1 << 14, (1, 1)),
        (1, (1 << 14, 1)),
    ] {
        assert!(preprocessing(resize, crop).crop(&photograph).is_err());
    }
    assert!(preprocessing(4, (4, 4)).crop(&RgbImage::new(0, 4)).is_err());
    assert!(
        preprocessing(4, (4, 4))
            .tensor(&RgbImage::new(0, 4))
            .is_err()
    );
}

//! The functions that the fuzzer calls. A test of the command calls them with the corpus.
//!
//! Bad input must give an error. It must not cause a panic, an endless loop or a wrong result.

use std::io::{Cursor, Write};
use std::path::Path;

use tenfold::cam::{Cam, Colormap, Combination, Grid, Layout, Sign, Tokens, Weighting};
use tenfold::io::{
    AnyTensor, AnyTucker, ArrayFile, Element, Member, Raw, ReadOptions, members_from,
    read_array_from, read_image, read_mask, read_npy, read_tucker,
};
#[cfg(feature = "onnx")]
use tenfold::network::Network;
use tenfold::{
    Hooi, Hosvd, Method, Randomized, Result, Route, Scalar, Slice, Solver, StHosvd, Tensor,
    Truncation, Tucker,
};

/// Reads a `.npy` file with these bytes.
pub fn npy(data: &[u8]) {
    let tensor = as_file(data, ".npy", |path| read_npy(path));
    match tensor {
        Ok(AnyTensor::F32(x)) => check_size(&x, data),
        Ok(AnyTensor::F64(x)) => check_size(&x, data),
        Err(error) => check_message(&error),
    }
}

/// Reads a decomposition with these bytes, and calls the functions that the command calls.
pub fn npz(data: &[u8]) {
    match as_file(data, ".npz", |path| read_tucker(path)) {
        Ok((AnyTucker::F32(tucker), _)) => use_tucker(&tucker),
        Ok((AnyTucker::F64(tucker), _)) => use_tucker(&tucker),
        Err(error) => check_message(&error),
    }
}

/// Reads every array of an archive with these bytes.
pub fn archive(data: &[u8]) {
    // Deflate makes at most 1032 bytes from one.
    read_members(data, 1032);
}

/// Reads every tensor of a `.safetensors` file with these bytes.
pub fn safetensors(data: &[u8]) {
    read_members(data, 1);
}

/// Reads every dataset of an HDF5 file with these bytes. Chunks that were never written have no bytes
/// in the file.
pub fn hdf5(data: &[u8]) {
    read_members(data, (1 << 30) / data.len().max(1) + 1032);
}

/// Reads a NIfTI volume with these bytes.
pub fn nifti(data: &[u8]) {
    read_members(data, 1032);
}

/// Reads every variable of a MATLAB file with these bytes.
pub fn matlab(data: &[u8]) {
    read_members(data, 1032);
}

/// Lists the arrays of a file with these bytes and reads each. An entry takes at most 8 bytes for each
/// of the `expansion` bytes that a byte of the file can hold.
fn read_members(data: &[u8], expansion: usize) {
    for bfloat16 in [false, true] {
        let options = ReadOptions {
            bfloat16,
            ..ReadOptions::default()
        };
        let members = match members_from(Cursor::new(data), &options) {
            Ok(members) => members,
            Err(error) => return check_message(&error),
        };
        // The command compares the memory with a limit before it reads.
        let small = |member: &Member| member.memory <= 1 << 26;
        for member in members.into_iter().filter(small) {
            let array = read_array_from(Cursor::new(data), Some(&member.name), &options);
            match array {
                // Two members may have the same name.
                Ok(array) if array.shape() == member.shape => {
                    let entries: usize = array.shape().iter().product();
                    assert!(member.dtype == Some(array.dtype()));
                    assert!(4 * entries as u64 <= member.memory);
                    assert!(entries <= expansion * data.len());
                }
                Ok(_) => {}
                Err(error) => check_message(&error),
            }
        }
    }
}

/// Reads raw numbers: the first bytes are the type, the order and the shape, the others the numbers.
pub fn raw(data: &[u8]) {
    let mut bytes = Bytes(data);
    let order = bytes.below(4);
    let options = ReadOptions {
        raw: Some(Raw {
            element: Element::ALL[bytes.below(Element::ALL.len())],
            fortran: bytes.next().is_multiple_of(2),
            big_endian: bytes.next().is_multiple_of(2),
            shape: (0..order).map(|_| bytes.below(20)).collect(),
        }),
        ..ReadOptions::default()
    };
    let numbers = bytes.0;
    match read_array_from(Cursor::new(numbers), None, &options) {
        Ok(AnyTensor::F32(x)) => check_size(&x, numbers),
        Ok(AnyTensor::F64(x)) => check_size(&x, numbers),
        Err(error) => check_message(&error),
    }
    let stream = Cursor::new(numbers.to_vec());
    let stream = ArrayFile::from_stream(stream, "stream", &options).and_then(ArrayFile::read);
    let whole = read_array_from(Cursor::new(numbers), None, &options);
    assert_eq!(stream.is_ok(), whole.is_ok());
}

/// Reads a picture and a mask with these bytes.
pub fn image(data: &[u8]) {
    match as_file(data, ".png", |path| read_mask(path)) {
        Ok(mask) => assert!(mask.width() > 0 && mask.height() > 0),
        Err(error) => check_message(&error),
    }
    match as_file(data, ".png", |path| read_image(path)) {
        Ok(image) => assert!(image.width() > 0 && image.height() > 0),
        Err(error) => check_message(&error),
    }
}

/// Reads an ONNX network with these bytes, and runs it for a black image.
#[cfg(feature = "onnx")]
pub fn network(data: &[u8]) {
    /// The maximum number of pixels of the image. A network can claim a larger input.
    const MAX_PIXELS: usize = 1 << 12;
    let network = match as_file(data, ".onnx", |path| Network::open(path)) {
        Ok(network) => network,
        Err(error) => return check_message(&error),
    };
    let size = network.input().size().unwrap_or((5, 6));
    if size.0.saturating_mul(size.1) > MAX_PIXELS {
        return;
    }
    let network = match network.with_input_size(size.0, size.1) {
        Ok(network) => network,
        Err(error) => return check_message(&error),
    };
    if let Ok(layer) = network.last_feature_map() {
        assert_eq!(network.layer(layer.name()).unwrap(), layer);
    }
    let last = network.layers().iter().rev().take(2);
    let names: Vec<&str> = last.map(|layer| layer.name()).collect();
    let image = Tensor::zeros(&[3, size.0, size.1]).unwrap();
    match network.plan(&names).and_then(|plan| plan.run(&image)) {
        Ok(outputs) => assert_eq!(outputs.len(), names.len()),
        Err(error) => check_message(&error),
    }
}

/// Parses the text before the first line break as a shape, and the rest as a slice, a layout, a grid
/// and names.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (shape, text) = text.split_once('\n').unwrap_or(("5,6,7", text));
    let _ = (text.parse::<Weighting>(), text.parse::<Sign>());
    let _ = text.parse::<Combination>();
    let _ = (text.parse::<Colormap>(), text.parse::<Method>());
    let shape: Option<Vec<usize>> = shape.split(',').map(|extent| extent.parse().ok()).collect();
    let Some(shape) = shape else { return };
    layout(text, &shape);
    let Ok(slice) = text.parse::<Slice>() else {
        return;
    };
    assert_eq!(slice.to_string().parse::<Slice>().unwrap(), slice);
    let Ok(ranges) = slice.resolve(&shape) else {
        return;
    };
    assert_eq!(ranges.len(), shape.len());
    for (range, &extent) in ranges.iter().zip(&shape) {
        assert!(range.start <= range.end && range.end <= extent);
    }
}

/// Parses `text` as a layout and, after a blank, a grid, and applies both to `shape`.
fn layout(text: &str, shape: &[usize]) {
    let (word, grid) = text.split_once(' ').unwrap_or((text, ""));
    let Ok(layout) = word.parse::<Layout>() else {
        return;
    };
    assert_eq!(layout.to_string().parse::<Layout>().unwrap(), layout);
    let grid: Option<Grid> = grid.parse().ok();
    match layout.read(shape, Tokens { grid, prefix: None }) {
        Ok(reading) => {
            let entries: usize = reading.shape().iter().product();
            assert!(entries > 0 && entries <= shape.iter().product());
            let last: Vec<usize> = reading.shape().iter().map(|extent| extent - 1).collect();
            assert!(reading.index_in_array(&last).is_some());
        }
        Err(error) => check_message(&error),
    }
}

/// Makes a small tensor and options from these bytes, decomposes the tensor with every solver,
/// and computes its saliency maps.
pub fn solvers(data: &[u8]) {
    let mut bytes = Bytes(data);
    if bytes.next().is_multiple_of(2) {
        solve::<f32>(bytes, |bits| f32::from_bits(bits as u32));
    } else {
        solve::<f64>(bytes, f64::from_bits);
    }
}

/// An endless sequence of bytes: zeros follow the last byte.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.next()) % bound
    }

    fn word(&mut self, bytes: usize) -> u64 {
        (0..bytes).fold(0, |word, _| word << 8 | u64::from(self.next()))
    }
}

/// Makes the tensor and the options, decomposes the tensor, and computes its saliency maps.
fn solve<T: Scalar>(mut bytes: Bytes<'_>, from_bits: impl Fn(u64) -> T) {
    // 1. The tensor and the options.
    let order = 1 + bytes.below(5);
    let shape: Vec<usize> = (0..order).map(|_| bytes.below(9)).collect();
    let truncation = if bytes.next().is_multiple_of(2) {
        Truncation::Ranks((0..order).map(|_| bytes.below(10)).collect())
    } else {
        Truncation::RelativeError(f64::from_bits(bytes.word(8)))
    };
    let route = [Route::Auto, Route::Gram, Route::Qr][bytes.below(3)];
    let ranks = [bytes.below(6), bytes.below(6), bytes.below(6)];
    let style = bytes.next();
    let entries: usize = shape.iter().product();
    let entry = |_| match style % 3 {
        // Arbitrary bits: NaN, infinities, numbers of every size.
        0 => from_bits(bytes.word(size_of::<T>())),
        // Few different values, so that singular values coincide.
        1 => T::from_f64([0.0, 1.0, -1.0, 1e-5][bytes.below(4)]),
        _ => T::from_f64(f64::from(bytes.next()) - 127.5),
    };
    let Ok(x) = Tensor::new(&shape, (0..entries).map(entry).collect()) else {
        return;
    };
    let finite = x.data().iter().all(|entry| entry.as_f64().is_finite());

    // 2. The decompositions.
    let hosvd = Hosvd {
        route,
        ..Hosvd::new(truncation.clone())
    };
    let st_hosvd = StHosvd {
        route,
        ..StHosvd::new(truncation.clone())
    };
    let hooi = Hooi {
        route,
        max_sweeps: 3,
        ..Hooi::new(truncation.clone())
    };
    let randomized = Randomized::new(truncation.clone());
    let solvers: Vec<Box<dyn Solver<T>>> = vec![
        Box::new(hosvd),
        Box::new(st_hosvd),
        Box::new(hooi),
        Box::new(randomized),
    ];
    for solver in solvers {
        // The memory estimate fails only for input that the solver refuses too.
        let outcome = solver.decompose(x.view());
        assert!(solver.memory(&shape).is_ok() || outcome.is_err());
        check_outcome(&x, finite, &truncation, outcome);
    }
    // 3. The saliency maps.
    for weighting in Weighting::ALL {
        for ranks in [None, Some(ranks.to_vec())] {
            let cam = Cam {
                ranks,
                ..Cam::new(weighting)
            };
            if let Ok(map) = cam.saliency_map(&x) {
                assert!(finite);
                let values = map.values().data().iter().map(|value| value.as_f64());
                assert!(values.clone().all(|value| (0.0..=1.0).contains(&value)));
            }
        }
    }
}

/// Checks that the factors are orthonormal, and that the relative error is at most the tolerance
/// unless a shortfall is reported.
fn check_outcome<T: Scalar>(
    x: &Tensor<T>,
    finite: bool,
    truncation: &Truncation,
    outcome: Result<Tucker<T>>,
) {
    let tucker = match outcome {
        Ok(tucker) => tucker,
        Err(error) => return check_message(&error),
    };
    assert!(
        finite,
        "a tensor with an entry that is not finite was decomposed"
    );
    for mode in 0..x.order() {
        let factor = tucker.factor(mode).unwrap();
        for j in 0..factor.ncols() {
            for i in 0..=j {
                let product: f64 = (0..factor.nrows())
                    .map(|k| factor[(k, i)].as_f64() * factor[(k, j)].as_f64())
                    .sum();
                let expected = f64::from(u8::from(i == j));
                assert!(
                    (product - expected).abs() <= 300.0 * T::EPSILON,
                    "{product}"
                );
            }
        }
    }
    // The norm of a tensor may exceed the largest number of its scalar.
    if !tucker
        .core()
        .data()
        .iter()
        .all(|entry| entry.as_f64().is_finite())
    {
        return;
    }
    if let Truncation::RelativeError(tolerance) = truncation
        && let Ok(error) = tucker.relative_error(x)
        && tucker.shortfall().is_none()
    {
        let slack = 8.0 * x.order() as f64 * T::EPSILON;
        // Numbers below the smallest normal number have fewer digits.
        let tiny = if T::EPSILON > f64::EPSILON {
            1e-33
        } else {
            1e-300
        };
        let large = x.data().iter().fold(0.0f64, |m, v| m.max(v.as_f64().abs()));
        assert!(
            error <= tolerance + slack || large < tiny,
            "{error} > {tolerance}"
        );
    }
}

/// Checks that the error has a message.
fn check_message(error: &tenfold::Error) {
    assert!(!error.to_string().is_empty());
}

/// Checks that the tensor is at most 8 times as large as its file.
fn check_size<T: Scalar>(x: &Tensor<T>, data: &[u8]) {
    assert!(size_of_val(x.data()) <= 8 * data.len());
}

/// Reconstructs a corner, and the whole tensor if it is small.
fn use_tucker<T: Scalar>(tucker: &Tucker<T>) {
    let shape = tucker.shape();
    let corner: Vec<_> = shape.iter().map(|&extent| 0..extent.min(2)).collect();
    let _ = tucker.reconstruct_slice(&corner.into());
    let entries = shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n));
    if entries.is_some_and(|entries| entries <= 1 << 12) {
        let _ = tucker.reconstruct();
    }
}

/// Calls `read` with a file that has these bytes.
fn as_file<R>(data: &[u8], suffix: &str, read: impl FnOnce(&Path) -> R) -> R {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    file.write_all(data).unwrap();
    read(file.path())
}

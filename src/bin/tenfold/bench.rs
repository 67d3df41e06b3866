//! `tenfold bench`: the times of saliency maps by SVD and by Tucker decomposition.

mod plot;
mod reference;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use clap::ValueEnum;
use serde_json::{Value, json};
use tenfold::cam::{Cam, Weighting};
use tenfold::{Scalar, Tensor};

use crate::console::{Console, times};
use crate::device::model::{Call, Task};
use crate::device::{Choice, Device, MapScalar};
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;
use crate::plotting;
use crate::progress::{Bar, Steps};

/// Measure the times of saliency maps by SVD and by Tucker decomposition on this machine
///
/// Each weighting is measured twice: by its closed form, and by its definition, which is an SVD
/// of the unfolding or HOOI at full ranks.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Shapes of feature maps
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "CxHxW,…",
        default_value = "512x7x7,1280x7x7,2048x7x7"
    )]
    shape: Vec<Shape>,
    /// The type of the entries
    #[arg(long, value_enum, default_value_t = Dtype::F32)]
    dtype: Dtype,
    /// Number of runs of each closed form; the time is the median. Definitions run at most
    /// 5 times
    #[arg(long, value_name = "N", default_value_t = 21,
          value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// The SVD of the definition: thin, or full with all C left vectors as in the published
    /// code
    #[arg(long, value_enum, default_value_t = Reference::Thin)]
    reference: Reference,
    /// Draw a chart of the times of the closed forms and of the ratio Tucker/SVD
    #[arg(long, value_name = "OUT.svg")]
    plot: Option<PathBuf>,
    /// The device that computes the closed forms. On a GPU the time per map is measured in a
    /// batch of 256, with the copies to the GPU and back
    #[arg(long, value_enum, default_value_t = Choice::Cpu)]
    device: Choice,
}

impl Args {
    /// The measured calls on a GPU: for each shape and weighting, `repeat` batches.
    fn calls(&self) -> Vec<Call> {
        let items = BATCH * usize::from(self.repeat);
        let of_shape = |Shape(shape): &Shape| {
            let batch = [&[items], &shape[..]].concat();
            Weighting::ALL.map(|weighting| Call {
                task: Task::Maps(Cam::new(weighting)),
                batch: batch.clone(),
                dtype: self.dtype.name(),
            })
        };
        self.shape.iter().flat_map(of_shape).collect()
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Dtype {
    F32,
    F64,
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// The number of bytes of an entry.
    fn size(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F64 => size_of::<f64>(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reference {
    Thin,
    Full,
}

/// A shape, written as `2048x7x7`.
#[derive(Clone)]
struct Shape(Vec<usize>);

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let extents: Result<Vec<usize>, _> = text.trim().split('x').map(str::parse).collect();
        match extents {
            Ok(extents) if extents.len() >= 2 && !extents.contains(&0) => Ok(Self(extents)),
            _ => Err(
                "the numbers of channels and of positions were expected, such as 2048x7x7"
                    .to_owned(),
            ),
        }
    }
}

/// The measurements of one weighting and one shape.
struct Row {
    weighting: Weighting,
    /// The time of the closed form.
    seconds: f64,
    /// The time of the definition.
    reference_seconds: f64,
    /// The largest difference between the two maps.
    difference: f64,
    /// What the definition computes.
    compared: &'static str,
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    if let Some(path) = &args.plot {
        plotting::check(path, &[])?;
    }
    let device = Device::open(args.device, &args.calls(), console)?;
    // Two measurements for each weighting: of its closed form and of its definition.
    let measurements = 2 * args.shape.len() * Weighting::ALL.len();
    let bar = console.progress("measuring", Steps::Unequal(measurements));
    bar.only_steps();
    let mut shapes = Vec::new();
    let mut groups = Vec::new();
    let mut text = String::new();
    for Shape(shape) in &args.shape {
        // 1. A definition needs about a dozen copies of the features in f64. A full SVD also
        // needs all left vectors.
        let entries: f64 = shape.iter().map(|&extent| extent as f64).product();
        let vectors = match args.reference {
            Reference::Thin => 0.0,
            Reference::Full => (shape[0] as f64).powi(2),
        };
        // On a GPU a whole batch is computed at once.
        let batch = if device.is_cpu() { 0 } else { BATCH };
        let batch = (batch * args.dtype.size()) as f64 * entries;
        let need = 8.0 * (12.0 * entries + 4.0 * vectors) + batch;
        memory.check_named(&times(shape), need as u64)?;
        // 2. The measurements.
        let rows = match args.dtype {
            Dtype::F32 => measure::<f32>(shape, args, &device, &bar),
            Dtype::F64 => measure::<f64>(shape, args, &device, &bar),
        }
        .map_err(|error| Failure::usage(format!("{}: {error}", times(shape))))?;
        text.push_str(&table(shape, &rows));
        shapes.push(object(shape, &rows));
        groups.push((times(shape), rows));
    }
    drop(bar);
    let threads = rayon::current_num_threads();
    let plot = args.plot.as_ref().map(|path| path.display().to_string());
    // 3. The results. The measurements are printed first, so that a full disk loses only the
    // chart.
    console.result(
        json!({
            "command": "bench",
            "device": device.name(),
            "threads": threads,
            "shapes": shapes,
            "plot": plot,
        }),
        &format!("{text}threads: {threads}; times are medians, for one map"),
    )?;
    if let Some(path) = &args.plot {
        let what = format!(
            "{}, threads: {threads}, median of {}",
            args.dtype.name(),
            args.repeat
        );
        plotting::write(path, plot::svg(&groups, &what))?;
    }
    Ok(())
}

/// The number of feature maps in the batch for a GPU.
const BATCH: usize = 256;

/// Measures all four weightings on one feature map.
fn measure<T: MapScalar>(
    shape: &[usize],
    args: &Args,
    device: &Device,
    bar: &Bar,
) -> tenfold::Result<Vec<Row>> {
    let features = features::<T>(shape)?;
    let copies = || Tensor::new(&[&[BATCH], shape].concat(), features.data().repeat(BATCH));
    let batch = (!device.is_cpu()).then(copies).transpose()?;
    let mut rows = Vec::new();
    for weighting in Weighting::ALL {
        bar.about(format!("{weighting} of {}", times(shape)));
        let cam = Cam::new(weighting);
        let (seconds, map) = match &batch {
            None => median(args.repeat.into(), || cam.saliency_map(&features))?,
            Some(batch) => {
                let (seconds, mut maps) = median(args.repeat.into(), || {
                    device.saliency_maps(&cam, batch.view())
                })?;
                (seconds / BATCH as f64, maps.swap_remove(0))
            }
        };
        bar.step();
        let (reference_seconds, (expected, compared)) = median(args.repeat.min(5).into(), || {
            reference::saliency_map(&features, weighting, args.reference)
        })?;
        bar.step();
        let pairs = map.values().data().iter().zip(expected.data());
        rows.push(Row {
            weighting,
            seconds,
            reference_seconds,
            difference: pairs
                .map(|(a, b)| (a.as_f64() - b).abs())
                .fold(0.0, f64::max),
            compared,
        });
    }
    Ok(rows)
}

/// Features like the output of a ReLU: a few shared patterns and noise, with negative entries
/// set to 0. They are the same in every run.
pub(crate) fn features<T: Scalar>(shape: &[usize]) -> tenfold::Result<Tensor<T>> {
    const PATTERNS: usize = 6;
    let positions: usize = shape[1..].iter().product();
    let wave = |i: usize, k: usize| ((i * (2 * k + 3) + k) as f64 * 0.618_034).sin();
    let mut position = 0;
    Tensor::from_fn(shape, |index| {
        let (c, p) = (index[0], position % positions);
        position += 1;
        let shared: f64 = (0..PATTERNS)
            .map(|k| (0.4 + wave(c, k)) * (0.4 + wave(p + 7, k)))
            .sum();
        let noise = 0.5 * wave(c * positions + p, 40);
        T::from_f64((shared + noise).max(0.0))
    })
}

/// The median time of `count` runs, after one run to warm up, and the result of the last run.
fn median<R>(
    count: usize,
    mut run: impl FnMut() -> tenfold::Result<R>,
) -> tenfold::Result<(f64, R)> {
    let mut result = run()?;
    let mut seconds = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        result = run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok((seconds[count / 2], result))
}

/// The time of a Tucker weighting divided by the time of the SVD weighting with the same
/// vectors.
fn tucker_to_svd(rows: &[Row], weighting: Weighting) -> Option<f64> {
    let svd = match weighting {
        Weighting::Tsm => Weighting::EigenCam,
        Weighting::Mtsm => Weighting::MultivecEigenCam,
        Weighting::EigenCam | Weighting::MultivecEigenCam => return None,
    };
    let seconds = |wanted| {
        let row = rows.iter().find(|row| row.weighting == wanted);
        row.map(|row| row.seconds)
    };
    Some(seconds(weighting)? / seconds(svd)?)
}

/// The measurements of a shape as a table.
fn table(shape: &[usize], rows: &[Row]) -> String {
    let mut text = format!(
        "{}\n  {:<20} {:>10} {:>11} {:>8} {:>10} {:>10}  against\n",
        times(shape),
        "weighting",
        "time",
        "Tucker/SVD",
        "faster",
        "definition",
        "largest Δ"
    );
    for row in rows {
        let ratio = tucker_to_svd(rows, row.weighting);
        text.push_str(&format!(
            "  {:<20} {:>7.3} ms {:>11} {:>7.1}× {:>7.2} ms {:>10.1e}  {}\n",
            row.weighting.name(),
            row.seconds * 1e3,
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            row.reference_seconds / row.seconds,
            row.reference_seconds * 1e3,
            row.difference,
            row.compared,
        ));
    }
    text
}

/// The measurements of a shape as JSON.
fn object(shape: &[usize], rows: &[Row]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "weighting": row.weighting.name(),
                "seconds": row.seconds,
                "reference_seconds": row.reference_seconds,
                "tucker_to_svd": tucker_to_svd(rows, row.weighting),
                "largest_difference": row.difference,
                "compared_with": row.compared,
            })
        })
        .collect();
    json!({ "shape": shape, "weightings": rows })
}

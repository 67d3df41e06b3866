//! `tenfold cam`: saliency maps of feature maps.

mod need;
mod picture;
mod target;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use tenfold::cam::{
    Cam, Colormap, Decomposition, Overlay, SaliencyMap, Sign, Status, Weighting, normalize, resize,
};
use tenfold::io::{AnyTensor, Npy, RgbImage, read_image};
use tenfold::{Scalar, Tensor};

use crate::console::{Console, times};
use crate::device::{Choice, Device, MapScalar};
use crate::failure::{Failure, Outcome};
use crate::list;
use crate::memory::Memory;
use crate::ranks::Ranks;
use target::Target;

/// Draw saliency maps of feature maps
///
/// Without -o the picture is F.WEIGHTING.png in the current folder.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Feature maps: C×H×W, or a batch N×C×H×W
    #[arg(value_name = "F.npy", required = true)]
    features: Vec<PathBuf>,
    /// Which map: eigen-cam, tsm, multivec-eigen-cam, mtsm, or all four
    #[arg(long, value_name = "NAME", default_value = "mtsm", value_parser = parse_weightings)]
    weighting: Weightings,
    /// Ranks of the Tucker decomposition (tsm and mtsm): one for each mode, or a
    /// single one for all, which is lowered where a mode has no such rank
    /// [default: full]
    #[arg(long, value_delimiter = ',', value_name = "C,H,W", value_parser = list::whole_number,
          allow_hyphen_values = true)]
    ranks: Option<Vec<usize>>,
    /// Subtract each channel's mean first [default: for the SVD pair only]
    #[arg(long, conflicts_with = "no_centring")]
    centring: bool,
    /// Do not subtract each channel's mean first
    #[arg(long)]
    no_centring: bool,
    /// What becomes of negative entries: absolute, positive (signed by the
    /// entry of largest magnitude, then clipped), negative (the other sign)
    /// [default: positive for eigen-cam, absolute for the others]
    #[arg(long, value_name = "NAME")]
    sign: Option<Sign>,
    /// Lay the map over this photograph, PNG or JPEG
    #[arg(long, value_name = "IMG")]
    image: Option<PathBuf>,
    /// Resize the map to this height and width, at most 67108864 pixels
    /// [default: the photograph's]
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    size: Option<(usize, usize)>,
    /// Normalise once more after resizing, as pytorch-grad-cam's result is
    #[arg(long)]
    stretch: bool,
    /// turbo, viridis, inferno, magma, plasma, gray, jet
    #[arg(long, value_name = "NAME", default_value_t)]
    colormap: Colormap,
    /// The share of the map's colour over the photograph, 0 to 1
    #[arg(long, value_name = "A", default_value_t = Overlay::default().alpha, allow_hyphen_values = true)]
    alpha: f64,
    /// A picture (.png; several maps side by side), an array (.npy, f32), or a
    /// folder that takes a picture of every map and an array of every file
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Where the maps are made
    #[arg(long, value_enum, default_value_t = Choice::Cpu)]
    device: Choice,
}

/// The weightings asked for, one or all.
#[derive(Clone)]
struct Weightings(Vec<Weighting>);

impl Weightings {
    /// The name in file names.
    fn name(&self) -> &'static str {
        match self.0.as_slice() {
            [weighting] => weighting.name(),
            _ => "all",
        }
    }
}

fn parse_weightings(name: &str) -> tenfold::Result<Weightings> {
    if name == "all" {
        return Ok(Weightings(Weighting::ALL.to_vec()));
    }
    let weighting = name.parse().map_err(|_| tenfold::Error::UnknownName {
        what: "weighting",
        name: name.to_owned(),
        known: "eigen-cam, tsm, multivec-eigen-cam, mtsm, all",
    })?;
    Ok(Weightings(vec![weighting]))
}

/// The most pixels that a map is resized to: 8192×8192.
const MOST_PIXELS: usize = 1 << 26;

fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("{text:?} is no size; height x width was expected, as in 224x224");
    let (height, width) = text.split_once(['x', '×']).ok_or_else(wrong)?;
    let height: usize = height.parse().map_err(|_| wrong())?;
    let width: usize = width.parse().map_err(|_| wrong())?;
    if height == 0 || width == 0 {
        return Err(format!("{text}: height and width must be at least 1"));
    }
    match height.checked_mul(width) {
        Some(pixels) if pixels <= MOST_PIXELS => Ok((height, width)),
        _ => Err(format!("{text} is more than {MOST_PIXELS} pixels")),
    }
}

/// The maps of one file and weighting.
struct Maps {
    /// The place of the file among the arguments.
    file: usize,
    weighting: Weighting,
    /// The ranks that they were made with; full ones for `None`.
    ranks: Option<Vec<usize>>,
    /// H×W in f32, one for each feature map of the file.
    items: Vec<(Tensor<f32>, Status)>,
    /// Whether the file is a batch.
    batch: bool,
}

pub(crate) fn run(args: &Args, console: &Console, memory: &Memory) -> Outcome {
    let files = args
        .features
        .iter()
        .map(|path| Features::open(path, args.ranks.as_deref()))
        .collect::<Outcome<Vec<_>>>()?;
    if !(0.0..=1.0).contains(&args.alpha) {
        let what = "--alpha";
        let value = args.alpha;
        return Err(tenfold::Error::FractionOutOfRange { what, value }.into());
    }
    let photograph = args.image.as_ref().map(read_image).transpose()?;
    let target = Target::of(args)?;
    target.check(args, &files)?;
    args.check_memory(&files, &target, photograph.as_ref(), memory)?;
    if args.ranks.is_some() && args.weighting.0.len() > 1 {
        console.note("--ranks is for tsm and mtsm, the other two take none");
    }
    for (path, file) in args.features.iter().zip(&files) {
        if let Some(ranks) = &file.ranks {
            ranks.note(&path.display().to_string(), console);
        }
    }

    let device = Device::open(args.device, console)?;
    let started = Instant::now();
    let bar = console.progress(Some(files.len() as u64), "maps");
    let mut maps = Vec::new();
    let mut shapes = Vec::new();
    for (file, Features { npy, ranks }) in files.into_iter().enumerate() {
        let ranks = ranks.map(|ranks| ranks.each);
        bar.set_message(args.features[file].display().to_string());
        if let Some(note) = npy.note() {
            console.note(note);
        }
        shapes.push(json!(npy.shape()));
        let of_file = match npy.read()? {
            AnyTensor::F32(x) => maps_of(args, &device, file, ranks.as_deref(), &x),
            AnyTensor::F64(x) => maps_of(args, &device, file, ranks.as_deref(), &x),
        };
        maps.extend(of_file.map_err(|error| Failure::in_file(&args.features[file], error))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();

    note_statuses(args, &maps, console);
    let outputs = target.write(args, &maps, photograph.as_ref())?;
    report(args, &maps, &shapes, &outputs, (&device, seconds), console)
}

/// A file of feature maps, opened.
struct Features {
    npy: Npy,
    /// The ranks that --ranks gives for its shape.
    ranks: Option<Ranks>,
}

impl Features {
    /// Opens a feature map and checks its shape.
    fn open(path: &Path, ranks: Option<&[usize]>) -> Outcome<Self> {
        let npy = Npy::open(path)?;
        let shape = npy.shape().to_vec();
        let error = match shape.len() {
            1 | 2 => tenfold::Error::NotAFeatureMap { shape },
            3 | 4 if shape.contains(&0) => tenfold::Error::Empty { shape },
            3 | 4 => {
                let of_given = |given| Ranks::of(given, &shape[shape.len() - 3..], None);
                let ranks = ranks.map(of_given).transpose()?;
                return Ok(Self { npy, ranks });
            }
            _ => {
                return Err(Failure::usage(format!(
                    "{}: a feature map is C×H×W, or a batch N×C×H×W, shape {} has too many modes",
                    path.display(),
                    times(&shape)
                )));
            }
        };
        Err(Failure::in_file(path, error))
    }

    /// The feature maps of a batch; none of a file that is a single one.
    fn batch(&self) -> Option<usize> {
        match *self.npy.shape() {
            [items, _, _, _] => Some(items),
            _ => None,
        }
    }
}

/// The maps of a feature map or a batch, for each weighting.
fn maps_of<T: MapScalar>(
    args: &Args,
    device: &Device,
    file: usize,
    ranks: Option<&[usize]>,
    x: &Tensor<T>,
) -> tenfold::Result<Vec<Maps>> {
    let batch = x.shape().len() == 4;
    args.weighting
        .0
        .iter()
        .map(|&weighting| {
            let cam = args.cam(weighting, ranks);
            let maps = if batch {
                device.saliency_maps(&cam, x.view())?
            } else {
                vec![device.saliency_map(&cam, x.view())?]
            };
            let items = maps.iter().map(|map| Ok((single(map)?, map.status())));
            Ok(Maps {
                file,
                weighting,
                ranks: cam.ranks,
                items: items.collect::<tenfold::Result<_>>()?,
                batch,
            })
        })
        .collect()
}

/// The map in f32.
fn single<T: Scalar>(map: &SaliencyMap<T>) -> tenfold::Result<Tensor<f32>> {
    let values = map.values();
    let entries = values.data().iter().map(|value| value.as_f64() as f32);
    Tensor::new(values.shape(), entries.collect())
}

impl Args {
    /// The map that the options ask for, at the ranks that --ranks gives for its file.
    fn cam(&self, weighting: Weighting, ranks: Option<&[usize]>) -> Cam {
        let several = self.weighting.0.len() > 1;
        let svd = weighting.decomposition() == Decomposition::Svd;
        Cam {
            ranks: ranks.filter(|_| !(several && svd)).map(<[usize]>::to_vec),
            centring: match (self.centring, self.no_centring) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            sign: self.sign,
            ..Cam::new(weighting)
        }
    }

    /// The map at the size asked for, or the photograph's; as it is if there is
    /// neither.
    fn resized(
        &self,
        map: &Tensor<f32>,
        photograph: Option<&RgbImage>,
    ) -> tenfold::Result<Tensor<f32>> {
        let of_photograph = photograph.map(|p| (p.height() as usize, p.width() as usize));
        let map = match self.size.or(of_photograph) {
            Some((height, width)) => resize(map, height, width)?,
            None => map.clone(),
        };
        if self.stretch {
            normalize(&map)
        } else {
            Ok(map)
        }
    }
}

impl Maps {
    /// The file's name and the number in the batch, for people.
    fn label(&self, args: &Args, item: usize) -> String {
        let file = args.features[self.file].display();
        if self.batch {
            format!("{file}[{item}] {}", self.weighting)
        } else {
            format!("{file} {}", self.weighting)
        }
    }
}

/// Notes the maps that mean little, the first few by name.
fn note_statuses(args: &Args, maps: &[Maps], console: &Console) {
    for (status, meaning) in [
        (
            Status::Constant,
            "every position came out the same, the map is zero",
        ),
        (
            Status::Degenerate,
            "the two largest singular values are almost equal, the map means little",
        ),
    ] {
        let labels: Vec<String> = maps
            .iter()
            .flat_map(|maps| {
                let items = maps.items.iter().enumerate();
                items
                    .filter(|(_, (_, own))| *own == status)
                    .map(|(item, _)| maps.label(args, item))
            })
            .collect();
        if let [first, rest @ ..] = labels.as_slice() {
            let others = match rest.len() {
                0 => String::new(),
                count => format!(" (and {count} more)"),
            };
            console.note(format!("{first}{others}: {meaning}"));
        }
    }
}

/// The index of the largest entry, the first on a tie.
fn peak(map: &Tensor<f32>) -> [usize; 2] {
    let width = map.shape()[1];
    let mut peak = 0;
    for (position, value) in map.data().iter().enumerate() {
        if *value > map.data()[peak] {
            peak = position;
        }
    }
    [peak / width, peak % width]
}

/// The most maps that are listed for people.
const LISTED: usize = 16;

fn report(
    args: &Args,
    maps: &[Maps],
    shapes: &[Value],
    outputs: &[PathBuf],
    (device, seconds): (&Device, f64),
    console: &Console,
) -> Outcome {
    let mut lines = Vec::new();
    let mut objects = Vec::new();
    for maps in maps {
        for (item, (map, status)) in maps.items.iter().enumerate() {
            let [row, column] = peak(map);
            lines.push(format!(
                "{}: {} map, peak at row {row}, column {column}",
                maps.label(args, item),
                times(map.shape()),
            ));
            objects.push(json!({
                "input": args.features[maps.file].display().to_string(),
                "item": maps.batch.then_some(item),
                "weighting": maps.weighting.name(),
                "ranks": maps.ranks,
                "shape": map.shape(),
                "status": status.name(),
                "peak": [row, column],
            }));
        }
    }
    let count = lines.len();
    if count > LISTED {
        lines.truncate(LISTED);
        lines.push(format!("and {} more", count - LISTED));
    }
    let plural = if count == 1 { "map" } else { "maps" };
    lines.push(format!("{count} {plural}, {seconds:.3} s"));
    let written: Vec<String> = outputs
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    for path in written.iter().take(LISTED) {
        lines.push(format!("written: {path}"));
    }
    if written.len() > LISTED {
        lines.push(format!("and {} more files", written.len() - LISTED));
    }
    let object = json!({
        "command": "cam",
        "inputs": args.features.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        "shapes": shapes,
        "weightings": args.weighting.0.iter().map(|weighting| weighting.name()).collect::<Vec<_>>(),
        "ranks": args.ranks,
        "maps": objects,
        "outputs": written,
        "device": device.name(),
        "seconds": seconds,
    });
    console.summary(None, object, &lines.join("\n"))
}

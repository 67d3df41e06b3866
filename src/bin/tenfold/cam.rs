//! `tenfold cam`: saliency maps of feature maps.
//!
//! | file | subject |
//! | --- | --- |
//! | `group` | maps of several layers that become one map |
//! | `layout` | the order of the modes of an array |
//! | `likelier` | notes about extents that look like another order |
//! | `need` | the estimate of the memory |
//! | `network` | feature maps that a network computes from photographs (feature `onnx`) |
//! | `maps` | the maps of one input |
//! | `target` | where the maps are written |
//! | `photograph` | the photograph that the maps are drawn over |
//! | `picture` | pictures of maps |
//! | `report` | notes and the summary |
//! | `weightings` | the value of `--weighting` |

mod group;
pub(crate) mod layout;
mod likelier;
mod maps;
mod need;
#[cfg(feature = "onnx")]
mod network;
mod photograph;
mod picture;
mod report;
mod target;
mod weightings;

use std::path::{Path, PathBuf};
use std::time::Instant;

use tenfold::cam::{
    Cam, Colormap, Decomposition, Overlay, Reading, Sign, Weighting, normalize, resize,
};
use tenfold::io::{AnyTensor, ArrayFile, Picture, RgbImage};
use tenfold::{Monitor, Tensor};

use crate::arrays::ArrayOptions;
use crate::batch::{Batch, KeepGoing};
use crate::console::Console;
use crate::device::model::{Call, Task};
use crate::device::{Choice, Device, MapScalar};
use crate::failure::{Failure, Outcome};
use crate::list;
use crate::memory::Memory;
use crate::names;
use crate::progress::{Bar, Steps};
use crate::ranks::Ranks;
use group::{GroupArgs, Layers};
use layout::{LayoutArgs, at_index_in_array};
use maps::{Maps, in_f32, map_size};
use need::Need;
use photograph::{Photograph, size_of};
use report::{Report, Summaries, note_statuses};
use target::{Expected, Target, Writer};
pub(crate) use weightings::Weightings;

/// Compute saliency maps of feature maps, and draw them
///
/// Without -o the picture is F.WEIGHTING.png in the current folder, or maps.WEIGHTING.png for
/// several files.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Feature maps, C×H×W, a batch N×C×H×W, C×L, or any order that --layout names: files (.npy,
    /// .npz, .safetensors, .nii, .mat; .h5 and .nc with the feature hdf5), file:name for one
    /// of several arrays, or - for one array on standard input. With --onnx: photographs, and folders
    /// of photographs
    #[arg(
        value_name = "F.npy",
        required_unless_present_any = NO_FILES,
        conflicts_with = "groups"
    )]
    features: Vec<PathBuf>,
    #[command(flatten)]
    group: GroupArgs,
    #[command(flatten)]
    layout: LayoutArgs,
    /// The kind of map: eigen-cam, tsm, multivec-eigen-cam, mtsm, or all
    #[arg(long, value_name = "NAME", default_value = "mtsm", hide_possible_values = true,
          value_parser = Weightings::parser())]
    weighting: Weightings,
    /// Maximum ranks of the Tucker decomposition (tsm and mtsm): one for each mode, or one for all
    /// modes. A rank that no core has is lowered [default: full ranks]
    #[arg(long, value_delimiter = ',', value_name = "C,H,W", value_parser = list::whole_number,
          allow_hyphen_values = true)]
    ranks: Option<Vec<usize>>,
    /// Subtract each channel's mean first [default: for eigen-cam and multivec-eigen-cam]
    #[arg(long, conflicts_with = "no_centring")]
    centring: bool,
    /// Do not subtract each channel's mean [default: for tsm and mtsm]
    #[arg(long)]
    no_centring: bool,
    /// The treatment of negative entries of projected maps: absolute (absolute values), positive
    /// (the sign for which the entry of largest magnitude is positive; negative entries become
    /// 0), negative (the same with the opposite sign) [default: positive for eigen-cam, absolute
    /// for the others]
    #[arg(long, value_name = "NAME", hide_possible_values = true,
          value_parser = names::of(Sign::ALL, Sign::name))]
    sign: Option<Sign>,
    /// Draw the map over this photograph: PNG, JPEG, WebP, BMP or TIFF, or - for standard input. It
    /// is turned as its EXIF orientation says
    #[arg(long, value_name = "IMG")]
    image: Option<PathBuf>,
    /// Resize the map to this height and width, at most 67108864 pixels
    /// [default: the size of the photograph]
    #[arg(long, value_name = "HxW", value_parser = parse_size)]
    size: Option<(usize, usize)>,
    /// Stretch the map to [0, 1] again after resizing, as pytorch-grad-cam does
    #[arg(long)]
    stretch: bool,
    /// The colours: turbo, viridis, inferno, magma, plasma, gray, jet
    #[arg(long, value_name = "NAME", default_value_t, hide_possible_values = true,
          value_parser = names::of(Colormap::ALL, Colormap::name))]
    colormap: Colormap,
    /// The opacity of the map over the photograph, 0 to 1
    #[arg(long, value_name = "A", default_value_t = Overlay::default().alpha, allow_hyphen_values = true)]
    alpha: f64,
    /// The output: a picture (.png) of all maps side by side, an array (.npy) of f32, a folder for
    /// a picture of each map and an array for each file and weighting, or - for an array on
    /// standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// The device that computes the maps
    #[arg(long, value_enum, default_value_t = Choice::Cpu)]
    device: Choice,
    #[command(flatten)]
    keep_going: KeepGoing,
    #[cfg(feature = "onnx")]
    #[command(flatten)]
    network: network::NetworkArgs,
    #[command(flatten)]
    arrays: ArrayOptions,
}

/// The options in place of files.
#[cfg(not(feature = "onnx"))]
const NO_FILES: [&str; 1] = ["groups"];
/// The options in place of files.
#[cfg(feature = "onnx")]
const NO_FILES: [&str; 2] = ["groups", "list_layers"];

/// The maximum number of pixels that a map is resized to: 8192×8192.
const MAX_RESIZED_PIXELS: usize = 1 << 26;

pub(crate) fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let wrong = || format!("{text:?} is not a size: height x width was expected, such as 224x224");
    let (height, width) = text.split_once(['x', '×']).ok_or_else(wrong)?;
    let height: usize = height.parse().map_err(|_| wrong())?;
    let width: usize = width.parse().map_err(|_| wrong())?;
    if height == 0 || width == 0 {
        return Err(format!("{text}: height and width must be at least 1"));
    }
    match height.checked_mul(width) {
        Some(pixels) if pixels <= MAX_RESIZED_PIXELS => Ok((height, width)),
        _ => Err(format!("{text} is more than {MAX_RESIZED_PIXELS} pixels")),
    }
}

pub(crate) fn run(args: Args, console: &Console, memory: &Memory) -> Outcome {
    if !(0.0..=1.0).contains(&args.alpha) {
        let what = "--alpha";
        let value = args.alpha;
        return Err(tenfold::Error::FractionOutOfRange { what, value }.into());
    }
    #[cfg(feature = "onnx")]
    if args.network.is_given() {
        return network::run(args, console, memory);
    }
    run_files(args, console, memory)
}

/// The maps of feature maps in files.
fn run_files(mut args: Args, console: &Console, memory: &Memory) -> Outcome {
    args.list_files_of_groups();
    let args = &args;
    // 1. Checks, before any entries are read.
    let batch = Batch::new(&args.keep_going);
    let groups = args.groups().into_iter();
    let groups = groups.map(|group| (group.clone(), &args.features[group]));
    let groups = batch.each(groups, |(group, _)| Layers::open(group, args))?;
    args.check_combine()?;
    let photograph = args.image.as_deref().map(Photograph::open).transpose()?;
    let target = Target::of(args)?;
    let expected = groups.iter().map(|layers| Expected {
        name: args.name(&layers.group),
        stem: args.stem(&layers.group),
        batch: layers.batch(),
    });
    target.check(args, &[], &expected.collect::<Vec<_>>())?;
    let size = photograph.as_ref().map(Photograph::size);
    let mut need = Need::new(args, &target, size);
    if let Some(photograph) = &photograph {
        need.add_photograph(photograph, memory)?;
    }
    let groups = batch.each(groups, |layers| {
        need.add(&layers, memory)?;
        Ok(layers)
    })?;
    let picture = photograph.map(|photograph| photograph.read(console));
    let picture = picture.transpose()?;
    let photograph = picture.as_ref().map(Picture::image);
    if args.ranks.is_some() && args.weighting.0.len() > 1 {
        console.note("--ranks is used for tsm and mtsm, the other two have no ranks");
    }
    let files: Vec<&Features> = groups.iter().flat_map(|layers| &layers.files).collect();
    for file in &files {
        let (path, shape) = (file.path, file.npy.shape());
        args.layout.note(path, shape, &file.reading, console);
        if let Some(ranks) = &file.ranks {
            ranks.note(&path.display().to_string(), console);
        }
    }

    // 2. The maps, file by file.
    let device = Device::open(args.device, &args.calls(&files), console)?;
    let started = Instant::now();
    let count =
        files.iter().map(|file| file.reading.items()).sum::<usize>() * args.weighting.0.len();
    let maker = Maker {
        args,
        device,
        bar: console.progress("maps", Steps::Equal(count)),
    };
    let read = batch.each(groups, |layers| {
        let files = layers.files.into_iter();
        let files = files.map(|features| maker.read(features, console));
        files.collect::<Outcome<Vec<_>>>()
    })?;
    let device = maker.device.name();
    drop(maker);
    let (inputs, maps): (Vec<_>, Vec<_>) = read.into_iter().flatten().unzip();
    let maps: Vec<Maps> = maps.into_iter().flatten().collect();
    let seconds = started.elapsed().as_secs_f64();

    // 3. The outputs and the summary.
    note_statuses(&Summaries::of(args, &maps), console);
    let maps = args.combined(maps, size)?;
    let pictures = maps.iter().map(|maps| maps.items.len()).sum();
    let mut writer = Writer::new(args, &target, target.progress(pictures, console));
    writer.add(&maps, photograph)?;
    let outputs = writer.finish()?;
    let paths = inputs.iter().map(|done| done.path.display().to_string());
    let paths: Vec<String> = paths.collect();
    let readings = inputs.iter().map(|done| done.reading.to_string());
    let report = Report {
        args,
        read: paths.iter().cloned().map(Some).collect(),
        inputs: paths,
        shapes: inputs.iter().map(|done| &done.shape[..]).collect(),
        readings: readings.collect(),
        maps: &Summaries::of(args, &maps),
        outputs: &outputs,
        device,
        seconds,
    };
    let object = report.object();
    report.print(object, batch, console)
}

/// An open file of feature maps.
struct Features<'a> {
    /// The index of the file in `Args::features`.
    file: usize,
    path: &'a Path,
    npy: ArrayFile,
    reading: Reading,
    /// The ranks for its feature maps, if `--ranks` was given.
    ranks: Option<Ranks>,
}

/// A file with computed maps.
struct Done {
    path: PathBuf,
    shape: Vec<usize>,
    reading: Reading,
}

impl<'a> Features<'a> {
    /// Opens a file and checks its shape.
    fn open(file: usize, path: &'a Path, args: &Args) -> Outcome<Self> {
        let npy = args.arrays.open(path)?;
        let reading = args.layout.read(path, npy.shape())?;
        let of_given = |given| Ranks::of(given, reading.feature_map_shape(), None);
        let ranks = args.ranks.as_deref().map(of_given).transpose();
        let ranks = ranks.map_err(|failure| failure.of_file(path))?;
        Ok(Self {
            file,
            path,
            npy,
            reading,
            ranks,
        })
    }

    /// The height and the width of its maps.
    fn size(&self) -> (usize, usize) {
        let [height, width] = map_size(&self.reading.feature_map_shape()[1..]);
        (height, width)
    }

    /// The number of feature maps of a batch; `None` for a file with a single feature map.
    fn batch(&self) -> Option<usize> {
        let items = self.reading.items();
        self.reading.is_batch().then_some(items)
    }
}

/// Computes maps with the options of the command.
struct Maker<'a> {
    args: &'a Args,
    device: Device,
    /// The progress, with a step for each map.
    bar: Bar,
}

impl Maker<'_> {
    /// Reads a file and computes its maps.
    fn read(&self, features: Features, console: &Console) -> Outcome<(Done, Vec<Maps>)> {
        let Features {
            file,
            path,
            npy,
            reading,
            ranks,
        } = features;
        let ranks = ranks.as_ref().map(|ranks| &ranks.each[..]);
        if let Some(note) = npy.note() {
            console.note(note);
        }
        let shape = npy.shape().to_vec();
        self.bar.about(path.display());
        let maps = match console.read(npy, path)? {
            AnyTensor::F32(x) => self.maps(file, ranks, &reading, x),
            AnyTensor::F64(x) => self.maps(file, ranks, &reading, x),
        };
        let maps = maps.map_err(|error| Failure::in_file(path, error))?;
        let path = path.to_path_buf();
        let done = Done {
            path,
            shape,
            reading,
        };
        Ok((done, maps))
    }

    /// The maps of an array, for each weighting.
    fn maps<T: MapScalar>(
        &self,
        file: usize,
        ranks: Option<&[usize]>,
        reading: &Reading,
        array: Tensor<T>,
    ) -> tenfold::Result<Vec<Maps>> {
        let batch = reading.is_batch();
        let x = reading.feature_maps(array)?;
        let of_weighting = |&weighting: &Weighting| {
            let mut cam = self.args.cam(weighting, ranks);
            let maps = if batch {
                cam.monitor = self.bar.monitor(Monitor::new());
                self.device.saliency_maps(&cam, x.view())?
            } else {
                let map = self.device.saliency_map(&cam, x.view())?;
                self.bar.step();
                vec![map]
            };
            let items = maps.iter().map(|map| Ok((in_f32(map)?, map.status())));
            Ok(Maps {
                files: file..file + 1,
                layer: None,
                weighting,
                ranks: cam.ranks,
                items: items.collect::<tenfold::Result<_>>()?,
                batch,
            })
        };
        let maps = self.args.weighting.0.iter().map(of_weighting);
        let maps: tenfold::Result<_> = maps.collect();
        maps.map_err(|error| at_index_in_array(error, reading))
    }
}

impl Args {
    /// The options of the library for a weighting. `ranks` are the ranks for the file; the SVD
    /// weightings ignore them if there are several weightings.
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

    /// The calls that compute the maps of `files`.
    fn calls(&self, files: &[&Features]) -> Vec<Call> {
        let mut calls = Vec::new();
        for file in files {
            let ranks = file.ranks.as_ref().map(|ranks| &ranks.each[..]);
            let batch = [&[file.reading.items()], file.reading.feature_map_shape()].concat();
            for &weighting in &self.weighting.0 {
                calls.push(Call {
                    task: Task::Maps(self.cam(weighting, ranks)),
                    batch: batch.clone(),
                    dtype: file.npy.dtype(),
                });
            }
        }
        calls
    }

    /// The map resized to `--size`, or else to the photograph, and stretched if requested.
    fn resized(
        &self,
        map: &Tensor<f32>,
        photograph: Option<&RgbImage>,
    ) -> tenfold::Result<Tensor<f32>> {
        let map = match self.size.or(photograph.map(size_of)) {
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

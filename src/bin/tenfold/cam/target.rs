//! The output of saliency maps: a picture, an array, or a folder with both.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use tenfold::Tensor;
use tenfold::cam::Weighting;
use tenfold::io::{RgbImage, check_writable, write_png};

use super::Args;
use super::maps::Maps;
use super::picture::{MAX_PICTURE_PIXELS, draw, side_by_side, too_many};
use crate::arrays::{self, is_dash};
use crate::console::Console;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::progress::{Bar, Steps};

/// The kind and the path of the output.
pub(super) enum Target {
    /// All maps in one picture, with a row for each feature map and a column for each
    /// weighting.
    Picture(PathBuf),
    /// All maps of one file in one array.
    Array(PathBuf),
    /// A picture of every map, and an array for every file and weighting.
    Folder(PathBuf),
}

/// The maximum number of entries of an array of maps.
const MAX_ENTRIES: usize = 1 << 30;

impl Target {
    /// The target that `-o` gives, or the default.
    pub(super) fn of(args: &Args) -> Outcome<Self> {
        let Some(path) = &args.output else {
            let name = match args.groups().as_slice() {
                [files] => args.stem(files),
                _ => "maps".to_owned(),
            };
            let weighting = args.weighting.name();
            return Ok(Self::Picture(format!("{name}.{weighting}.png").into()));
        };
        // A name with a separator at its end, such as "maps.v1/", is a folder.
        let named_folder = path.to_string_lossy().ends_with(std::path::is_separator);
        let folder: PathBuf = path.components().collect();
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            _ if is_dash(path) && args.groups().len() == 1 => Ok(Self::Array(path.clone())),
            _ if is_dash(path) => Err(several_in_one()),
            _ if path.is_dir() => Ok(Self::Folder(path.clone())),
            _ if named_folder && !folder.exists() => Ok(Self::Folder(folder)),
            Some("png") => Ok(Self::Picture(path.clone())),
            Some("npy") if args.groups().len() == 1 => Ok(Self::Array(path.clone())),
            Some("npy") => Err(several_in_one()),
            None if !path.exists() => Ok(Self::Folder(path.clone())),
            _ => Err(Failure::usage(format!(
                "{}: maps are written to a .png, a .npy or a folder",
                path.display()
            ))),
        }
    }

    /// Fails if an output cannot be written, or would replace an input or another output. `others`
    /// are inputs that are not in `Args::features`.
    pub(super) fn check(&self, args: &Args, others: &[PathBuf], expected: &[Expected]) -> Outcome {
        let inputs = args.features.iter().chain(&args.image).chain(others);
        let inputs = arrays::files(inputs.map(PathBuf::as_path))?;
        let folder = match self {
            Self::Picture(path) | Self::Array(path) => {
                return output::check(std::slice::from_ref(path), &inputs);
            }
            Self::Folder(folder) => folder,
        };
        let mut stems = HashMap::new();
        for Expected { name, stem, .. } in expected {
            if let Some(other) = stems.insert(stem, name) {
                return Err(Failure::usage(format!(
                    "{name}: another file has the same name ({other}), \
                     their maps would replace each other in {}",
                    folder.display()
                )));
            }
        }
        let outputs: Vec<PathBuf> = expected
            .iter()
            .flat_map(|expected| {
                let weightings = args.weighting.0.iter();
                weightings.flat_map(move |&weighting| {
                    let names = Names::new(folder, &expected.stem, weighting);
                    let pictures: Vec<_> = names.pictures(expected.batch).collect();
                    std::iter::once(names.array()).chain(pictures)
                })
            })
            .collect();
        if folder.is_dir() {
            output::check(&outputs, &inputs)
        } else {
            output::check_distinct(&outputs, &inputs)?;
            Ok(check_writable(folder)?)
        }
    }

    /// The progress of drawing `pictures` pictures.
    pub(super) fn progress(&self, pictures: usize, console: &Console) -> Bar {
        match self {
            Self::Array(_) => console.progress("writing", Steps::Unknown),
            Self::Picture(_) | Self::Folder(_) => {
                console.progress("pictures", Steps::Equal(pictures))
            }
        }
    }
}

/// The names that the outputs for one input will have.
pub(super) struct Expected {
    /// The input in texts.
    pub(super) name: String,
    /// The start of the names of output files.
    pub(super) stem: String,
    /// The number of maps of a batch; `None` for a single map.
    pub(super) batch: Option<usize>,
}

/// Writes maps to a target, some inputs at a time.
pub(super) struct Writer<'a> {
    args: &'a Args,
    target: &'a Target,
    bar: Bar,
    /// For a target that is one picture: the pictures so far.
    rows: Vec<Vec<RgbImage>>,
    written: Vec<PathBuf>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(args: &'a Args, target: &'a Target, bar: Bar) -> Self {
        Self {
            args,
            target,
            bar,
            rows: Vec::new(),
            written: Vec::new(),
        }
    }

    /// Adds the maps of some inputs: all weightings of the first input, then those of the next. They
    /// are drawn over `photograph`. Files in a folder are written now. An array is written now, and
    /// it has all maps.
    pub(super) fn add(&mut self, maps: &[Maps], photograph: Option<&RgbImage>) -> Outcome {
        if maps.is_empty() {
            return Ok(());
        }
        let pen = Pen {
            args: self.args,
            photograph,
            bar: &self.bar,
        };
        match self.target {
            Target::Picture(_) => add_rows(&mut self.rows, maps, &pen)?,
            Target::Array(path) => {
                write_array(
                    path,
                    self.args,
                    &maps.iter().collect::<Vec<_>>(),
                    photograph,
                )?;
                self.written.push(path.clone());
            }
            Target::Folder(folder) => self.written.extend(write_folder(folder, maps, &pen)?),
        }
        Ok(())
    }

    /// Writes the picture of all maps. Returns the files that were written.
    pub(super) fn finish(mut self) -> Outcome<Vec<PathBuf>> {
        if let Target::Picture(path) = self.target
            && !self.rows.is_empty()
        {
            write_png(path, &side_by_side(&self.rows)?)?;
            self.written.push(path.clone());
        }
        Ok(self.written)
    }
}

/// The failure that the maps of several files are no array.
fn several_in_one() -> Failure {
    Failure::usage(
        "the maps of several files cannot be one array: -o FOLDER writes one for each file",
    )
}

/// Draws maps, and shows the progress.
struct Pen<'a> {
    args: &'a Args,
    photograph: Option<&'a RgbImage>,
    bar: &'a Bar,
}

impl Pen<'_> {
    fn draw(&self, map: &Tensor<f32>) -> tenfold::Result<RgbImage> {
        let picture = draw(self.args, map, self.photograph)?;
        self.bar.step();
        Ok(picture)
    }
}

/// Adds the pictures of maps: a row for each feature map, a column for each weighting.
fn add_rows(rows: &mut Vec<Vec<RgbImage>>, maps: &[Maps], pen: &Pen) -> Outcome {
    let pixels_of = |picture: &RgbImage| u64::from(picture.height()) * u64::from(picture.width());
    let mut pixels: u64 = rows.iter().flatten().map(pixels_of).sum();
    // `maps` holds the weightings of a file one after the other.
    for of_file in maps.chunks(pen.args.weighting.0.len()) {
        for item in 0..of_file[0].items.len() {
            let row = of_file
                .iter()
                .map(|maps| pen.draw(&maps.items[item].0))
                .collect::<tenfold::Result<Vec<RgbImage>>>()?;
            pixels += row.iter().map(pixels_of).sum::<u64>();
            if pixels > MAX_PICTURE_PIXELS {
                return Err(too_many());
            }
            rows.push(row);
        }
    }
    Ok(())
}

/// Writes the maps of one file as an array: H×W, or N×H×W for a batch. Several weightings add
/// a leading mode.
fn write_array(path: &Path, args: &Args, maps: &[&Maps], photograph: Option<&RgbImage>) -> Outcome {
    let mut entries = Vec::new();
    let mut shape = Vec::new();
    let count = maps.iter().map(|maps| maps.items.len()).sum::<usize>();
    for maps in maps {
        for (map, _) in &maps.items {
            let map: Tensor<f32> = args.resized(map, photograph)?;
            if map.data().len().saturating_mul(count) > MAX_ENTRIES {
                return Err(Failure::usage(format!(
                    "an array of {count} maps of this size would be too large"
                )));
            }
            shape = map.shape().to_vec();
            entries.extend_from_slice(map.data());
        }
    }
    if maps[0].batch {
        shape.insert(0, maps[0].items.len());
    }
    if maps.len() > 1 {
        shape.insert(0, maps.len());
    }
    output::write_array(path, &shape, &entries)
}

fn write_folder(folder: &Path, maps: &[Maps], pen: &Pen) -> Outcome<Vec<PathBuf>> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::usage(format!(
            "{}: the folder cannot be created: {error}",
            folder.display()
        ))
    })?;
    let mut written = Vec::new();
    for maps in maps {
        let names = Names::new(folder, &maps.stem(pen.args), maps.weighting);
        let array = names.array();
        write_array(&array, pen.args, &[maps], pen.photograph)?;
        written.push(array);
        let items = maps.batch.then_some(maps.items.len());
        for (picture, (map, _)) in names.pictures(items).zip(&maps.items) {
            write_png(&picture, &pen.draw(map)?)?;
            written.push(picture);
        }
    }
    Ok(written)
}

/// The names of the files for the maps of one input file or group and one weighting.
struct Names {
    folder: PathBuf,
    name: String,
}

impl Names {
    fn new(folder: &Path, stem: &str, weighting: Weighting) -> Self {
        Self {
            folder: folder.to_path_buf(),
            name: format!("{stem}.{weighting}"),
        }
    }

    /// The file of the array.
    fn array(&self) -> PathBuf {
        self.folder.join(format!("{}.npy", self.name))
    }

    /// The files of the pictures: one for each map of a batch, or one for a single map.
    fn pictures(&self, batch: Option<usize>) -> impl Iterator<Item = PathBuf> {
        (0..batch.unwrap_or(1)).map(move |item| {
            self.folder.join(match batch {
                Some(_) => format!("{}.{item}.png", self.name),
                None => format!("{}.png", self.name),
            })
        })
    }
}

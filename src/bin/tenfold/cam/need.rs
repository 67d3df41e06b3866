//! The estimate of the memory that saliency maps and their pictures need.

use tenfold::Scalar;

use super::group::Layers;
use super::photograph::Photograph;
use super::picture::MIN_SIDE;
use super::target::Target;
use super::{Args, Features};
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;

/// Bytes for an entry of a map: in the scalar of the file, in `f32`, and in the normalised
/// copy.
const ENTRY_BYTES: u64 = 16;

/// Bytes for a pixel of the output: in the resized map, in the picture of the map, and in the
/// picture of all maps.
const PIXEL_BYTES: u64 = 24;

/// Bytes for a pixel of the photograph.
const RGB_BYTES: u64 = 3;

/// Bytes for a pixel of the photograph while it is resized to `--size`: three colours in `f32`, in a
/// vector that grows.
const FITTING_BYTES: u64 = 24;

/// The memory that the maps of several files need. The maps of all files are in memory at once.
/// Their pictures are in memory at once only if they are written to one file.
pub(super) struct Need<'a> {
    args: &'a Args,
    target: &'a Target,
    /// The height and the width of the photograph.
    photograph: Option<(usize, usize)>,
    /// The bytes of the photograph, and of the maps and pictures of the files that were added.
    kept: u64,
}

impl<'a> Need<'a> {
    /// The memory without any file.
    pub(super) fn new(
        args: &'a Args,
        target: &'a Target,
        photograph: Option<(usize, usize)>,
    ) -> Self {
        Self {
            args,
            target,
            photograph,
            kept: 0,
        }
    }

    /// Adds the decoded photograph. Fails if decoding it needs more memory than the limit.
    pub(super) fn add_photograph(&mut self, photograph: &Photograph, memory: &Memory) -> Outcome {
        let (height, width) = photograph.size();
        let is_drawn = !matches!(self.target, Target::Array(_));
        let bytes = match self.args.size {
            Some(size) if is_drawn && size != (height, width) => RGB_BYTES + FITTING_BYTES,
            _ => RGB_BYTES,
        };
        let pixels = (height as u64).saturating_mul(width as u64);
        self.kept = self.kept.saturating_add(pixels.saturating_mul(bytes));
        memory.check(photograph.path(), photograph.memory().max(self.kept))
    }

    /// Adds the files of a group. If their maps and the maps of the files before need more memory
    /// than the limit, this fails and the files are not added.
    pub(super) fn add(&mut self, layers: &Layers, memory: &Memory) -> Outcome {
        let mut kept = self.kept;
        // The maps of a group are drawn as one.
        if self.args.has_groups() {
            let (size, maps) = layers.combined_maps(self.args, self.photograph);
            kept = kept
                .saturating_add(combining_memory(size, maps))
                .saturating_add(self.picture_memory(size, maps));
        }
        for features in &layers.files {
            let (maps, working) = self.of_file(features)?;
            kept = kept.saturating_add(maps);
            memory.check(features.path, kept.saturating_add(working))?;
        }
        self.kept = kept;
        Ok(())
    }

    /// The bytes for the maps of a file and their pictures, and those that are allocated while the
    /// maps are computed.
    fn of_file(&self, features: &Features) -> Outcome<(u64, u64)> {
        let Features {
            path,
            npy: file,
            reading,
            ..
        } = features;
        let threads = rayon::current_num_threads();
        let ranks = features.ranks.as_ref().map(|ranks| &ranks.each[..]);
        let (items, map) = (reading.items(), reading.feature_map_shape());
        let is_single = file.dtype() == f32::NAME;
        let mut working = 0;
        for &weighting in &self.args.weighting.0 {
            let cam = self.args.cam(weighting, ranks);
            let need = if is_single {
                cam.memory::<f32>(map)
            } else {
                cam.memory::<f64>(map)
            };
            let need = need.map_err(|error| Failure::in_file(path, error))?;
            working = working.max(need.saturating_mul(threads.min(items) as u64));
        }
        let (height, width) = features.size();
        let maps = (items * self.args.weighting.0.len()) as u64;
        let of_map = ENTRY_BYTES * (height * width) as u64;
        let mut kept = maps.saturating_mul(of_map);
        if !self.args.has_groups() {
            kept = kept.saturating_add(self.picture_memory((height, width), maps));
        }
        // The array of the file is freed once its entries are copied to feature maps.
        let copy = if is_single {
            reading.memory::<f32>()
        } else {
            reading.memory::<f64>()
        };
        let while_copying = file.memory().saturating_add(copy);
        let features = if copy > 0 { copy } else { file.memory() };
        let need = while_copying.max(features.saturating_add(working));
        Ok((kept, need))
    }

    /// The bytes of the pictures that are in memory at once, for `maps` maps of a height and a
    /// width.
    fn picture_memory(&self, (height, width): (usize, usize), maps: u64) -> u64 {
        let (height, width) = self.drawn(height, width);
        let pixels = (height as u64).saturating_mul(width as u64);
        let pictures = match self.target {
            Target::Folder(_) => 1,
            Target::Picture(_) | Target::Array(_) => maps,
        };
        pictures.saturating_mul(pixels.saturating_mul(PIXEL_BYTES))
    }

    /// The height and the width of the picture of a map.
    fn drawn(&self, height: usize, width: usize) -> (usize, usize) {
        self.args.size.or(self.photograph).unwrap_or_else(|| {
            let factor = MIN_SIDE.div_ceil(height.max(width));
            (factor * height, factor * width)
        })
    }
}

/// The bytes of `maps` combined maps of a height and a width, and of what is allocated while one of
/// them is computed.
fn combining_memory((height, width): (usize, usize), maps: u64) -> u64 {
    /// For the combined map in `f32`.
    const KEPT_BYTES: u64 = 4;
    /// For one resized map, and for the combined map in `f64` before and after normalisation.
    const WORKING_BYTES: u64 = 20;
    let pixels = (height as u64).saturating_mul(width as u64);
    let bytes = maps
        .saturating_mul(KEPT_BYTES)
        .saturating_add(WORKING_BYTES);
    pixels.saturating_mul(bytes)
}

//! The memory that saliency maps and their pictures take.

use tenfold::Scalar;
use tenfold::io::RgbImage;

use super::picture::LEGIBLE;
use super::target::Target;
use super::{Args, Features};
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;

/// Bytes of a map's entry while it is made and kept: in the file's scalar, in
/// `f32`, and the copy that is normalised.
const OF_ENTRY: u64 = 16;

/// Bytes of a pixel of the output: its place in the picture and in that of all
/// pictures, and the resized map.
const OF_PIXEL: u64 = 24;

impl Args {
    /// Fails where the maps of `files` take more memory than is allowed: all at once where
    /// they go into one file.
    pub(super) fn check_memory(
        &self,
        files: &[Features],
        target: &Target,
        photograph: Option<&RgbImage>,
        memory: &Memory,
    ) -> Outcome {
        let threads = rayon::current_num_threads();
        let mut kept = 0u64;
        for (path, Features { npy: file, ranks }) in self.features.iter().zip(files) {
            let ranks = ranks.as_ref().map(|ranks| &ranks.each[..]);
            let shape = file.shape();
            let (items, map) = match shape {
                [items, map @ ..] if map.len() == 3 => (*items, map),
                map => (1, map),
            };
            let mut working = 0;
            for &weighting in &self.weighting.0 {
                let cam = self.cam(weighting, ranks);
                let need = if file.dtype() == f32::NAME {
                    cam.memory::<f32>(map)
                } else {
                    cam.memory::<f64>(map)
                };
                let need = need.map_err(|error| Failure::in_file(path, error))?;
                working = working.max(need.saturating_mul(threads.min(items) as u64));
            }
            let (height, width) = self.drawn(map[1], map[2], photograph);
            let maps = (items * self.weighting.0.len()) as u64;
            let of_map = OF_ENTRY * (map[1] * map[2]) as u64;
            let of_picture = OF_PIXEL.saturating_mul((height as u64).saturating_mul(width as u64));
            let of_output = match target {
                Target::Folder(_) => 1,
                Target::Picture(_) | Target::Array(_) => maps,
            };
            kept = kept
                .saturating_add(maps.saturating_mul(of_map))
                .saturating_add(of_output.saturating_mul(of_picture));
            let need = kept.saturating_add(file.memory()).saturating_add(working);
            memory.check(path, need)?;
        }
        Ok(())
    }

    /// Height and width of the picture of a map.
    fn drawn(&self, height: usize, width: usize, photograph: Option<&RgbImage>) -> (usize, usize) {
        let of_photograph = photograph.map(|p| (p.height() as usize, p.width() as usize));
        self.size.or(of_photograph).unwrap_or_else(|| {
            let factor = LEGIBLE.div_ceil(height.max(width));
            (factor * height, factor * width)
        })
    }
}

//! The estimate of the memory of `tenfold cam --onnx`.

use super::Session;
use crate::cam::target::Target;
use crate::cam::{Args, map_size};
use crate::failure::{Failure, Outcome};

/// Bytes for a pixel of a crop and of its tensor.
const CROP_BYTES: u64 = 15;

/// Bytes for a pixel of a map: the resized map, and its picture.
const DRAWN_BYTES: u64 = 24;

/// Bytes for a pixel of the picture of all maps: the picture of a map, and the same pixel beside the
/// others.
const KEPT_BYTES: u64 = 6;

/// The bytes for the network, the tensors on each thread, and the crops and maps of a chunk of
/// photographs.
pub(super) fn of(args: &Args, session: &Session, target: &Target, chunk: usize) -> Outcome<u64> {
    let threads = rayon::current_num_threads() as u64;
    let weightings = args.weighting.0.len() as u64;
    let (height, width) = session.preprocessing.crop;
    let crop = (height as u64).saturating_mul(width as u64);
    // 1. On each thread: the tensors of the network, and one decomposition.
    let mut working = 0;
    let mut maps = 0u64;
    for layer in &session.layers {
        let shape = layer.reading.feature_map_shape();
        for (_, cam) in &layer.methods {
            let need = cam.memory::<f32>(shape);
            let need = need.map_err(|error| Failure::in_file(session.path, error))?;
            working = working.max(need);
        }
        let [height, width] = map_size(&shape[1..]);
        maps = maps.saturating_add(4 * weightings * (height * width) as u64);
    }
    let each_thread = session.tensors_memory.saturating_add(working);
    // 2. For each photograph of a chunk: the crop and the maps.
    let each = CROP_BYTES.saturating_mul(crop).saturating_add(maps);
    // 3. The pictures.
    let (height, width) = args.size.unwrap_or((height, width));
    let drawn = (height as u64).saturating_mul(width as u64);
    let rows = (args.features.len() * session.map_names().len()) as u64;
    let kept = match target {
        Target::Picture(_) => (rows * weightings).saturating_mul(KEPT_BYTES),
        Target::Array(_) => 8 * weightings * rows,
        Target::Folder(_) => 0,
    };
    let pictures = drawn.saturating_mul(kept.saturating_add(DRAWN_BYTES));
    Ok(session
        .weights_memory
        .saturating_add(each_thread.saturating_mul(threads))
        .saturating_add(each.saturating_mul(chunk as u64))
        .saturating_add(pictures))
}

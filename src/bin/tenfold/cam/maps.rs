//! The maps of one input.

use std::ops::Range;

use tenfold::cam::{SaliencyMap, Status, Weighting};
use tenfold::{Scalar, Tensor};

use super::Args;

/// The maps of one file or one group of files, for one weighting.
pub(super) struct Maps {
    /// The indices of the files in `Args::features`.
    pub(super) files: Range<usize>,
    /// The layer, if the maps of several layers of a network have names of their own.
    pub(super) layer: Option<String>,
    pub(super) weighting: Weighting,
    /// The ranks of the Tucker decomposition; `None` for full ranks and for a group.
    pub(super) ranks: Option<Vec<usize>>,
    /// A map H×W for each feature map of the file. A map of L positions in a line is 1×L.
    pub(super) items: Vec<(Tensor<f32>, Status)>,
    /// Whether the file holds a batch.
    pub(super) batch: bool,
}

/// The map H×W in `f32`.
pub(super) fn in_f32<T: Scalar>(map: &SaliencyMap<T>) -> tenfold::Result<Tensor<f32>> {
    let values = map.values();
    let entries = values.data().iter().map(|value| value.as_f64() as f32);
    Tensor::new(&map_size(values.shape()), entries.collect())
}

/// The height and width of a map at these positions. Positions in a line become one row.
pub(super) fn map_size(positions: &[usize]) -> [usize; 2] {
    match *positions {
        [height, width] => [height, width],
        ref line => [1, line.iter().product()],
    }
}

impl Maps {
    /// The name of the input in texts, such as `P3.npy+P4.npy`, or `photograph.jpg relu3` for a layer
    /// of a network.
    pub(super) fn name(&self, args: &Args) -> String {
        let files = args.name(&self.files);
        match &self.layer {
            Some(layer) => format!("{files} {layer}"),
            None => files,
        }
    }

    /// The start of the names of output files.
    pub(super) fn stem(&self, args: &Args) -> String {
        stem_of_layer(args.stem(&self.files), self.layer.as_deref())
    }
}

/// The start of the names of output files for a layer of a network: slashes become dots.
pub(super) fn stem_of_layer(files: String, layer: Option<&str>) -> String {
    let Some(layer) = layer else { return files };
    let layer = layer.trim_matches('/').replace(['/', '\\', ':'], ".");
    format!("{files}.{layer}")
}

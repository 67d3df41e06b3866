//! The choice of the last feature map of the convolutional part of a network.
//!
//! Tensors *follow from a convolution* if a chain of operators leads there that keep the positions:
//!
//! ```text
//!   image ─ Conv ─ Clip ─ Conv ─ Add ─ Relu ─ GlobalAveragePool ─ Flatten ─ Gemm ─ logits
//!            └── follow from a convolution ─┘  └─ no positions are left
//!                                      ↑
//!                              the last feature map
//! ```
//!
//! An operator keeps the positions if the result has the same height and width as one of its inputs.
//! A transposition from C×H×W to H×W×C or back keeps them too. Pooling, also to the same size, and
//! softmax end the chain.
//!
//! A tensor of one channel is skipped: it is a prediction, such as the mask of a segmentation.
//!
//! If matrix products over many positions come after the chosen tensor, the network goes on with
//! tokens, as a vision transformer does after its first convolution. Then the choice is left to the
//! user. For a detector, `detector` chooses an earlier tensor.

use std::collections::{HashMap, HashSet};

use super::detector;
use super::graph::{Graph, Node};
use super::layer::Layer;
use super::operators::{CONVOLUTIONS, ENDS, OF_TOKENS};
use crate::error::NetworkError;

/// Where the channels of a tensor with four modes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channels {
    /// N×C×H×W
    First,
    /// N×H×W×C
    Last,
}

impl Channels {
    /// The height and the width of a tensor with four modes.
    fn positions(self, shape: &[Option<usize>]) -> Option<[Option<usize>; 2]> {
        match (self, shape) {
            (Self::First, &[_, _, height, width]) | (Self::Last, &[_, height, width, _]) => {
                Some([height, width])
            }
            _ => None,
        }
    }

    /// The number of channels of a tensor with four modes.
    fn count(self, shape: &[Option<usize>]) -> Option<usize> {
        *shape.get(if self == Self::First { 1 } else { 3 })?
    }
}

/// Chooses the last feature map, and marks the layers with the channels in the last mode. Returns the
/// place in `layers`, which also has the tensors of integers.
pub(super) fn last_feature_map(graph: &Graph, layers: &mut [Layer]) -> Result<usize, NetworkError> {
    let places: HashMap<String, usize> = layers
        .iter()
        .enumerate()
        .map(|(place, layer)| (layer.name.clone(), place))
        .collect();
    // 1. The tensors that follow from a convolution.
    let mut chains: HashMap<&str, Channels> = HashMap::new();
    let mut maps = Vec::new();
    for node in &graph.nodes {
        for output in &node.outputs {
            let Some(&place) = places.get(output) else {
                continue;
            };
            let Some(channels) = chain(node, layers, place, &places, &chains) else {
                continue;
            };
            chains.insert(output, channels);
            layers[place].channels_last = channels == Channels::Last;
            let Layer {
                shape, is_float, ..
            } = &layers[place];
            let positions = channels.positions(shape);
            let has_positions = positions.is_some_and(|positions| positions != [Some(1); 2]);
            if *is_float && has_positions && channels.count(shape) != Some(1) {
                maps.push(place);
            }
        }
    }
    // 2. Whether the network goes on with tokens, or predicts something for each position.
    let Some(&place) = maps.last() else {
        let unsupported = graph.nodes.iter().find(|node| !node.supported);
        if let Some(node) = unsupported {
            return Err(NetworkError::UnsupportedOperator {
                operator: node.operator.clone(),
                node: node.label().to_owned(),
            });
        }
        return Err(NetworkError::NoFeatureMap {
            reason: "the network has no convolution with several channels and positions".into(),
            candidates: candidates(layers),
        });
    };
    if let Some(node) = token_node(graph, layers, &places, place) {
        return Err(NetworkError::NoFeatureMap {
            reason: format!(
                "after the last convolution, {}, the network goes on with tokens ({} {:?})",
                layers[place].name,
                node.operator,
                node.label()
            ),
            candidates: candidates(layers),
        });
    }
    if detector::is_detector(graph, layers, &places, place) {
        return Ok(detector::shared_map(graph, layers, &maps).unwrap_or(place));
    }
    Ok(place)
}

/// The place of the channels in the result of a node, if the result follows from a convolution.
fn chain(
    node: &Node,
    layers: &[Layer],
    place: usize,
    places: &HashMap<String, usize>,
    chains: &HashMap<&str, Channels>,
) -> Option<Channels> {
    let operator = node.operator.as_str();
    let shape = &layers[place].shape;
    if shape.len() != 4 || ENDS.contains(&operator) {
        return None;
    }
    if CONVOLUTIONS.contains(&operator) {
        return Some(Channels::First);
    }
    let inputs = node.inputs.iter();
    let mut inputs = inputs.filter_map(|input| {
        let channels = *chains.get(input.as_str())?;
        Some((channels, &layers[*places.get(input.as_str())?].shape))
    });
    inputs.find_map(|(channels, before)| {
        if operator == "Transpose" {
            return transposed(channels, before, shape);
        }
        let kept = channels.positions(shape)? == channels.positions(before)?;
        kept.then_some(channels)
    })
}

/// The place of the channels after a transposition between N×C×H×W and N×H×W×C.
fn transposed(
    channels: Channels,
    before: &[Option<usize>],
    after: &[Option<usize>],
) -> Option<Channels> {
    let &[images, a, b, c] = before else {
        return None;
    };
    let (other, expected) = match channels {
        Channels::First => (Channels::Last, [images, b, c, a]),
        Channels::Last => (Channels::First, [images, c, a, b]),
    };
    (after == expected).then_some(other)
}

/// The first node after the layer `place` that combines many positions.
fn token_node<'a>(
    graph: &'a Graph,
    layers: &[Layer],
    places: &HashMap<String, usize>,
    place: usize,
) -> Option<&'a Node> {
    let mut after: HashSet<&str> = HashSet::from([layers[place].name.as_str()]);
    graph.nodes.iter().find(|node| {
        if !node
            .inputs
            .iter()
            .any(|input| after.contains(input.as_str()))
        {
            return false;
        }
        after.extend(node.outputs.iter().map(String::as_str));
        let places = node.outputs.iter().filter_map(|output| places.get(output));
        let mut shapes = places.map(|&place| &layers[place].shape);
        OF_TOKENS.contains(&node.operator.as_str()) && shapes.any(|shape| has_positions(shape))
    })
}

/// Whether a tensor has more than one position besides the images and the channels: at least two
/// extents above 1 after the first.
fn has_positions(shape: &[Option<usize>]) -> bool {
    let large = shape.iter().skip(1).filter(|&&extent| extent != Some(1));
    large.count() >= 2
}

/// The maximum number of layers that an error names.
const MAX_CANDIDATES: usize = 4;

/// The last layers that can be feature maps: sums and normalisations with more than one position.
fn candidates(layers: &[Layer]) -> Vec<String> {
    let usual = |layer: &&Layer| {
        layer.is_float
            && matches!(&layer.operator[..], "Add" | "LayerNormalization" | "Conv")
            && (3..=4).contains(&layer.shape.len())
            && has_positions(&layer.shape)
    };
    let last = layers.iter().rev().filter(usual).take(MAX_CANDIDATES);
    last.map(Layer::to_string).collect()
}

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
//! If matrix products over many positions come after the chosen tensor, the network goes on with
//! tokens, as a vision transformer does after its first convolution. Then the choice is left to the
//! user.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, Node};
use super::layer::Layer;
use crate::error::NetworkError;

/// Operators that start a chain.
const CONVOLUTIONS: &[&str] = &[
    "Conv",
    "ConvTranspose",
    "ConvInteger",
    "QLinearConv",
    "FusedConv",
    "DeformConv",
];

/// Operators that end a chain even if the height and width stay the same.
const ENDS: &[&str] = &[
    "AveragePool",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "LogSoftmax",
    "LpPool",
    "MaxPool",
    "Softmax",
];

/// Operators that combine positions with each other, if their result has many positions.
const OF_TOKENS: &[&str] = &[
    "Attention",
    "Einsum",
    "Gemm",
    "MatMul",
    "MultiHeadAttention",
];

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
}

/// Chooses the last feature map, and marks the layers with the channels in the last mode. Returns the
/// place in `layers`.
pub(super) fn last_feature_map(graph: &Graph, layers: &mut [Layer]) -> Result<usize, NetworkError> {
    let places: HashMap<String, usize> = layers
        .iter()
        .enumerate()
        .map(|(place, layer)| (layer.name.clone(), place))
        .collect();
    // 1. The tensors that follow from a convolution.
    let mut chains: HashMap<&str, Channels> = HashMap::new();
    let mut last = None;
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
            let positions = channels.positions(&layers[place].shape);
            if positions.is_some_and(|positions| positions != [Some(1); 2]) {
                last = Some(place);
            }
        }
    }
    // 2. Whether the network goes on with tokens.
    let Some(place) = last else {
        let unsupported = graph.nodes.iter().find(|node| !node.supported);
        if let Some(node) = unsupported {
            return Err(NetworkError::UnsupportedOperator {
                operator: node.operator.clone(),
                node: node.label().to_owned(),
            });
        }
        return Err(NetworkError::NoFeatureMap {
            reason: "the network has no convolutions with a height and a width".into(),
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
        matches!(&layer.operator[..], "Add" | "LayerNormalization" | "Conv")
            && (3..=4).contains(&layer.shape.len())
            && has_positions(&layer.shape)
    };
    let last = layers.iter().rev().filter(usual).take(MAX_CANDIDATES);
    last.map(Layer::to_string).collect()
}

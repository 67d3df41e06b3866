//! Detectors: networks with predictions for each position, such as boxes and their classes.
//!
//! ```text
//!   feature map ─┬─ Conv … ─ boxes ───┐
//!                └─ Conv … ─ classes ─┴─ Concat ─ Reshape ─┐
//!   feature map ─┬─ Conv … ─ boxes ───┐                    ├─ Concat ─ predictions 1×22×2100
//!                └─ Conv … ─ classes ─┴─ Concat ─ Reshape ─┘
//! ```
//!
//! The last tensors with a height and a width are predictions. The feature maps are before them: a
//! feature map is read by the convolutions of the boxes and by the convolutions of the classes.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, Node};
use super::layer::Layer;
use super::operators::{COMBINE_POSITIONS, CONVOLUTIONS, OF_TOKENS};

/// Whether the network predicts something for the positions of the layer `place` together with other
/// positions: an output has a list of positions, and more entries than the layer. The positions of a
/// single layer in another order are no predictions.
pub(super) fn is_detector(
    graph: &Graph,
    layers: &[Layer],
    places: &HashMap<String, usize>,
    place: usize,
) -> bool {
    let own = entries(&layers[place].shape);
    let is_list = |name: &String| {
        let Some(&place) = places.get(name) else {
            return false;
        };
        let shape = &layers[place].shape;
        let is_same = own.is_some() && entries(shape) == own;
        graph.outputs.contains(name) && (shape.len() == 3 || shape.len() == 5) && !is_same
    };
    // The tensors that keep the positions of the layer apart.
    let mut after: HashSet<&str> = HashSet::from([layers[place].name.as_str()]);
    graph.nodes.iter().any(|node| {
        let is_after = node
            .inputs
            .iter()
            .any(|input| after.contains(input.as_str()));
        if !is_after || combines_positions(node) {
            return false;
        }
        after.extend(node.outputs.iter().map(String::as_str));
        node.operator == "NonMaxSuppression" || node.outputs.iter().any(is_list)
    })
}

fn combines_positions(node: &Node) -> bool {
    let operator = node.operator.as_str();
    COMBINE_POSITIONS.contains(&operator)
        || OF_TOKENS.contains(&operator)
        || operator.starts_with("Reduce")
}

/// The number of entries, if all extents are known.
fn entries(shape: &[Option<usize>]) -> Option<usize> {
    shape.iter().copied().product()
}

/// The last of the feature maps `maps` that two or more convolutions read.
pub(super) fn shared_map(graph: &Graph, layers: &[Layer], maps: &[usize]) -> Option<usize> {
    let mut readers: HashMap<&str, usize> = HashMap::new();
    let is_convolution = |node: &&Node| CONVOLUTIONS.contains(&node.operator.as_str());
    for node in graph.nodes.iter().filter(is_convolution) {
        if let Some(input) = node.inputs.first() {
            *readers.entry(input).or_default() += 1;
        }
    }
    let is_shared = |&&place: &&usize| {
        let name = layers[place].name.as_str();
        readers.get(name).is_some_and(|&count| count >= 2)
    };
    maps.iter().rev().find(is_shared).copied()
}

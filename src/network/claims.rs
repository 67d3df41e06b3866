//! The sizes that a file claims. Some operators make a large tensor from a few numbers in the file. The
//! engine computes such tensors while it reads the file, so they are checked first.

use std::collections::HashMap;

use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

use crate::error::NetworkError;

/// The maximum number of entries of a tensor that is made from numbers in the file: 1 GiB of `f32`.
const MAX_ENTRIES: i64 = 1 << 28;

/// The operators, with the input that holds the extents, the factors or the end.
const MAKERS: [(&str, usize); 4] = [
    ("ConstantOfShape", 0),
    ("Expand", 1),
    ("Range", 1),
    ("Tile", 1),
];

/// The depth of graphs inside attributes that are checked. The engine decodes no deeper graphs.
const MAX_DEPTH: usize = 100;

/// Fails if a node makes a tensor of more than [`MAX_ENTRIES`] entries from constants.
pub(super) fn check_claims(graph: &GraphProto) -> Result<(), NetworkError> {
    check(graph, &HashMap::new(), MAX_DEPTH)
}

fn check(
    graph: &GraphProto,
    outer: &HashMap<&str, &TensorProto>,
    depth: usize,
) -> Result<(), NetworkError> {
    // 1. The constants that the nodes can read.
    let mut constants = outer.clone();
    for tensor in &graph.initializer {
        constants.insert(&tensor.name, tensor);
    }
    for node in graph.node.iter().filter(|node| node.op_type == "Constant") {
        let tensor = node
            .attribute
            .iter()
            .find_map(|attribute| attribute.t.as_ref());
        if let (Some(name), Some(tensor)) = (node.output.first(), tensor) {
            constants.insert(name, tensor);
        }
    }
    // 2. The nodes.
    for node in &graph.node {
        let maker = MAKERS
            .iter()
            .find(|(operator, _)| *operator == node.op_type);
        if let Some(&(_, input)) = maker
            && let Some(name) = node.input.get(input)
            && let Some(tensor) = constants.get(name.as_str())
        {
            check_product(node, &integers(tensor))?;
        }
        let graphs = node.attribute.iter().flat_map(graphs);
        if depth > 0 {
            for graph in graphs {
                check(graph, &constants, depth - 1)?;
            }
        }
    }
    Ok(())
}

fn graphs(attribute: &AttributeProto) -> impl Iterator<Item = &GraphProto> {
    attribute.g.iter().chain(&attribute.graphs)
}

/// The entries of a tensor of 64-bit integers. Other tensors have none.
fn integers(tensor: &TensorProto) -> Vec<i64> {
    const INT64: i32 = 7;
    if tensor.data_type != INT64 {
        return Vec::new();
    }
    let (words, _) = tensor.raw_data.as_chunks();
    let stored = words.iter().map(|word| i64::from_le_bytes(*word));
    tensor.int64_data.iter().copied().chain(stored).collect()
}

fn check_product(node: &NodeProto, extents: &[i64]) -> Result<(), NetworkError> {
    let product = extents
        .iter()
        .try_fold(1i64, |product, &extent| product.checked_mul(extent.max(1)));
    match product {
        Some(product) if product <= MAX_ENTRIES => Ok(()),
        _ => Err(NetworkError::Damaged {
            reason: format!(
                "the node {:?} ({}) claims a tensor of the extents {extents:?}, at most \
                 {MAX_ENTRIES} entries were expected",
                node.name, node.op_type
            ),
        }),
    }
}

//! The nodes of an ONNX file: their operators, and the names of the tensors that they read and write.

use std::collections::HashMap;

use tract_onnx::pb::GraphProto;

/// A node of the file.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The name. It may be empty.
    pub(super) name: String,
    pub(super) operator: String,
    /// The names of the tensors. An optional input that is left out has an empty name.
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    /// Whether the engine has the operator.
    pub(super) supported: bool,
}

impl Node {
    /// The name for messages: the name of the node, or of its first tensor.
    pub(super) fn label(&self) -> &str {
        let first = self.outputs.first().map_or("", String::as_str);
        if self.name.is_empty() {
            first
        } else {
            &self.name
        }
    }
}

/// The nodes in the order of the file. A node comes after the nodes that compute its inputs.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// The names of the network's own outputs.
    pub(super) outputs: Vec<String>,
}

impl Graph {
    /// The nodes of a file. `supports` says whether the engine has an operator.
    pub(super) fn new(graph: &GraphProto, supports: impl Fn(&str) -> bool) -> Self {
        let nodes = graph.node.iter().map(|node| Node {
            name: node.name.clone(),
            operator: node.op_type.clone(),
            inputs: node.input.clone(),
            outputs: node.output.clone(),
            supported: supports(&node.op_type),
        });
        let outputs = graph.output.iter().map(|output| output.name.clone());
        Self {
            nodes: nodes.collect(),
            outputs: outputs.collect(),
        }
    }

    /// The first node without a supported operator that one of the tensors `names` needs.
    pub(super) fn unsupported(&self, names: &[&str]) -> Option<&Node> {
        let mut writer = HashMap::new();
        for (place, node) in self.nodes.iter().enumerate() {
            for output in &node.outputs {
                writer.insert(output.as_str(), place);
            }
        }
        let mut needed = vec![false; self.nodes.len()];
        let mut open: Vec<&str> = names.to_vec();
        while let Some(name) = open.pop() {
            if let Some(&place) = writer.get(name)
                && !std::mem::replace(&mut needed[place], true)
            {
                open.extend(self.nodes[place].inputs.iter().map(String::as_str));
            }
        }
        let mut nodes = self.nodes.iter().zip(needed);
        let (node, _) = nodes.find(|(node, needed)| *needed && !node.supported)?;
        Some(node)
    }
}

//! Matrix products of half-precision numbers with a bias.
//!
//! The engine multiplies the bias of the operator `Gemm` by a factor of the type `f32`. For numbers of
//! the type `f16` the result then has the wrong type, and the engine refuses the network. So such a node
//! is replaced by two:
//!
//! ```text
//!   Gemm(A, B, C) = A·B + C    becomes    P = Gemm(A, B),  Add(P, C)
//! ```

use std::collections::HashSet;

use tract_onnx::pb::{GraphProto, NodeProto};

/// The type `f16` in a file.
const FLOAT16: i32 = 10;

/// Separates the bias from each matrix product of half-precision numbers.
pub(super) fn separate_biases(graph: &mut GraphProto) {
    let halves = graph.initializer.iter();
    let halves = halves.filter(|tensor| tensor.data_type == FLOAT16);
    let halves: HashSet<String> = halves.map(|tensor| tensor.name.clone()).collect();
    let has_half_bias = |node: &NodeProto| {
        node.op_type == "Gemm"
            && !node.output.is_empty()
            && node.input.get(2).is_some_and(|bias| halves.contains(bias))
            && node
                .attribute
                .iter()
                .all(|factor| !matches!(&factor.name[..], "alpha" | "beta") || factor.f == 1.0)
    };
    let nodes = std::mem::take(&mut graph.node);
    for mut node in nodes {
        if !has_half_bias(&node) {
            graph.node.push(node);
            continue;
        }
        let product = format!("{}.product", node.output[0]);
        let sum = NodeProto {
            name: format!("{}.sum", node.name),
            op_type: "Add".to_owned(),
            input: vec![product.clone(), node.input[2].clone()],
            output: std::mem::replace(&mut node.output, vec![product]),
            ..NodeProto::default()
        };
        node.input.truncate(2);
        graph.node.extend([node, sum]);
    }
}

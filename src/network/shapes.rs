//! The shapes of the tensors of a network.

use std::collections::HashMap;

use tract_onnx::prelude::{DatumType, InferenceModel, InferenceModelExt, OutletId, TractResult};
use tract_onnx::tract_hir::infer::{DimFact, Factoid, InferenceFact, ShapeFactoid};
use tract_onnx::tract_hir::internal::{DimLike, ToDim};

use super::graph::Graph;
use super::input::Input;
use super::layer::Layer;

/// The extents that a fact holds. `None` is an unknown extent. A shape with an unknown number of
/// modes has none.
pub(super) fn extents(fact: &InferenceFact) -> Vec<Option<usize>> {
    if fact.shape.is_open() {
        return Vec::new();
    }
    let extent = |dim: &DimFact| dim.concretize()?.to_usize().ok();
    fact.shape.dims().map(extent).collect()
}

/// The fact of the input of `model` for one image. Each extent that is not known gets a symbol.
pub(super) fn fact_of(input: &Input, model: &InferenceModel) -> InferenceFact {
    let dims = input.shape().iter().map(|extent| match extent {
        Some(extent) => extent.to_dim().into(),
        None => model.new_sym_with_prefix("extent").to_dim().into(),
    });
    let shape = ShapeFactoid::closed(dims.collect());
    InferenceFact::dt(input.datum_type()).with_shape(shape)
}

/// The tensors that depend on the image, in the order of the file, with the shapes for one image.
pub(super) fn layers(
    model: &InferenceModel,
    outlets: &HashMap<String, OutletId>,
    graph: &Graph,
) -> TractResult<Vec<Layer>> {
    let mut model = model.clone();
    // The analysis continues after an error, because the nodes after an operator that the engine lacks
    // may not be needed. Preparing the network reports the error if they are.
    let _ = model.analyse(true);
    let mut layers = Vec::new();
    for node in &graph.nodes {
        for name in &node.outputs {
            let Some(&outlet) = outlets.get(name) else {
                continue;
            };
            let fact = model.outlet_fact(outlet)?;
            let is_float = match fact.datum_type.concretize() {
                None => true,
                Some(element) => {
                    element.is_float()
                        || matches!(element.unquantized(), DatumType::U8 | DatumType::I8)
                }
            };
            if fact.value.is_concrete() {
                continue;
            }
            layers.push(Layer {
                name: name.clone(),
                node: node.name.clone(),
                operator: node.operator.clone(),
                shape: extents(fact),
                channels_last: false,
                is_float,
            });
        }
    }
    Ok(layers)
}

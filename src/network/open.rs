//! Reading an ONNX file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tract_onnx::Onnx;
use tract_onnx::model::ParseResult;
use tract_onnx::prelude::{Framework, InferenceModel, OutletId};

use super::claims::check_claims;
use super::graph::Graph;
use super::guard::guarded;
use super::half_products::separate_biases;
use super::input::Input;
use super::last::last_feature_map;
use super::layer::Layer;
use super::plan::Plan;
use super::shapes::{fact_of, layers};
use crate::error::{Error, NetworkError, Result};
use crate::io::read_network_file;

/// A network that was read from an ONNX file.
pub struct Network {
    path: PathBuf,
    /// The network for one image, before any optimisation.
    model: InferenceModel,
    /// The tensors by their names.
    outlets: HashMap<String, OutletId>,
    graph: Graph,
    input: Input,
    layers: Vec<Layer>,
    /// The place of the last feature map in `layers`, or why there is none.
    last: Result<usize, NetworkError>,
}

/// The versions of the operator set that the engine is tested with.
const TESTED_VERSIONS: std::ops::RangeInclusive<i64> = 9..=18;

impl Network {
    /// Reads an ONNX file and computes the shapes of its layers for one image. Weights in files
    /// beside it are read too.
    ///
    /// The memory is about three times the size of the file while it is read.
    ///
    /// # Errors
    /// [`Error::UnusableFile`] for a file that cannot be read, is not an ONNX network, or is damaged;
    /// for a network with an input other than one batch of RGB images; for an operator with
    /// attributes or inputs that the engine does not support. An operator that the engine lacks
    /// becomes an error in [`Network::plan`], if a selected tensor needs it.
    ///
    /// ```
    /// use tenfold::network::Network;
    /// let error = Network::open("no-such-file.onnx").err().map(|error| error.to_string());
    /// assert_eq!(error.as_deref(), Some("no-such-file.onnx: there is no such file"));
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = read_network_file(path)?;
        Self::parse(path, bytes).map_err(|error| Error::UnusableFile {
            path: path.to_path_buf(),
            problem: error.to_string(),
            source: None,
        })
    }

    fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, NetworkError> {
        // 1. Decode the file. Declared shapes are ignored, because they may name the number of images
        //    by a symbol, which would contradict one image.
        let engine = guarded("read", || {
            Ok(tract_onnx::onnx().with_ignore_value_info(true))
        })?;
        let file = guarded("read", || engine.proto_model_for_read(&mut &bytes[..]));
        let mut file = file.map_err(|error| damaged(&error))?;
        drop(bytes);
        let Some(nodes) = &mut file.graph else {
            return Err(NetworkError::Damaged {
                reason: "it has no nodes".into(),
            });
        };
        check_claims(nodes)?;
        let graph = Graph::new(nodes, |operator| {
            engine.op_register.0.contains_key(operator)
        });
        separate_biases(nodes);
        // 2. Make the engine's network.
        let folder = path.parent().and_then(Path::to_str);
        let parsed = guarded("read", || parse(&engine, &file, folder));
        let (mut model, outlets) = parsed.map_err(|error| with_version(error, &file))?;
        drop(file);
        // 3. One image.
        let input = input_of(&model)?;
        let fact = fact_of(&input, &model);
        guarded("read", || model.set_input_fact(0, fact))?;
        Self {
            path: path.to_path_buf(),
            model,
            outlets,
            graph,
            input,
            layers: Vec::new(),
            last: Ok(0),
        }
        .with_shapes()
    }

    /// Computes the layers and their shapes.
    fn with_shapes(mut self) -> Result<Self, NetworkError> {
        let mut layers = guarded("read", || layers(&self.model, &self.outlets, &self.graph))?;
        let last = last_feature_map(&self.graph, &mut layers);
        // Tensors of integers are needed to follow the operators of quantised networks, and cannot be
        // selected.
        let is_float = |layer: &&Layer| layer.is_float;
        self.last = last.map(|place| layers[..place].iter().filter(is_float).count());
        layers.retain(|layer| layer.is_float);
        self.layers = layers;
        Ok(self)
    }

    /// The network for images of this height and width, for an input that leaves them open.
    ///
    /// # Errors
    /// [`NetworkError::UnsupportedInput`] if the input has another fixed height or width.
    pub fn with_input_size(mut self, height: usize, width: usize) -> Result<Self> {
        self.input = self.input.resized(height, width)?;
        let fact = fact_of(&self.input, &self.model);
        guarded("prepared", || self.model.set_input_fact(0, fact))?;
        Ok(self.with_shapes()?)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The image that the network reads.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// The tensors that depend on the image, in the order of the file. Tensors of integers are left
    /// out.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The names of the network's own outputs.
    pub fn outputs(&self) -> &[String] {
        &self.graph.outputs
    }

    /// The layer with this name of a tensor or of a node.
    ///
    /// # Errors
    /// [`NetworkError::UnknownLayer`] with the nearest names.
    pub fn layer(&self, name: &str) -> Result<&Layer> {
        let named = self.layers.iter().find(|layer| layer.name == name);
        let named = named.or_else(|| self.layers.iter().find(|layer| layer.node == name));
        named.ok_or_else(|| self.unknown(name).into())
    }

    fn unknown(&self, name: &str) -> NetworkError {
        const NEAREST: usize = 3;
        let names = self.layers.iter().map(|layer| &layer.name[..]);
        NetworkError::UnknownLayer {
            name: name.to_owned(),
            nearest: nearest(names, name, NEAREST),
        }
    }

    /// The last feature map of the convolutional part: the last tensor that follows from a
    /// convolution by operators that keep its positions, and has more than one position. Such
    /// operators are activations, normalisations, sums and concatenations. Pooling ends the
    /// convolutional part.
    ///
    /// # Errors
    /// [`NetworkError::NoFeatureMap`] for a network without convolutions, and for a network that
    /// computes matrix products of the positions after its last convolution, such as a vision
    /// transformer. The error names layers to choose from.
    pub fn last_feature_map(&self) -> Result<&Layer> {
        match &self.last {
            Ok(place) => Ok(&self.layers[*place]),
            Err(error) => Err(error.clone().into()),
        }
    }

    /// Selects the tensors `outputs` and prepares the nodes that they need, for one image. `outputs`
    /// are names of layers or nodes.
    ///
    /// # Errors
    /// [`NetworkError::UnknownLayer`] for a name that no layer has;
    /// [`NetworkError::UnsupportedOperator`] if a node that is needed has an operator that the engine
    /// lacks; [`NetworkError::UnknownInputSize`] for an input with an open height or width;
    /// [`NetworkError::Engine`] if the engine cannot prepare the network.
    pub fn plan(&self, outputs: &[&str]) -> Result<Plan> {
        self.input.size()?;
        let layers = outputs.iter().map(|name| self.layer(name));
        let names: Vec<&str> = layers
            .map(|layer| layer.map(Layer::name))
            .collect::<Result<_>>()?;
        if let Some(node) = self.graph.unsupported(&names) {
            return Err(NetworkError::UnsupportedOperator {
                operator: node.operator.clone(),
                node: node.label().to_owned(),
            }
            .into());
        }
        let outlets = names.iter().map(|name| {
            let outlet = self.outlets.get(*name).copied();
            outlet.ok_or_else(|| self.unknown(name))
        });
        let outlets: Vec<OutletId> = outlets.collect::<Result<_, _>>()?;
        Ok(Plan::new(&self.model, &self.input, &outlets)?)
    }
}

/// The names that are most similar to `name`, the most similar first.
fn nearest<'a>(names: impl Iterator<Item = &'a str>, name: &str, count: usize) -> Vec<String> {
    // 1 for equal names, 0 where each letter must be edited.
    let similarity = |other: &str| strsim::normalized_levenshtein(other, name);
    let mut all: Vec<(f64, &str)> = names.map(|other| (similarity(other), other)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest = all.into_iter().take(count);
    nearest.map(|(_, name)| name.to_owned()).collect()
}

/// The error for bytes that the engine cannot decode.
fn damaged(error: &NetworkError) -> NetworkError {
    let reason = match error {
        NetworkError::Engine { problem, .. } => problem.clone(),
        other => other.to_string(),
    };
    NetworkError::Damaged { reason }
}

/// The engine's network, and its tensors by their names.
fn parse(
    engine: &Onnx,
    file: &tract_onnx::pb::ModelProto,
    folder: Option<&str>,
) -> tract_onnx::prelude::TractResult<(InferenceModel, HashMap<String, OutletId>)> {
    let ParseResult {
        model,
        unresolved_inputs,
        outlets_by_name,
    } = engine.parse(file, folder)?;
    if let Some(name) = unresolved_inputs.first() {
        let problem = format!("no node computes the tensor {name:?}, which another node reads");
        return Err(tract_onnx::prelude::TractError::msg(problem));
    }
    Ok((model, outlets_by_name))
}

/// Adds the version of the operator set to an error, if the engine is not tested with it.
fn with_version(error: NetworkError, file: &tract_onnx::pb::ModelProto) -> NetworkError {
    let mut sets = file.opset_import.iter();
    let set = sets.find(|set| set.domain.is_empty() || set.domain == "ai.onnx");
    match (error, set) {
        (NetworkError::Engine { doing, problem }, Some(set))
            if !TESTED_VERSIONS.contains(&set.version) =>
        {
            let problem = format!(
                "{problem} (the network uses version {} of the ONNX operators, versions {} to {} \
                 are supported)",
                set.version,
                TESTED_VERSIONS.start(),
                TESTED_VERSIONS.end()
            );
            NetworkError::Engine { doing, problem }
        }
        (error, _) => error,
    }
}

/// The only input.
fn input_of(model: &InferenceModel) -> Result<Input, NetworkError> {
    let inputs = guarded("read", || Ok(model.input_outlets()?.to_vec()))?;
    let &[outlet] = &inputs[..] else {
        let names = inputs.iter().map(|input| &model.node(input.node).name[..]);
        let problem = format!(
            "the network has {} inputs ({}), one image was expected",
            inputs.len(),
            names.collect::<Vec<_>>().join(", ")
        );
        return Err(NetworkError::UnsupportedInput { problem });
    };
    let fact = guarded("read", || Ok(model.outlet_fact(outlet)?.clone()))?;
    Input::new(&model.node(outlet.node).name, &fact)
}

//! What a run computes for each photograph: the selected tensors of the networks, and the methods.
//!
//! ```text
//!   image ──> network ─┬─> layer ───────> feature map ──> maps
//!     │                ├─> embedding
//!     │                └─> classes ──┐    without --judge
//!     └─────> judge ─────> classes ──┴──> probabilities
//! ```
//!
//! A masked image needs the embedding and the classes, but not the layer. So there are separate
//! plans for whole images and for masked images.

use std::path::Path;

use tenfold::Tensor;
use tenfold::cam::Reading;
use tenfold::network::{Layer, Network, Plan};

use super::NetworkArgs;
use super::scores::Scores;
use crate::console::times;
use crate::evaluate::methods::{Method, methods};
use crate::failure::{Failure, Outcome};
use crate::network::{default_layout, in_network, tensors_memory};

/// The networks of a run, ready to run.
pub(super) struct Session {
    /// For whole images: the layer, then the tensors of a [`Response`].
    whole: Plan,
    /// For masked images: the tensors of a [`Response`] alone. `None` if there are none.
    masked: Option<Plan>,
    judge: Option<Plan>,
    has_embedding: bool,
    /// How class scores become probabilities. `None` without classes.
    scores: Option<Scores>,
    pub(super) layer: String,
    /// The shape that the reading expects.
    shape: Vec<usize>,
    pub(super) reading: Reading,
    pub(super) methods: Vec<Method>,
    /// The number of classes, or 0 without classes.
    pub(super) classes: usize,
    /// The bytes of all tensors of the networks for one image.
    pub(super) activations: u64,
    /// Notes for the user about what was chosen.
    pub(super) notes: Vec<String>,
}

/// The response of the networks to an image, whole or masked.
pub(super) struct Response {
    /// The class probabilities.
    pub(super) probabilities: Option<Vec<f64>>,
    pub(super) embedding: Option<Tensor<f32>>,
}

impl Session {
    /// Selects the tensors, and computes their shapes from a black image.
    pub(super) fn new(
        args: &NetworkArgs,
        network: &Network,
        judge: Option<&Network>,
        has_masks: bool,
    ) -> Outcome<Self> {
        let mut notes = Vec::new();
        let in_network = |error| in_network(network.path(), error);
        // 1. The tensors.
        let layer = match &args.layer {
            Some(name) => network.layer(name),
            None => network.last_feature_map(),
        };
        let layer = layer.map_err(in_network)?;
        if args.layer.is_none() {
            notes.push(format!(
                "{}: the layer is {layer}",
                network.path().display()
            ));
        }
        let embedding = match &args.embedding {
            Some(name) => Some(network.layer(name).map_err(in_network)?),
            None => None,
        };
        let own_classes = match judge {
            Some(_) => None,
            None => classes(network, embedding),
        };
        if judge.is_none() && own_classes.is_none() {
            if embedding.is_none() && !has_masks {
                // The reason may be an operator that the engine lacks. Then the plan names it.
                let outputs = network.outputs().iter().map(String::as_str);
                let outputs: Vec<&str> =
                    outputs.filter(|name| network.layer(name).is_ok()).collect();
                if !outputs.is_empty() {
                    network.plan(&outputs).map_err(in_network)?;
                }
                return Err(Failure::usage(format!(
                    "{}: the network has no output of class scores: --judge, --embedding or --masks \
                     is needed",
                    network.path().display()
                )));
            }
            notes.push(format!(
                "{}: the network has no output of class scores, so there are no AD and AI; \
                 --judge names a network that classifies",
                network.path().display()
            ));
        }
        // 2. The plans.
        let of_response = embedding.into_iter().chain(own_classes).map(Layer::name);
        let of_response: Vec<&str> = of_response.collect();
        let of_whole: Vec<&str> = [&[layer.name()], &of_response[..]].concat();
        let whole = network.plan(&of_whole).map_err(in_network)?;
        let masked = match &of_response[..] {
            [] => None,
            names => Some(network.plan(names).map_err(in_network)?),
        };
        let judge_plan = judge.map(|judge| judge_plan(network, judge)).transpose()?;
        // 3. The shapes.
        let (height, width) = network
            .input()
            .size()
            .map_err(|error| in_network(error.into()))?;
        let black = Tensor::zeros(&[3, height, width])?;
        let mut outputs = whole.run(&black).map_err(in_network)?;
        let features = outputs.remove(0);
        let in_layer = format!("{} {}", network.path().display(), layer.name());
        let default = default_layout(layer, features.shape())?;
        let layer_path = Path::new(&in_layer);
        let (reading, shape) = args
            .layout
            .read_one(default, layer_path, features.shape())?;
        if reading.feature_map_shape().len() != 3 {
            return Err(Failure::usage(format!(
                "{in_layer}: the layer has shape {}, one feature map C×H×W was expected; \
                 see --layout and --grid",
                times(features.shape())
            )));
        }
        let methods = methods(
            &args.weighting.0,
            &args.ranks_grid,
            reading.feature_map_shape(),
        )?;
        let mut session = Self {
            whole,
            masked,
            judge: judge_plan,
            has_embedding: embedding.is_some(),
            scores: None,
            layer: layer.name().to_owned(),
            shape,
            reading,
            methods,
            classes: 0,
            activations: tensors_memory(network) + judge.map_or(0, tensors_memory),
            notes,
        };
        // 4. The class scores.
        if own_classes.is_some() || judge.is_some() {
            let scores = session.scores_of(outputs.pop(), &black)?;
            session.classes = scores.data().len();
            session.scores = Some(Scores::new(args.class_scores, scores.data()));
        }
        Ok(session)
    }

    /// The feature map of an image, and the response.
    pub(super) fn run(&self, image: &Tensor<f32>) -> tenfold::Result<(Tensor<f32>, Response)> {
        let mut outputs = self.whole.run(image)?;
        let features = self
            .reading
            .feature_maps(outputs.remove(0).reshape(&self.shape)?)?;
        // A reading returns a batch of one feature map.
        let shape = self.reading.feature_map_shape();
        let features = Tensor::new(shape, features.into_data())?;
        Ok((features, self.response(outputs, image)?))
    }

    /// The response to a masked image.
    pub(super) fn respond(&self, image: &Tensor<f32>) -> tenfold::Result<Response> {
        let outputs = match &self.masked {
            Some(plan) => plan.run(image)?,
            None => Vec::new(),
        };
        self.response(outputs, image)
    }

    /// Whether the networks classify.
    pub(super) fn has_classes(&self) -> bool {
        self.scores.is_some()
    }

    /// What the class scores are, for the settings of the run.
    pub(super) fn class_scores(&self) -> Option<&'static str> {
        self.scores.map(Scores::name)
    }

    fn response(
        &self,
        mut outputs: Vec<Tensor<f32>>,
        image: &Tensor<f32>,
    ) -> tenfold::Result<Response> {
        let embedding = self.has_embedding.then(|| outputs.remove(0));
        let probabilities = match &self.scores {
            None => None,
            Some(scores) => {
                let values = self.scores_of(outputs.pop(), image)?;
                Some(scores.probabilities(values.data())?)
            }
        };
        Ok(Response {
            probabilities,
            embedding,
        })
    }

    /// The class scores: the last output of the network, or the output of the judge.
    fn scores_of(
        &self,
        own: Option<Tensor<f32>>,
        image: &Tensor<f32>,
    ) -> tenfold::Result<Tensor<f32>> {
        let scores = match &self.judge {
            Some(judge) => judge.run(image)?.pop(),
            None => own,
        };
        scores.map_or_else(|| Tensor::zeros(&[1]), Ok)
    }
}

/// The output with class scores: the first output of the network that is a list of numbers and is
/// not the embedding.
fn classes<'a>(network: &'a Network, embedding: Option<&Layer>) -> Option<&'a Layer> {
    let outputs = network
        .outputs()
        .iter()
        .filter_map(|name| network.layer(name).ok());
    let is_list = |layer: &&Layer| {
        let extents = layer.shape().iter().skip(1).flatten();
        let long = extents.filter(|&&extent| extent > 1).count();
        long == 1 && layer.shape().iter().all(Option::is_some)
    };
    let mut lists = outputs.filter(is_list);
    lists.find(|layer| embedding.is_none_or(|embedding| embedding.name() != layer.name()))
}

/// The classes of the judge. Its input must have the size of the network's input, since it sees the
/// same masked images.
fn judge_plan(network: &Network, judge: &Network) -> Outcome<Plan> {
    let in_judge = |error| Failure::in_file(judge.path(), error);
    let (size, judge_size) = (network.input().size(), judge.input().size());
    let size = size.map_err(|error| Failure::in_file(network.path(), error.into()))?;
    let judge_size = judge_size.map_err(|error| in_judge(error.into()))?;
    if size != judge_size {
        return Err(Failure::usage(format!(
            "{}: the judge reads images of {}×{} pixels, the network {}×{}; they must be equal",
            judge.path().display(),
            judge_size.0,
            judge_size.1,
            size.0,
            size.1
        )));
    }
    let Some(layer) = classes(judge, None) else {
        return Err(Failure::usage(format!(
            "{}: the judge has no output of class scores",
            judge.path().display()
        )));
    };
    judge.plan(&[layer.name()]).map_err(in_judge)
}

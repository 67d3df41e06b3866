//! The selected layers of a network, and the work on one photograph.

use std::path::Path;

use tenfold::cam::{Cam, Reading, Weighting};
use tenfold::io::{Picture, RgbImage};
use tenfold::network::{Layer, Network, Plan, Preprocessing};
use tenfold::{Scalar, Tensor};

use crate::cam::Args;
use crate::cam::layout::{at_index_in_array, note_guess};
use crate::cam::maps::{Maps, in_f32};
use crate::cam::photograph::size_of;
use crate::console::Console;
use crate::device::Device;
use crate::device::model::{Call, Task};
use crate::failure::{Failure, Outcome};
use crate::network::{default_layout, in_network, tensors_memory, weights_memory};
use crate::ranks::Ranks;

/// A network, ready to compute the selected layers.
pub(super) struct Session<'a> {
    pub(super) path: &'a Path,
    pub(super) preprocessing: Preprocessing,
    pub(super) layers: Vec<Selected>,
    pub(super) weights_memory: u64,
    pub(super) tensors_memory: u64,
    plan: Plan,
}

/// A selected layer.
pub(super) struct Selected {
    pub(super) name: String,
    /// The shape that the reading expects.
    pub(super) shape: Vec<usize>,
    pub(super) reading: Reading,
    ranks: Option<Ranks>,
    /// The options of the library for each weighting.
    pub(super) methods: Vec<(Weighting, Cam)>,
    /// Whether the maps of the layer stay separate from the maps of other layers.
    is_separate: bool,
    /// Whether the command chose the layer.
    is_default: bool,
}

impl Selected {
    /// The name for the maps. `None` if the photograph is enough, because there are no other maps of
    /// it.
    pub(super) fn map_name(&self) -> Option<&str> {
        self.is_separate.then_some(&self.name[..])
    }

    /// The reading, and the layer with the reason for its choice.
    pub(super) fn read_as(&self) -> String {
        let reason = if self.is_default {
            ", the last feature map of the convolutional part"
        } else {
            ""
        };
        format!("{}: layer {}{reason}", self.reading, self.name)
    }

    /// The feature map in the tensor of the layer.
    fn feature_map(&self, tensor: Tensor<f32>) -> tenfold::Result<Tensor<f32>> {
        let maps = self.reading.feature_maps(tensor.reshape(&self.shape)?)?;
        maps.reshape(self.reading.feature_map_shape())
    }
}

impl<'a> Session<'a> {
    /// Selects the layers, and runs the network for a black image, which gives their shapes.
    pub(super) fn new(args: &Args, network: &'a Network, console: &Console) -> Outcome<Self> {
        let path = network.path();
        let in_network = |error| in_network(path, error);
        // 1. The layers.
        let named = &args.network.layer;
        let layers = match &named[..] {
            [] => network.last_feature_map().map(|layer| vec![layer]),
            names => names.iter().map(|name| network.layer(name)).collect(),
        };
        let layers: Vec<&Layer> = layers.map_err(in_network)?;
        let preprocessing = args.network.input.preprocessing(network)?;
        let names: Vec<&str> = layers.iter().map(|layer| layer.name()).collect();
        if let Some(name) = repeated(&names) {
            return Err(Failure::usage(format!("--layer: {name} is named twice")));
        }
        // 2. The network.
        let plan = network.plan(&names).map_err(in_network)?;
        let (height, width) = preprocessing.crop;
        let black = Tensor::zeros(&[3, height, width])?;
        let bar = console.progress("preparing", crate::progress::Steps::Unknown);
        let outputs = plan.run(&black).map_err(in_network)?;
        drop(bar);
        // 3. The readings.
        let is_separate = layers.len() > 1 && args.group.combine.is_none();
        let layers = layers.into_iter().zip(outputs).map(|(layer, output)| {
            let label = format!("{} {}", path.display(), layer.name());
            let default = default_layout(layer, output.shape())?;
            let read = args
                .layout
                .read_one(default, Path::new(&label), output.shape());
            let (reading, shape) = read?;
            let of_given = |given| Ranks::of(given, reading.feature_map_shape(), None);
            let ranks = args.ranks.as_deref().map(of_given).transpose()?;
            let each = ranks.as_ref().map(|ranks| &ranks.each[..]);
            let methods = args.weighting.0.iter();
            let methods = methods.map(|&weighting| (weighting, args.cam(weighting, each)));
            Ok(Selected {
                name: layer.name().to_owned(),
                methods: methods.collect(),
                is_separate,
                shape,
                reading,
                ranks,
                is_default: named.is_empty(),
            })
        });
        Ok(Self {
            path,
            preprocessing,
            layers: layers.collect::<Outcome<_>>()?,
            weights_memory: weights_memory(path),
            tensors_memory: tensors_memory(network),
            plan,
        })
    }

    /// Prints notes about guessed grids and lowered ranks.
    pub(super) fn note(&self, console: &Console) {
        for layer in &self.layers {
            note_guess(Path::new(&layer.name), &layer.reading, console);
            if let Some(ranks) = &layer.ranks {
                ranks.note(&layer.name, console);
            }
        }
    }

    /// The names of the maps of a photograph: of each layer, or `None` for a single map.
    pub(super) fn map_names(&self) -> Vec<Option<&str>> {
        let separate = self.layers.iter().filter(|layer| layer.is_separate);
        let names: Vec<_> = separate.map(Selected::map_name).collect();
        if names.is_empty() { vec![None] } else { names }
    }

    /// The calls that compute the maps of all photographs.
    pub(super) fn calls(&self) -> Vec<Call> {
        fn of_layer(layer: &Selected) -> impl Iterator<Item = Call> {
            let batch = [&[1], layer.reading.feature_map_shape()].concat();
            let methods = layer.methods.iter();
            methods.map(move |(_, cam)| Call {
                task: Task::Maps(cam.clone()),
                batch: batch.clone(),
                dtype: f32::NAME,
            })
        }
        self.layers.iter().flat_map(of_layer).collect()
    }

    /// Reads a photograph and computes its maps. `file` is its index in `Args::features`.
    pub(super) fn photograph(
        &self,
        file: usize,
        path: &Path,
        device: &Device,
    ) -> Outcome<Photograph> {
        let in_photograph = |error| Failure::in_file(path, error);
        // 1. The feature maps.
        let picture = Picture::read(path)?;
        let crop = self.preprocessing.crop(picture.image());
        let crop = crop.map_err(in_photograph)?;
        let (turned, transparent) = (picture.orientation() != 1, picture.is_transparent());
        drop(picture);
        let image = self.preprocessing.tensor(&crop).map_err(in_photograph)?;
        let outputs = self.plan.run(&image).map_err(in_photograph)?;
        // 2. The maps.
        let mut maps = Vec::new();
        for (layer, output) in self.layers.iter().zip(outputs) {
            let in_layer = |error| {
                let error = at_index_in_array(error, &layer.reading);
                Failure::in_layer(path, &layer.name, error)
            };
            let features = layer.feature_map(output).map_err(in_layer)?;
            for (weighting, cam) in &layer.methods {
                let map = device.saliency_map(cam, features.view());
                let map = map.map_err(in_layer)?;
                maps.push(Maps {
                    files: file..file + 1,
                    layer: layer.map_name().map(str::to_owned),
                    weighting: *weighting,
                    ranks: cam.ranks.clone(),
                    items: vec![(in_f32(&map)?, map.status())],
                    batch: false,
                });
            }
        }
        Ok(Photograph {
            file,
            crop,
            maps,
            turned,
            transparent,
        })
    }
}

/// The first name that occurs twice.
fn repeated<'a>(names: &[&'a str]) -> Option<&'a str> {
    let mut places = names.iter().enumerate();
    let (_, name) = places.find(|(place, name)| names[..*place].contains(name))?;
    Some(name)
}

/// A photograph with its maps.
pub(super) struct Photograph {
    /// The index in `Args::features`.
    pub(super) file: usize,
    /// The part that the network sees.
    pub(super) crop: RgbImage,
    /// The maps of the first layer for all weightings, then those of the next.
    pub(super) maps: Vec<Maps>,
    turned: bool,
    transparent: bool,
}

impl Photograph {
    /// The maps of all layers become one map for each weighting.
    pub(super) fn combine(&mut self, args: &Args) -> Outcome {
        let of_weighting = |&weighting: &Weighting| {
            let layers = self.maps.iter().filter(|maps| maps.weighting == weighting);
            let layers: Vec<&Maps> = layers.collect();
            let size = Some(size_of(&self.crop));
            args.combined_layers(self.file..self.file + 1, weighting, &layers, size)
        };
        let combined = args.weighting.0.iter().map(of_weighting);
        self.maps = combined.collect::<Outcome<_>>()?;
        Ok(())
    }
}

/// Photographs that were turned or lost their transparency: the first of each kind, and their number.
#[derive(Default)]
pub(super) struct Changes {
    turned: Option<(String, usize)>,
    transparent: Option<(String, usize)>,
}

impl Changes {
    pub(super) fn add(&mut self, path: &Path, photograph: &Photograph) {
        for (changed, seen) in [
            (photograph.turned, &mut self.turned),
            (photograph.transparent, &mut self.transparent),
        ] {
            if changed {
                let first = seen.get_or_insert_with(|| (path.display().to_string(), 0));
                first.1 += 1;
            }
        }
    }

    /// Prints a note for each kind.
    pub(super) fn note(&self, console: &Console) {
        for (seen, what) in [
            (
                &self.turned,
                "the photograph was turned as its EXIF orientation says",
            ),
            (
                &self.transparent,
                "the transparency of the photograph is ignored",
            ),
        ] {
            match seen {
                None => {}
                Some((first, 1)) => console.note(format!("{first}: {what}")),
                Some((first, count)) => {
                    console.note(format!("{first} (and {} more): {what}", count - 1));
                }
            }
        }
    }
}

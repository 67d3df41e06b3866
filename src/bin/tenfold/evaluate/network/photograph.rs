//! The work on one photograph: from the file to its record.
//!
//! ```text
//!   Whole::new     photograph ──> crop ──> networks ──> feature map ──> maps, IoU
//!   Whole::masked  for each map: masked image ──> networks ──> probability, embedding, curves
//!   Whole::record  ──> one record
//! ```
//!
//! The two kinds of work are separate, so that the maps of several photographs can be judged on all
//! threads.

use std::time::Instant;

use tenfold::cam::metrics::{PixelOrder, Region, embedding_error, iou_of_regions};
use tenfold::cam::resize;
use tenfold::io::{read_image, read_mask};
use tenfold::linalg::{Accuracy, left_singular};
use tenfold::network::Preprocessing;
use tenfold::{Error, Tensor};

use super::masking::Masker;
use super::scores::predicted;
use super::session::{Response, Session};
use crate::evaluate::photographs::{Photograph, check_mask};
use crate::failure::{Failure, Outcome};
use crate::records::{MapRecord, Record, Spectrum};

/// What is computed for each photograph.
pub(super) struct Task<'a> {
    pub(super) session: &'a Session,
    pub(super) preprocessing: &'a Preprocessing,
    pub(super) thresholds: &'a [f64],
    /// The number of steps of the curves, or 0.
    pub(super) curve_steps: usize,
    pub(super) masker: Masker,
}

/// A photograph with its maps, before they are judged.
pub(super) struct Whole {
    image: Tensor<f32>,
    embedding: Option<Tensor<f32>>,
    record: Record,
}

/// The judgement of one map.
pub(super) struct Judgement {
    masked_probability: Option<f64>,
    embedding_error: Option<f64>,
    insertion: Vec<f64>,
    deletion: Vec<f64>,
}

impl Task<'_> {
    /// Reads a photograph and computes its maps.
    pub(super) fn whole(&self, photograph: &Photograph) -> Outcome<Whole> {
        let in_photograph = |error| Failure::in_file(&photograph.path, error);
        // 1. The image.
        let picture = read_image(&photograph.path)?;
        let crop = self.preprocessing.crop(&picture).map_err(in_photograph)?;
        let image = self.preprocessing.tensor(&crop).map_err(in_photograph)?;
        let regions = self.regions(photograph, picture.dimensions())?;
        drop(picture);

        // 2. The networks.
        let start = Instant::now();
        let outcome = self.session.run(&image);
        let network_seconds = start.elapsed().as_secs_f64();
        let (features, response) = outcome.map_err(|error| match error {
            Error::NonFinite { index, value } => Failure::usage(format!(
                "{}: the score of class {} is {value}, every score must be finite",
                photograph.path.display(),
                index.first().copied().unwrap_or_default()
            )),
            error => in_photograph(error),
        })?;
        let (class, probability) = self.class(photograph, &response)?;

        // 3. The maps.
        let in_layer = |error| match error {
            Error::NonFinite { value, .. } => Failure::usage(format!(
                "{}: the layer {} has the entry {value}, every entry must be finite",
                photograph.path.display(),
                self.session.layer
            )),
            error => in_photograph(error),
        };
        let [svd, tucker] = spectra(&features).map_err(in_layer)?;
        let mut maps = Vec::new();
        for method in &self.session.methods {
            let start = Instant::now();
            let map = method.cam.saliency_map(&features).map_err(in_layer)?;
            let seconds = start.elapsed().as_secs_f64();
            let values = map.into_values();
            let iou = match &regions {
                Some(regions) => self.overlaps(&values, regions).map_err(in_photograph)?,
                None => Vec::new(),
            };
            maps.push(MapRecord {
                method: method.name.clone(),
                shape: [values.shape()[0], values.shape()[1]],
                values: values.into_data(),
                seconds,
                masked_probability: None,
                embedding_error: None,
                iou,
                insertion: Vec::new(),
                deletion: Vec::new(),
            });
        }
        Ok(Whole {
            image,
            embedding: response.embedding,
            record: Record {
                image: photograph.name.clone(),
                failure: None,
                class,
                probability,
                mask: photograph.mask.as_ref().map(|(name, _)| name.clone()),
                svd: Some(svd),
                tucker: Some(tucker),
                network_seconds,
                maps,
            },
        })
    }

    /// The class of a photograph and its probability: the label, or the prediction.
    fn class(
        &self,
        photograph: &Photograph,
        response: &Response,
    ) -> Outcome<(Option<usize>, Option<f64>)> {
        let Some(probabilities) = &response.probabilities else {
            return Ok((None, None));
        };
        photograph.check_label(probabilities.len())?;
        let class = photograph.label.unwrap_or_else(|| predicted(probabilities));
        Ok((Some(class), probabilities.get(class).copied()))
    }

    /// The regions of the mask in the crop.
    fn regions(
        &self,
        photograph: &Photograph,
        (width, height): (u32, u32),
    ) -> Outcome<Option<Vec<Region>>> {
        let Some((_, path)) = &photograph.mask else {
            return Ok(None);
        };
        let mask = read_mask(path)?;
        check_mask(path, mask.dimensions(), (width, height))?;
        let crop = self.preprocessing.crop_mask(&mask)?;
        let indices = crop.into_raw().into_iter();
        Ok(Some(indices.map(Region::from_voc).collect()))
    }

    /// The intersection over union of a map and a mask at each threshold.
    fn overlaps(&self, map: &Tensor<f32>, regions: &[Region]) -> tenfold::Result<Vec<f64>> {
        let (height, width) = self.preprocessing.crop;
        let map = resize(map, height, width)?;
        let thresholds = self.thresholds.iter();
        thresholds
            .map(|&threshold| iou_of_regions(map.data(), regions, threshold))
            .collect()
    }

    /// Judges the map with this index.
    pub(super) fn judge(&self, whole: &Whole, map: usize) -> tenfold::Result<Judgement> {
        let (height, width) = self.preprocessing.crop;
        let MapRecord { shape, values, .. } = &whole.record.maps[map];
        let map = Tensor::new(shape, values.clone())?;
        let map = resize(&map, height, width)?;

        // 1. The masked image.
        let masked = self.masker.masked(&whole.image, map.data())?;
        let response = self.session.respond(&masked)?;
        let error = match (&whole.embedding, &response.embedding) {
            (Some(embedding), Some(masked)) => Some(embedding_error(embedding, masked)?),
            _ => None,
        };

        // 2. The curves.
        let probability = |response: Response| {
            let probabilities = response.probabilities.as_deref();
            probabilities
                .zip(whole.record.class)
                .map(|(p, class)| p[class])
        };
        let steps = self.curve_steps;
        let (mut insertion, mut deletion) = (Vec::new(), Vec::new());
        if let (1.., Some(whole_probability)) = (steps, whole.record.probability) {
            let order = PixelOrder::new(map.data())?;
            let at = |visible: Vec<bool>| -> tenfold::Result<Option<f64>> {
                let image = self.masker.visible(&whole.image, &visible)?;
                Ok(probability(self.session.respond(&image)?))
            };
            // Insertion starts where deletion ends: with no pixel. Both contain the whole image.
            let none = at(order.inserted(0, steps)?)?;
            insertion.extend(none);
            deletion.push(whole_probability);
            for step in 1..steps {
                insertion.extend(at(order.inserted(step, steps)?)?);
                deletion.extend(at(order.kept(step, steps)?)?);
            }
            insertion.push(whole_probability);
            deletion.extend(none);
        }
        Ok(Judgement {
            masked_probability: probability(response),
            embedding_error: error,
            insertion,
            deletion,
        })
    }
}

impl Whole {
    /// The record with the judgements of all maps.
    pub(super) fn record(self, judgements: impl Iterator<Item = Judgement>) -> Record {
        let mut record = self.record;
        for (map, judgement) in record.maps.iter_mut().zip(judgements) {
            map.masked_probability = judgement.masked_probability;
            map.embedding_error = judgement.embedding_error;
            map.insertion = judgement.insertion;
            map.deletion = judgement.deletion;
        }
        record
    }
}

/// The singular values of the channel mode, with and without centring. At full ranks those of the
/// Tucker decomposition are the singular values of the unfolding.
fn spectra(features: &Tensor<f32>) -> tenfold::Result<[Spectrum; 2]> {
    const LEADING: usize = 5;
    let of = |features: &Tensor<f32>| -> tenfold::Result<Spectrum> {
        let values = left_singular(features, 0, Accuracy::default(), |_| 0)?.values;
        Ok(Spectrum {
            leading: values.iter().take(LEADING).copied().collect(),
            sum: values.iter().sum(),
        })
    };
    let mut centred = features.clone();
    let positions = features.data().len() / features.shape()[0];
    for channel in centred.data_mut().chunks_mut(positions) {
        let sum: f64 = channel.iter().map(|&entry| f64::from(entry)).sum();
        let mean = sum / positions as f64;
        for entry in channel {
            *entry = (f64::from(*entry) - mean) as f32;
        }
    }
    Ok([of(&centred)?, of(features)?])
}

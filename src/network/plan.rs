//! Selected tensors of a network, ready to run.
//!
//! A network of half-precision numbers computes with `f32`, because the engine has no fast routines for
//! `f16` on most processors. The results have more digits.

use std::sync::Arc;

use rayon::prelude::*;
use tract_onnx::prelude::{
    DatumType, InferenceModel, InferenceModelExt, IntoRunnable, IntoTValue, OutletId, TValue,
    TractResult, TypedRunnableModel, tvec,
};
use tract_onnx::tract_core::floats::FloatPrecisionTranslator;

use super::guard::guarded;
use super::input::{COLOURS, Input};
use crate::error::{Error, NetworkError, Result};
use crate::tensor::Tensor;

/// The part of a network that computes selected tensors, optimised for one image.
pub struct Plan {
    network: Arc<TypedRunnableModel>,
    input: Input,
    /// For each selected tensor, the place of the engine's output. A tensor that is selected twice is
    /// computed once.
    places: Vec<usize>,
}

impl Plan {
    /// Prepares the nodes that the tensors `outlets` need.
    pub(super) fn new(
        model: &InferenceModel,
        input: &Input,
        outlets: &[OutletId],
    ) -> Result<Self, NetworkError> {
        let mut distinct: Vec<OutletId> = Vec::new();
        let places = outlets.iter().map(|outlet| {
            let place = distinct.iter().position(|other| other == outlet);
            place.unwrap_or_else(|| {
                distinct.push(*outlet);
                distinct.len() - 1
            })
        });
        let places = places.collect();
        let network = guarded("prepared", || {
            let mut model = model.clone();
            model.select_output_outlets(&distinct)?;
            let mut model = model.into_typed()?;
            if input.datum_type() == DatumType::F16 {
                model.transform(&FloatPrecisionTranslator::new(
                    DatumType::F16,
                    DatumType::F32,
                ))?;
            }
            model.into_optimized()?.into_runnable()
        })?;
        Ok(Self {
            network,
            input: input.clone(),
            places,
        })
    }

    /// Computes the selected tensors for an image, on one thread.
    ///
    /// The image has the shape 3×H×W. For a network with the colours in the last mode, or with another
    /// type of numbers, it is rearranged and converted. An image of shape H×W×3 is accepted for a
    /// network with the colours in the last mode. For numbers of the type `u8` entries are rounded
    /// and clamped to 0 to 255. A result has no mode for the number of images.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for an image of another size; [`NetworkError::Engine`] if the engine
    /// fails.
    pub fn run(&self, image: &Tensor<f32>) -> Result<Vec<Tensor<f32>>> {
        let input = self.input_of(image)?;
        let outputs = guarded("run", || {
            let outputs = self.network.run(tvec!(input.into_tvalue()))?;
            outputs.iter().map(in_f32).collect::<TractResult<Vec<_>>>()
        })?;
        let tensors = self.places.iter().map(|&place| {
            let (shape, entries) = &outputs[place];
            Tensor::new(shape, entries.clone())
        });
        tensors.collect()
    }

    /// [`Plan::run`] for each image, on all threads. The results do not depend on the number of
    /// threads.
    ///
    /// # Errors
    /// The errors of [`Plan::run`], for the first image that has one.
    pub fn run_all(&self, images: &[Tensor<f32>]) -> Result<Vec<Vec<Tensor<f32>>>> {
        let results: Vec<_> = images.par_iter().map(|image| self.run(image)).collect();
        results.into_iter().collect()
    }

    /// The image as the network reads it.
    fn input_of(&self, image: &Tensor<f32>) -> Result<tract_onnx::prelude::Tensor> {
        let (height, width) = self.input.size()?;
        let channels_first = [COLOURS, height, width];
        let channels_last = [height, width, COLOURS];
        let rearranged;
        let entries = if self.input.channels_last() {
            if image.shape() == channels_last {
                image.data()
            } else if image.shape() == channels_first {
                rearranged = image.permute(&[1, 2, 0])?;
                rearranged.data()
            } else {
                return Err(wrong_shape(&channels_first, image));
            }
        } else if image.shape() == channels_first {
            image.data()
        } else {
            return Err(wrong_shape(&channels_first, image));
        };
        let shape: Vec<usize> = self.input.shape().iter().flatten().copied().collect();
        let tensor = guarded("run", || {
            use tract_onnx::prelude::Tensor;
            if self.input.datum_type() == DatumType::U8 {
                let level = |&entry: &f32| entry.round().clamp(0.0, 255.0) as u8;
                let levels: Vec<u8> = entries.iter().map(level).collect();
                return Tensor::from_shape(&shape, &levels);
            }
            let tensor = Tensor::from_shape(&shape, entries)?;
            match self.input.datum_type() {
                // The network computes with `f32`.
                DatumType::F16 => Ok(tensor),
                element => Ok(tensor.cast_to_dt(element)?.into_owned()),
            }
        })?;
        Ok(tensor)
    }
}

fn wrong_shape(expected: &[usize], image: &Tensor<f32>) -> Error {
    Error::ShapeMismatch {
        what: "image",
        expected: expected.to_vec(),
        actual: image.shape().to_vec(),
    }
}

/// The shape without the mode for the number of images, and the entries.
fn in_f32(value: &TValue) -> TractResult<(Vec<usize>, Vec<f32>)> {
    let tensor = value.cast_to::<f32>()?;
    let view = tensor.to_plain_array_view::<f32>()?;
    let shape = match view.shape() {
        [1, rest @ ..] if !rest.is_empty() => rest.to_vec(),
        [] => vec![1],
        shape => shape.to_vec(),
    };
    Ok((shape, view.iter().copied().collect()))
}

//! The input of a network: one RGB image.

use tract_onnx::prelude::DatumType;
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact};

use super::layer::shape_text;
use super::shapes::extents;
use crate::error::NetworkError;
use crate::io::Element;

/// The image that a network reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    name: String,
    shape: Vec<Option<usize>>,
    channels_last: bool,
    element: Element,
}

/// The number of colours of an image.
pub(super) const COLOURS: usize = 3;

impl Input {
    /// Checks that `fact` describes one RGB image.
    pub(super) fn new(name: &str, fact: &InferenceFact) -> Result<Self, NetworkError> {
        let refuse = |problem: String| {
            let problem = format!("the input {name:?} {problem}");
            NetworkError::UnsupportedInput { problem }
        };
        // 1. The type of the numbers.
        let element = match fact.datum_type.concretize() {
            Some(DatumType::F32) | None => Element::F32,
            Some(DatumType::F16) => Element::F16,
            Some(DatumType::F64) => Element::F64,
            Some(DatumType::U8) => Element::U8,
            Some(other) => {
                return Err(refuse(format!(
                    "has the type {other:?}, f16, f32, f64 or u8 was expected"
                )));
            }
        };
        // 2. The order of the modes.
        let mut shape = extents(fact);
        if fact.shape.is_open() || shape.len() != 4 {
            return Err(refuse(format!(
                "has the shape {}, one batch of images was expected, such as 1×3×224×224",
                if shape.is_empty() {
                    "?".to_owned()
                } else {
                    shape_text(&shape)
                }
            )));
        }
        let channels_last = match (shape[1], shape[3]) {
            (Some(COLOURS), _) => false,
            (_, Some(COLOURS)) => true,
            // No mode has a fixed number of channels: the usual order.
            (None, _) => false,
            _ => {
                return Err(refuse(format!(
                    "has the shape {}, 3 colours in mode 1 or 3 were expected",
                    shape_text(&shape)
                )));
            }
        };
        if let Some(images) = shape[0].filter(|&images| images != 1) {
            return Err(refuse(format!(
                "always holds {images} images, 1 or any number was expected"
            )));
        }
        // 3. One image.
        shape[0] = Some(1);
        shape[if channels_last { 3 } else { 1 }] = Some(COLOURS);
        let sides = shape.iter().flatten();
        if let Some(0) = sides.min() {
            return Err(refuse(format!(
                "has the empty shape {}",
                shape_text(&shape)
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            shape,
            channels_last,
            element,
        })
    }

    /// The name of the input in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The extents for one image: 1×3×H×W, or 1×H×W×3. `None` is an extent that the file leaves open.
    pub fn shape(&self) -> &[Option<usize>] {
        &self.shape
    }

    /// Whether the colours are in the last mode.
    pub fn channels_last(&self) -> bool {
        self.channels_last
    }

    /// The height of the image, unless the file leaves it open.
    pub fn height(&self) -> Option<usize> {
        self.shape[if self.channels_last { 1 } else { 2 }]
    }

    /// The width of the image, unless the file leaves it open.
    pub fn width(&self) -> Option<usize> {
        self.shape[if self.channels_last { 2 } else { 3 }]
    }

    /// The type of the numbers: `f16`, `f32`, `f64` or `u8`.
    pub fn element(&self) -> Element {
        self.element
    }

    /// The height and the width.
    ///
    /// # Errors
    /// [`NetworkError::UnknownInputSize`] if the file leaves one open.
    pub fn size(&self) -> Result<(usize, usize), NetworkError> {
        let size = self.height().zip(self.width());
        size.ok_or_else(|| NetworkError::UnknownInputSize {
            input: self.name.clone(),
        })
    }

    /// The input with this height and width.
    pub(super) fn resized(&self, height: usize, width: usize) -> Result<Self, NetworkError> {
        let (own_height, own_width) = (self.height(), self.width());
        let fits = |own: Option<usize>, given: usize| own.is_none_or(|own| own == given);
        if height == 0 || width == 0 || !fits(own_height, height) || !fits(own_width, width) {
            let problem = format!(
                "the input {:?} has the shape {}, the input size {height}×{width} does not fit",
                self.name,
                shape_text(&self.shape)
            );
            return Err(NetworkError::UnsupportedInput { problem });
        }
        let mut resized = self.clone();
        let first = if self.channels_last { 1 } else { 2 };
        resized.shape[first] = Some(height);
        resized.shape[first + 1] = Some(width);
        Ok(resized)
    }

    /// The type of the numbers, for the engine.
    pub(super) fn datum_type(&self) -> DatumType {
        match self.element {
            Element::F16 => DatumType::F16,
            Element::F64 => DatumType::F64,
            Element::U8 => DatumType::U8,
            _ => DatumType::F32,
        }
    }
}

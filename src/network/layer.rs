//! A layer: a tensor that a node of the network computes.

use std::fmt;

/// A tensor of a network that depends on the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub(super) name: String,
    pub(super) node: String,
    pub(super) operator: String,
    pub(super) shape: Vec<Option<usize>>,
    pub(super) channels_last: bool,
    /// Whether the numbers are floating-point numbers or quantised ones. Other layers are integers, which
    /// the user cannot select.
    pub(super) is_float: bool,
}

impl Layer {
    /// The name of the tensor in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the node that computes the tensor. It may be empty.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The operator of the node, such as `Conv`.
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// The extents. The first counts the images. `None` is an unknown extent.
    pub fn shape(&self) -> &[Option<usize>] {
        &self.shape
    }

    /// Whether a feature map that follows from convolutions has its channels in the last mode. This
    /// is `false` for all other layers.
    pub fn channels_last(&self) -> bool {
        self.channels_last
    }

    /// The shape as text, such as `1×1280×7×7`, with a question mark for an unknown extent.
    pub(super) fn shape_text(&self) -> String {
        shape_text(&self.shape)
    }
}

/// The name and the shape, such as `features (1×1280×7×7)`.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.shape_text())
    }
}

pub(super) fn shape_text(shape: &[Option<usize>]) -> String {
    let extents = shape.iter().map(|extent| match extent {
        Some(extent) => extent.to_string(),
        None => "?".to_owned(),
    });
    extents.collect::<Vec<_>>().join("×")
}

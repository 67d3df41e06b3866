//! Scaled entries: a file stores integers, and the values are slope · entry + intercept.

use super::any_tensor::AnyTensor;
use super::decimal::decimal;
use super::element::Element;
use crate::scalar::Scalar;

/// How values follow from the entries in a file: value = slope · entry + intercept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scaling {
    slope: f64,
    intercept: f64,
}

impl Scaling {
    /// `None` if the values are the entries.
    pub(super) fn new(slope: f64, intercept: f64) -> Option<Self> {
        let scaling = Self { slope, intercept };
        (slope != 1.0 || intercept != 0.0).then_some(scaling)
    }

    /// The value of an entry.
    pub(super) fn value(self, entry: f64) -> f64 {
        self.slope * entry + self.intercept
    }

    /// Replaces each entry by its value.
    pub(super) fn apply(self, tensor: &mut AnyTensor) {
        match tensor {
            AnyTensor::F32(tensor) => self.apply_to(tensor.data_mut()),
            AnyTensor::F64(tensor) => self.apply_to(tensor.data_mut()),
        }
    }

    fn apply_to<T: Scalar>(self, entries: &mut [T]) {
        for entry in entries {
            *entry = T::from_f64(self.value(entry.as_f64()));
        }
    }

    /// A note for the user: "int16 entries were scaled: 0.5 · entry − 100".
    pub(super) fn note(self, element: Element) -> String {
        let sign = if self.intercept < 0.0 { "−" } else { "+" };
        let intercept = match self.intercept.abs() {
            0.0 => String::new(),
            intercept => format!(" {sign} {}", decimal(intercept)),
        };
        let (name, slope) = (element.numpy_name(), decimal(self.slope));
        format!("{name} entries were scaled: {slope} · entry{intercept}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_notes() {
        assert_eq!(Scaling::new(1.0, 0.0), None);
        let scaling = Scaling::new(0.5, -100.0).unwrap();
        assert_eq!(scaling.value(7.0), -96.5);
        let note = scaling.note(Element::I16);
        assert_eq!(note, "int16 entries were scaled: 0.5 · entry − 100");
        let note = Scaling::new(2.0, 0.0).unwrap().note(Element::U8);
        assert_eq!(note, "uint8 entries were scaled: 2 · entry");
        let scaling = Scaling::new(f64::from(0.01f32), 1e-200).unwrap();
        let note = scaling.note(Element::I16);
        assert_eq!(note, "int16 entries were scaled: 0.01 · entry + 1e-200");
    }
}

//! Values that stand for missing data.

use super::any_tensor::AnyTensor;
use super::decimal::decimal;
use crate::scalar::Scalar;

/// A value that stands for missing data, as the file says: the attribute `_FillValue` of a NetCDF
/// variable, for example. Reading leaves such entries as they are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MissingValue {
    /// Where the file says it: "_FillValue", "missing_value" or "the fill value".
    pub name: String,
    /// The value, scaled as the entries are.
    pub value: f64,
}

impl MissingValue {
    #[cfg(any(feature = "hdf5", test))]
    pub(super) fn new(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }

    /// A note for the user if the value occurs in `tensor`: how often, and that the entries are
    /// read as numbers.
    #[must_use]
    pub fn note(&self, tensor: &AnyTensor) -> Option<String> {
        let (count, entries) = match tensor {
            AnyTensor::F32(tensor) => self.count(tensor.data()),
            AnyTensor::F64(tensor) => self.count(tensor.data()),
        };
        let (name, value) = (&self.name, decimal(self.value));
        (count > 0).then(|| {
            format!(
                "{count} of {entries} entries are {name} = {value}, which stands for missing \
                 data; they were read as numbers"
            )
        })
    }

    /// How often the value occurs, and the number of entries.
    fn count<T: Scalar>(&self, entries: &[T]) -> (usize, usize) {
        let value = T::from_f64(self.value);
        let count = entries.iter().filter(|&&entry| entry == value).count();
        (count, entries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    #[test]
    fn a_value_is_named_only_where_it_occurs() {
        let x = AnyTensor::F32(Tensor::new(&[4], vec![1.0, 0.1, 0.1, 0.0]).unwrap());
        let missing = |value| MissingValue::new("_FillValue", value).note(&x);
        assert_eq!(
            missing(0.1).as_deref(),
            Some(
                "2 of 4 entries are _FillValue = 0.1, which stands for missing data; they were \
                 read as numbers"
            )
        );
        assert_eq!(missing(2.0), None);
    }
}

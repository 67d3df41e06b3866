//! The attributes of the CF conventions for NetCDF, which say what the entries of a dataset stand
//! for.
//!
//! | attribute | meaning |
//! | --- | --- |
//! | `scale_factor`, `add_offset` | value = scale_factor · entry + add_offset |
//! | `_FillValue`, `missing_value` | the entry that stands for missing data |
//! | `_Unsigned` = "true" | the integers are unsigned, although their type is signed |
//! | `MATLAB_class` | the class of a variable that MATLAB saved, such as "double" |
//!
//! The values are read as f32 if both attributes are f32 and the entries fit in f32, otherwise as
//! f64. <https://cfconventions.org> describes the conventions.

use hdf5_reader::{Attribute, Dataset, Datatype};

use super::super::Problem;
use super::super::any_tensor::AnyTensor;
use super::super::element::Element;
use super::super::entries;
use super::super::missing::MissingValue;
use super::super::scaling::Scaling;
use super::super::stored::Stored;

/// What the attributes of a dataset say about its entries.
pub(super) struct Attributes {
    /// The type of the entries.
    pub(super) element: Element,
    pub(super) scaling: Option<Scaling>,
    /// Whether the scaled values need `f64`.
    pub(super) double: bool,
    /// Whether MATLAB saved the dataset. Its first index runs fastest, so that MATLAB stores the
    /// extents reversed.
    pub(super) is_matlab: bool,
    /// The values that stand for missing data.
    pub(super) missing: Vec<MissingValue>,
}

impl Attributes {
    pub(super) fn of(
        dataset: &Dataset,
        stored: Element,
        big_endian: bool,
    ) -> Result<Self, Problem> {
        let attributes = dataset.attributes();
        let named = |name: &str| attributes.iter().find(|attribute| attribute.name == name);
        let text = |name: &str| named(name).and_then(|attribute| attribute.read_string().ok());
        // 1. The type of the entries.
        let class = text("MATLAB_class");
        let element = match (text("_Unsigned"), class.as_deref()) {
            (Some(text), _) if text.eq_ignore_ascii_case("true") => unsigned(stored),
            (_, Some("logical")) if stored == Element::U8 => Element::Bool,
            (_, Some(class @ ("char" | "cell" | "struct"))) => {
                return Err(Problem::new(format!(
                    "this is a MATLAB variable of class {class}, only full arrays of numbers can \
                     be read"
                )));
            }
            _ if named("MATLAB_empty").is_some() => {
                return Err(Problem::new("this MATLAB variable has no entries"));
            }
            _ => stored,
        };
        // 2. The scaling.
        let factors = [named("scale_factor"), named("add_offset")];
        let slope = factors[0].map_or(Ok(1.0), number)?;
        let intercept = factors[1].map_or(Ok(0.0), number)?;
        let scaling = Scaling::new(slope, intercept);
        let mut factors = factors.iter().flatten();
        let double = scaling.is_some()
            && factors
                .any(|factor| !matches!(factor.datatype, Datatype::FloatingPoint { size: 4, .. }));
        // 3. The values for missing data. HDF5's own fill value stands for it too, unless it is
        // the default value 0.
        let mut missing = Vec::new();
        for name in ["_FillValue", "missing_value"] {
            let value = named(name).and_then(|attribute| number(attribute).ok());
            let value = value.map(|value| as_element(value, element));
            // Many files have the same value in both attributes.
            if let Some(value) = value
                && missing.iter().all(|&(_, other)| other != value)
            {
                missing.push((name, value));
            }
        }
        let fill = dataset.fill_value().and_then(|fill| fill.value.as_ref());
        if let Some(bytes) = fill
            && named("_FillValue").is_none()
            && bytes.len() == element.size()
        {
            let stored = Stored::new(vec![1], element)?.in_big_endian(big_endian);
            let value = match entries::read_as(&mut &bytes[..], &stored, true)? {
                AnyTensor::F64(value) => value.data()[0],
                AnyTensor::F32(value) => value.data()[0].into(),
            };
            if value != 0.0 {
                missing.push(("the fill value", value));
            }
        }
        let missing = missing.into_iter().map(|(name, entry)| {
            let value = scaling.map_or(entry, |scaling| scaling.value(entry));
            MissingValue::new(name, value)
        });
        Ok(Self {
            element,
            scaling,
            double,
            is_matlab: class.is_some(),
            missing: missing.collect(),
        })
    }
}

/// Whether a dataset only stands for a dimension of NetCDF that has no coordinates. Its entries have no
/// meaning.
pub(super) fn is_bare_dimension(dataset: &Dataset) -> bool {
    let text = dataset
        .attribute("NAME")
        .and_then(|name| name.read_string());
    text.is_ok_and(|text| text.starts_with("This is a netCDF dimension but not a netCDF variable"))
}

/// The number that an attribute holds.
fn number(attribute: &Attribute) -> Result<f64, Problem> {
    let value = attribute.read_as_f64().ok();
    value.filter(|value| value.is_finite()).ok_or_else(|| {
        Problem::new(format!(
            "the attribute {} is not a finite number",
            attribute.name
        ))
    })
}

/// The unsigned type with the bits of a signed type.
fn unsigned(element: Element) -> Element {
    match element {
        Element::I8 => Element::U8,
        Element::I16 => Element::U16,
        Element::I32 => Element::U32,
        Element::I64 => Element::U64,
        other => other,
    }
}

/// The entry of type `element` that has the bits of a value of the signed type.
fn as_element(value: f64, element: Element) -> f64 {
    match element {
        Element::U8 | Element::U16 | Element::U32 | Element::U64 if value < 0.0 => {
            value + 2f64.powi(8 * element.size() as i32)
        }
        _ => value,
    }
}

//! Pictures of maps, and files of pictures.

use std::path::PathBuf;

use numpy::{Element, PyArray3, PyArrayMethods, PyReadonlyArray3, PyReadonlyArrayDyn};
use numpy::{PyUntypedArrayMethods, ToPyArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tenfold::cam::{Colormap, Overlay, colorize};
use tenfold::io::{self, RgbImage};
use tenfold::{Monitor, Scalar};

use crate::arrays::{Array, view};
use crate::errors::raised;
use crate::execution::{Call, run};

/// The picture of an array H×W×3.
fn picture(array: &PyReadonlyArray3<'_, u8>) -> PyResult<RgbImage> {
    let &[height, width, 3] = array.shape() else {
        return Err(PyValueError::new_err(format!(
            "a picture has the shape height×width×3, this array has {:?}",
            array.shape()
        )));
    };
    let too_large = || PyValueError::new_err("the picture has too many rows or columns");
    let (height, width) = (u32::try_from(height), u32::try_from(width));
    let (Ok(height), Ok(width)) = (height, width) else {
        return Err(too_large());
    };
    let levels = array.as_slice()?.to_vec();
    RgbImage::from_raw(width, height, levels).ok_or_else(too_large)
}

/// The array H×W×3 of a picture.
fn levels<'py>(py: Python<'py>, picture: RgbImage) -> PyResult<Bound<'py, PyArray3<u8>>> {
    let (width, height) = picture.dimensions();
    let levels = picture.into_raw().to_pyarray(py);
    levels.reshape([height as usize, width as usize, 3])
}

/// The map in colours, or its overlay on a photograph.
#[pyfunction]
pub(crate) fn overlay<'py>(
    py: Python<'py>,
    map: Array<'py>,
    photograph: Option<PyReadonlyArray3<'py, u8>>,
    colormap: &str,
    alpha: f64,
) -> PyResult<Bound<'py, PyArray3<u8>>> {
    fn draw<T: Scalar + Element>(
        py: Python<'_>,
        map: &PyReadonlyArrayDyn<'_, T>,
        photograph: Option<&RgbImage>,
        overlay: Overlay,
    ) -> PyResult<RgbImage> {
        let map = view(map)?;
        run(py, Call::default(), |_: Monitor| match photograph {
            Some(photograph) => overlay.draw(map, photograph),
            None => colorize(map, overlay.colormap),
        })
    }
    let colormap: Colormap = colormap.parse().map_err(raised)?;
    let overlay = Overlay { colormap, alpha };
    let photograph = photograph.as_ref().map(picture).transpose()?;
    let drawn = match &map {
        Array::F32(map) => draw(py, map, photograph.as_ref(), overlay)?,
        Array::F64(map) => draw(py, map, photograph.as_ref(), overlay)?,
    };
    levels(py, drawn)
}

/// A picture in a file, as an array H×W×3.
#[pyfunction]
pub(crate) fn read_image<'py>(
    py: Python<'py>,
    path: PathBuf,
) -> PyResult<Bound<'py, PyArray3<u8>>> {
    let picture = run(py, Call::default(), |_: Monitor| io::read_image(path))?;
    levels(py, picture)
}

/// Writes an array H×W×3 as a PNG file.
#[pyfunction]
pub(crate) fn write_png(
    py: Python<'_>,
    path: PathBuf,
    array: PyReadonlyArray3<'_, u8>,
) -> PyResult<()> {
    let picture = picture(&array)?;
    run(py, Call::default(), |_: Monitor| {
        io::write_png(path, &picture)
    })
}

/// The PNG of an array H×W×3.
#[pyfunction]
pub(crate) fn png<'py>(
    py: Python<'py>,
    array: PyReadonlyArray3<'py, u8>,
) -> PyResult<Bound<'py, PyBytes>> {
    let picture = picture(&array)?;
    let bytes = run(py, Call::default(), |_: Monitor| {
        let mut bytes = Vec::new();
        io::write_png_to(&mut bytes, &picture)?;
        Ok(bytes)
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// The names of the colour maps.
pub(crate) fn colormaps() -> Vec<&'static str> {
    Colormap::ALL.map(Colormap::name).to_vec()
}

//! Metrics of saliency maps.

use numpy::{Element, PyArray1, PyReadonlyArrayDyn};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use tenfold::cam::metrics::{self, Bootstrap, ProbabilityPair, Region};
use tenfold::{Monitor, Scalar, TensorRef};

use crate::arrays::{Array, view};
use crate::errors::raised;
use crate::execution::{Call, run};

/// Adds the constants to the module.
pub(crate) fn add_constants(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("THRESHOLDS", metrics::THRESHOLDS)?;
    module.add("EPSILON_OF_TORCH_CAM", metrics::EPSILON_OF_TORCH_CAM)?;
    module.add("EPSILON_OF_XPLIQUE", metrics::EPSILON_OF_XPLIQUE)
}

/// The entries of an array of `f64`.
fn doubles<'a>(array: &'a Array<'_>) -> PyResult<&'a [f64]> {
    match array {
        Array::F64(array) => Ok(view(array)?.data()),
        Array::F32(_) => Err(PyTypeError::new_err("an array of float64 was expected")),
    }
}

/// The entries of an array of another type than the scalars of the library.
fn entries<'a, T: Element>(array: &'a PyReadonlyArrayDyn<'_, T>) -> PyResult<&'a [T]> {
    let entries = array.as_slice();
    entries.map_err(|_| PyValueError::new_err("the array is not C-contiguous"))
}

fn unknown(metric: &str) -> PyErr {
    PyValueError::new_err(format!("there is no metric {metric:?}"))
}

/// The mean over images of a metric of class probabilities, in percent.
#[pyfunction]
pub(crate) fn average(
    metric: &str,
    probabilities: Array<'_>,
    masked: Array<'_>,
    epsilon: f64,
) -> PyResult<f64> {
    average_of(metric, doubles(&probabilities)?, doubles(&masked)?, epsilon)
}

fn average_of(metric: &str, p: &[f64], o: &[f64], epsilon: f64) -> PyResult<f64> {
    let average = match metric {
        "drop" => metrics::average_drop(p, o),
        "drop_with_epsilon" => metrics::average_drop_with_epsilon(p, o, epsilon),
        "absolute_drop" => metrics::average_absolute_drop(p, o),
        "gain" => metrics::average_gain(p, o),
        "increase" => metrics::average_increase(p, o),
        _ => return Err(unknown(metric)),
    };
    average.map_err(raised)
}

/// A metric of class probabilities of each image, as a fraction.
#[pyfunction]
pub(crate) fn of_images<'py>(
    py: Python<'py>,
    metric: &str,
    probabilities: Array<'py>,
    masked: Array<'py>,
    epsilon: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let (p, o) = (doubles(&probabilities)?, doubles(&masked)?);
    // 1. The checks of the average.
    average_of(metric, p, o, epsilon)?;
    // 2. The metric of each pair.
    let values = p.iter().zip(o).map(|(&image, &masked)| {
        let pair = ProbabilityPair::new(image, masked).map_err(raised)?;
        Ok(match metric {
            "drop" => pair.drop(),
            "drop_with_epsilon" => pair.drop_with_epsilon(epsilon),
            "absolute_drop" => pair.absolute_drop(),
            "gain" => pair.gain(),
            _ => f64::from(u8::from(pair.increases())),
        })
    });
    Ok(PyArray1::from_vec(py, values.collect::<PyResult<_>>()?))
}

/// The pixels of a map from the most salient one to the least salient one.
#[pyclass(frozen, module = "tenfold._native")]
pub(crate) struct PixelOrder(metrics::PixelOrder);

#[pymethods]
impl PixelOrder {
    #[new]
    fn new(py: Python<'_>, map: Array<'_>) -> PyResult<Self> {
        fn order<T: Scalar + Element>(
            py: Python<'_>,
            map: &PyReadonlyArrayDyn<'_, T>,
        ) -> PyResult<PixelOrder> {
            let map = view(map)?;
            // The error of the check has the index in the map.
            let order = run(py, Call::default(), |_: Monitor| {
                metrics::check_fractions("a value of a saliency map", map)?;
                metrics::PixelOrder::new(map.data())
            })?;
            Ok(PixelOrder(order))
        }
        match &map {
            Array::F32(map) => order(py, map),
            Array::F64(map) => order(py, map),
        }
    }

    fn indices<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        let indices = self.0.indices().iter();
        PyArray1::from_iter(py, indices.map(|&index| index as i64))
    }

    fn inserted<'py>(
        &self,
        py: Python<'py>,
        step: usize,
        steps: usize,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let pixels = self.0.inserted(step, steps).map_err(raised)?;
        Ok(PyArray1::from_vec(py, pixels))
    }

    fn kept<'py>(
        &self,
        py: Python<'py>,
        step: usize,
        steps: usize,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let pixels = self.0.kept(step, steps).map_err(raised)?;
        Ok(PyArray1::from_vec(py, pixels))
    }

    fn upper_half<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<bool>> {
        PyArray1::from_vec(py, self.0.upper_half())
    }
}

/// The area under a curve of probabilities.
#[pyfunction]
pub(crate) fn area_under_curve(probabilities: Array<'_>) -> PyResult<f64> {
    metrics::area_under_curve(doubles(&probabilities)?).map_err(raised)
}

/// The intersection over union of a thresholded map and a mask, over the pixels that are not in `void`.
#[pyfunction]
pub(crate) fn iou(
    map: Array<'_>,
    mask: PyReadonlyArrayDyn<'_, bool>,
    threshold: f64,
    void: Option<PyReadonlyArrayDyn<'_, bool>>,
) -> PyResult<f64> {
    fn of<T: Scalar + Element>(
        map: &PyReadonlyArrayDyn<'_, T>,
        mask: &[bool],
        void: Option<&[bool]>,
        threshold: f64,
    ) -> PyResult<f64> {
        let map = view(map)?;
        metrics::check_fractions("a value of a saliency map", map).map_err(raised)?;
        let iou = match void {
            None => metrics::iou(map.data(), mask, threshold),
            Some(void) => {
                let pixels = mask.iter().zip(void);
                let regions = pixels.map(|(&inside, &void)| match (void, inside) {
                    (true, _) => Region::Void,
                    (false, true) => Region::Inside,
                    (false, false) => Region::Outside,
                });
                metrics::iou_of_regions(map.data(), &regions.collect::<Vec<_>>(), threshold)
            }
        };
        iou.map_err(raised)
    }
    let mask = entries(&mask)?;
    let void = void.as_ref().map(entries).transpose()?;
    match &map {
        Array::F32(map) => of(map, mask, void, threshold),
        Array::F64(map) => of(map, mask, void, threshold),
    }
}

/// The mean intersection over union of several maps, which lie along the first mode.
#[pyfunction]
pub(crate) fn mean_iou(
    maps: Array<'_>,
    masks: PyReadonlyArrayDyn<'_, bool>,
    threshold: f64,
) -> PyResult<f64> {
    fn of<T: Scalar + Element>(
        maps: &PyReadonlyArrayDyn<'_, T>,
        masks: &[bool],
        threshold: f64,
    ) -> PyResult<f64> {
        let maps = view(maps)?;
        metrics::check_fractions("a value of a saliency map", maps).map_err(raised)?;
        let pixels = maps.shape()[1..].iter().product();
        metrics::mean_iou(maps.data(), masks, pixels, threshold).map_err(raised)
    }
    let masks = entries(&masks)?;
    match &maps {
        Array::F32(maps) => of(maps, masks, threshold),
        Array::F64(maps) => of(maps, masks, threshold),
    }
}

/// The mean squared error of embeddings of images and of masked images: of several images along the
/// first mode, or of one image.
#[pyfunction]
pub(crate) fn embedding_error(
    embeddings: Array<'_>,
    masked: Array<'_>,
    is_batch: bool,
) -> PyResult<f64> {
    fn of<T: Scalar>(
        embeddings: TensorRef<'_, T>,
        masked: TensorRef<'_, T>,
        is_batch: bool,
    ) -> PyResult<f64> {
        let error = if is_batch {
            metrics::embedding_mse(embeddings, masked)
        } else {
            metrics::embedding_error(embeddings, masked)
        };
        error.map_err(raised)
    }
    match (&embeddings, &masked) {
        (Array::F32(z), Array::F32(o)) => of(view(z)?, view(o)?, is_batch),
        (Array::F64(z), Array::F64(o)) => of(view(z)?, view(o)?, is_batch),
        _ => Err(PyTypeError::new_err("the embeddings have different types")),
    }
}

/// The flops that take as long as a random number.
const RANDOM_NUMBER: f64 = 10.0;

/// The mean of values, and the ends of its bootstrap interval.
#[pyfunction]
pub(crate) fn bootstrap(
    py: Python<'_>,
    values: Array<'_>,
    resamples: usize,
    level: f64,
    seed: u64,
) -> PyResult<(f64, f64, f64)> {
    let values = doubles(&values)?;
    let bootstrap = Bootstrap {
        resamples,
        level,
        seed,
    };
    let call = Call {
        flops: RANDOM_NUMBER * resamples as f64 * values.len() as f64,
        ..Call::default()
    };
    let interval = run(py, call, |monitor| {
        bootstrap.mean_monitored(values, &monitor)
    })?;
    Ok((interval.mean, interval.low, interval.high))
}

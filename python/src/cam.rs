//! Saliency maps of feature maps, and functions of maps.

use std::num::NonZero;

use numpy::{Element, PyReadonlyArrayDyn};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use rayon::prelude::*;
use tenfold::cam::{self, Cam, Combination, Decomposition, Sign, Status, Vectors, Weighting};
use tenfold::{Monitor, Scalar, Tensor, TensorRef, Truncation};

use crate::arrays::{Array, array, view};
use crate::errors::raised;
use crate::execution::{Call, run};

/// The options of saliency maps: a tuple in Python.
#[derive(FromPyObject)]
pub(crate) struct Options(
    /// The name of the weighting.
    String,
    /// Upper limits of the ranks of the Tucker decomposition.
    Option<Vec<usize>>,
    /// Whether the means of the channels are subtracted.
    Option<bool>,
    /// The name of the treatment of negative entries.
    Option<String>,
    /// The height and width of the result, if the maps are resized.
    Option<(usize, usize)>,
);

impl Options {
    /// The height and width of the result, if the maps are resized.
    pub(crate) fn size(&self) -> Option<(usize, usize)> {
        self.4
    }

    /// The computation for feature maps of extents `shape`, without a monitor.
    pub(crate) fn cam(&self, shape: &[usize]) -> tenfold::Result<Cam> {
        let weighting: Weighting = self.0.parse()?;
        let ranks = match &self.1 {
            // The library reports an empty shape, and ranks with the SVD.
            Some(ranks)
                if shape.contains(&0) || weighting.decomposition() == Decomposition::Svd =>
            {
                Some(ranks.clone())
            }
            Some(ranks) => match Truncation::at_most(ranks, shape, None)? {
                Truncation::Ranks(ranks) => Some(ranks),
                _ => None,
            },
            None => None,
        };
        Ok(Cam {
            ranks,
            centring: self.2,
            sign: self.3.as_deref().map(str::parse::<Sign>).transpose()?,
            ..Cam::new(weighting)
        })
    }
}

/// Maps in an array of NumPy, and the name of the status of each.
pub(crate) type MapsAndStatuses<'py> = (Bound<'py, PyAny>, Vec<&'static str>);

/// The saliency map of a feature map, or the maps of a batch, and the status of each map.
#[pyfunction]
pub(crate) fn saliency<'py>(
    py: Python<'py>,
    features: Array<'py>,
    is_batch: bool,
    options: Options,
    threads: Option<NonZero<usize>>,
) -> PyResult<MapsAndStatuses<'py>> {
    match features {
        Array::F32(features) => saliency_of(py, &features, is_batch, &options, threads),
        Array::F64(features) => saliency_of(py, &features, is_batch, &options, threads),
    }
}

fn saliency_of<'py, T: Scalar + Element>(
    py: Python<'py>,
    features: &PyReadonlyArrayDyn<'py, T>,
    is_batch: bool,
    options: &Options,
    threads: Option<NonZero<usize>>,
) -> PyResult<MapsAndStatuses<'py>> {
    let features = view(features)?;
    let (items, shape) = match features.shape() {
        [items, shape @ ..] if is_batch => (*items, shape),
        shape => (1, shape),
    };
    let cam = options.cam(shape).map_err(raised)?;
    let call = Call {
        threads,
        flops: items as f64 * flops(&cam, shape),
        ..Call::default()
    };
    let (maps, statuses) = run(py, call, |monitor| {
        let cam = Cam { monitor, ..cam };
        if is_batch {
            batch(&cam, features, options.size())
        } else {
            single(&cam, features, options.size())
        }
    })?;
    let names = statuses.into_iter().map(Status::name).collect();
    Ok((array(py, maps)?.into_any(), names))
}

/// The map of one feature map.
fn single<T: Scalar>(
    cam: &Cam,
    features: TensorRef<'_, T>,
    size: Option<(usize, usize)>,
) -> tenfold::Result<(Tensor<T>, Vec<Status>)> {
    let map = cam.saliency_map(features)?;
    let status = vec![map.status()];
    let values = match size {
        Some((height, width)) => cam::resize(map.values(), height, width)?,
        None => map.into_values(),
    };
    Ok((values, status))
}

/// The maps of a batch.
fn batch<T: Scalar>(
    cam: &Cam,
    features: TensorRef<'_, T>,
    size: Option<(usize, usize)>,
) -> tenfold::Result<(Tensor<T>, Vec<Status>)> {
    let shape = match features.shape() {
        [items, _, positions @ ..] => [&[*items], positions].concat(),
        // The library reports the error for a batch of one mode.
        other => other.to_vec(),
    };
    let mut maps = Tensor::zeros(&shape)?;
    let statuses = cam.saliency_maps_into(features, maps.data_mut())?;
    if let Some((height, width)) = size {
        maps = each(maps.view(), |map| cam::resize(map, height, width))?;
    }
    Ok((maps, statuses))
}

/// Applies `function` to each item along the first mode, in parallel, and stacks the results.
pub(crate) fn each<T: Scalar>(
    items: TensorRef<'_, T>,
    function: impl Fn(TensorRef<'_, T>) -> tenfold::Result<Tensor<T>> + Sync,
) -> tenfold::Result<Tensor<T>> {
    let results = (0..items.shape()[0])
        .into_par_iter()
        .map(|item| function(nth(items, item)?));
    stack(&results.collect::<tenfold::Result<Vec<_>>>()?)
}

/// Item `item` along the first mode.
fn nth<T: Scalar>(items: TensorRef<'_, T>, item: usize) -> tenfold::Result<TensorRef<'_, T>> {
    let shape = &items.shape()[1..];
    let length = shape.iter().product::<usize>();
    TensorRef::new(shape, &items.data()[item * length..][..length])
}

/// Tensors of equal shapes as one tensor, with a first mode that numbers them.
pub(crate) fn stack<T: Scalar>(tensors: &[Tensor<T>]) -> tenfold::Result<Tensor<T>> {
    let shape = tensors.first().map_or(&[][..], Tensor::shape);
    let mut stacked = Tensor::zeros(&[&[tensors.len()], shape].concat())?;
    let length = shape.iter().product::<usize>().max(1);
    for (target, tensor) in stacked.data_mut().chunks_mut(length).zip(tensors) {
        target.copy_from_slice(tensor.data());
    }
    Ok(stacked)
}

/// An estimate of the flops of a map of features F: |F|·n + 9·n³ with n the smaller side of the
/// unfolding, and 2·|F|·n more for all vectors. HOOI with truncated ranks repeats them in its sweeps.
pub(crate) fn flops(cam: &Cam, shape: &[usize]) -> f64 {
    let [channels, positions @ ..] = shape else {
        return 0.0;
    };
    let positions = positions
        .iter()
        .map(|&extent| extent as f64)
        .product::<f64>();
    let n = positions.min(*channels as f64);
    let products = match cam.weighting.vectors() {
        Vectors::First => 1.0,
        Vectors::All => 3.0,
    };
    let repeats = if cam.ranks.is_some() { 30.0 } else { 1.0 };
    repeats * (products * *channels as f64 * positions * n + 9.0 * n.powi(3))
}

/// Maps of another height and width: the last two modes of an array are interpolated.
#[pyfunction]
pub(crate) fn resize<'py>(
    py: Python<'py>,
    map: Array<'py>,
    height: usize,
    width: usize,
) -> PyResult<Bound<'py, PyAny>> {
    function(py, &map, Resize { height, width })
}

/// An array stretched to [0, 1]; with `is_batch`, each item along the first mode for itself.
#[pyfunction]
pub(crate) fn normalize<'py>(
    py: Python<'py>,
    map: Array<'py>,
    is_batch: bool,
) -> PyResult<Bound<'py, PyAny>> {
    function(py, &map, Normalize { is_batch })
}

/// A function of a tensor of either scalar.
trait Function: Sync {
    fn apply<T: Scalar>(&self, x: TensorRef<'_, T>) -> tenfold::Result<Tensor<T>>;
}

struct Resize {
    height: usize,
    width: usize,
}

impl Function for Resize {
    fn apply<T: Scalar>(&self, x: TensorRef<'_, T>) -> tenfold::Result<Tensor<T>> {
        cam::resize(x, self.height, self.width)
    }
}

struct Normalize {
    is_batch: bool,
}

impl Function for Normalize {
    fn apply<T: Scalar>(&self, x: TensorRef<'_, T>) -> tenfold::Result<Tensor<T>> {
        if self.is_batch && x.order() > 1 {
            each(x, |item| cam::normalize(item))
        } else {
            cam::normalize(x)
        }
    }
}

/// Applies a function without the GIL.
fn function<'py>(
    py: Python<'py>,
    x: &Array<'py>,
    function: impl Function,
) -> PyResult<Bound<'py, PyAny>> {
    fn of<'py, T: Scalar + Element>(
        py: Python<'py>,
        x: &PyReadonlyArrayDyn<'py, T>,
        function: impl Function,
    ) -> PyResult<Bound<'py, PyAny>> {
        let x = view(x)?;
        let result = run(py, Call::default(), |_: Monitor| function.apply(x))?;
        Ok(array(py, result)?.into_any())
    }
    match x {
        Array::F32(x) => of(py, x, function),
        Array::F64(x) => of(py, x, function),
    }
}

/// One map of the maps of several layers; with `is_batch`, of each item along the first mode. The
/// arrays have the same type.
#[pyfunction]
pub(crate) fn combine<'py>(
    py: Python<'py>,
    maps: Vec<Array<'py>>,
    combination: &str,
    size: (usize, usize),
    is_batch: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let combination: Combination = combination.parse().map_err(raised)?;
    let singles = maps.iter().map(|map| match map {
        Array::F32(map) => Some(map),
        Array::F64(_) => None,
    });
    if let Some(maps) = singles.collect::<Option<Vec<_>>>() {
        return combine_of(py, &maps, combination, size, is_batch);
    }
    let doubles = maps.iter().map(|map| match map {
        Array::F32(_) => None,
        Array::F64(map) => Some(map),
    });
    let maps = doubles.collect::<Option<Vec<_>>>();
    let maps = maps.ok_or_else(|| PyTypeError::new_err("the maps have different types"))?;
    combine_of(py, &maps, combination, size, is_batch)
}

fn combine_of<'py, T: Scalar + Element>(
    py: Python<'py>,
    maps: &[&PyReadonlyArrayDyn<'py, T>],
    combination: Combination,
    (height, width): (usize, usize),
    is_batch: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let maps = maps.iter().map(|map| view(map));
    let maps: Vec<TensorRef<'_, T>> = maps.collect::<PyResult<_>>()?;
    let items = maps.first().map_or(0, |map| map.shape()[0]);
    let combined = run(py, Call::default(), |_: Monitor| {
        if !is_batch || maps.iter().any(|map| map.shape()[0] != items) {
            // The library reports maps with different numbers of items.
            return cam::combine(&maps, height, width, combination);
        }
        let combined = (0..items).into_par_iter().map(|item| {
            let layers = maps.iter().map(|map| nth(*map, item));
            let layers = layers.collect::<tenfold::Result<Vec<_>>>()?;
            cam::combine(&layers, height, width, combination)
        });
        stack(&combined.collect::<tenfold::Result<Vec<_>>>()?)
    })?;
    Ok(array(py, combined)?.into_any())
}

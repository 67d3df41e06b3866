//! The functions that decompose arrays.

use std::num::NonZero;

use numpy::{Element, PyArray1, PyReadonlyArrayDyn};
use pyo3::prelude::*;
use tenfold::io::AnyTucker;
use tenfold::{Method, Monitor, Observed, Result, Scalar, Solver, TensorRef, Tucker};

use crate::arrays::{Array, view};
use crate::decomposition::{Decomposition, FactorScalar, factors_of, observed};
use crate::errors::raised;
use crate::execution::{Call, run};
use crate::options::Options;

/// Decomposes `x` by a method of the library. HOOI starts from `factors`, if they are given; a mode with
/// `None` is not decomposed.
#[pyfunction]
#[pyo3(signature = (x, method, options, factors=None))]
pub(crate) fn decompose(
    x: &Bound<'_, PyAny>,
    method: &str,
    options: Options,
    factors: Option<Vec<Option<Array<'_>>>>,
) -> PyResult<Decomposition> {
    let (py, x) = (x.py(), x.extract()?);
    let method: Method = method.parse().map_err(raised)?;
    let factors = factors.as_deref();
    let tucker = match &x {
        Array::F32(x) => AnyTucker::F32(decompose_of(py, x, method, &options, factors)?),
        Array::F64(x) => AnyTucker::F64(decompose_of(py, x, method, &options, factors)?),
    };
    Ok(Decomposition::new(tucker, method.name(), x.bytes()))
}

fn decompose_of<T: FactorScalar>(
    py: Python<'_>,
    x: &PyReadonlyArrayDyn<'_, T>,
    method: Method,
    options: &Options,
    factors: Option<&[Option<Array<'_>>]>,
) -> PyResult<Tucker<T>> {
    let x = view(x)?;
    let factors = factors.map(factors_of::<T>).transpose()?;
    let sweeps = match method {
        Method::Hooi => 100,
        Method::NonNegative => 500,
        _ => 1,
    };
    run(py, options.call(py, x.shape(), sweeps), |monitor| {
        if let (Method::Hooi, Some(factors)) = (method, factors) {
            return options.hooi(x.shape(), monitor)?.decompose_from(x, factors);
        }
        solver(method, options, x.shape(), monitor)?.decompose(x)
    })
}

/// The solver of a method.
fn solver<T: Scalar>(
    method: Method,
    options: &Options,
    shape: &[usize],
    monitor: Monitor,
) -> Result<Box<dyn Solver<T>>> {
    Ok(match method {
        Method::StHosvd => Box::new(options.st_hosvd(shape, monitor)?),
        Method::Hosvd => Box::new(options.hosvd(shape, monitor)?),
        Method::Hooi => Box::new(options.hooi(shape, monitor)?),
        Method::Randomized => Box::new(options.randomized(shape, monitor)?),
        Method::Interpolatory => Box::new(options.interpolatory(shape, monitor)?),
        Method::NonNegative => Box::new(options.non_negative(shape, monitor)?),
    })
}

/// Decomposes `x` from the entries where the mask is true.
#[pyfunction]
pub(crate) fn complete(
    x: &Bound<'_, PyAny>,
    mask: PyReadonlyArrayDyn<'_, bool>,
    options: Options,
) -> PyResult<Decomposition> {
    let (py, x) = (x.py(), x.extract()?);
    let observed = observed(&mask)?;
    let tucker = match &x {
        Array::F32(x) => AnyTucker::F32(complete_of(py, x, &observed, &options)?),
        Array::F64(x) => AnyTucker::F64(complete_of(py, x, &observed, &options)?),
    };
    Ok(Decomposition::new(tucker, "completion", x.bytes()))
}

fn complete_of<T: Scalar + Element>(
    py: Python<'_>,
    x: &PyReadonlyArrayDyn<'_, T>,
    observed: &Observed,
    options: &Options,
) -> PyResult<Tucker<T>> {
    let x = view(x)?;
    run(py, options.call(py, x.shape(), 500), |monitor| {
        options
            .completion(x.shape(), monitor)?
            .decompose(x, observed)
    })
}

/// All singular values of the mode-n unfolding of `x`, largest first.
#[pyfunction]
#[pyo3(signature = (x, mode, threads=None))]
pub(crate) fn mode_spectrum<'py>(
    x: &Bound<'py, PyAny>,
    mode: usize,
    threads: Option<NonZero<usize>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let py = x.py();
    let values = match x.extract()? {
        Array::F32(x) => spectrum_of(py, view(&x)?, mode, threads)?,
        Array::F64(x) => spectrum_of(py, view(&x)?, mode, threads)?,
    };
    Ok(PyArray1::from_vec(py, values))
}

fn spectrum_of<T: Scalar>(
    py: Python<'_>,
    x: TensorRef<'_, T>,
    mode: usize,
    threads: Option<NonZero<usize>>,
) -> PyResult<Vec<f64>> {
    let rows = x.shape().get(mode).copied().unwrap_or(1);
    let columns = x.data().len() / rows.max(1);
    let side = rows.min(columns) as f64;
    let call = Call {
        threads,
        progress: None,
        flops: 2.0 * x.data().len() as f64 * side + 20.0 * side.powi(3),
    };
    run(py, call, |monitor| {
        tenfold::mode_spectrum_monitored(x, mode, &monitor)
    })
}

//! The class `Decomposition`: a Tucker decomposition of `f32` or `f64`.

use std::io::Cursor;
use std::num::NonZero;
use std::path::PathBuf;

use numpy::ndarray::ArrayView;
use numpy::{Element, PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArrayMethods, ToPyArray};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tenfold::faer::{Mat, MatRef};
use tenfold::io::{AnyTucker, Meta, read_tucker, read_tucker_from, write_tucker, write_tucker_to};
use tenfold::{Observed, Scalar, Slice, Tensor, Tucker};

use crate::arrays::{Array, array, view};
use crate::errors::raised;
use crate::execution::{Call, run};

/// A Tucker decomposition. The package's class `Tucker` has its documentation.
#[pyclass(frozen, module = "tenfold._native")]
pub(crate) struct Decomposition {
    tucker: AnyTucker,
    method: String,
    /// The bytes of the tensor as it was given, if they are known.
    input_bytes: Option<u64>,
    /// The description in the file from which the decomposition was read. It has what the solver
    /// found beside core and factors: the error, the spectra, the convergence and the fibres.
    stored: Option<Meta>,
}

/// Evaluates an expression for the decomposition of either scalar.
macro_rules! of_any {
    ($any:expr, $tucker:ident => $value:expr) => {
        match $any {
            AnyTucker::F32($tucker) => $value,
            AnyTucker::F64($tucker) => $value,
        }
    };
}

impl Decomposition {
    /// The result of `method`.
    pub(crate) fn new(tucker: AnyTucker, method: &str, input_bytes: u64) -> Self {
        Self {
            tucker,
            method: method.to_owned(),
            input_bytes: Some(input_bytes),
            stored: None,
        }
    }

    /// A decomposition that was read from a file.
    fn read((tucker, meta): (AnyTucker, Meta)) -> Self {
        Self {
            tucker,
            method: meta.method.clone(),
            input_bytes: meta.input_bytes,
            stored: Some(meta),
        }
    }

    /// The description for a file.
    fn meta<T: Scalar>(&self, tucker: &Tucker<T>) -> Meta {
        self.stored.clone().unwrap_or_else(|| Meta {
            input_bytes: self.input_bytes,
            ..Meta::new(tucker, &self.method)
        })
    }

    /// A call that computes a part of shape `shape` of the tensor.
    fn reconstruction(&self, shape: &[usize], threads: Option<NonZero<usize>>) -> Call {
        let entries: f64 = shape.iter().map(|&extent| extent as f64).product();
        let largest_rank = of_any!(&self.tucker, tucker => tucker.ranks().iter().max().copied());
        Call {
            threads,
            progress: None,
            flops: 2.0 * entries * largest_rank.unwrap_or(1) as f64,
        }
    }
}

#[pymethods]
impl Decomposition {
    /// The decomposition with this core and these factors; `None` for a mode without a factor.
    #[staticmethod]
    fn from_parts(core: Array<'_>, factors: Vec<Option<Array<'_>>>) -> PyResult<Self> {
        let tucker = match core {
            Array::F32(core) => AnyTucker::F32(assemble(&core, factors_of(&factors)?)?),
            Array::F64(core) => AnyTucker::F64(assemble(&core, factors_of(&factors)?)?),
        };
        Ok(Self {
            tucker,
            method: Meta::UNKNOWN_METHOD.to_owned(),
            input_bytes: None,
            stored: None,
        })
    }

    /// Reads a file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        run(py, Call::default(), |_| read_tucker(path)).map(Self::read)
    }

    /// Writes a file.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        run(
            py,
            Call::default(),
            |_| of_any!(&self.tucker, tucker => write_tucker(path, tucker, &self.meta(tucker))),
        )
    }

    /// Reads the bytes of a file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: &[u8]) -> PyResult<Self> {
        run(py, Call::default(), |_| {
            read_tucker_from(Cursor::new(bytes))
        })
        .map(Self::read)
    }

    /// The bytes of a file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = run(py, Call::default(), |_| {
            let mut bytes = Vec::new();
            of_any!(&self.tucker, tucker => {
                write_tucker_to(&mut bytes, tucker, &self.meta(tucker))
            })
            .map(|()| bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[getter]
    fn method(&self) -> &str {
        &self.method
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        match &self.tucker {
            AnyTucker::F32(_) => "float32",
            AnyTucker::F64(_) => "float64",
        }
    }

    #[getter]
    fn shape(&self) -> Vec<usize> {
        of_any!(&self.tucker, tucker => tucker.shape().to_vec())
    }

    #[getter]
    fn ranks(&self) -> Vec<usize> {
        of_any!(&self.tucker, tucker => tucker.ranks().to_vec())
    }

    /// The modes with a factor.
    #[getter]
    fn modes(&self) -> Vec<usize> {
        of_any!(&self.tucker, tucker => {
            let factors = tucker.factors().iter().enumerate();
            factors.filter(|(_, factor)| factor.is_some()).map(|(mode, _)| mode).collect()
        })
    }

    #[getter]
    fn estimated_error(&self) -> Option<f64> {
        match &self.stored {
            Some(meta) => meta.relative_error,
            None => of_any!(&self.tucker, tucker => tucker.estimated_error()),
        }
    }

    /// The requested tolerance and the error that was reached.
    #[getter]
    fn shortfall(&self) -> Option<(f64, f64)> {
        let shortfall = of_any!(&self.tucker, tucker => tucker.shortfall());
        shortfall.map(|it| (it.requested, it.reached))
    }

    /// The number of sweeps, and why the solver stopped.
    #[getter]
    fn convergence(&self) -> Option<(usize, String)> {
        let (sweeps, stop) = match &self.stored {
            Some(meta) => meta.sweeps.zip(meta.stop),
            None => of_any!(&self.tucker, tucker => {
                tucker.convergence().map(|it| (it.sweeps, it.stop))
            }),
        }?;
        Some((sweeps, stop.to_string()))
    }

    #[getter]
    fn compression(&self) -> f64 {
        of_any!(&self.tucker, tucker => tucker.compression())
    }

    /// The core, as a read-only array that borrows the memory of the decomposition.
    fn core<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let core = of_any!(&this.get().tucker, tucker => borrowed(this, tucker.core())?);
        core.call_method1("setflags", (false,))?;
        Ok(core)
    }

    /// A new array with the factor of a mode.
    fn factor<'py>(&self, py: Python<'py>, mode: usize) -> Option<Bound<'py, PyAny>> {
        of_any!(&self.tucker, tucker => {
            tucker.factor(mode).map(|factor| matrix(py, factor))
        })
    }

    fn spectrum<'py>(&self, py: Python<'py>, mode: usize) -> Option<Bound<'py, PyAny>> {
        let values = match &self.stored {
            Some(meta) => meta.spectra.get(mode)?.as_deref(),
            None => of_any!(&self.tucker, tucker => tucker.spectrum(mode)),
        };
        Some(values?.to_pyarray(py).into_any())
    }

    fn mode_spectrum<'py>(&self, py: Python<'py>, mode: usize) -> PyResult<Bound<'py, PyAny>> {
        let values = run(
            py,
            Call::default(),
            |_| of_any!(&self.tucker, tucker => tucker.mode_spectrum(mode)),
        )?;
        Ok(values.to_pyarray(py).into_any())
    }

    fn norm(&self, py: Python<'_>) -> PyResult<f64> {
        run(
            py,
            Call::default(),
            |_| of_any!(&self.tucker, tucker => tucker.norm()),
        )
    }

    fn fibres(&self, mode: usize) -> Option<Vec<usize>> {
        match &self.stored {
            Some(meta) => meta.fibres.get(mode)?.clone(),
            None => of_any!(&self.tucker, tucker => tucker.fibres(mode).map(<[usize]>::to_vec)),
        }
    }

    /// The tensor, or the part of it in a range of each mode.
    #[pyo3(signature = (ranges=None, threads=None))]
    fn reconstruct<'py>(
        &self,
        py: Python<'py>,
        ranges: Option<Vec<(usize, usize)>>,
        threads: Option<NonZero<usize>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let slice = ranges.map(|ranges| {
            let ranges = ranges.into_iter().map(|(start, end)| start..end);
            Slice::from(ranges.collect::<Vec<_>>())
        });
        let shape = match &slice {
            Some(slice) => slice.sliced_shape(&self.shape()).map_err(raised)?,
            None => self.shape(),
        };
        let call = self.reconstruction(&shape, threads);
        of_any!(&self.tucker, tucker => {
            let part = run(py, call, |monitor| {
                tucker.reconstruct_monitored(slice.as_ref(), &monitor)
            })?;
            Ok(array(py, part)?.into_any())
        })
    }

    /// The part of the tensor with these indices of each mode.
    fn select<'py>(
        &self,
        py: Python<'py>,
        indices: Vec<Vec<usize>>,
        threads: Option<NonZero<usize>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let shape: Vec<usize> = indices.iter().map(Vec::len).collect();
        let call = self.reconstruction(&shape, threads);
        of_any!(&self.tucker, tucker => {
            let part = run(py, call, |monitor| {
                rows(tucker, &indices)?.reconstruct_monitored(None, &monitor)
            })?;
            Ok(array(py, part)?.into_any())
        })
    }

    /// The relative error beside `x`.
    #[pyo3(signature = (x, threads=None))]
    fn relative_error(
        &self,
        py: Python<'_>,
        x: Array<'_>,
        threads: Option<NonZero<usize>>,
    ) -> PyResult<f64> {
        let call = self.reconstruction(&self.shape(), threads);
        match (&self.tucker, &x) {
            (AnyTucker::F32(tucker), Array::F32(x)) => {
                let x = view(x)?;
                run(py, call, |monitor| {
                    tucker.relative_error_monitored(x, &monitor)
                })
            }
            (AnyTucker::F64(tucker), Array::F64(x)) => {
                let x = view(x)?;
                run(py, call, |monitor| {
                    tucker.relative_error_monitored(x, &monitor)
                })
            }
            _ => Err(PyTypeError::new_err(format!(
                "an array of {} was expected",
                self.dtype()
            ))),
        }
    }

    /// The relative error over the observed entries of `x`: those where the mask is true.
    #[pyo3(signature = (x, mask, threads=None))]
    fn relative_error_over(
        &self,
        py: Python<'_>,
        x: Array<'_>,
        mask: PyReadonlyArrayDyn<'_, bool>,
        threads: Option<NonZero<usize>>,
    ) -> PyResult<f64> {
        let call = self.reconstruction(&self.shape(), threads);
        let observed = observed(&mask)?;
        match (&self.tucker, &x) {
            (AnyTucker::F32(tucker), Array::F32(x)) => {
                let x = view(x)?;
                run(py, call, |monitor| {
                    tucker.relative_error_over_monitored(x, &observed, &monitor)
                })
            }
            (AnyTucker::F64(tucker), Array::F64(x)) => {
                let x = view(x)?;
                run(py, call, |monitor| {
                    tucker.relative_error_over_monitored(x, &observed, &monitor)
                })
            }
            _ => Err(PyTypeError::new_err(format!(
                "an array of {} was expected",
                self.dtype()
            ))),
        }
    }
}

/// The observed entries: those where the mask is true.
pub(crate) fn observed(mask: &PyReadonlyArrayDyn<'_, bool>) -> PyResult<Observed> {
    let entries = mask.as_array().iter().copied().collect();
    Observed::new(mask.shape(), entries).map_err(raised)
}

/// The factors as matrices of the library; a factor of another scalar is an error.
pub(crate) fn factors_of<T: FactorScalar>(
    factors: &[Option<Array<'_>>],
) -> PyResult<Vec<Option<Mat<T>>>> {
    let factor = |factor: &Option<Array<'_>>| factor.as_ref().map(T::factor).transpose();
    factors.iter().map(factor).collect()
}

/// A scalar of factors that come from Python.
pub(crate) trait FactorScalar: Scalar + Element {
    /// The array, if it has this scalar.
    fn of<'a, 'py>(array: &'a Array<'py>) -> Option<&'a PyReadonlyArrayDyn<'py, Self>>;

    /// The matrix with the entries of an array.
    fn factor(array: &Array<'_>) -> PyResult<Mat<Self>> {
        let array = Self::of(array).ok_or_else(|| {
            PyTypeError::new_err("core and factors of the same scalar were expected")
        })?;
        let &[rows, columns] = array.shape() else {
            return Err(PyTypeError::new_err("a factor is a matrix"));
        };
        let entries = array.as_array();
        Ok(Mat::from_fn(rows, columns, |i, j| {
            entries[[i, j].as_slice()]
        }))
    }
}

impl FactorScalar for f32 {
    fn of<'a, 'py>(array: &'a Array<'py>) -> Option<&'a PyReadonlyArrayDyn<'py, f32>> {
        match array {
            Array::F32(array) => Some(array),
            Array::F64(_) => None,
        }
    }
}

impl FactorScalar for f64 {
    fn of<'a, 'py>(array: &'a Array<'py>) -> Option<&'a PyReadonlyArrayDyn<'py, f64>> {
        match array {
            Array::F64(array) => Some(array),
            Array::F32(_) => None,
        }
    }
}

/// The decomposition with this core and these factors.
fn assemble<T: FactorScalar>(
    core: &PyReadonlyArrayDyn<'_, T>,
    factors: Vec<Option<Mat<T>>>,
) -> PyResult<Tucker<T>> {
    Tucker::new(view(core)?.to_tensor(), factors).map_err(raised)
}

/// The decomposition of the part of a tensor with these indices of each mode. Its factors are rows of
/// the factors of the whole tensor.
fn rows<T: Scalar>(tucker: &Tucker<T>, indices: &[Vec<usize>]) -> tenfold::Result<Tucker<T>> {
    let factors = indices.iter().enumerate().map(|(mode, indices)| {
        Some(match tucker.factor(mode) {
            Some(factor) => Mat::from_fn(indices.len(), factor.ncols(), |i, j| {
                factor[(indices[i], j)]
            }),
            // The rows of the identity matrix.
            None => Mat::from_fn(indices.len(), tucker.shape()[mode], |i, j| {
                T::from_f64(f64::from(u8::from(indices[i] == j)))
            }),
        })
    });
    Tucker::new(tucker.core().clone(), factors.collect())
}

/// A new array with the entries of a matrix.
fn matrix<'py, T: Scalar + Element>(py: Python<'py>, matrix: MatRef<'_, T>) -> Bound<'py, PyAny> {
    let shape = (matrix.nrows(), matrix.ncols());
    let entries = numpy::ndarray::Array2::from_shape_fn(shape, |place| matrix[place]);
    entries.to_pyarray(py).into_any()
}

/// The array that borrows the entries of the core of `owner`.
#[allow(unsafe_code)]
fn borrowed<'py, T: Scalar + Element>(
    owner: &Bound<'py, Decomposition>,
    core: &Tensor<T>,
) -> PyResult<Bound<'py, PyAny>> {
    let entries = ArrayView::from_shape(core.shape(), core.data())
        .map_err(|error| PyTypeError::new_err(error.to_string()))?;
    // SAFETY: `core` belongs to `owner`, which the array keeps alive. The class is frozen, so the
    // memory of the core neither moves nor changes. The caller makes the array read-only before
    // Python sees it.
    let array = unsafe { PyArrayDyn::borrow_from_array(&entries, owner.clone().into_any()) };
    Ok(array.into_any())
}

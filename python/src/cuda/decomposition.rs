//! The class `DeviceDecomposition`: a Tucker decomposition on a device.

use numpy::ToPyArray;
use pyo3::prelude::*;
use tenfold::cuda::{Device, DeviceTucker};
use tenfold::io::AnyTucker;

use super::array::DeviceArray;
use super::devices::run_on;
use super::memory::{Lent, OfKind, Place, strides_in_order};
use crate::decomposition::Decomposition;
use crate::execution::Call;

/// A decomposition of either scalar on a device.
pub(super) enum AnyDeviceTucker {
    F32(DeviceTucker<f32>),
    F64(DeviceTucker<f64>),
}

/// Evaluates an expression for the decomposition of either scalar.
macro_rules! of_any {
    ($any:expr, $tucker:ident => $value:expr) => {
        match $any {
            AnyDeviceTucker::F32($tucker) => $value,
            AnyDeviceTucker::F64($tucker) => $value,
        }
    };
}

/// A decomposition on a device. The package's class `Tucker` has its documentation.
#[pyclass(frozen, module = "tenfold._native")]
pub(crate) struct DeviceDecomposition {
    tucker: AnyDeviceTucker,
    device: Device,
    method: &'static str,
    /// The bytes of the tensor.
    input_bytes: u64,
}

impl DeviceDecomposition {
    pub(super) fn new(
        tucker: AnyDeviceTucker,
        device: &Device,
        method: &'static str,
        input_bytes: u64,
    ) -> Self {
        Self {
            tucker,
            device: device.clone(),
            method,
            input_bytes,
        }
    }

    /// An array in the memory of the decomposition, which keeps the memory.
    fn array<T: OfKind>(&self, tucker: &DeviceTucker<T>, part: Part) -> DeviceArray {
        let place = Place {
            ordinal: self.device.ordinal(),
            address: part.address,
            kind: T::KIND,
            shape: part.shape,
            strides: part.strides,
            is_read_only: false,
        };
        DeviceArray::new(place, Lent::owner(&self.device, tucker.clone()))
    }
}

/// The core or a factor.
struct Part {
    address: u64,
    shape: Vec<usize>,
    strides: Vec<i64>,
}

#[pymethods]
impl DeviceDecomposition {
    #[getter]
    fn method(&self) -> &str {
        self.method
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        match &self.tucker {
            AnyDeviceTucker::F32(_) => f32::KIND.name(),
            AnyDeviceTucker::F64(_) => f64::KIND.name(),
        }
    }

    /// The number of the device.
    #[getter]
    fn ordinal(&self) -> usize {
        self.device.ordinal()
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
            let modes = 0..tucker.shape().len();
            modes.filter(|&mode| tucker.factor_pointer(mode).is_some()).collect()
        })
    }

    #[getter]
    fn estimated_error(&self) -> f64 {
        of_any!(&self.tucker, tucker => tucker.estimated_error())
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
        let convergence = of_any!(&self.tucker, tucker => tucker.convergence());
        convergence.map(|it| (it.sweeps, it.stop.to_string()))
    }

    fn spectrum<'py>(&self, py: Python<'py>, mode: usize) -> Option<Bound<'py, PyAny>> {
        of_any!(&self.tucker, tucker => {
            tucker.spectrum(mode).map(|values| values.to_pyarray(py).into_any())
        })
    }

    /// The core, in the memory of the decomposition.
    fn core(&self) -> DeviceArray {
        of_any!(&self.tucker, tucker => {
            let shape = tucker.ranks().to_vec();
            self.array(tucker, Part {
                address: tucker.core_pointer(),
                strides: strides_in_order(&shape),
                shape,
            })
        })
    }

    /// The factor of a mode, in the memory of the decomposition. It is stored column by column.
    fn factor(&self, mode: usize) -> Option<DeviceArray> {
        of_any!(&self.tucker, tucker => {
            let address = tucker.factor_pointer(mode)?;
            let (rows, columns) = (tucker.shape()[mode], tucker.ranks()[mode]);
            Some(self.array(tucker, Part {
                address,
                shape: vec![rows, columns],
                strides: vec![1, rows as i64],
            }))
        })
    }

    /// The decomposition, copied to the host.
    fn fetch(&self, py: Python<'_>) -> PyResult<Decomposition> {
        let place = (self.device.ordinal(), None);
        let tucker = run_on(py, place, Call::default(), |_, _| {
            Ok(match &self.tucker {
                AnyDeviceTucker::F32(tucker) => AnyTucker::F32(tucker.fetch()?),
                AnyDeviceTucker::F64(tucker) => AnyTucker::F64(tucker.fetch()?),
            })
        })?;
        Ok(Decomposition::new(tucker, self.method, self.input_bytes))
    }
}

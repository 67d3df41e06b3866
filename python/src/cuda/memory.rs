//! Where an array on a device is, and what keeps its memory alive.

use std::any::Any;
use std::sync::Arc;

use tenfold::cuda::{Device, DeviceScalar, ThreadContext};

/// A reference to the owner of memory, which frees it with the last reference. Any thread may drop a
/// reference, with or without the GIL.
pub(super) type Owner = Arc<dyn Any + Send + Sync>;

/// Memory of the library that frameworks may use.
///
/// A framework may have work on the memory in a stream of its own when its last reference ends. The
/// library would use the memory again at once. So the device finishes all work first.
pub(super) struct Lent {
    device: Device,
    memory: Box<dyn Any + Send + Sync>,
}

impl Lent {
    /// The owner of memory of a device, from the value that owns it alone.
    pub(super) fn owner(device: &Device, memory: impl Any + Send + Sync) -> Owner {
        Arc::new(Self {
            device: device.clone(),
            memory: Box::new(memory),
        })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let _kept = ThreadContext::keep();
        // Waiting fails only if an earlier error has ended the context. The next call reports that
        // error.
        let _ = self.device.wait();
        self.memory = Box::new(());
    }
}

/// The scalar of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    F64,
}

impl Kind {
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F64 => size_of::<f64>(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }
}

/// A scalar of the library, as a [`Kind`].
pub(super) trait OfKind: DeviceScalar + numpy::Element {
    const KIND: Kind;
}

impl OfKind for f32 {
    const KIND: Kind = Kind::F32;
}

impl OfKind for f64 {
    const KIND: Kind = Kind::F64;
}

/// Where the entries of an array are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The number of the device.
    pub(super) ordinal: usize,
    /// The address of the entry with all indices 0.
    pub(super) address: u64,
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
    /// The distances between neighbouring entries along each mode, in entries.
    pub(super) strides: Vec<i64>,
    /// Whether the owner forbids writing.
    pub(super) is_read_only: bool,
}

/// The strides of an array in C order.
pub(super) fn strides_in_order(shape: &[usize]) -> Vec<i64> {
    let mut strides = vec![1_i64; shape.len()];
    for mode in (1..shape.len()).rev() {
        strides[mode - 1] = strides[mode].saturating_mul(shape[mode].max(1) as i64);
    }
    strides
}

/// Whether strides are those of an array in C order. Strides of modes of extent 1 have no meaning.
pub(super) fn is_in_order(shape: &[usize], strides: &[i64]) -> bool {
    let expected = strides_in_order(shape);
    let mut modes = shape.iter().zip(strides.iter().zip(&expected));
    shape.contains(&0)
        || modes.all(|(&extent, (stride, expected))| extent == 1 || stride == expected)
}

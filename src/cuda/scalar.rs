//! The scalars that the kernels are compiled for.

use cudarc::driver::{DeviceRepr, ValidAsZeroBits};

use crate::scalar::Scalar;

/// A scalar that the kernels support: `f32` and `f64`.
pub trait DeviceScalar: Scalar + DeviceRepr + ValidAsZeroBits + Unpin {
    /// The names of the kernels for this scalar.
    #[doc(hidden)]
    const KERNELS: Kernels;
}

/// The names of the kernels that are compiled for each scalar.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    pub(super) combine: &'static str,
    pub(super) energy: &'static str,
    pub(super) gram: &'static str,
    /// By rows and by columns, with copies of one entry and of 16 bytes.
    pub(super) gram_tiles: [&'static str; 4],
    pub(super) gram_small: &'static str,
    pub(super) lift: &'static str,
    pub(super) magnitudes: &'static str,
    pub(super) prepare: &'static str,
    pub(super) product: &'static str,
    pub(super) project: &'static str,
    /// Each projected map and their sum, with copies of one entry and of 16 bytes.
    pub(super) project_tiles: [&'static str; 4],
    pub(super) resize: &'static str,
    pub(super) round: &'static str,
    pub(super) row_sums: &'static str,
    pub(super) saliency: &'static str,
}

macro_rules! kernels {
    ($scalar:literal) => {
        Kernels {
            combine: concat!("combine_", $scalar),
            energy: concat!("energy_", $scalar),
            gram: concat!("gram_", $scalar),
            gram_tiles: [
                concat!("gram_rows_", $scalar),
                concat!("gram_rows16_", $scalar),
                concat!("gram_columns_", $scalar),
                concat!("gram_columns16_", $scalar),
            ],
            gram_small: concat!("gram_small_", $scalar),
            lift: concat!("lift_", $scalar),
            magnitudes: concat!("magnitudes_", $scalar),
            prepare: concat!("prepare_", $scalar),
            product: concat!("product_", $scalar),
            project: concat!("project_", $scalar),
            project_tiles: [
                concat!("project_tiles_", $scalar),
                concat!("project_tiles16_", $scalar),
                concat!("sum_tiles_", $scalar),
                concat!("sum_tiles16_", $scalar),
            ],
            resize: concat!("resize_", $scalar),
            round: concat!("round_", $scalar),
            row_sums: concat!("row_sums_", $scalar),
            saliency: concat!("saliency_", $scalar),
        }
    };
}

impl DeviceScalar for f32 {
    const KERNELS: Kernels = kernels!("f32");
}

impl DeviceScalar for f64 {
    const KERNELS: Kernels = kernels!("f64");
}

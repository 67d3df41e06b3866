//! The kernels as text, compiled and loaded on a device.
//!
//! The *base* kernels work for every order and every device; one PTX in this library holds them, and
//! the driver compiles it when the device is opened. *Sized* kernels are faster; each is compiled for
//! one order of its matrices and loaded at its first use ([`sized`]). Compiled modules are kept on
//! disk ([`cache`]).

use std::collections::HashMap;
use std::iter;
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaFunction};

use self::compiler::{Card, Loaded, load, prepare};
use self::families::Family;
use self::sized::Modules;
use super::library::Library;
use crate::error::Result;

mod cache;
mod compiler;
pub(super) mod families;
mod sized;

pub(super) use sized::Sized;
pub use sized::{LoadedKernels, Origin};

/// The base kernels as PTX, compiled by NVRTC 11.8 for compute capability 7.5 and newer.
const SHIPPED: &str = include_str!("../../kernels/tenfold.ptx");

/// All entry points.
const KERNELS: [&str; 37] = [
    "centre_mode",
    "centre_rest",
    "centre_rows",
    "check_gram",
    "combine_f32",
    "combine_f64",
    "eigen_global",
    "eigen_shared",
    "energy_f32",
    "energy_f64",
    "gram_f32",
    "gram_f64",
    "largest_first",
    "lift_f32",
    "lift_f64",
    "magnitudes_f32",
    "magnitudes_f64",
    "orthonormalise",
    "prepare_f32",
    "prepare_f64",
    "product_f32",
    "product_f64",
    "project_f32",
    "project_f64",
    "project_sums",
    "refine",
    "resize_f32",
    "resize_f64",
    "round_f32",
    "round_f64",
    "row_sums_f32",
    "row_sums_f64",
    "saliency_f32",
    "saliency_f64",
    "settle",
    "sum_parts",
    "truncate",
];

/// The kernels, loaded on a device.
#[derive(Debug)]
pub(super) struct Program {
    context: Arc<CudaContext>,
    card: Card,
    base: HashMap<&'static str, CudaFunction>,
    /// Where the base kernels come from.
    origin: Origin,
    sized: Modules,
    library: Library,
}

impl Program {
    /// Loads the base kernels.
    pub(super) fn load(context: &Arc<CudaContext>) -> Result<Self> {
        let card = Card::of(context)?;
        let Loaded { module, cached } = load(context, &card, SHIPPED)?;
        let mut base = HashMap::new();
        for name in KERNELS {
            base.insert(name, prepare(&card, &module, name)?);
        }
        Ok(Self {
            context: Arc::clone(context),
            card,
            base,
            origin: if cached {
                Origin::Cache
            } else {
                Origin::Included
            },
            sized: Modules::default(),
            library: Library::default(),
        })
    }

    /// The base kernel of this name, one of [`KERNELS`].
    pub(super) fn function(&self, name: &str) -> &CudaFunction {
        &self.base[name]
    }

    /// The kernels of a family for matrices of at least this order. The first call for an order
    /// loads them. `None` if the family does not cover the order or the device.
    pub(super) fn sized(
        &self,
        family: &'static Family,
        order: usize,
    ) -> Result<Option<Arc<Sized>>> {
        self.sized.get(&self.context, &self.card, family, order)
    }

    /// The modules that are loaded so far, and cuSOLVER if it has been opened.
    pub(super) fn loaded(&self) -> Vec<LoadedKernels> {
        let base = LoadedKernels {
            family: "base",
            order: None,
            origin: self.origin,
        };
        let library = LoadedKernels {
            family: "cuSOLVER",
            order: None,
            origin: Origin::Installed,
        };
        let library = self.library.is_open().then_some(library);
        let kernels = iter::once(base).chain(self.sized.loaded());
        kernels.chain(library).collect()
    }

    /// cuSOLVER.
    pub(super) fn library(&self) -> &Library {
        &self.library
    }

    /// The bytes of shared memory that a block can have.
    pub(super) fn shared_limit(&self) -> usize {
        self.card.shared_limit
    }
}

#[cfg(test)]
mod tests {
    use super::compiler::joined;
    use super::*;

    /// The files of the base kernels.
    const FILES: [&str; 16] = [
        include_str!("../../kernels/block.cuh"),
        include_str!("../../kernels/jacobi.cuh"),
        include_str!("../../kernels/map.cuh"),
        include_str!("../../kernels/parts.cuh"),
        include_str!("../../kernels/centre.cu"),
        include_str!("../../kernels/combine.cu"),
        include_str!("../../kernels/eigen.cu"),
        include_str!("../../kernels/factor.cu"),
        include_str!("../../kernels/gram.cu"),
        include_str!("../../kernels/prepare.cu"),
        include_str!("../../kernels/product.cu"),
        include_str!("../../kernels/project.cu"),
        include_str!("../../kernels/refine.cu"),
        include_str!("../../kernels/resize.cu"),
        include_str!("../../kernels/saliency.cu"),
        include_str!("../../kernels/sweep.cu"),
    ];

    #[test]
    fn every_kernel_is_named() {
        let source = joined(&FILES);
        let entries = source.split("extern \"C\" __global__").skip(1);
        let mut names: Vec<&str> = entries
            .filter_map(|text| text.split_once('\n')?.1.split('(').next())
            .collect();
        names.sort_unstable();
        assert_eq!(names, KERNELS);
        for name in KERNELS {
            assert!(SHIPPED.contains(&format!(".entry {name}(")), "{name}");
        }
    }
}

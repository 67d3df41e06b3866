//! Modules of sized kernels, loaded at their first use.
//!
//! ```text
//! order n of family f
//!   in this library as PTX for the device's capability?   load it
//!   NVRTC installed?                                       compile it with -DORDER=n, load it
//!   else                                                   the next larger order in this library
//! ```
//!
//! A kernel of a larger order than the matrix pads the matrix with zeros.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaContext, CudaFunction};
use miniz_oxide::inflate::decompress_to_vec;

use super::compiler::{Card, Loaded, compile, load, prepare};
use super::families::Family;
use crate::error::{CudaError, Result};

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The bytes of shared memory that sized kernels may use: all devices of compute capability 8.0 and
/// newer give a block at least 99 KiB.
const LEAST_SHARED_BYTES: usize = 99 << 10;

/// PTX of a family in this library.
struct Shipped {
    /// The compute capability for which it is compiled, such as 90 for 9.0.
    capability: u32,
    family: &'static str,
    order: usize,
    /// The PTX, compressed by deflate.
    compressed: &'static [u8],
}

impl Shipped {
    /// The PTX.
    fn ptx(&self) -> Result<String> {
        let bytes = decompress_to_vec(self.compressed).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| {
            CudaError::DeviceFailed {
                what: "reading the kernels",
                reason: format!("the PTX of {} is damaged", self.family),
            }
            .into()
        })
    }
}

/// Where the kernels of a module come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The PTX in this library, compiled by the driver.
    Included,
    /// Source in this library, compiled by NVRTC and the driver.
    Nvrtc,
    /// The user's cache of compiled kernels.
    Cache,
    /// A library of NVIDIA that is installed.
    Installed,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Included => "compiled by the driver",
            Self::Nvrtc => "compiled by NVRTC",
            Self::Cache => "from the cache",
            Self::Installed => "installed",
        })
    }
}

/// A module of kernels that a device has loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedKernels {
    /// `base`, the name of a family of sized kernels, or `cuSOLVER`.
    pub family: &'static str,
    /// The order for which sized kernels are compiled.
    pub order: Option<usize>,
    /// Where they come from.
    pub origin: Origin,
}

impl fmt::Display for LoadedKernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.order {
            Some(order) => write!(f, "{} of order {order}: {}", self.family, self.origin),
            None => write!(f, "{}: {}", self.family, self.origin),
        }
    }
}

/// The kernels of a family, compiled for one order.
#[derive(Debug)]
pub(in crate::cuda) struct Sized {
    family: &'static str,
    order: usize,
    origin: Origin,
    functions: HashMap<&'static str, CudaFunction>,
}

impl Sized {
    /// The order for which the kernels are compiled.
    pub(in crate::cuda) fn order(&self) -> usize {
        self.order
    }

    /// The kernel of this name, one of the entry points of the family.
    pub(in crate::cuda) fn function(&self, name: &str) -> &CudaFunction {
        &self.functions[name]
    }
}

/// A family and the order of a matrix.
type Wanted = (&'static str, usize);

/// The modules that are loaded so far. `None` marks an order that is not available.
#[derive(Debug, Default)]
pub(super) struct Modules {
    loaded: Mutex<HashMap<Wanted, Option<Arc<Sized>>>>,
}

impl Modules {
    /// The kernels of a family for matrices of order `order`, at least. `None` if the family does
    /// not cover the order or the device.
    pub(super) fn get(
        &self,
        context: &Arc<CudaContext>,
        card: &Card,
        family: &'static Family,
        order: usize,
    ) -> Result<Option<Arc<Sized>>> {
        if !family.covers(card.capability, order) || card.shared_limit < LEAST_SHARED_BYTES {
            return Ok(None);
        }
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (family.name, order);
        if let Some(found) = loaded.get(&key) {
            return Ok(found.clone());
        }
        let found = find(context, card, family, order)?.map(Arc::new);
        loaded.insert(key, found.clone());
        Ok(found)
    }

    /// The loaded modules, in alphabetical order of their families and in order of their sizes.
    pub(super) fn loaded(&self) -> Vec<LoadedKernels> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let modules: BTreeMap<_, _> = loaded
            .values()
            .flatten()
            .map(|module| ((module.family, module.order), module.origin))
            .collect();
        let modules = modules.into_iter();
        modules
            .map(|((family, order), origin)| LoadedKernels {
                family,
                order: Some(order),
                origin,
            })
            .collect()
    }
}

/// Loads the module for an order.
fn find(
    context: &Arc<CudaContext>,
    card: &Card,
    family: &'static Family,
    order: usize,
) -> Result<Option<Sized>> {
    // 1. The orders in this library, for the newest capability that the device supports.
    let of_family = SHIPPED
        .iter()
        .filter(|shipped| shipped.family == family.name && shipped.capability <= card.capability);
    let newest = of_family.clone().map(|shipped| shipped.capability).max();
    let next = of_family
        .filter(|shipped| Some(shipped.capability) == newest && shipped.order >= order)
        .min_by_key(|shipped| shipped.order);
    // 2. The exact order by NVRTC, if it is not in this library.
    let included = |shipped: &Shipped| -> Result<_> {
        let loaded = load(context, card, &shipped.ptx()?)?;
        Ok((shipped.order, Origin::Included, loaded))
    };
    let found = match next {
        Some(shipped) if shipped.order == order => Some(included(shipped)?),
        _ => match compile(context, card, family.files, order) {
            Some(loaded) => Some((order, Origin::Nvrtc, loaded)),
            None => next.map(included).transpose()?,
        },
    };
    let Some((order, compiler, Loaded { module, cached })) = found else {
        return Ok(None);
    };
    let origin = if cached { Origin::Cache } else { compiler };
    let mut functions = HashMap::new();
    for &name in family.entries {
        functions.insert(name, prepare(card, &module, name)?);
    }
    Ok(Some(Sized {
        family: family.name,
        order,
        origin,
        functions,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::families::ALL;
    use super::*;

    #[test]
    fn shipped_modules_belong_to_families_and_hold_their_entry_points() {
        for shipped in SHIPPED {
            let family = ALL.iter().find(|family| family.name == shipped.family);
            let family = family.unwrap_or_else(|| panic!("{}: no such family", shipped.family));
            assert!(shipped.capability >= family.capability, "{}", family.name);
            assert!((family.orders.0..=family.orders.1).contains(&shipped.order));
            let ptx = shipped.ptx().unwrap();
            let entries: Vec<&str> = ptx
                .split(".entry ")
                .skip(1)
                .filter_map(|text| text.split('(').next())
                .collect();
            for entry in family.entries {
                assert!(entries.contains(entry), "{} of {}", entry, family.name);
            }
            assert_eq!(entries.len(), family.entries.len(), "{}", family.name);
        }
    }
}

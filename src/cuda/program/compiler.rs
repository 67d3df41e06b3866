//! From text to loaded kernels: NVRTC, and the modules of the driver.

#![allow(unsafe_code)]

use std::sync::Arc;

use cudarc::driver::sys::{CUdevice_attribute_enum as Attribute, CUfunction_attribute_enum};
use cudarc::driver::{CudaContext, CudaFunction, CudaModule};
use cudarc::nvrtc::{self, CompileOptions, Ptx};

use crate::cuda::driver::failed;
use crate::error::Result;

/// What the choice of kernels depends on.
#[derive(Clone, Debug)]
pub(super) struct Card {
    /// The compute capability, such as 90 for 9.0.
    pub(super) capability: u32,
    /// The bytes of shared memory that a block can have.
    pub(super) shared_limit: usize,
}

impl Card {
    pub(super) fn of(context: &Arc<CudaContext>) -> Result<Self> {
        let (major, minor) = context
            .compute_capability()
            .map_err(failed("reading its compute capability"))?;
        let limit = context
            .attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
            .map_err(failed("reading the size of its shared memory"))?;
        Ok(Self {
            capability: (10 * major + minor).unsigned_abs(),
            shared_limit: limit.try_into().unwrap_or(0),
        })
    }
}

/// Loads PTX.
pub(super) fn load(context: &Arc<CudaContext>, _card: &Card, ptx: &str) -> Result<Arc<CudaModule>> {
    context
        .load_module(Ptx::from_src(ptx))
        .map_err(failed("loading the kernels"))
}

/// Compiles files by NVRTC for an order, and loads the result. Returns `None` if NVRTC is not
/// installed or fails, or if its PTX is too new for the driver.
pub(super) fn compile(
    context: &Arc<CudaContext>,
    card: &Card,
    files: &[&str],
    order: usize,
) -> Option<Arc<CudaModule>> {
    // SAFETY: the call only tries to open the library by its name.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return None;
    }
    let options = CompileOptions {
        options: vec![
            format!("--gpu-architecture=compute_{}", card.capability),
            "--std=c++14".to_owned(),
            format!("-DORDER={order}"),
        ],
        ..CompileOptions::default()
    };
    let ptx = nvrtc::compile_ptx_with_opts(joined(files), options).ok()?;
    context.load_module(ptx).ok()
}

/// The function of this name in a module, with all shared memory that the device has.
pub(super) fn prepare(card: &Card, module: &Arc<CudaModule>, name: &str) -> Result<CudaFunction> {
    let function = module
        .load_function(name)
        .map_err(failed("loading the kernels"))?;
    let raising = failed("raising the limit of shared memory");
    let fixed = function
        .get_attribute(CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)
        .map_err(&raising)?;
    let dynamic = i32::try_from(card.shared_limit).unwrap_or(i32::MAX) - fixed;
    function
        .set_attribute(
            CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
            dynamic,
        )
        .map_err(&raising)?;
    if card.capability >= 90 {
        // A cluster may then have more than 8 blocks.
        function
            .set_attribute(
                CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED,
                1,
            )
            .map_err(failed("allowing large clusters"))?;
    }
    Ok(function)
}

/// Files as one text, without the lines by which the files include each other.
pub(super) fn joined(files: &[&str]) -> String {
    let lines = files.iter().flat_map(|file| file.lines());
    let kept = lines.filter(|line| !line.starts_with("#include \""));
    kept.fold(String::new(), |text, line| text + line + "\n")
}

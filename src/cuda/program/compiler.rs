//! From text to loaded kernels: NVRTC, and the modules of the driver.

#![allow(unsafe_code)]

use std::ptr::null_mut;
use std::slice;
use std::sync::Arc;

use cudarc::driver::sys::{self, CUdevice_attribute_enum as Attribute, CUfunction_attribute_enum};
use cudarc::driver::{CudaContext, CudaFunction, CudaModule, DriverError};
use cudarc::nvrtc::{self, CompileOptions, Ptx};

use super::cache::Cache;
use crate::cuda::driver::{driver_version, failed};
use crate::error::Result;

/// What the choice of kernels depends on.
#[derive(Clone, Debug)]
pub(super) struct Card {
    /// The compute capability, such as 90 for 9.0.
    pub(super) capability: u32,
    /// The bytes of shared memory that a block can have.
    pub(super) shared_limit: usize,
    /// The card's name and the driver's version: compiled kernels depend on them.
    identity: String,
    cache: Cache,
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
            identity: format!(
                "{} driver {}",
                context.name().map_err(failed("reading its name"))?,
                driver_version()?
            ),
            cache: Cache::of_user(),
        })
    }

    /// The text on which a module depends: the card, the driver, and `parts`.
    fn key(&self, parts: &[&str]) -> String {
        [&[self.identity.as_str()], parts].concat().join("\n")
    }
}

/// A loaded module, and whether its compiled form came from the cache.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) module: Arc<CudaModule>,
    pub(super) cached: bool,
}

/// Loads PTX, which the driver compiles.
pub(super) fn load(context: &Arc<CudaContext>, card: &Card, ptx: &str) -> Result<Loaded> {
    let key = card.key(&["PTX", ptx]);
    if let Some(module) = cached(context, card, &key) {
        return Ok(module);
    }
    let loading = failed("loading the kernels");
    let compiled = link(context, ptx).map_err(&loading)?;
    card.cache.keep(&key, &compiled);
    let module = context
        .load_module(Ptx::from_binary(compiled))
        .map_err(loading)?;
    Ok(Loaded {
        module,
        cached: false,
    })
}

/// Compiles files by NVRTC for an order, and loads the result. Returns `None` if NVRTC is not
/// installed or fails, or if its PTX is too new for the driver.
pub(super) fn compile(
    context: &Arc<CudaContext>,
    card: &Card,
    files: &[&str],
    order: usize,
) -> Option<Loaded> {
    // SAFETY: the call only tries to open the library by its name.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return None;
    }
    let options = vec![
        format!("--gpu-architecture=compute_{}", card.capability),
        "--std=c++14".to_owned(),
        format!("-DORDER={order}"),
    ];
    let source = joined(files);
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the function writes two integers.
    let status = unsafe { nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) };
    status.result().ok()?;
    let version = format!("NVRTC {major}.{minor}");
    let key = card.key(&[&version, &options.join(" "), &source]);
    if let Some(module) = cached(context, card, &key) {
        return Some(module);
    }
    let options = CompileOptions {
        options,
        ..CompileOptions::default()
    };
    let ptx = nvrtc::compile_ptx_with_opts(source, options).ok()?;
    let compiled = link(context, &ptx.to_src()).ok()?;
    card.cache.keep(&key, &compiled);
    let module = context.load_module(Ptx::from_binary(compiled)).ok()?;
    Some(Loaded {
        module,
        cached: false,
    })
}

/// The module for a key, if the cache has one that the driver accepts.
fn cached(context: &Arc<CudaContext>, card: &Card, key: &str) -> Option<Loaded> {
    let compiled = card.cache.get(key)?;
    let module = context.load_module(Ptx::from_binary(compiled)).ok()?;
    Some(Loaded {
        module,
        cached: true,
    })
}

/// The bytes into which the driver compiles PTX for the device.
fn link(context: &Arc<CudaContext>, ptx: &str) -> std::result::Result<Vec<u8>, DriverError> {
    context.bind_to_thread()?;
    // A zero byte ends the text.
    let mut text = [ptx.as_bytes(), &[0]].concat();
    let mut linker = Linker::new()?;
    // SAFETY: the driver reads `text` during the call and does not change it. The text ends with
    // a zero byte, which its length includes. There are no options.
    unsafe {
        sys::cuLinkAddData_v2(
            linker.state,
            sys::CUjitInputType::CU_JIT_INPUT_PTX,
            text.as_mut_ptr().cast(),
            text.len(),
            c"tenfold".as_ptr(),
            0,
            null_mut(),
            null_mut(),
        )
    }
    .result()?;
    linker.complete()
}

/// The driver's linker, which turns PTX into a module.
struct Linker {
    state: sys::CUlinkState,
}

impl Linker {
    fn new() -> std::result::Result<Self, DriverError> {
        let mut state = null_mut();
        // SAFETY: the driver writes one pointer. There are no options.
        unsafe { sys::cuLinkCreate_v2(0, null_mut(), null_mut(), &raw mut state) }.result()?;
        Ok(Self { state })
    }

    /// A copy of the module.
    fn complete(&mut self) -> std::result::Result<Vec<u8>, DriverError> {
        let (mut start, mut length) = (null_mut(), 0);
        // SAFETY: the driver writes the address and the length of memory that it owns.
        unsafe { sys::cuLinkComplete(self.state, &raw mut start, &raw mut length) }.result()?;
        // SAFETY: the memory exists until the linker is destroyed, which is later.
        let module = unsafe { slice::from_raw_parts(start.cast::<u8>(), length) };
        Ok(module.to_vec())
    }
}

impl Drop for Linker {
    fn drop(&mut self) {
        // SAFETY: the state is destroyed once, here.
        let status = unsafe { sys::cuLinkDestroy(self.state) };
        debug_assert_eq!(status, sys::CUresult::CUDA_SUCCESS);
    }
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

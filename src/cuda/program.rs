//! The program: the text of all kernels, compiled and loaded on a device.

#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::Arc;

use cudarc::driver::sys::{CUdevice_attribute_enum as Attribute, CUfunction_attribute_enum};
use cudarc::driver::{CudaContext, CudaFunction, CudaModule};
use cudarc::nvrtc::{self, CompileOptions, Ptx};

use super::driver::failed;
use crate::error::Result;

/// The files of the program. Each comes after the files that it includes.
const FILES: [&str; 13] = [
    include_str!("../../kernels/block.cuh"),
    include_str!("../../kernels/jacobi.cuh"),
    include_str!("../../kernels/map.cuh"),
    include_str!("../../kernels/centre.cu"),
    include_str!("../../kernels/combine.cu"),
    include_str!("../../kernels/eigen.cu"),
    include_str!("../../kernels/factor.cu"),
    include_str!("../../kernels/gram.cu"),
    include_str!("../../kernels/product.cu"),
    include_str!("../../kernels/project.cu"),
    include_str!("../../kernels/resize.cu"),
    include_str!("../../kernels/saliency.cu"),
    include_str!("../../kernels/sweep.cu"),
];

/// The program as PTX, compiled by NVRTC 11.8 for compute capability 7.5 and newer.
const SHIPPED: &str = include_str!("../../kernels/tenfold.ptx");

/// All entry points.
const KERNELS: [&str; 26] = [
    "centre_mode",
    "centre_rest",
    "centre_rows",
    "check_gram",
    "combine_f32",
    "combine_f64",
    "eigen_global",
    "eigen_shared",
    "energy",
    "gram_f32",
    "gram_f64",
    "lift",
    "orthonormalise",
    "prepare_f32",
    "prepare_f64",
    "product",
    "project_f32",
    "project_f64",
    "resize_f32",
    "resize_f64",
    "row_sums_f32",
    "row_sums_f64",
    "saliency_f32",
    "saliency_f64",
    "settle",
    "truncate",
];

/// Entry points that may need more shared memory than the default limit.
const IN_SHARED_MEMORY: [&str; 4] = [
    "saliency_f32",
    "saliency_f64",
    "eigen_shared",
    "eigen_global",
];

/// The kernels, loaded on a device.
#[derive(Debug)]
pub(super) struct Program {
    functions: HashMap<&'static str, CudaFunction>,
    /// The bytes of shared memory that a block can have.
    shared_limit: usize,
}

impl Program {
    /// Compiles and loads the kernels.
    pub(super) fn load(context: &Arc<CudaContext>) -> Result<Self> {
        let module = load_module(context)?;
        let limit = context
            .attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
            .map_err(failed("reading the size of its shared memory"))?;
        let mut functions = HashMap::new();
        for name in KERNELS {
            let function = module
                .load_function(name)
                .map_err(failed("loading the kernels"))?;
            if IN_SHARED_MEMORY.contains(&name) {
                function
                    .set_attribute(
                        CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                        limit,
                    )
                    .map_err(failed("raising the limit of shared memory"))?;
            }
            functions.insert(name, function);
        }
        Ok(Self {
            functions,
            shared_limit: limit.try_into().unwrap_or(0),
        })
    }

    /// The kernel of this name, one of [`KERNELS`].
    pub(super) fn function(&self, name: &str) -> &CudaFunction {
        &self.functions[name]
    }

    /// The bytes of shared memory that a block can have.
    pub(super) fn shared_limit(&self) -> usize {
        self.shared_limit
    }
}

/// Loads the program that NVRTC compiles for the device. Loads the PTX of this library
/// instead if NVRTC is not installed or fails, or if its PTX is too new for the driver.
fn load_module(context: &Arc<CudaContext>) -> Result<Arc<CudaModule>> {
    let compiled = compile(context).and_then(|ptx| context.load_module(ptx).ok());
    match compiled {
        Some(module) => Ok(module),
        None => context
            .load_module(Ptx::from_src(SHIPPED))
            .map_err(failed("loading the kernels")),
    }
}

/// Compiles the program by NVRTC. Returns `None` if NVRTC is not installed or fails.
fn compile(context: &Arc<CudaContext>) -> Option<Ptx> {
    // SAFETY: the call only tries to open the library by its name.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return None;
    }
    let (major, minor) = context.compute_capability().ok()?;
    let options = CompileOptions {
        options: vec![
            format!("--gpu-architecture=compute_{major}{minor}"),
            "--std=c++14".to_owned(),
        ],
        ..CompileOptions::default()
    };
    nvrtc::compile_ptx_with_opts(source(), options).ok()
}

/// All files as one text, without the lines by which the files include each other.
fn source() -> String {
    let files = FILES.iter();
    let lines = files.flat_map(|file| file.lines());
    let kept = lines.filter(|line| !line.starts_with("#include \""));
    kept.fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_named() {
        let source = source();
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

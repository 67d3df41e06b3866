//! Sets `cfg(shared_generics)` at the optimisation levels at which a crate reuses the generic
//! functions that a dependency has compiled (see src/instances.rs), and lists the PTX of the sized
//! CUDA kernels (see src/cuda/program/sized.rs).

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(shared_generics)");
    let level = env::var("OPT_LEVEL").unwrap_or_default();
    if ["0", "1", "s", "z"].contains(&level.as_str()) {
        println!("cargo::rustc-cfg=shared_generics");
    }
    if env::var_os("CARGO_FEATURE_CUDA").is_some() {
        list_sized_kernels();
    }
}

/// Writes `shipped.rs`: a constant with an entry for each file
/// `kernels/ptx/sm_<capability>/<family>_<order>.ptx`. The entry includes a compressed copy of the
/// file.
fn list_sized_kernels() {
    println!("cargo::rerun-if-changed=kernels/ptx");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut text = "const SHIPPED: &[Shipped] = &[\n".to_owned();
    for folder in entries(Path::new("kernels/ptx")) {
        for file in entries(&folder) {
            let kernel = Kernel::of(&folder, &file);
            let kernel = kernel.unwrap_or_else(|| panic!("{}: no PTX of a family", file.display()));
            let ptx = fs::read(&file).expect("the PTX is read");
            let compressed = miniz_oxide::deflate::compress_to_vec(&ptx, 6);
            fs::write(out.join(kernel.file()), compressed).expect("the compressed PTX is written");
            text.push_str(&kernel.entry());
        }
    }
    text.push_str("];\n");
    fs::write(out.join("shipped.rs"), text).expect("the list of kernels is written");
}

/// The name of a file with PTX.
struct Kernel {
    capability: u32,
    family: String,
    order: usize,
}

impl Kernel {
    fn of(folder: &Path, file: &Path) -> Option<Self> {
        let capability = folder.file_name()?.to_str()?.strip_prefix("sm_")?;
        let name = file.file_name()?.to_str()?.strip_suffix(".ptx")?;
        let (family, order) = name.rsplit_once('_')?;
        Some(Self {
            capability: capability.parse().ok()?,
            family: family.to_owned(),
            order: order.parse().ok()?,
        })
    }

    /// The name of the compressed copy.
    fn file(&self) -> String {
        format!("{}_{}_{}.deflate", self.family, self.order, self.capability)
    }

    fn entry(&self) -> String {
        let Self {
            capability,
            family,
            order,
        } = self;
        let file = self.file();
        format!(
            "    Shipped {{ capability: {capability}, family: {family:?}, order: {order}, compressed: \
             include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}\")) }},\n"
        )
    }
}

/// The paths in a folder, sorted. Empty if there is no such folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = found.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

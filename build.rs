//! Sets `cfg(shared_generics)` at the optimisation levels at which a crate reuses the generic
//! functions that a dependency has compiled (see src/instances.rs), and lists the PTX of the sized
//! CUDA kernels (see src/cuda/program/sized.rs).

use std::fmt::Write as _;
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

/// Writes `shipped.rs`: a constant with an entry for each file `kernels/ptx/sm_<capability>/<family>_<order>.ptx`.
fn list_sized_kernels() {
    println!("cargo::rerun-if-changed=kernels/ptx");
    let mut text = "const SHIPPED: &[Shipped] = &[\n".to_owned();
    for folder in entries(Path::new("kernels/ptx")) {
        for file in entries(&folder) {
            let entry = entry(&folder, &file);
            let entry = entry.unwrap_or_else(|| panic!("{}: no PTX of a family", file.display()));
            text.push_str(&entry);
        }
    }
    text.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("shipped.rs"), text).expect("the list of kernels is written");
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

/// The entry of a file.
fn entry(folder: &Path, file: &Path) -> Option<String> {
    let capability: u32 = folder
        .file_name()?
        .to_str()?
        .strip_prefix("sm_")?
        .parse()
        .ok()?;
    let name = file.file_name()?.to_str()?;
    let (family, order) = name.strip_suffix(".ptx")?.rsplit_once('_')?;
    let order: usize = order.parse().ok()?;
    let mut text = String::new();
    writeln!(
        text,
        "    Shipped {{ capability: {capability}, family: {family:?}, order: {order}, ptx: \
         include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/kernels/ptx/sm_{capability}/{name}\")) }},"
    )
    .ok()?;
    Some(text)
}

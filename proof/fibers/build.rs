//! Compiles the runtime and the kernels with the system's C++ compiler.

use std::path::{Path, PathBuf};

#[path = "src/generate.rs"]
mod generate;
#[path = "src/translate.rs"]
mod translate;

/// Where CUDA sources lie: those of this crate's tests, and the project's.
const FOLDERS: [&str; 2] = ["tests/kernels", "../../kernels"];

fn main() {
    let folders = FOLDERS.map(PathBuf::from);
    let own = [
        "build.rs",
        "src/generate.rs",
        "src/translate.rs",
        "cuda",
        "runtime",
    ];
    for path in FOLDERS.iter().chain(&own) {
        println!("cargo:rerun-if-changed={path}");
    }
    let out = std::env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .expect("cargo sets OUT_DIR");
    let kernels = generate::generate(&folders, &out).unwrap_or_else(|error| panic!("{error}"));

    let runtime = ["fiber", "shared", "block", "launch", "bridge"];
    let runtime = runtime.map(|file| Path::new("runtime").join(file).with_extension("cpp"));
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .include("cuda")
        .include("runtime")
        // Products and sums stay apart unless a kernel asks for fma.
        .flag("-ffp-contract=off")
        .flag("-Wno-unknown-pragmas")
        .flag("-Wno-unused-function")
        // What a kernel does not set is garbage that shows.
        .flag_if_supported("-ftrivial-auto-var-init=pattern")
        .files(kernels)
        .files(runtime)
        .compile("fiber_engine");
}

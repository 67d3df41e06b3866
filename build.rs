//! Sets `cfg(shared_generics)` at the optimisation levels at which a crate reuses the generic
//! functions that a dependency has compiled (see src/instances.rs).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(shared_generics)");
    let level = std::env::var("OPT_LEVEL").unwrap_or_default();
    if ["0", "1", "s", "z"].contains(&level.as_str()) {
        println!("cargo::rustc-cfg=shared_generics");
    }
}

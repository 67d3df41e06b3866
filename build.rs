//! Sets `cfg(shared_generics)` where crates share the code of generic functions, which rustc
//! has them do at the lower optimisation levels (see src/instances.rs).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(shared_generics)");
    let level = std::env::var("OPT_LEVEL").unwrap_or_default();
    if ["0", "1", "s", "z"].contains(&level.as_str()) {
        println!("cargo::rustc-cfg=shared_generics");
    }
}

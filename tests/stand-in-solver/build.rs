//! Sets the name by which the dynamic loader finds the library: the name of cuSOLVER.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcusolver.so");
}

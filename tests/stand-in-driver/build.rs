//! Sets the name by which the dynamic loader finds the library: the CUDA driver's name.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcuda.so");
}

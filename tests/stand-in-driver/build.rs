//! The library's name for the loader: whoever asks for the driver finds it.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcuda.so");
}

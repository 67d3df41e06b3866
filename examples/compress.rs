//! Compresses a photograph to a relative error of 5% and writes the result as a file that
//! NumPy opens: `cargo run --release --example compress`.
//!
//! It writes `cat.npy` and `cat.tucker.npz` into the current folder.
#![allow(clippy::print_stdout)]

use tenfold::io::{Meta, read_image, write_npy, write_tucker};
use tenfold::{StHosvd, Tensor, Truncation};

fn main() -> tenfold::Result<()> {
    // 1. The array: 224 rows × 224 columns × 3 colours.
    let photograph = read_image(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/chelsea.png"))?;
    let shape = [photograph.height(), photograph.width(), 3].map(|extent| extent as usize);
    let entries = photograph.as_raw().iter().map(|&byte| f32::from(byte));
    let x = Tensor::new(&shape, entries.collect())?;
    write_npy("cat.npy", &x)?;

    // 2. The decomposition: the solver chooses the ranks.
    let tucker = StHosvd::new(Truncation::RelativeError(0.05)).decompose(&x)?;
    println!(
        "{:?} to ranks {:?}: {:.1} times smaller, relative error {:.4}",
        x.shape(),
        tucker.ranks(),
        tucker.compression(),
        tucker.relative_error(&x)?
    );

    // 3. The file: `core`, `factor_0`, `factor_1`, `factor_2` and `meta`.
    write_tucker("cat.tucker.npz", &tucker, &Meta::new(&tucker, "st-hosvd"))
}

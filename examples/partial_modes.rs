//! Compresses the channels of a feature map, but not its positions:
//! `cargo run --release --example partial_modes`.
#![allow(clippy::print_stdout)]

use tenfold::io::{AnyTensor, read_npy};
use tenfold::{Scalar, StHosvd, Tensor};

fn main() -> tenfold::Result<()> {
    // 1280 channels × 7 rows × 7 columns.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/chelsea.npy");
    match read_npy(path)? {
        AnyTensor::F32(x) => compress_channels(&x),
        AnyTensor::F64(x) => compress_channels(&x),
    }
}

fn compress_channels<T: Scalar>(x: &Tensor<T>) -> tenfold::Result<()> {
    for rank in [1, 5, 10, 20, 49] {
        // One rank, because only mode 0 is decomposed.
        let channels_only = StHosvd {
            modes: Some(vec![0]),
            ..StHosvd::new([rank])
        };
        let tucker = channels_only.decompose(x)?;
        // Modes 1 and 2 have no factor: the core keeps their extents.
        assert!(tucker.factor(1).is_none());
        println!(
            "core {:?}: {:.1} times smaller, relative error {:.4}",
            tucker.core().shape(),
            tucker.compression(),
            tucker.relative_error(x)?
        );
    }
    Ok(())
}

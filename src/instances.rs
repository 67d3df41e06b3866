//! One compilation of the generic functions of the library for `f32` and `f64`.
//!
//! Rust compiles a generic function in the crate that uses it. Without this module, each test
//! binary, each example and the command would compile the solvers, and the parts of `faer` that
//! they use, again for both scalars. In builds with `opt-level` 0 or 1, a crate reuses functions
//! that a dependency has already compiled. So this module uses the generic functions once, and all
//! tests and examples together compile in a quarter of the time. Nothing calls the functions of
//! this module. Release builds do not reuse compiled functions, so they leave the module out.

use crate::cam::{
    Cam, Combination, Layout, Tokens, Weighting, combine, metrics, normalize, resize,
};
#[cfg(feature = "image")]
use crate::cam::{Colormap, colorize};
use crate::error::Result;
use crate::linalg::{
    Accuracy, Precision, Side, fix_signs, gram, left_singular, orthonormal_basis, triangular_factor,
};
use crate::scalar::Scalar;
use crate::tensor::Tensor;
use crate::tucker::{
    Completion, Hooi, Hosvd, Interpolatory, NonNegative, Observed, Randomized, StHosvd, Tucker,
    mode_spectrum,
};

/// Compiles the functions for `f32`.
pub fn single(x: &Tensor<f32>, tucker: Tucker<f32>) -> Result<()> {
    instantiate(x, tucker)
}

/// Compiles the functions for `f64`.
pub fn double(x: &Tensor<f64>, tucker: Tucker<f64>) -> Result<()> {
    instantiate(x, tucker)
}

/// Uses each function with an owned tensor and with a view, the two kinds of input of callers.
fn instantiate<T: Scalar>(x: &Tensor<T>, tucker: Tucker<T>) -> Result<()> {
    // 1. Tensors.
    let view = x.view();
    let matrix = x.unfold(0)?;
    Tensor::from_unfolding(matrix.as_ref(), 0, x.shape())?;
    x.permute(&[0])?;
    let _ = (x.norm(), x.inner(x)?, x.inner(view)?);
    let _ = (x.distance(x)?, x.distance(view)?);
    x.mode_product(0, matrix.as_ref())?;
    x.multi_mode_product(&[(0, matrix.as_ref())])?;
    // 2. Linear algebra.
    gram(x, 0, Side::Mode, Precision::Double)?;
    gram(view, 0, Side::Mode, Precision::Double)?;
    let mut basis = orthonormal_basis(matrix.as_ref())?;
    fix_signs(basis.as_mut());
    triangular_factor(x, 0, Side::Mode)?;
    triangular_factor(view, 0, Side::Mode)?;
    mode_spectrum(x, 0)?;
    let all = |values: &[f64]| values.len();
    left_singular(x, 0, Accuracy::default(), all)?;
    // 3. Tucker.
    let _ = StHosvd::new([1]).decompose(x)?;
    let _ = StHosvd::new([1]).decompose(view)?;
    let _ = Hosvd::new([1]).decompose(x)?;
    let _ = Hosvd::new([1]).decompose(view)?;
    let _ = Interpolatory::new([1]).decompose(x)?;
    let _ = Interpolatory::new([1]).decompose(view)?;
    let _ = Randomized::new([1]).decompose(x)?;
    let _ = Randomized::new([1]).decompose(view)?;
    let _ = NonNegative::new([1]).decompose(x)?;
    let _ = NonNegative::new([1]).decompose(view)?;
    let observed = Observed::without_nan(x)?;
    let _ = Completion::new([1]).decompose(x, &observed)?;
    let _ = Completion::new([1]).decompose(view, &observed)?;
    tucker.relative_error_over(x, &observed)?;
    let hooi = Hooi::new([1]);
    let _ = hooi.decompose(x)?;
    let _ = hooi.decompose(view)?;
    let mut sweeps = hooi.sweeps(x)?;
    sweeps.next().transpose()?;
    let _ = sweeps.finish()?;
    let _ = hooi.sweeps_from(x, vec![Some(basis.clone())])?;
    let _ = hooi.decompose_from(x, vec![Some(basis)])?;
    let _ = tucker.reconstruct()?;
    let _ = tucker.reconstruct_slice(&":".parse()?)?;
    tucker.relative_error(x)?;
    tucker.relative_error(view)?;
    let _ = (tucker.compression(), tucker.has_orthonormal_factors());
    let _ = (tucker.norm()?, tucker.mode_spectrum(0)?);
    let _ = tucker.clone().orthonormalised()?;
    let trade_offs = tucker.clone().trade_offs(0.0)?;
    let _ = (
        trade_offs.entries(),
        trade_offs.within(1),
        trade_offs.at(&[1])?,
    );
    // 4. Saliency maps.
    let cam = Cam::new(Weighting::Mtsm);
    let map = cam.saliency_map(x)?;
    let _ = cam.saliency_map(view)?;
    cam.saliency_maps(x)?;
    cam.saliency_maps(view)?;
    let mut maps = x.clone();
    cam.saliency_maps_into(x, maps.data_mut())?;
    let layout: Layout = "cl".parse()?;
    layout
        .read(x.shape(), Tokens::default())?
        .feature_maps(x.clone())?;
    normalize(x)?;
    normalize(view)?;
    resize(x, 1, 1)?;
    resize(view, 1, 1)?;
    combine(&[view], 1, 1, Combination::Mean)?;
    metrics::iou(map.values().data(), &[], 0.5)?;
    // 5. Pictures and files.
    #[cfg(feature = "image")]
    colorize(x, Colormap::default())?;
    #[cfg(feature = "io")]
    {
        let path = std::path::Path::new("");
        crate::io::write_npy(path, x)?;
        crate::io::write_npy(path, view)?;
        let meta = crate::io::Meta::new(&tucker, "");
        crate::io::write_tucker(path, &tucker, &meta)?;
    }
    Ok(())
}

//! Saliency maps computed by their definitions, for comparison with the closed forms.

use tenfold::cam::{Cam, Decomposition, Vectors, Weighting, normalize};
use tenfold::faer::Mat;
use tenfold::{Error, Scalar, Tensor, TensorRef};

use super::Reference;

/// A saliency map by its definition, in `f64`, and the name of the computation.
pub(super) fn saliency_map<T: Scalar>(
    features: &Tensor<T>,
    weighting: Weighting,
    reference: Reference,
) -> tenfold::Result<(Tensor<f64>, &'static str)> {
    match weighting.decomposition() {
        Decomposition::Svd => {
            let compared = match reference {
                Reference::Thin => "thin SVD of C×P, centred",
                Reference::Full => "SVD of C×P with all C vectors, centred",
            };
            Ok((by_svd(features, weighting.vectors(), reference)?, compared))
        }
        Decomposition::Tucker => {
            let shape = features.shape();
            let positions: usize = shape[1..].iter().product();
            let mut ranks = shape.to_vec();
            ranks[0] = ranks[0].min(positions);
            let cam = Cam {
                ranks: Some(ranks),
                ..Cam::new(weighting)
            };
            let entries = features.data().iter().map(|entry| entry.as_f64());
            let features = Tensor::new(shape, entries.collect())?;
            let map = cam.saliency_map(&features)?.into_values();
            Ok((map, "HOOI at full ranks"))
        }
    }
}

/// The map from a singular value decomposition of the centred unfolding M: for all vectors
/// Σ (σᵢ/σ₁)·|uᵢᵀM|, for the first vector ±u₁ᵀM with negative entries set to 0.
fn by_svd<T: Scalar>(
    features: &Tensor<T>,
    vectors: Vectors,
    reference: Reference,
) -> tenfold::Result<Tensor<f64>> {
    let channels = features.shape()[0];
    let positions = features.data().len() / channels;
    let rows: Vec<&[T]> = features.data().chunks(positions).collect();
    let means: Vec<f64> = rows
        .iter()
        .map(|row| row.iter().map(|entry| entry.as_f64()).sum::<f64>() / positions as f64)
        .collect();
    let m = Mat::from_fn(channels, positions, |c, p| rows[c][p].as_f64() - means[c]);
    let no_convergence = |_| Error::NoConvergence {
        what: "the reference's singular value decomposition",
    };
    let svd = match reference {
        Reference::Thin => m.thin_svd(),
        Reference::Full => m.svd(),
    }
    .map_err(no_convergence)?;
    let values = svd.S().column_vector();
    let projected = svd.U().transpose() * &m;
    let mut map = vec![0.0; positions];
    match vectors {
        Vectors::First => {
            let row: Vec<f64> = projected.row(0).iter().copied().collect();
            let largest = row
                .iter()
                .fold(0.0, |a: f64, b| if b.abs() > a.abs() { *b } else { a });
            for (entry, value) in map.iter_mut().zip(row) {
                *entry = (value * largest.signum()).max(0.0);
            }
        }
        Vectors::All => {
            for i in 0..channels.min(positions) {
                for (entry, value) in map.iter_mut().zip(projected.row(i).iter()) {
                    *entry += values[i] / values[0] * value.abs();
                }
            }
        }
    }
    normalize(TensorRef::new(&features.shape()[1..], &map)?)
}

//! A device held against the CPU: to 1e-5 (f32) and 1e-12 (f64) on normalised maps,
//! and factors to LAPACK's ratios.
#![allow(dead_code, clippy::unwrap_used)]

use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::{Device, DeviceScalar};
use tenfold::{Hooi, StHosvd, Tensor, Tucker, distance};

/// Features like those behind a ReLU: a few shared patterns, noise, no negative entries.
pub(crate) fn features<T: tenfold::Scalar>(shape: &[usize], seed: u32) -> Tensor<T> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    Tensor::from_fn(shape, |i| {
        let place: usize = i[2..].iter().enumerate().map(|(k, p)| (k + 2) * p).sum();
        let pattern = ((i[1] % 5) as f64 + 0.3) * (1.0 + ((place + i[0]) as f64).sin());
        T::from_f64((pattern + 1.5 * uniform() - 0.7).max(0.0))
    })
    .unwrap()
}

/// Holds the device's maps of a batch against the CPU's.
pub(crate) fn maps_agree<T: DeviceScalar>(device: &Device, cam: &Cam, batch: &Tensor<T>) {
    let tolerance = if T::EPSILON > f64::EPSILON {
        1e-5
    } else {
        1e-12
    };
    let expected = cam.saliency_maps(batch).unwrap();
    let maps = device.saliency_maps(cam, batch).unwrap();
    assert_eq!(maps.len(), expected.len());
    for (map, expected) in maps.iter().zip(&expected) {
        assert_eq!(map.status(), expected.status(), "{cam:?}");
        assert_eq!(map.values().shape(), expected.values().shape());
        let pairs = map.values().data().iter().zip(expected.values().data());
        let difference = pairs
            .map(|(a, b)| (a.as_f64() - b.as_f64()).abs())
            .fold(0.0, f64::max);
        assert!(
            difference <= tolerance,
            "{cam:?} {:?}: {difference:e}",
            batch.shape()
        );
    }
}

/// Every weighting on a batch of this shape.
pub(crate) fn every_weighting<T: DeviceScalar>(device: &Device, shape: &[usize]) {
    let batch = features::<T>(shape, 3);
    for weighting in Weighting::ALL {
        maps_agree(device, &Cam::new(weighting), &batch);
    }
}

/// Orthonormal factors, the signs of the rule, the error of the CPU's decomposition.
fn decompositions_agree<T: DeviceScalar>(ours: &[Tucker<T>], theirs: &[Tucker<T>]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_eq!(ours.ranks(), theirs.ranks());
        assert_eq!(ours.convergence(), theirs.convergence());
        for mode in 0..ours.shape().len() {
            let (Some(a), Some(b)) = (ours.factor(mode), theirs.factor(mode)) else {
                assert!(ours.factor(mode).is_none() && theirs.factor(mode).is_none());
                continue;
            };
            let n = a.nrows() as f64 * T::EPSILON;
            for j in 0..a.ncols() {
                for k in 0..=j {
                    let dot = (0..a.nrows()).map(|i| a[(i, j)].as_f64() * a[(i, k)].as_f64());
                    let expected = f64::from(u8::from(j == k));
                    let off = (dot.sum::<f64>() - expected).abs();
                    assert!(off <= 30.0 * n, "orthonormality {off:e}");
                }
                let column = (0..a.nrows()).map(|i| (a[(i, j)] - b[(i, j)]).as_f64().abs());
                let off = column.fold(0.0, f64::max);
                assert!(off <= 1e4 * n, "factor {mode}, column {j}: {off:e}");
            }
            let (own, other) = (ours.spectrum(mode).unwrap(), theirs.spectrum(mode).unwrap());
            assert_eq!(own.len(), other.len());
            // A Gram matrix knows squares to n·ε·σ₁².
            for (a, b) in own.iter().zip(other) {
                let off = (a - b).abs() * ((a + b) / other[0]);
                assert!(off <= 30.0 * n * other[0], "{a} {b}");
            }
        }
        let core = tenfold::norm(theirs.core());
        assert!(distance(ours.core(), theirs.core()).unwrap() <= 1e4 * T::EPSILON * core);
    }
}

/// The tensors of a batch, one by one.
pub(crate) fn one_by_one<T: DeviceScalar>(batch: &Tensor<T>) -> Vec<Tensor<T>> {
    let shape = &batch.shape()[1..];
    let parts = batch.data().chunks(shape.iter().product());
    parts
        .map(|part| Tensor::new(shape, part.to_vec()).unwrap())
        .collect()
}

pub(crate) fn hooi_agrees<T: DeviceScalar>(device: &Device, hooi: &Hooi, batch: &Tensor<T>) {
    let ours = device.hooi(hooi, batch).unwrap();
    let theirs = one_by_one(batch);
    let theirs: Vec<_> = theirs.iter().map(|x| hooi.decompose(x).unwrap()).collect();
    decompositions_agree(&ours, &theirs);
}

pub(crate) fn st_hosvd_agrees<T: DeviceScalar>(
    device: &Device,
    st_hosvd: &StHosvd,
    batch: &Tensor<T>,
) {
    let ours = device.st_hosvd(st_hosvd, batch).unwrap();
    let theirs = one_by_one(batch).into_iter();
    let theirs: Vec<_> = theirs.map(|x| st_hosvd.decompose(&x).unwrap()).collect();
    decompositions_agree(&ours, &theirs);
}

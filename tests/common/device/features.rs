//! Batches of synthetic features.

use tenfold::Tensor;

/// Features as a ReLU produces them: a few shared patterns, noise, no negative entries.
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

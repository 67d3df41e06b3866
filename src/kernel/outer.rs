//! Sums of outer products of vectors that lie contiguous.

use pulp::{Arch, Simd, WithSimd};

use super::Lanes;

/// The multiple to which the vectors of [`add_outer_products`] are padded.
pub(crate) const PADDING: usize = 48;

/// G ← G + Σₖ pₖ pₖᵀ in the lower triangle, for vectors pₖ that lie one after
/// the other, each of `order` entries and padded with zeros to `stride`, a
/// multiple of 48.
///
/// `g` is column-major, square, of order `order`.
///
/// Products accumulate in registers over all k and are added to `g` in `f64`.
pub(crate) fn add_outer_products<A: Lanes>(
    vectors: &[A],
    stride: usize,
    order: usize,
    g: &mut [f64],
) {
    debug_assert_eq!(stride % PADDING, 0);
    Arch::new().dispatch(OuterProducts {
        vectors,
        stride,
        order,
        g,
    });
}

struct OuterProducts<'a, A> {
    vectors: &'a [A],
    stride: usize,
    order: usize,
    g: &'a mut [f64],
}

impl<A: Lanes> WithSimd for OuterProducts<'_, A> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.tiles::<S, 3, 8>(simd);
        } else {
            self.tiles::<S, 3, 4>(simd);
        }
    }
}

impl<A: Lanes> OuterProducts<'_, A> {
    /// Tiles of V vectors of rows by N columns.
    #[inline(always)]
    fn tiles<S: Simd, const V: usize, const N: usize>(self, simd: S) {
        let Self {
            vectors,
            stride,
            order,
            g,
        } = self;
        let lanes = size_of::<A::Vector<S>>() / size_of::<A>();
        let height = V * lanes;
        for j in (0..order).step_by(N) {
            for i in (j / height * height..order).step_by(height) {
                let mut acc = [[A::splat(simd, A::zeroed()); V]; N];
                for vector in vectors.chunks_exact(stride) {
                    let column: &[A; N] = match vector[j..j + N].try_into() {
                        Ok(column) => column,
                        Err(_) => return,
                    };
                    let (rows, _) = A::vectors::<S>(&vector[i..i + height]);
                    for n in 0..N {
                        let factor = A::splat(simd, column[n]);
                        for v in 0..V {
                            acc[n][v] = A::mul_add(simd, rows[v], factor, acc[n][v]);
                        }
                    }
                }
                for (n, acc) in acc.iter().enumerate().take(order - j) {
                    let column = &mut g[(j + n) * order..(j + n + 1) * order];
                    let sums: &[A] = bytemuck::cast_slice(acc.as_slice());
                    for (entry, &sum) in column[i..].iter_mut().zip(sums) {
                        *entry += A::widen(sum);
                    }
                }
            }
        }
    }
}

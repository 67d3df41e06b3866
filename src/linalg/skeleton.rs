//! The two steps of a skeleton decomposition A ≈ C C⁺ A, with columns C of A: the choice of the columns,
//! and the pseudo-inverse of C.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::qr::col_pivoting::factor;
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Mat, MatRef, Par};

use super::checks::check_finite;
use super::product::product;
use super::small::right_singular;
use super::unfolding::orthonormal_basis;
use crate::error::Result;
use crate::scalar::Scalar;

/// The first pivots of the QR factorization of V with column pivoting (Businger & Golub, Numerische
/// Mathematik 1965): as many column numbers as V has rows, or all of them.
///
/// Let V be r×N with orthonormal rows, and P the chosen columns of the identity. Then
///
/// ```text
/// ‖(V P)⁻¹‖₂ ≤ √(N − r + 1) · √(4ʳ + 6r − 1) / 3,
/// ```
///
/// and in practice it is a small multiple of √r (Drmač & Gugercin, SIAM J. Sci. Comput. 2016). Rows of
/// zeros choose the first columns that are not chosen yet. Cost: 4·r²·N flops on one thread.
pub(crate) fn pivot_columns<T: Scalar>(mut v: Mat<T>) -> Result<Vec<usize>> {
    check_finite(v.as_ref(), |_| 0)?;
    let (rows, columns) = (v.nrows(), v.ncols());
    let block = recommended_block_size::<T>(rows, columns);
    let mut coefficients = Mat::zeros(block, rows.min(columns));
    let (mut order, mut inverse) = (vec![0usize; columns], vec![0usize; columns]);
    let params = Default::default();
    let scratch = factor::qr_in_place_scratch::<usize, T>(rows, columns, block, Par::Seq, params);
    factor::qr_in_place(
        v.as_mut(),
        coefficients.as_mut(),
        &mut order,
        &mut inverse,
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        params,
    );
    order.truncate(rows);
    Ok(order)
}

/// The maximum number of bytes of [`pivot_columns`] for an r×N matrix, this matrix included. Columns of
/// a matrix start at multiples of [`COLUMN_BYTES`].
pub(crate) fn pivot_columns_memory<T: Scalar>(rows: usize, columns: usize) -> f64 {
    let block = recommended_block_size::<T>(rows, columns);
    let params = Default::default();
    let scratch = factor::qr_in_place_scratch::<usize, T>(rows, columns, block, Par::Seq, params);
    let column = (rows * size_of::<T>()).next_multiple_of(COLUMN_BYTES) + 2 * size_of::<usize>();
    columns as f64 * column as f64 + scratch.unaligned_bytes_required() as f64
}

/// faer aligns the columns of its matrices to this number of bytes.
const COLUMN_BYTES: usize = 64;

/// The pseudo-inverse C⁺ of `c`, m×n with m ≥ n. Singular values of at most m·ε·σ₁ count as zero, ε of
/// the scalar. The computation is in `f64`.
///
/// Cost: 8·m·n² + 20·n³ flops.
pub(crate) fn pseudo_inverse<T: Scalar>(c: MatRef<'_, T>) -> Result<Mat<T>> {
    // 1. C = Q R.
    let c = Mat::from_fn(c.nrows(), c.ncols(), |i, j| c[(i, j)].as_f64());
    let q = orthonormal_basis(c.as_ref())?;
    let r = product(q.transpose(), c.as_ref());
    // 2. R = U Σ Vᵀ, by V and U = R V Σ⁻¹.
    let svd = right_singular(r.as_ref())?;
    let largest = svd.values.first().copied().unwrap_or(0.0);
    let limit = c.nrows() as f64 * T::EPSILON * largest;
    let rank = svd
        .values
        .iter()
        .take_while(|&&value| value > limit)
        .count();
    let v = svd.vectors.get(.., ..rank);
    let by_values =
        |a: MatRef<'_, f64>| Mat::from_fn(a.nrows(), rank, |i, j| a[(i, j)] / svd.values[j]);
    let u = by_values(product(r.as_ref(), v).as_ref());
    // 3. C⁺ = V Σ⁻¹ (Q U)ᵀ.
    let left = product(q.as_ref(), u.as_ref());
    let inverse = product(by_values(v).as_ref(), left.transpose());
    Ok(Mat::from_fn(inverse.nrows(), inverse.ncols(), |i, j| {
        T::from_f64(inverse[(i, j)])
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::oracle;
    use crate::common::random::Random;

    #[test]
    fn chosen_columns_are_well_conditioned() {
        let mut random = Random::new(12);
        for (rows, columns) in [(1, 1), (1, 9), (5, 5), (6, 40), (9, 200)] {
            let v = random.orthonormal(columns, rows).transpose().to_owned();
            let chosen = pivot_columns(v.clone()).unwrap();
            assert_eq!(chosen.len(), rows);
            let square = Mat::from_fn(rows, rows, |i, j| v[(i, chosen[j])]);
            let smallest = oracle::singular_values(square.as_ref())[rows - 1];
            let r = rows as f64;
            let bound =
                ((columns - rows + 1) as f64).sqrt() * (4f64.powf(r) + 6.0 * r - 1.0).sqrt() / 3.0;
            assert!(1.0 / smallest <= bound * (1.0 + 1e-12), "{rows}×{columns}");
            assert!(1.0 / smallest <= 10.0 * (r * columns as f64).sqrt());
        }
    }

    #[test]
    fn dependent_columns_are_chosen_once() {
        let v = Mat::<f64>::from_fn(3, 7, |i, j| if i == 0 { (j % 3) as f64 } else { 0.0 });
        let mut chosen = pivot_columns(v).unwrap();
        assert_eq!(chosen[0] % 3, 2);
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen.len(), 3);
        assert!(pivot_columns(faer::mat![[f64::NAN]]).is_err());
    }

    fn check_inverse<T: Scalar>(values: &[f64], rank: usize) {
        let c = Random::new(5).with_spectrum(30, values.len(), values);
        let c = Mat::from_fn(30, values.len(), |i, j| T::from_f64(c[(i, j)]));
        let inverse = oracle::matrix_in_f64(pseudo_inverse(c.as_ref()).unwrap().as_ref());
        let c = oracle::matrix_in_f64(c.as_ref());
        // C C⁺ is a projector on `rank` columns.
        let projector = &c * &inverse;
        let trace: f64 = (0..30).map(|i| projector[(i, i)]).sum();
        assert!((trace - rank as f64).abs() < 1e-3, "{values:?}: {trace}");
        // C C⁺ C = C up to the singular values that count as zero.
        let residual = (&projector * &c - &c).norm_l2();
        let smallest = values[..rank].last().copied().unwrap_or(1.0);
        let rounding = 30.0 * 30.0 * T::EPSILON * values[0] / smallest * values[0];
        let zeros: f64 = values[rank..].iter().sum();
        assert!(
            residual <= rounding + 2.0 * zeros,
            "{values:?}: {residual:e}"
        );
    }

    #[test]
    fn pseudo_inverses_ignore_singular_values_that_are_rounding_errors() {
        check_inverse::<f64>(&[3.0, 2.0, 1e-3], 3);
        check_inverse::<f64>(&[1.0, 1e-9, 1e-17, 0.0], 2);
        check_inverse::<f32>(&[1.0, 1e-3, 1e-9], 2);
        check_inverse::<f64>(&[0.0, 0.0], 0);
    }
}

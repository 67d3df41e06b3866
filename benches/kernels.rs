//! Times of Gram matrices, mode products and small factorizations. Before the measurements, Gram
//! matrices and mode products are compared with products by faer, and eigenvectors are checked by
//! their residuals.
#![allow(missing_docs)]

mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tenfold::faer::{self, Mat, MatRef};
use tenfold::linalg::{Precision, Side, eigh, eigh_leading, gram, leading_pair, triangular_factor};

use data::{noise, orthonormal};

fn grams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gram");
    group.sample_size(20);
    for (shape, mode, side) in [
        (&[200, 200, 200][..], 0, Side::Mode),
        (&[200, 200, 200], 1, Side::Mode),
        (&[200, 200, 200], 2, Side::Mode),
        (&[2048, 49], 0, Side::Rest),
        (&[2048, 196], 0, Side::Rest),
        (&[256, 3136], 0, Side::Mode),
    ] {
        let x = noise::<f64>(shape);
        let g = gram(&x, mode, side, Precision::Native).expect("finite");
        let matrix = x.unfold(mode).expect("a mode");
        let matrix = match side {
            Side::Mode => matrix.as_ref(),
            Side::Rest => matrix.as_ref().transpose(),
        };
        let expected = matrix * matrix.transpose();
        assert!((&g - &expected).norm_max() < 1e-12 * expected.norm_max());
        let order = g.nrows() as u64;
        group.throughput(Throughput::Elements(order * x.data().len() as u64));
        let name = BenchmarkId::new(format!("{shape:?}"), mode);
        group.bench_function(name, |bencher| {
            bencher.iter(|| gram(black_box(&x), mode, side, Precision::Native));
        });
    }
}

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mode_product");
    group.sample_size(20);
    let x = noise::<f64>(&[200, 200, 200]);
    let u = orthonormal(200, 20);
    for mode in 0..3 {
        let y = x.mode_product(mode, u.transpose()).expect("shapes fit");
        let expected = u.transpose() * x.unfold(mode).expect("a mode");
        let difference = y.unfold(mode).expect("a mode") - &expected;
        assert!(difference.norm_max() < 1e-12 * expected.norm_max());
        group.throughput(Throughput::Elements(20 * 200 * 200 * 200));
        group.bench_function(BenchmarkId::from_parameter(mode), |bencher| {
            bencher.iter(|| black_box(&x).mode_product(mode, u.transpose()));
        });
    }
}

fn factorizations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("factorization");
    group.sample_size(20);
    for n in [49, 200, 400] {
        let x = noise::<f64>(&[n, 4 * n]);
        let g = gram(&x, 0, Side::Mode, Precision::Native).expect("finite");
        let leading = eigh_leading(g.as_ref(), |_| n / 10).expect("converges");
        check_pairs(
            g.as_ref(),
            &leading.values[..n / 10],
            leading.vectors.as_ref(),
        );
        group.bench_function(BenchmarkId::new("eigh_leading", n), |bencher| {
            bencher.iter(|| eigh_leading(black_box(g.as_ref()), |_| n / 10));
        });
        group.bench_function(BenchmarkId::new("leading_pair", n), |bencher| {
            bencher.iter(|| leading_pair(black_box(g.as_ref()), 1e-3));
        });
        group.bench_function(BenchmarkId::new("triangular_factor", n), |bencher| {
            bencher.iter(|| triangular_factor(black_box(&x), 0, Side::Mode));
        });
    }
}

/// All eigenvectors of a Gram matrix: our solver and faer's, both on one thread.
fn eigenproblems(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eigh");
    group.sample_size(20);
    for n in [20, 49, 100, 196, 256, 400, 800] {
        let g = gram(&noise::<f64>(&[n, 4 * n]), 0, Side::Mode, Precision::Native);
        let g = g.expect("finite");
        let ours = eigh(g.as_ref()).expect("converges");
        check_pairs(g.as_ref(), &ours.values, ours.vectors.as_ref());
        group.bench_function(BenchmarkId::new("ours", n), |bencher| {
            bencher.iter(|| eigh(black_box(g.as_ref())));
        });
        let of_faer = |g: MatRef<'_, f64>| g.self_adjoint_eigen(faer::Side::Lower);
        let theirs = of_faer(g.as_ref()).expect("converges");
        let values: Vec<f64> = theirs.S().column_vector().iter().copied().collect();
        check_pairs(g.as_ref(), &values, theirs.U());
        group.bench_function(BenchmarkId::new("faer", n), |bencher| {
            bencher.iter(|| of_faer(black_box(g.as_ref())));
        });
    }
}

/// Checks that S V = V Λ.
fn check_pairs(s: MatRef<'_, f64>, values: &[f64], vectors: MatRef<'_, f64>) {
    let scaled = Mat::from_fn(vectors.nrows(), vectors.ncols(), |i, j| {
        vectors[(i, j)] * values[j]
    });
    let residual = s * vectors - scaled;
    assert!(residual.norm_max() < 1e-12 * s.norm_max());
}

criterion_group!(benches, grams, products, factorizations, eigenproblems);
criterion_main!(benches);

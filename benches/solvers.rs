//! Tucker solvers at given ranks.
#![allow(missing_docs)]

mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tenfold::{Hooi, Hosvd, Randomized, Route, StHosvd};

use data::{NOISE, low_rank, relative_error};

fn solvers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tucker");
    group.sample_size(10);
    for (shape, ranks) in [
        (&[100, 100, 100][..], &[10, 10, 10][..]),
        (&[200, 200, 200], &[20, 20, 20]),
        (&[40, 40, 40, 40], &[8, 8, 8, 8]),
        (&[128, 128, 3, 100], &[16, 16, 3, 10]),
    ] {
        let x = low_rank::<f64>(shape, ranks);
        let case = format!("{shape:?}");
        let st_hosvd = StHosvd::new(ranks.to_vec());
        let by_qr = StHosvd {
            route: Route::Qr,
            ..st_hosvd.clone()
        };
        let hosvd = Hosvd::new(ranks.to_vec());
        let hooi = Hooi::new(ranks.to_vec());
        let randomized = Randomized::new(ranks.to_vec());
        for tucker in [
            st_hosvd.decompose(&x),
            by_qr.decompose(&x),
            hosvd.decompose(&x),
            hooi.decompose(&x),
            randomized.decompose(&x),
        ] {
            // No more is left than the noise, and most of that.
            let error = relative_error(&x, &tucker.expect("decomposes"));
            assert!((0.9 * NOISE..1.05 * NOISE).contains(&error), "{error}");
        }
        group.bench_function(BenchmarkId::new("st-hosvd", &case), |bencher| {
            bencher.iter(|| st_hosvd.decompose(black_box(&x)));
        });
        group.bench_function(BenchmarkId::new("st-hosvd by QR", &case), |bencher| {
            bencher.iter(|| by_qr.decompose(black_box(&x)));
        });
        group.bench_function(BenchmarkId::new("hosvd", &case), |bencher| {
            bencher.iter(|| hosvd.decompose(black_box(&x)));
        });
        group.bench_function(BenchmarkId::new("hooi", &case), |bencher| {
            bencher.iter(|| hooi.decompose(black_box(&x)));
        });
        group.bench_function(BenchmarkId::new("randomized", &case), |bencher| {
            bencher.iter(|| randomized.decompose(black_box(&x)));
        });
    }
}

criterion_group!(benches, solvers);
criterion_main!(benches);

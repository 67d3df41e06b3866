//! Times of the Tucker solvers at given ranks. Before each measurement, the error of the result is
//! compared with the noise in the tensor.
#![allow(missing_docs)]

mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tenfold::{Hooi, Hosvd, Randomized, Route, Solver, StHosvd};

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
        let solvers: [(&str, Box<dyn Solver<f64>>); 5] = [
            ("st-hosvd", Box::new(StHosvd::new(ranks.to_vec()))),
            (
                "st-hosvd by QR",
                Box::new(StHosvd {
                    route: Route::Qr,
                    ..StHosvd::new(ranks.to_vec())
                }),
            ),
            ("hosvd", Box::new(Hosvd::new(ranks.to_vec()))),
            ("hooi", Box::new(Hooi::new(ranks.to_vec()))),
            ("randomized", Box::new(Randomized::new(ranks.to_vec()))),
        ];
        for (name, solver) in solvers {
            let tucker = solver.decompose(x.view()).expect("decomposes");
            // The factors also fit a part of the noise, so the error may be a little smaller.
            let error = relative_error(&x, &tucker);
            assert!((0.9 * NOISE..1.05 * NOISE).contains(&error), "{error}");
            group.bench_function(BenchmarkId::new(name, &case), |bencher| {
                bencher.iter(|| solver.decompose(black_box(x.view())));
            });
        }
    }
}

criterion_group!(benches, solvers);
criterion_main!(benches);

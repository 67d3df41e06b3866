//! Times of the four saliency maps. Before each measurement, the map is compared with the map of the
//! same features in `f64`.
#![allow(missing_docs)]

mod data;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tenfold::Tensor;
use tenfold::cam::{Cam, Weighting};

use data::features;

fn maps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("saliency_map");
    for shape in [
        [512, 7, 7],
        [768, 7, 7],
        [1024, 7, 7],
        [1280, 7, 7],
        [2048, 7, 7],
        [2048, 14, 14],
        [256, 56, 56],
    ] {
        let x = features(&shape);
        let in_double: Vec<f64> = x.data().iter().map(|&entry| entry.into()).collect();
        let in_double = Tensor::new(&shape, in_double).expect("a shape");
        for weighting in Weighting::ALL {
            let cam = Cam::new(weighting);
            let map = cam.saliency_map(&x).expect("a map").into_values();
            let expected = cam.saliency_map(&in_double).expect("a map").into_values();
            for (entry, expected) in map.data().iter().zip(expected.data()) {
                assert!((f64::from(*entry) - expected).abs() < 1e-4);
            }
            let name = BenchmarkId::new(weighting.name(), format!("{shape:?}"));
            group.bench_function(name, |bencher| {
                bencher.iter(|| cam.saliency_map(black_box(&x)));
            });
        }
    }
}

criterion_group!(benches, maps);
criterion_main!(benches);

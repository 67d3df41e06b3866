//! The main paths of the library, for `instructions.sh`. With the name of a path as argument, the
//! program runs this path once on one thread, and the script counts its instructions. Without an
//! argument, it prints the names of the paths.
#![allow(missing_docs, clippy::print_stdout)]

mod data;

use std::hint::black_box;

use tenfold::cam::{Cam, Weighting};
use tenfold::linalg::{Precision, Side, eigh, gram};
use tenfold::{Hooi, Route, Scalar, StHosvd, Tensor};

use data::{features, low_rank, noise, orthonormal};

/// A path to measure.
struct Path {
    name: String,
    /// Makes the input, and returns the function to measure.
    prepare: Box<dyn Fn() -> Box<dyn FnOnce()>>,
}

/// Runs a path. The script counts the instructions of this function alone, by its name.
#[inline(never)]
fn counted(run: Box<dyn FnOnce()>) {
    run();
}

/// The path that runs `run` on the result of `prepare`.
fn path<X: 'static, R: 'static>(
    name: impl Into<String>,
    prepare: impl Fn() -> X + 'static,
    run: impl Fn(&X) -> tenfold::Result<R> + Copy + 'static,
) -> Path {
    let prepare = move || -> Box<dyn FnOnce()> {
        let x = prepare();
        Box::new(move || {
            black_box(run(black_box(&x)).expect("a result"));
        })
    };
    Path {
        name: name.into(),
        prepare: Box::new(prepare),
    }
}

/// The paths that are measured for both scalars.
fn paths_of<T: Scalar>(scalar: &str) -> Vec<Path> {
    let cube = || noise::<T>(&[100, 100, 100]);
    let small = || low_rank::<T>(&[60, 60, 60], &[6, 6, 6]);
    let gram_of = |x: &Tensor<T>, mode| gram(x, mode, Side::Mode, Precision::Native);
    vec![
        path(format!("gram-0-{scalar}"), cube, move |x| gram_of(x, 0)),
        path(format!("gram-2-{scalar}"), cube, move |x| gram_of(x, 2)),
        path(format!("st-hosvd-{scalar}"), small, |x| {
            StHosvd::new([6, 6, 6]).decompose(x)
        }),
        path(format!("hooi-{scalar}"), small, |x| {
            let hooi = Hooi {
                max_sweeps: 1,
                ..Hooi::new([6, 6, 6])
            };
            hooi.decompose(x)
        }),
    ]
}

fn paths() -> Vec<Path> {
    let mut paths = paths_of::<f64>("f64");
    paths.extend(paths_of::<f32>("f32"));
    for mode in [0, 2] {
        let prepare = || (noise::<f64>(&[100, 100, 100]), orthonormal(100, 10));
        let name = format!("mode-product-{mode}");
        paths.push(path(name, prepare, move |(x, u)| {
            x.mode_product(mode, u.transpose())
        }));
    }
    let cube = || low_rank::<f64>(&[40, 40, 40], &[6, 6, 6]);
    paths.push(path("st-hosvd-qr", cube, |x| {
        let by_qr = StHosvd {
            route: Route::Qr,
            ..StHosvd::new([6, 6, 6])
        };
        by_qr.decompose(x)
    }));
    let matrix = || gram(&noise::<f64>(&[49, 196]), 0, Side::Mode, Precision::Native);
    let matrix = move || matrix().expect("finite");
    paths.push(path("eigh-49", matrix, |g| eigh(g.as_ref())));
    for weighting in Weighting::ALL {
        let map = move |x: &Tensor<f32>| Cam::new(weighting).saliency_map(x);
        paths.push(path(weighting.name(), || features(&[512, 7, 7]), map));
    }
    paths
}

fn main() {
    // The pool uses this thread, because callgrind counts each thread separately.
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .expect("one thread");
    let wanted = std::env::args().nth(1).filter(|name| name != "--bench");
    for path in paths() {
        match &wanted {
            None => println!("{}", path.name),
            Some(wanted) if *wanted == path.name => counted((path.prepare)()),
            Some(_) => {}
        }
    }
}

//! The ranks for a tolerance: how many entries each solver stores, as a multiple of the fewest that
//! any method finds, and how long it takes, as a multiple of ST-HOSVD with an even split.
//!
//! The reference lowers one rank at a time with sweeps of HOOI, always the rank that saves the most
//! entries, from the ranks of the even split on.
#![allow(missing_docs, clippy::print_stdout)]

#[path = "../tests/library/numerics/even_split.rs"]
mod even_split;
#[path = "data/realistic.rs"]
mod realistic;

use std::time::{Duration, Instant};

use tenfold::faer::Mat;
use tenfold::{Hooi, Hosvd, Solver, StHosvd, Tensor, Truncation, Tucker};

use even_split::stored;
use realistic::{Sample, samples};

/// The names of the columns.
const METHODS: [&str; 6] = [
    "even split",
    "HOSVD, even",
    "ST-HOSVD",
    "HOSVD",
    "HOOI",
    "greedy",
];

/// The result of a method: entries, ranks and time.
struct Outcome {
    stored: usize,
    ranks: Vec<usize>,
    time: Duration,
}

fn main() {
    println!("| tensor | ε | {} | best ranks |", METHODS.join(" | "));
    println!("| --- | --- |{} --- |", " ---: |".repeat(METHODS.len()));
    let mut ratios = vec![Vec::new(); METHODS.len()];
    let mut times = vec![Vec::new(); METHODS.len()];
    let mut samples = samples(1.0);
    samples.extend(photographs());
    for sample in samples {
        for &tolerance in &sample.tolerances {
            let outcomes = outcomes(&sample.tensor, tolerance);
            let best = outcomes.iter().min_by_key(|it| it.stored);
            let best = best.expect("several methods");
            let mut row = String::new();
            for (method, outcome) in outcomes.iter().enumerate() {
                let ratio = outcome.stored as f64 / best.stored as f64;
                let time = outcome.time.as_secs_f64() / outcomes[0].time.as_secs_f64();
                row += &format!(" {ratio:.3} ({time:.2}) |");
                ratios[method].push(ratio);
                times[method].push(time);
            }
            println!("| {} | {tolerance} |{row} {:?} |", sample.name, best.ranks);
        }
    }
    let mean = |ratios: &[f64]| {
        (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
    };
    let largest = |ratios: &[f64]| ratios.iter().copied().fold(0.0, f64::max);
    for (name, of) in [
        ("geometric mean", mean as fn(&[f64]) -> f64),
        ("largest", largest),
    ] {
        let columns = ratios.iter().zip(&times);
        let columns =
            columns.map(|(ratios, times)| format!(" {:.3} ({:.2}) |", of(ratios), of(times)));
        println!("| {name} | |{} |", columns.collect::<String>());
    }
}

/// The outcomes of all methods. Each result is checked against the tolerance.
fn outcomes(x: &Tensor<f64>, tolerance: f64) -> Vec<Outcome> {
    let by = |solver: &dyn Solver<f64>| solver.decompose(x.view()).expect("decomposes");
    let to = || Truncation::RelativeError(tolerance);
    let methods: [&dyn Fn() -> Tucker<f64>; 6] = [
        &|| even_split::st_hosvd(x, tolerance),
        &|| by(&Hosvd::new(even_split::hosvd_ranks(x, tolerance))),
        &|| by(&StHosvd::new(to())),
        &|| by(&Hosvd::new(to())),
        &|| by(&Hooi::new(to())),
        &|| greedy(x, tolerance),
    ];
    let outcomes = methods.iter().map(|method| {
        let start = Instant::now();
        let tucker = method();
        let time = start.elapsed();
        let error = tucker.relative_error(x).expect("the same shape");
        assert!(
            error <= tolerance * (1.0 + 1e-9),
            "{error} above {tolerance}"
        );
        Outcome {
            stored: stored(tucker.ranks(), x.shape()),
            ranks: tucker.ranks().to_vec(),
            time,
        }
    });
    outcomes.collect()
}

/// The reference: ranks lowered one at a time.
fn greedy(x: &Tensor<f64>, tolerance: f64) -> Tucker<f64> {
    let swept = |factors: Vec<Option<Mat<f64>>>, sweeps: usize| {
        let hooi = Hooi {
            max_sweeps: sweeps,
            ..Hooi::new([])
        };
        let mut sweeps = hooi.sweeps_from(x, factors).expect("lawful ranks");
        for sweep in &mut sweeps {
            sweep.expect("finite");
        }
        sweeps.finish().expect("in range")
    };
    let mut best = swept(even_split::st_hosvd(x, tolerance).factors().to_vec(), 20);
    loop {
        let ranks = best.ranks().to_vec();
        let lower = (0..ranks.len()).filter_map(|mode| {
            let mut lower = ranks.clone();
            lower[mode] = lower[mode].checked_sub(1).filter(|&rank| rank > 0)?;
            let product: usize = lower.iter().product();
            lower
                .iter()
                .all(|rank| rank * rank <= product)
                .then_some(lower)
        });
        let trials = lower.filter_map(|lower| {
            let factors = best.factors().iter().zip(&lower);
            let leading =
                factors.map(|(a, &rank)| a.as_ref().map(|a| a.get(.., ..rank).to_owned()));
            let trial = swept(leading.collect(), 5);
            let error = trial.relative_error(x).expect("the same shape");
            (error <= tolerance).then_some(trial)
        });
        match trials.min_by_key(|trial| stored(trial.ranks(), x.shape())) {
            Some(trial) => best = trial,
            None => return best,
        }
    }
}

/// The photograph of the examples, whole and as overlapping patches.
fn photographs() -> Vec<Sample> {
    let photograph = image::open("examples/chelsea.png")
        .expect("a picture")
        .to_rgb8();
    let (width, height) = photograph.dimensions();
    let pixel = |i: usize, j: usize, channel: usize| {
        let (x, y) = ((j as u32).min(width - 1), (i as u32).min(height - 1));
        f64::from(photograph.get_pixel(x, y).0[channel])
    };
    let step = 3;
    let shape = [height as usize / step, width as usize / step, 3];
    let whole = Tensor::from_fn(&shape, |i| pixel(step * i[0], step * i[1], i[2]));
    let side = 21;
    let patches = Tensor::from_fn(&[side * side, 16, 16], |i| {
        pixel(4 * (i[0] / side) + i[1], 4 * (i[0] % side) + i[2], 0)
    });
    [("photograph", whole), ("patches", patches)]
        .map(|(name, tensor)| Sample {
            name,
            tensor: tensor.expect("a shape"),
            tolerances: vec![1e-1, 5e-2],
        })
        .into()
}

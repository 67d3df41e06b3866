//! Times solvers for `compare.py`, which compares them with other programs.
//!
//! The program reads lines from standard input and writes one answer line for each to standard
//! output:
//!
//! | line | answer |
//! | --- | --- |
//! | `load NAME FILE.npy` | `0` |
//! | `drop NAME` | `0` |
//! | `cam NAME WEIGHTING THREADS REPEAT` | seconds per map |
//! | `cam-batch NAME WEIGHTING THREADS` | seconds |
//! | `cam-map NAME WEIGHTING OUT.npy` | `0` |
//! | `st-hosvd NAME ROUTE RANKS THREADS` | seconds, relative error, `0`; RANKS may be `tolerance=EPS` |
//! | `randomized NAME RANKS THREADS` | seconds, relative error, `0` |
//! | `hooi NAME RANKS TOLERANCE THREADS` | seconds, relative error, sweeps |
//! | `hooi-calls NAME RANKS TOLERANCE REPEAT` | the median seconds of a call, outside a thread pool |
//! | `gram-product NAME MODE RANK THREADS` | seconds |
//! | `read FILE.npy` | seconds |
//!
//! If a line fails, the answer is `error` and the reason.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tenfold::cam::{Cam, Weighting};
use tenfold::io::{AnyTensor, read_npy, write_npy};
use tenfold::linalg::{Precision, Side, gram};
use tenfold::{Hooi, Randomized, Scalar, StHosvd, Tensor, Truncation, Tucker};

type Answer<T = String> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Answer<()> {
    let mut driver = Driver::default();
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match driver.answer(&words) {
            Ok(answer) => writeln!(stdout, "{answer}")?,
            Err(error) => writeln!(stdout, "error {error}")?,
        }
        stdout.flush()?;
    }
    Ok(())
}

/// The loaded tensors by name, and a thread pool for each number of threads.
#[derive(Default)]
struct Driver {
    tensors: HashMap<String, AnyTensor>,
    pools: HashMap<usize, ThreadPool>,
}

impl Driver {
    /// Runs the command that the words of a line give, and returns the answer.
    fn answer(&mut self, words: &[&str]) -> Answer {
        match *words {
            ["load", name, file] => {
                self.tensors.insert(name.to_owned(), read_npy(file)?);
                Ok("0".to_owned())
            }
            ["drop", name] => {
                self.tensors.remove(name);
                Ok("0".to_owned())
            }
            ["read", file] => {
                let started = Instant::now();
                black_box(read_npy(file)?);
                Ok(started.elapsed().as_secs_f64().to_string())
            }
            ["hooi-calls", name, ranks, tolerance, repeat] => {
                match self.tensors.get(name).ok_or("no tensor of this name")? {
                    AnyTensor::F32(x) => hooi_calls(x, ranks, tolerance, repeat),
                    AnyTensor::F64(x) => hooi_calls(x, ranks, tolerance, repeat),
                }
            }
            [command, name, ref arguments @ ..] => {
                let threads = match (command, arguments) {
                    ("cam", [_, threads, _])
                    | ("cam-batch" | "randomized", [_, threads])
                    | ("st-hosvd" | "hooi" | "gram-product", [_, _, threads]) => threads.parse()?,
                    _ => 1,
                };
                if let Entry::Vacant(pool) = self.pools.entry(threads) {
                    pool.insert(ThreadPoolBuilder::new().num_threads(threads).build()?);
                }
                let x = self.tensors.get(name).ok_or("no tensor of this name")?;
                self.pools[&threads].install(|| match x {
                    AnyTensor::F32(x) => timed(command, x, arguments),
                    AnyTensor::F64(x) => timed(command, x, arguments),
                })
            }
            _ => Err("expected a command and the name of a tensor".into()),
        }
    }
}

/// Runs a command on a tensor, and returns its time and its other results.
fn timed<T: Scalar>(command: &str, x: &Tensor<T>, arguments: &[&str]) -> Answer {
    match (command, arguments) {
        ("cam", [weighting, _, repeat]) => {
            let cam = Cam::new(weighting.parse::<Weighting>()?);
            let repeat: u32 = repeat.parse()?;
            let started = Instant::now();
            for _ in 0..repeat {
                black_box(cam.saliency_map(black_box(x))?);
            }
            Ok((started.elapsed().as_secs_f64() / f64::from(repeat)).to_string())
        }
        ("cam-batch", [weighting, _]) => {
            let cam = Cam::new(weighting.parse::<Weighting>()?);
            let started = Instant::now();
            black_box(cam.saliency_maps(x)?);
            Ok(started.elapsed().as_secs_f64().to_string())
        }
        ("cam-map", [weighting, out]) => {
            let map = Cam::new(weighting.parse::<Weighting>()?).saliency_map(x)?;
            write_npy(out, map.values())?;
            Ok("0".to_owned())
        }
        ("st-hosvd", [route, ranks, _]) => {
            let solver = StHosvd {
                route: route.parse()?,
                ..StHosvd::new(truncation(ranks)?)
            };
            decomposition(|| solver.decompose(x))
        }
        ("randomized", [ranks, _]) => {
            let solver = Randomized::new(numbers(ranks)?);
            decomposition(|| solver.decompose(x))
        }
        ("hooi", [ranks, tolerance, _]) => {
            let solver = Hooi {
                sweep_tolerance: tolerance.parse()?,
                ..Hooi::new(numbers(ranks)?)
            };
            decomposition(|| solver.decompose(x))
        }
        ("gram-product", [mode, rank, _]) => {
            let (mode, rank): (usize, usize) = (mode.parse()?, rank.parse()?);
            let u = faer::Mat::from_fn(rank, x.shape()[mode], |i, j| {
                T::from_f64(((3 * i + 5 * j) % 7) as f64)
            });
            let started = Instant::now();
            black_box(gram(x, mode, Side::Mode, Precision::Native)?);
            black_box(x.mode_product(mode, u.as_ref())?);
            Ok(started.elapsed().as_secs_f64().to_string())
        }
        _ => Err(format!("{command} does not take these arguments").into()),
    }
}

/// Times repeated decompositions of a small tensor by HOOI, on the main thread.
fn hooi_calls<T: Scalar>(x: &Tensor<T>, ranks: &str, tolerance: &str, repeat: &str) -> Answer {
    let hooi = Hooi {
        sweep_tolerance: tolerance.parse()?,
        ..Hooi::new(numbers(ranks)?)
    };
    let mut seconds = Vec::new();
    for _ in 0..repeat.parse()? {
        let started = Instant::now();
        drop(black_box(hooi.decompose(black_box(x))?));
        seconds.push(started.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).ok_or("no repetition")?;
    Ok(median.to_string())
}

/// Times a decomposition. The answer is the seconds, the relative error and the number of sweeps,
/// which is 0 for a solver without sweeps.
fn decomposition<T: Scalar>(decompose: impl FnOnce() -> tenfold::Result<Tucker<T>>) -> Answer {
    let started = Instant::now();
    let tucker = black_box(decompose()?);
    let seconds = started.elapsed().as_secs_f64();
    let error = tucker
        .estimated_error()
        .ok_or("the decomposition has no error estimate")?;
    let sweeps = tucker.convergence().map_or(0, |c| c.sweeps);
    Ok(format!("{seconds} {error} {sweeps}"))
}

/// Ranks, or `tolerance=EPS`.
fn truncation(text: &str) -> Answer<Truncation> {
    Ok(match text.strip_prefix("tolerance=") {
        Some(tolerance) => Truncation::RelativeError(tolerance.parse()?),
        None => Truncation::Ranks(numbers(text)?),
    })
}

/// Parses numbers with commas between them, such as `20,20,20`.
fn numbers(text: &str) -> Answer<Vec<usize>> {
    Ok(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
}

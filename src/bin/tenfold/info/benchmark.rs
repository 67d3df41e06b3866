//! Times of a few batches on the CPU and on a GPU.
//!
//! Each row gets an equal share of the time that is left. If a batch is estimated to take longer
//! than its share, the batch gets fewer items.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use tenfold::cam::{Cam, Weighting};
use tenfold::cuda::{Device, DeviceScalar};
use tenfold::{StHosvd, Tensor, TensorRef};

use super::report::{Measured, Row};
use crate::bench::features;
use crate::console::{Console, times};
use crate::device::model::{self, Call, Model, Times};
use crate::failure::Outcome;
use crate::memory::Memory;
use crate::progress::{Bar, Steps};

/// The maximum number of measured runs of a batch. The time is their median.
const RUNS: usize = 5;

/// Feature maps, and the number of them in a batch.
const MAPS: [([usize; 3], usize); 3] = [
    ([512, 7, 7], 1000),
    ([2048, 7, 7], 500),
    ([2048, 14, 14], 100),
];

/// Tensors, and the number of them in a batch.
const TENSORS: [([usize; 3], usize); 2] = [([64, 64, 64], 1), ([20, 20, 20], 256)];

/// The rank of each mode of a decomposition.
const RANK: usize = 8;

/// The cores of the estimates.
const REFERENCE_CORES: f64 = 16.0;

/// The state of the benchmark.
struct Benchmark {
    model: Model,
    end: Instant,
    bar: Bar,
    rows_left: u32,
    rows: Vec<Row>,
}

/// What a row measures.
struct Task<'a, T> {
    name: &'static str,
    estimated: model::Task,
    /// The extents of an item.
    shape: &'a [usize],
    batch: &'a Tensor<T>,
    on_cpu: &'a dyn Fn(TensorRef<'_, T>) -> tenfold::Result<()>,
    on_gpu: &'a dyn Fn(TensorRef<'_, T>) -> tenfold::Result<()>,
}

/// Measures all rows in about the time `time`.
pub(super) fn benchmark(
    device: &Device,
    time: Duration,
    console: &Console,
    memory: &Memory,
) -> Outcome<Vec<Row>> {
    let rows = 2 * MAPS.len() + TENSORS.len();
    let bar = console.progress("measuring", Steps::Equal(rows));
    bar.only_steps();
    let mut benchmark = Benchmark {
        model: Model::new()?,
        end: Instant::now() + time,
        bar,
        rows_left: rows as u32,
        rows: Vec::new(),
    };
    for (shape, items) in MAPS {
        let batch = copies::<f32>(&shape, items, memory)?;
        for weighting in [Weighting::Tsm, Weighting::Mtsm] {
            let cam = Cam::new(weighting);
            benchmark.measure(&Task {
                name: weighting.name(),
                estimated: model::Task::Maps(cam.clone()),
                shape: &shape,
                batch: &batch,
                on_cpu: &|batch| cam.saliency_maps(batch).map(drop),
                on_gpu: &|batch| device.saliency_maps(&cam, batch).map(drop),
            })?;
        }
    }
    for (shape, items) in TENSORS {
        let batch = copies::<f64>(&shape, items, memory)?;
        let st_hosvd = StHosvd::new([RANK; 3]);
        benchmark.measure(&Task {
            name: "st-hosvd",
            estimated: model::Task::StHosvd(st_hosvd.truncation.clone()),
            shape: &shape,
            batch: &batch,
            on_cpu: &|batch| {
                let tensors = batch.data().par_chunks_exact(shape.iter().product());
                tensors.try_for_each(|entries| {
                    let tensor = TensorRef::new(&shape, entries)?;
                    st_hosvd.decompose(tensor).map(drop)
                })
            },
            on_gpu: &|batch| device.st_hosvd(&st_hosvd, batch).map(drop),
        })?;
    }
    Ok(benchmark.rows)
}

/// A batch of `items` copies of one item.
fn copies<T: DeviceScalar>(shape: &[usize], items: usize, memory: &Memory) -> Outcome<Tensor<T>> {
    let batch = [&[items], shape].concat();
    // The batch itself, its pinned parts, and the scratch memory of the CPU.
    let bytes = 2 * size_of::<T>() * batch.iter().product::<usize>();
    memory.check_named(&times(&batch), bytes as u64)?;
    let item = features::<T>(shape)?;
    Ok(Tensor::new(&batch, item.data().repeat(items))?)
}

impl Benchmark {
    /// Measures a row, if the time suffices for one item.
    fn measure<T: DeviceScalar>(&mut self, task: &Task<'_, T>) -> Outcome {
        // 1. The number of items. The first run of a batch prepares memory and kernels, so that at
        // least two are needed.
        let left = self.end.saturating_duration_since(Instant::now());
        let share = left / self.rows_left;
        self.rows_left -= 1;
        let mut items = task.batch.shape()[0];
        let mut estimated = self.estimated(task, items)?;
        let fits = |times: Times| 2.0 * machine_seconds(times) <= share.as_secs_f64();
        while !fits(estimated) && items > 1 {
            items /= 2;
            estimated = self.estimated(task, items)?;
        }
        // 2. The runs.
        let measured = if fits(estimated) {
            let end = Instant::now() + share;
            let entries = items * task.shape.iter().product::<usize>();
            let batch = [&[items], task.shape].concat();
            let part = TensorRef::new(&batch, &task.batch.data()[..entries])?;
            let gpu = median(share / 2, || (task.on_gpu)(part))?;
            let left = end.saturating_duration_since(Instant::now());
            let cpu = median(left, || (task.on_cpu)(part))?;
            Some(Measured { cpu, gpu })
        } else {
            None
        };
        self.bar.step();
        self.rows.push(Row {
            task: task.name,
            shape: task.shape.to_vec(),
            dtype: T::NAME,
            items,
            measured,
            estimated,
        });
        Ok(())
    }

    fn estimated<T: DeviceScalar>(&self, task: &Task<'_, T>, items: usize) -> Outcome<Times> {
        self.model.times(&[Call {
            task: task.estimated.clone(),
            batch: [&[items], task.shape].concat(),
            dtype: T::NAME,
        }])
    }
}

/// The estimated seconds of a run on CPU and GPU, with the cores of this machine.
fn machine_seconds(times: Times) -> f64 {
    let cores = rayon::current_num_threads() as f64;
    let gpu = times.gpu.unwrap_or(f64::INFINITY);
    times.cpu * (REFERENCE_CORES / cores).max(1.0) + gpu
}

/// The median seconds of a run. Runs until `time` is over, at most [`RUNS`] times. The first run
/// counts only if there is no time for others.
fn median(time: Duration, run: impl Fn() -> tenfold::Result<()>) -> tenfold::Result<f64> {
    let end = Instant::now() + time;
    let timed = || -> tenfold::Result<f64> {
        let start = Instant::now();
        run()?;
        Ok(start.elapsed().as_secs_f64())
    };
    let first = timed()?;
    let mut seconds = Vec::new();
    while seconds.len() < RUNS && Instant::now() < end {
        seconds.push(timed()?);
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds.get(seconds.len() / 2).copied().unwrap_or(first))
}

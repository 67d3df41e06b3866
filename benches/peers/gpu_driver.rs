//! Times the GPU's functions for `gpu.py`, which compares them with other programs.
//!
//! The program reads lines from standard input and writes one answer line for each to standard
//! output:
//!
//! | line | answer |
//! | --- | --- |
//! | `open` | seconds; opens device 0 |
//! | `name` | the device's name |
//! | `features NAME SCALAR SHAPE` | `0`; makes a batch N×C×H×W of feature maps |
//! | `low-rank NAME SCALAR SHAPE RANKS` | `0`; makes a batch N×I₀×I₁… of tensors near these ranks |
//! | `drop NAME` | `0` |
//! | `maps NAME WEIGHTING PLACE REPEAT` | median and minimum of the seconds of a batch |
//! | `check-maps NAME WEIGHTING PLACE COUNT FOLDER` | the largest difference from the CPU's maps in `f64` |
//! | `other-maps NAME WEIGHTING RANKS HEIGHT WIDTH` | `0`; computes maps at truncated ranks, and resized maps |
//! | `tucker NAME SOLVER TRUNCATION PLACE REPEAT` | median and minimum of the seconds of a batch |
//! | `check-tucker NAME SOLVER TRUNCATION PLACE COUNT` | relative error, excess over the CPU's error, orthonormality |
//! | `eigen ORDER ITEMS REPEAT` | median and minimum of the seconds, residual and orthonormality in n·ε |
//!
//! SCALAR is `f32` or `f64`; PLACE is `host` or `device`; SOLVER is `st-hosvd` or `hooi`. SHAPE and
//! RANKS are numbers with commas between them. TRUNCATION is ranks, or a relative error such as
//! `0.1`. A check computes COUNT items of the batch on the CPU, the first and the last among them;
//! `check-maps` writes their features and maps to `features.npy` and `maps.npy` in FOLDER.
//!
//! A measurement has a warm-up of two calls. With REPEAT 0 it is a single call.
//!
//! If a line fails, the answer is `error` and the reason, and the exit status is 1.
#![allow(unsafe_code)]

mod gpu_data;

use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DevicePtr};
use tenfold::cam::{Cam, SaliencyMap, Status, Weighting};
use tenfold::cuda::{Device, DeviceScalar, DeviceTucker, measure};
use tenfold::io::write_npy;
use tenfold::{Hooi, Scalar, StHosvd, Tensor, Truncation, Tucker};

type Answer<T = String> = Result<T, Box<dyn Error + Send + Sync>>;

/// After this time a measurement ends, unless it has fewer than three repetitions.
const MAX_SECONDS: f64 = 1.0;

fn main() -> Answer<ExitCode> {
    let mut driver = Driver::default();
    let mut failed = false;
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() || line.starts_with('#') {
            continue;
        }
        match driver.answer(&words) {
            Ok(answer) => writeln!(stdout, "{answer}")?,
            Err(error) => {
                failed = true;
                writeln!(stdout, "error {error}")?;
            }
        }
        stdout.flush()?;
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// A batch in the host's memory, with a copy on the device if it was needed there.
struct Batch<T> {
    tensor: Tensor<T>,
    on_device: Option<OnDevice<T>>,
}

/// A batch on the device, and the memory for the maps of a batch of feature maps.
struct OnDevice<T> {
    stream: Arc<CudaStream>,
    entries: CudaSlice<T>,
    maps: CudaSlice<T>,
}

enum AnyBatch {
    F32(Batch<f32>),
    F64(Batch<f64>),
}

#[derive(Default)]
struct Driver {
    device: Option<Device>,
    batches: HashMap<String, AnyBatch>,
}

impl Driver {
    /// Runs the command that the words of a line give, and returns the answer.
    fn answer(&mut self, words: &[&str]) -> Answer {
        if words == ["open"] {
            let started = Instant::now();
            self.device = Some(Device::open(0)?);
            return Ok(started.elapsed().as_secs_f64().to_string());
        }
        let device = self.device.as_ref().ok_or("no device is open")?;
        match *words {
            ["name"] => Ok(device.name()?),
            ["features" | "low-rank", name, scalar, shape, ref ranks @ ..] => {
                let shape = numbers(shape)?;
                let ranks = ranks.first().map(|ranks| numbers(ranks)).transpose()?;
                let batch = match scalar {
                    "f32" => AnyBatch::F32(Batch::new(&shape, ranks.as_deref())?),
                    "f64" => AnyBatch::F64(Batch::new(&shape, ranks.as_deref())?),
                    _ => return Err("the scalar is f32 or f64".into()),
                };
                self.batches.insert(name.to_owned(), batch);
                Ok("0".to_owned())
            }
            ["drop", name] => {
                self.batches.remove(name);
                Ok("0".to_owned())
            }
            ["eigen", order, items, repeat] => {
                eigen(device, order.parse()?, items.parse()?, repeat.parse()?)
            }
            [command, name, ref arguments @ ..] => {
                let batch = self.batches.get_mut(name).ok_or("no batch of this name")?;
                match batch {
                    AnyBatch::F32(batch) => batch.answer(device, command, arguments),
                    AnyBatch::F64(batch) => batch.answer(device, command, arguments),
                }
            }
            _ => Err("expected a command and the name of a batch".into()),
        }
    }
}

impl<T: DeviceScalar> Batch<T> {
    /// Feature maps, or tensors near the given ranks.
    fn new(shape: &[usize], ranks: Option<&[usize]>) -> Answer<Self> {
        let tensor = match ranks {
            None => gpu_data::features(shape)?,
            Some(ranks) => gpu_data::low_rank(shape, ranks)?,
        };
        Ok(Self {
            tensor,
            on_device: None,
        })
    }

    fn answer(&mut self, device: &Device, command: &str, arguments: &[&str]) -> Answer {
        match (command, arguments) {
            ("maps", [weighting, place, repeat]) => {
                let cam = Cam::new(weighting.parse::<Weighting>()?);
                self.time_maps(device, &cam, place, repeat.parse()?)
            }
            ("check-maps", [weighting, place, count, folder]) => {
                let cam = Cam::new(weighting.parse::<Weighting>()?);
                self.check_maps(device, &cam, place, count.parse()?, folder)
            }
            ("other-maps", [weighting, ranks, height, width]) => {
                let weighting = weighting.parse::<Weighting>()?;
                let truncated = Cam {
                    ranks: Some(numbers(ranks)?),
                    ..Cam::new(weighting)
                };
                black_box(device.saliency_maps(&truncated, &self.tensor)?);
                let target = [height.parse()?, width.parse()?];
                black_box(device.resized_maps(&Cam::new(weighting), &self.tensor, target)?);
                Ok("0".to_owned())
            }
            ("tucker", [solver, truncation, place, repeat]) => {
                let solver = Solver::new(solver, truncation)?;
                self.time_tucker(device, &solver, place, repeat.parse()?)
            }
            ("check-tucker", [solver, truncation, place, count]) => {
                let solver = Solver::new(solver, truncation)?;
                self.check_tucker(device, &solver, place, count.parse()?)
            }
            _ => Err(format!("{command} does not take these arguments").into()),
        }
    }

    fn items(&self) -> usize {
        self.tensor.shape()[0]
    }

    /// `count` items of the batch: the first, the last, and some between them.
    fn some_items(&self, count: usize) -> Vec<usize> {
        let last = self.items() - 1;
        let count = count.clamp(1, self.items());
        let steps = count.max(2) - 1;
        (0..count).map(|step| step * last / steps).collect()
    }

    /// One item of the batch.
    fn item(&self, item: usize) -> Answer<Tensor<T>> {
        let shape = &self.tensor.shape()[1..];
        let size: usize = shape.iter().product();
        let entries = &self.tensor.data()[item * size..(item + 1) * size];
        Ok(Tensor::new(shape, entries.to_vec())?)
    }

    /// The batch on the device; the first call copies it there.
    fn on_device(&mut self) -> Answer<&mut OnDevice<T>> {
        if self.on_device.is_none() {
            let stream = CudaContext::new(0)?.default_stream();
            let shape = self.tensor.shape();
            let maps = self.tensor.data().len() / shape[1];
            let resident = OnDevice {
                entries: stream.clone_htod(self.tensor.data())?,
                maps: stream.alloc_zeros::<T>(maps)?,
                stream,
            };
            resident.stream.synchronize()?;
            self.on_device = Some(resident);
        }
        self.on_device
            .as_mut()
            .ok_or_else(|| "the batch is not on the device".into())
    }

    fn time_maps(&mut self, device: &Device, cam: &Cam, place: &str, repeat: usize) -> Answer {
        if place == "host" {
            return seconds(repeat, || {
                black_box(device.saliency_maps(cam, &self.tensor)?);
                Ok(())
            });
        }
        let shape = self.tensor.shape().to_vec();
        let resident = self.on_device()?;
        seconds(repeat, || {
            black_box(resident.maps(device, cam, &shape)?);
            Ok(())
        })
    }

    fn check_maps(
        &mut self,
        device: &Device,
        cam: &Cam,
        place: &str,
        count: usize,
        folder: &str,
    ) -> Answer {
        // 1. The maps on the device.
        let of_device = if place == "host" {
            let maps = device.saliency_maps(cam, &self.tensor)?;
            maps.iter().map(of_map).collect()
        } else {
            let shape = self.tensor.shape().to_vec();
            let resident = self.on_device()?;
            let statuses = resident.maps(device, cam, &shape)?;
            let entries = resident.stream.clone_dtoh(&resident.maps)?;
            resident.stream.synchronize()?;
            let maps = entries.chunks(entries.len() / shape[0]);
            maps.map(<[T]>::to_vec)
                .zip(statuses)
                .collect::<Vec<(Vec<T>, Status)>>()
        };
        // 2. The maps on the CPU.
        let (mut largest, mut features, mut maps) = (0.0f64, Vec::new(), Vec::new());
        let items = self.some_items(count);
        for &item in &items {
            let of_item = self.item(item)?;
            let double = of_item.data().iter().map(|&entry| entry.as_f64()).collect();
            let of_cpu = cam.saliency_map(&Tensor::new(of_item.shape(), double)?)?;
            let (values, status) = &of_device[item];
            if *status != of_cpu.status() {
                return Err(format!("item {item}: {status:?} on the device").into());
            }
            for (&own, &other) in values.iter().zip(of_cpu.values().data()) {
                let off = (own.as_f64() - other).abs();
                largest = if off > largest || off.is_nan() {
                    off
                } else {
                    largest
                };
            }
            features.extend_from_slice(of_item.data());
            maps.extend_from_slice(values);
        }
        // 3. The files.
        let mut shape = self.tensor.shape().to_vec();
        shape[0] = items.len();
        write_npy(
            format!("{folder}/features.npy"),
            &Tensor::new(&shape, features)?,
        )?;
        shape.remove(1);
        write_npy(format!("{folder}/maps.npy"), &Tensor::new(&shape, maps)?)?;
        Ok(largest.to_string())
    }

    fn time_tucker(
        &mut self,
        device: &Device,
        solver: &Solver,
        place: &str,
        repeat: usize,
    ) -> Answer {
        if place == "host" {
            return seconds(repeat, || {
                black_box(solver.on_device(device, &self.tensor)?);
                Ok(())
            });
        }
        let shape = self.tensor.shape().to_vec();
        let resident = self.on_device()?;
        seconds(repeat, || {
            black_box(resident.decompositions(device, solver, &shape)?);
            Ok(())
        })
    }

    /// The largest relative error, the largest excess over the CPU's error, relative to it, and the
    /// largest entry of |AᵀA − I|.
    fn check_tucker(
        &mut self,
        device: &Device,
        solver: &Solver,
        place: &str,
        count: usize,
    ) -> Answer {
        let of_device = if place == "host" {
            solver.on_device(device, &self.tensor)?
        } else {
            let shape = self.tensor.shape().to_vec();
            let resident = self.on_device()?.decompositions(device, solver, &shape)?;
            let fetched = resident.iter().map(DeviceTucker::fetch);
            fetched.collect::<tenfold::Result<_>>()?
        };
        let (mut error, mut excess, mut orthonormality) = (0.0f64, f64::NEG_INFINITY, 0.0f64);
        for item in self.some_items(count) {
            let x = self.item(item)?;
            let own = of_device[item].relative_error(&x)?;
            let of_cpu = solver.on_cpu(&x)?.relative_error(&x)?;
            error = error.max(own);
            excess = excess.max((own - of_cpu) / of_cpu);
            for factor in of_device[item].factors().iter().flatten() {
                for j in 0..factor.ncols() {
                    for k in 0..=j {
                        let dot: f64 = (0..factor.nrows())
                            .map(|i| factor[(i, j)].as_f64() * factor[(i, k)].as_f64())
                            .sum();
                        let off = (dot - f64::from(u8::from(j == k))).abs();
                        orthonormality = orthonormality.max(off);
                    }
                }
            }
        }
        Ok(format!("{error} {excess} {orthonormality}"))
    }
}

impl<T: DeviceScalar> OnDevice<T> {
    /// Computes the maps of all items.
    fn maps(&mut self, device: &Device, cam: &Cam, shape: &[usize]) -> Answer<Vec<Status>> {
        let (features, _reading) = self.entries.device_ptr(&self.stream);
        let (maps, _writing) = self.maps.device_ptr(&self.stream);
        // SAFETY: the memory holds all entries of the batch and of the maps, the copy of the batch
        // is done, and no other call uses the memory until this call returns.
        Ok(unsafe { device.saliency_maps_at::<T>(cam, features, shape, maps)? })
    }
}

impl<T: DeviceScalar> OnDevice<T> {
    /// Decomposes all tensors. The results stay on the device.
    fn decompositions(
        &self,
        device: &Device,
        solver: &Solver,
        shape: &[usize],
    ) -> Answer<Vec<DeviceTucker<T>>> {
        let (tensors, _reading) = self.entries.device_ptr(&self.stream);
        // SAFETY: the memory holds all entries of the batch, and the copy of the batch is done.
        Ok(unsafe {
            match solver {
                Solver::StHosvd(solver) => device.st_hosvd_at(solver, tensors, shape)?,
                Solver::Hooi(solver) => device.hooi_at(solver, tensors, shape)?,
            }
        })
    }
}

/// The entries and the status of a map.
fn of_map<T: Scalar>(map: &SaliencyMap<T>) -> (Vec<T>, Status) {
    (map.values().data().to_vec(), map.status())
}

/// A solver that the device has.
enum Solver {
    StHosvd(StHosvd),
    Hooi(Hooi),
}

impl Solver {
    fn new(name: &str, truncation: &str) -> Answer<Self> {
        let truncation = if truncation.contains('.') {
            Truncation::RelativeError(truncation.parse()?)
        } else {
            Truncation::from(numbers(truncation)?)
        };
        match name {
            "st-hosvd" => Ok(Self::StHosvd(StHosvd::new(truncation))),
            "hooi" => Ok(Self::Hooi(Hooi::new(truncation))),
            _ => Err("the solver is st-hosvd or hooi".into()),
        }
    }

    fn on_device<T: DeviceScalar>(
        &self,
        device: &Device,
        batch: &Tensor<T>,
    ) -> Answer<Vec<Tucker<T>>> {
        Ok(match self {
            Self::StHosvd(solver) => device.st_hosvd(solver, batch)?,
            Self::Hooi(solver) => device.hooi(solver, batch)?,
        })
    }

    fn on_cpu<T: Scalar>(&self, x: &Tensor<T>) -> Answer<Tucker<T>> {
        Ok(match self {
            Self::StHosvd(solver) => solver.decompose(x)?,
            Self::Hooi(solver) => solver.decompose(x)?,
        })
    }
}

/// Times eigenproblems alone. Checks the first and the last matrix: the largest ‖Gv − λv‖/‖G‖ and
/// the largest entry of |VᵀV − I|, both divided by n·ε.
fn eigen(device: &Device, order: usize, items: usize, repeat: usize) -> Answer {
    let grams = gpu_data::grams(order, items)?;
    let solved = measure::eigenproblems(device, order, &grams, repeat.max(1))?;
    let unit = order as f64 * f64::EPSILON;
    let (mut residual, mut orthonormality) = (0.0f64, 0.0f64);
    for item in [0, items - 1] {
        let gram = &grams[item * order * order..][..order * order];
        let values = &solved.values[item * order..][..order];
        let vectors = &solved.vectors[item * order * order..][..order * order];
        let norm = gram.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
        for (j, v) in vectors.chunks(order).enumerate() {
            let row = |i: usize| dot(&gram[i * order..][..order], v) - values[j] * v[i];
            let squares: f64 = (0..order).map(|i| row(i).powi(2)).sum();
            residual = residual.max(squares.sqrt() / norm / unit);
            for (k, w) in vectors.chunks(order).enumerate() {
                let off = (dot(v, w) - f64::from(u8::from(j == k))).abs();
                orthonormality = orthonormality.max(off / unit);
            }
        }
    }
    Ok(format!(
        "{} {residual} {orthonormality}",
        summary(solved.seconds)
    ))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The seconds of `work`, after a warm-up of two calls. With `repeat` 0 a single call runs.
fn seconds(repeat: usize, mut work: impl FnMut() -> Answer<()>) -> Answer {
    for _ in 0..repeat.min(2) {
        work()?;
    }
    let (mut seconds, first) = (Vec::new(), Instant::now());
    while seconds.len() < repeat.max(1)
        && (seconds.len() < 3 || first.elapsed().as_secs_f64() < MAX_SECONDS)
    {
        let started = Instant::now();
        work()?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    Ok(summary(seconds))
}

/// The median and the minimum.
fn summary(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    format!("{} {}", seconds[seconds.len() / 2], seconds[0])
}

/// Parses numbers with commas between them, such as `20,20,20`.
fn numbers(text: &str) -> Answer<Vec<usize>> {
    Ok(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
}

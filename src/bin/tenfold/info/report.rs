//! The text and the JSON object about GPUs.

use serde_json::{Value, json};

use crate::console::times;
use crate::device::model::{Times, seconds};

/// What `tenfold info --device cuda` reports.
pub(super) struct Report {
    pub(super) gpus: Vec<Gpu>,
    pub(super) libraries: Vec<Library>,
    /// The rows of the benchmark of the first GPU. `None` without a benchmark.
    pub(super) benchmark: Option<Vec<Row>>,
    /// The number of threads on the CPU.
    pub(super) threads: usize,
}

/// A GPU.
pub(super) struct Gpu {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) compute_capability: (i32, i32),
    pub(super) multiprocessors: usize,
    pub(super) clock_khz: usize,
    pub(super) single_to_double: usize,
    /// The version of CUDA that the driver supports.
    pub(super) driver: (i32, i32),
    /// The properties of the open GPU, or the error of opening it.
    pub(super) opened: Result<Opened, String>,
}

/// The properties of an open GPU.
pub(super) struct Opened {
    pub(super) free_bytes: u64,
    pub(super) total_bytes: u64,
    /// The loaded kernels, with the source of each.
    pub(super) kernels: Vec<String>,
}

/// A library of NVIDIA.
pub(super) struct Library {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    pub(super) installed: bool,
    pub(super) path: Option<String>,
}

/// A row of the benchmark.
pub(super) struct Row {
    /// `tsm`, `mtsm` or `st-hosvd`.
    pub(super) task: &'static str,
    /// The extents of an item.
    pub(super) shape: Vec<usize>,
    pub(super) dtype: &'static str,
    /// The number of items of the batch.
    pub(super) items: usize,
    /// The measured times. `None` if the time of the benchmark was too short.
    pub(super) measured: Option<Measured>,
    pub(super) estimated: Times,
}

/// Measured seconds of a batch.
#[derive(Clone, Copy)]
pub(super) struct Measured {
    pub(super) cpu: f64,
    pub(super) gpu: f64,
}

impl Report {
    pub(super) fn object(&self) -> Value {
        let benchmark = self.benchmark.as_ref();
        json!({
            "command": "info",
            "files": [],
            "devices": self.gpus.iter().map(Gpu::object).collect::<Vec<_>>(),
            "libraries": self.libraries.iter().map(Library::object).collect::<Vec<_>>(),
            "benchmark": benchmark.map(|rows| rows.iter().map(Row::object).collect::<Vec<_>>()),
            "threads": self.threads,
        })
    }

    pub(super) fn text(&self) -> String {
        let mut text: String = self.gpus.iter().map(Gpu::text).collect();
        text += "libraries:\n";
        text.extend(self.libraries.iter().map(Library::text));
        let Some(rows) = &self.benchmark else {
            return text;
        };
        text += &format!(
            "benchmark of GPU 0, from the host's memory; CPU with {} threads; estimates for 16 cores \
             and this GPU, without the time to open it:\n  \
             {:<26} {:>5} {:>10} {:>10} {:>10} {:>10}  faster\n",
            self.threads, "task", "items", "CPU", "GPU", "CPU, est.", "GPU, est."
        );
        text.extend(rows.iter().map(Row::text));
        text
    }
}

impl Gpu {
    fn object(&self) -> Value {
        let (opened, error) = match &self.opened {
            Ok(opened) => (Some(opened), None),
            Err(error) => (None, Some(error)),
        };
        json!({
            "number": self.number,
            "name": self.name,
            "compute_capability": version(self.compute_capability),
            "multiprocessors": self.multiprocessors,
            "clock_khz": self.clock_khz,
            "single_to_double": self.single_to_double,
            "driver_cuda": version(self.driver),
            "free_bytes": opened.map(|opened| opened.free_bytes),
            "total_bytes": opened.map(|opened| opened.total_bytes),
            "kernels": opened.map(|opened| &opened.kernels),
            "error": error,
        })
    }

    fn text(&self) -> String {
        let Self {
            number,
            name,
            multiprocessors,
            single_to_double,
            ..
        } = self;
        let mut text = format!(
            "GPU {number}: {name}, compute capability {}, {multiprocessors} multiprocessors at {} MHz, \
             f32 {single_to_double} times as fast as f64, driver for CUDA {}\n",
            version(self.compute_capability),
            self.clock_khz / 1000,
            version(self.driver)
        );
        match &self.opened {
            Ok(opened) => {
                let (free, total) = (gibibytes(opened.free_bytes), gibibytes(opened.total_bytes));
                text += &format!("  memory: {free} of {total} GiB free\n");
                for kernels in &opened.kernels {
                    text += &format!("  kernels: {kernels}\n");
                }
            }
            Err(error) => text += &format!("  cannot be opened: {error}\n"),
        }
        text
    }
}

impl Library {
    fn object(&self) -> Value {
        json!({
            "name": self.name,
            "purpose": self.purpose,
            "installed": self.installed,
            "path": self.path,
        })
    }

    fn text(&self) -> String {
        let state = match (self.installed, &self.path) {
            (true, Some(path)) => path,
            (true, None) => "installed",
            (false, _) => "not installed",
        };
        format!("  {} ({}): {state}\n", self.name, self.purpose)
    }
}

impl Measured {
    /// The faster device, by its name for `--device`.
    fn faster(self) -> &'static str {
        if self.gpu < self.cpu { "cuda" } else { "cpu" }
    }
}

impl Row {
    fn object(&self) -> Value {
        json!({
            "task": self.task,
            "shape": self.shape,
            "dtype": self.dtype,
            "items": self.items,
            "cpu_seconds": self.measured.map(|measured| measured.cpu),
            "gpu_seconds": self.measured.map(|measured| measured.gpu),
            "faster": self.measured.map(Measured::faster),
            "estimated_cpu_seconds": self.estimated.cpu,
            "estimated_gpu_seconds": self.estimated.gpu,
        })
    }

    fn text(&self) -> String {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        let Self {
            measured,
            estimated,
            ..
        } = self;
        format!(
            "  {:<26} {:>5} {:>10} {:>10} {:>10} {:>10}  {}\n",
            format!("{} {} {}", self.task, times(&self.shape), self.dtype),
            self.items,
            or_dash(measured.map(|measured| seconds(measured.cpu))),
            or_dash(measured.map(|measured| seconds(measured.gpu))),
            seconds(estimated.cpu),
            or_dash(estimated.gpu.map(seconds)),
            match measured.map(Measured::faster) {
                Some("cuda") => "GPU",
                Some(_) => "CPU",
                None => "not measured: too little time",
            },
        )
    }
}

fn version((major, minor): (i32, i32)) -> String {
    format!("{major}.{minor}")
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let gpu = |number, opened| Gpu {
            number,
            name: "a card".to_owned(),
            compute_capability: (9, 0),
            multiprocessors: 132,
            clock_khz: 1_980_000,
            single_to_double: 2,
            driver: (12, 8),
            opened,
        };
        let opened = Opened {
            free_bytes: 3 << 29,
            total_bytes: 2 << 30,
            kernels: vec!["base: compiled by the driver".to_owned()],
        };
        let row = |task, measured| Row {
            task,
            shape: vec![512, 7, 7],
            dtype: "f32",
            items: 1000,
            measured,
            estimated: Times {
                cpu: 0.011,
                gpu: Some(0.0025),
                gpu_with_opening: None,
            },
        };
        let measured = Measured {
            cpu: 0.2,
            gpu: 0.004,
        };
        let library = |name, installed, path| Library {
            name,
            purpose: "a purpose",
            installed,
            path,
        };
        Report {
            gpus: vec![gpu(0, Ok(opened)), gpu(1, Err("it is in use".to_owned()))],
            libraries: vec![
                library("NVRTC", true, Some("/lib/libnvrtc.so.12".to_owned())),
                library("cuSOLVER", false, None),
            ],
            benchmark: Some(vec![row("mtsm", Some(measured)), row("tsm", None)]),
            threads: 2,
        }
    }

    #[test]
    fn the_text() {
        let expected = "\
GPU 0: a card, compute capability 9.0, 132 multiprocessors at 1980 MHz, f32 2 times as fast as f64, driver for CUDA 12.8
  memory: 1.5 of 2.0 GiB free
  kernels: base: compiled by the driver
GPU 1: a card, compute capability 9.0, 132 multiprocessors at 1980 MHz, f32 2 times as fast as f64, driver for CUDA 12.8
  cannot be opened: it is in use
libraries:
  NVRTC (a purpose): /lib/libnvrtc.so.12
  cuSOLVER (a purpose): not installed
benchmark of GPU 0, from the host's memory; CPU with 2 threads; estimates for 16 cores and this GPU, without the time to open it:
  task                       items        CPU        GPU  CPU, est.  GPU, est.  faster
  mtsm 512×7×7 f32            1000    0.200 s   4.000 ms  11.000 ms   2.500 ms  GPU
  tsm 512×7×7 f32             1000          –          –  11.000 ms   2.500 ms  not measured: too little time
";
        assert_eq!(report().text(), expected);
    }

    #[test]
    fn the_object_has_the_same() {
        let object = report().object();
        assert_eq!(object["devices"][0]["total_bytes"], 2u64 << 30);
        assert_eq!(object["devices"][0]["compute_capability"], "9.0");
        assert_eq!(object["devices"][1]["error"], "it is in use");
        assert_eq!(object["libraries"][0]["path"], "/lib/libnvrtc.so.12");
        assert_eq!(object["benchmark"][0]["faster"], "cuda");
        assert_eq!(object["benchmark"][1]["cpu_seconds"], Value::Null);
        assert_eq!(object["benchmark"][1]["estimated_gpu_seconds"], 0.0025);
    }

    #[test]
    fn without_a_benchmark() {
        let report = Report {
            benchmark: None,
            ..report()
        };
        assert!(!report.text().contains("benchmark"));
        assert_eq!(report.object()["benchmark"], Value::Null);
    }
}

//! The GPUs of this machine, and the libraries of NVIDIA that are installed.

use std::time::Duration;

use tenfold::cuda::{Device, NvidiaLibrary, Properties};

use super::benchmark::benchmark;
use super::report::{Gpu, Library, Opened, Report};
use crate::console::Console;
use crate::failure::{Failure, Outcome};
use crate::memory::Memory;

/// Opens all GPUs and describes them. Measures times on the first one.
pub(super) fn report(
    time: Option<Duration>,
    console: &Console,
    memory: &Memory,
) -> Outcome<Report> {
    let cards = Properties::of_all()?;
    let devices: Vec<tenfold::Result<Device>> = cards
        .iter()
        .map(|card| Device::open(card.ordinal))
        .collect();
    // The benchmark loads kernels, so that it comes before the list of kernels.
    let benchmark = match (devices.first(), time) {
        (Some(Ok(device)), Some(time)) => match benchmark(device, time, console, memory) {
            Ok(rows) => Some(rows),
            Err(failure) => {
                console.note(format!("the benchmark failed: {failure}"));
                None
            }
        },
        _ => None,
    };
    let opened = devices.iter().map(opened);
    let gpus = cards.into_iter().zip(opened).map(|(card, opened)| Gpu {
        number: card.ordinal,
        name: card.name,
        compute_capability: card.compute_capability,
        multiprocessors: card.multiprocessors,
        clock_khz: card.clock_khz,
        single_to_double: card.single_to_double,
        driver: card.driver,
        opened: opened.map_err(|failure| failure.to_string()),
    });
    let libraries = NvidiaLibrary::all().into_iter().map(|library| Library {
        name: library.name,
        purpose: library.purpose,
        installed: library.installed,
        path: library.path.map(|path| path.display().to_string()),
    });
    Ok(Report {
        gpus: gpus.collect(),
        libraries: libraries.collect(),
        benchmark,
        threads: rayon::current_num_threads(),
    })
}

fn opened(device: &tenfold::Result<Device>) -> Outcome<Opened> {
    let device = device
        .as_ref()
        .map_err(|error| Failure::other(error.to_string()))?;
    let memory = device.memory()?;
    let kernels = device.kernels();
    Ok(Opened {
        free_bytes: memory.free,
        total_bytes: memory.total,
        kernels: kernels.iter().map(ToString::to_string).collect(),
    })
}

//! Progress reports and cancellation of solvers and batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tenfold::cam::metrics::Bootstrap;
use tenfold::cam::{Cam, Weighting};
use tenfold::{
    Error, Hooi, Hosvd, Interpolatory, Method, Monitor, Observed, Progress, Randomized, Slice,
    Solver, StHosvd, Start, Tensor, Truncation, mode_spectrum_monitored,
};

use crate::common::random::Random;

fn tensor() -> Tensor<f64> {
    Random::new(3).tensor(&[9, 10, 11])
}

/// Every solver for ranks and for a tolerance, with its number of steps.
fn solvers(monitor: &Monitor) -> Vec<(Box<dyn Solver<f64>>, usize)> {
    let monitor = || monitor.clone();
    let mut solvers: Vec<(Box<dyn Solver<f64>>, usize)> = Vec::new();
    for truncation in [Truncation::from([3, 3, 3]), Truncation::RelativeError(0.3)] {
        solvers.push((
            Box::new(StHosvd {
                monitor: monitor(),
                ..StHosvd::new(truncation.clone())
            }),
            3,
        ));
        solvers.push((
            Box::new(Hosvd {
                monitor: monitor(),
                ..Hosvd::new(truncation.clone())
            }),
            4,
        ));
        solvers.push((
            Box::new(Hooi {
                monitor: monitor(),
                max_sweeps: 5,
                sweep_tolerance: 0.0,
                ..Hooi::new(truncation.clone())
            }),
            5,
        ));
        solvers.push((
            Box::new(Interpolatory {
                monitor: monitor(),
                ..Interpolatory::new(truncation.clone())
            }),
            2,
        ));
        let by_ranks = matches!(truncation, Truncation::Ranks(_));
        solvers.push((
            Box::new(Randomized {
                monitor: monitor(),
                power_iterations: 2,
                ..Randomized::new(truncation)
            }),
            if by_ranks { 4 } else { 2 },
        ));
    }
    solvers.push((
        Box::new(Hooi {
            monitor: monitor(),
            max_sweeps: 2,
            sweep_tolerance: 0.0,
            start: Start::Random,
            starts: 3,
            ..Hooi::new([3, 3, 3])
        }),
        6,
    ));
    solvers
}

/// A monitor that records all reports and cancels at the report number `last`; 0 cancels before the
/// first.
fn recording(last: usize) -> (Monitor, Arc<Mutex<Vec<Progress>>>) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let flag = Arc::new(AtomicBool::new(last == 0));
    let report = {
        let (reports, flag) = (reports.clone(), flag.clone());
        move |progress: Progress| {
            let mut reports = reports.lock().unwrap();
            reports.push(progress);
            if reports.len() == last {
                flag.store(true, Ordering::Relaxed);
            }
        }
    };
    let monitor = Monitor::new().cancelled_by(flag).on_progress(report);
    (monitor, reports)
}

#[test]
fn every_step_is_reported_once() {
    let x = tensor();
    let (monitor, reports) = recording(usize::MAX);
    for (solver, steps) in solvers(&monitor) {
        let _ = solver.decompose(x.view()).unwrap();
        let reports = std::mem::take(&mut *reports.lock().unwrap());
        let done: Vec<usize> = reports.iter().map(|report| report.done).collect();
        assert_eq!(done, (1..=steps).collect::<Vec<_>>(), "{solver:?}");
        assert!(reports.iter().all(|report| report.total == steps));
    }
}

#[test]
fn the_last_report_has_the_estimated_error_of_the_decomposition() {
    let x = tensor();
    let (monitor, reports) = recording(usize::MAX);
    for (solver, _) in solvers(&monitor) {
        let tucker = solver.decompose(x.view()).unwrap();
        let last = reports.lock().unwrap().pop().unwrap();
        // With several starts, the last report is of the last start.
        let reports_errors = !matches!(solver.method(), Method::Randomized | Method::Interpolatory);
        if reports_errors && last.total != 6 {
            assert_eq!(last.relative_error, tucker.estimated_error(), "{solver:?}");
        }
    }
}

#[test]
fn every_solver_can_be_cancelled_at_every_step() {
    let x = tensor();
    for place in 0..solvers(&Monitor::new()).len() {
        let steps = solvers(&Monitor::new())[place].1;
        for last in 0..=steps {
            let (monitor, reports) = recording(last);
            let (solver, _) = solvers(&monitor).swap_remove(place);
            let outcome = solver.decompose(x.view());
            assert!(
                matches!(outcome, Err(Error::Cancelled)),
                "{solver:?} at {last}"
            );
            assert_eq!(reports.lock().unwrap().len(), last, "{solver:?}");
        }
    }
}

#[test]
fn a_monitor_does_not_change_the_decomposition() {
    let x = tensor();
    let (monitor, _) = recording(usize::MAX);
    let watched = solvers(&monitor).into_iter();
    for ((watched, _), (plain, _)) in watched.zip(solvers(&Monitor::new())) {
        let [watched, plain] = [watched, plain].map(|solver| solver.decompose(x.view()).unwrap());
        assert_eq!(watched.core(), plain.core());
    }
}

#[test]
fn a_batch_reports_every_map_and_can_be_cancelled() {
    let batch: Tensor<f32> = Random::new(4).tensor(&[6, 5, 3, 3]);
    let weightings = [
        (Weighting::EigenCam, None),
        (Weighting::Tsm, Some(vec![2, 2, 2])),
    ];
    for (weighting, ranks) in weightings {
        let cam = |monitor: Monitor| Cam {
            monitor,
            ranks: ranks.clone(),
            ..Cam::new(weighting)
        };
        let (monitor, reports) = recording(usize::MAX);
        cam(monitor).saliency_maps(&batch).unwrap();
        let mut done: Vec<usize> = reports.lock().unwrap().iter().map(|p| p.done).collect();
        done.sort_unstable();
        assert_eq!(done, [1, 2, 3, 4, 5, 6]);
        assert!(reports.lock().unwrap().iter().all(|p| p.total == 6));

        for last in [0, 1, 4] {
            let (monitor, reports) = recording(last);
            let outcome = cam(monitor).saliency_maps(&batch);
            assert!(
                matches!(outcome, Err(Error::Cancelled)),
                "{weighting} at {last}"
            );
            // Other threads may report maps that they had started before.
            assert!(reports.lock().unwrap().len() >= last);
        }
    }
}

/// Files in row-major and column-major order, and an archive, report the bytes that are read, up to
/// the total. A report that sets the flag cancels reading.
#[cfg(feature = "io")]
#[test]
fn reading_a_file_reports_its_bytes_and_can_be_cancelled() {
    use tenfold::io::ArrayFile;

    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/numpy");
    for argument in ["f8.little.C.npy", "f8.little.F.npy", "i4.little.C.npy"] {
        let open = || ArrayFile::open(folder.join(argument)).unwrap();
        let last = Arc::new(Mutex::new(None));
        let on_progress = {
            let last = last.clone();
            move |progress: Progress| *last.lock().unwrap() = Some(progress)
        };
        let expected = open().read().unwrap();
        let monitor = Monitor::new().on_progress(on_progress);
        assert_eq!(open().monitored(monitor).read().unwrap(), expected);
        let last = last.lock().unwrap().unwrap();
        assert_eq!(last.done, last.total, "{argument}");
        let entries: usize = expected.shape().iter().product();
        let size = if argument.starts_with("i4") { 4 } else { 8 };
        assert_eq!(last.total, size * entries, "{argument}");

        let flag = Arc::new(AtomicBool::new(false));
        let set = {
            let flag = flag.clone();
            move |_: Progress| flag.store(true, Ordering::Relaxed)
        };
        let monitor = Monitor::new().cancelled_by(flag).on_progress(set);
        let outcome = open().monitored(monitor).read();
        assert!(matches!(outcome, Err(Error::Cancelled)), "{argument}");
    }
}

/// What a user asks of a decomposition can be cancelled too.
#[test]
fn reconstructions_errors_and_spectra_are_cancelled() {
    let x: Tensor<f64> = Random::new(5).tensor(&[7, 8, 9]);
    let tucker = StHosvd::new([3, 3, 3]).decompose(&x).unwrap();
    let observed = Observed::new(x.shape(), vec![true; x.data().len()]).unwrap();
    let part: Slice = "1:3, :, 2".parse().unwrap();
    let stop = Monitor::new().cancelled_by(Arc::new(AtomicBool::new(true)));
    let outcomes = [
        tucker.reconstruct_monitored(None, &stop).map(drop),
        tucker.reconstruct_monitored(Some(&part), &stop).map(drop),
        tucker.relative_error_monitored(&x, &stop).map(drop),
        tucker
            .relative_error_over_monitored(&x, &observed, &stop)
            .map(drop),
        mode_spectrum_monitored(&x, 1, &stop).map(drop),
        Bootstrap::default()
            .mean_monitored(&[0.5, 1.0], &stop)
            .map(drop),
    ];
    for (number, outcome) in outcomes.iter().enumerate() {
        assert!(
            matches!(outcome, Err(Error::Cancelled)),
            "call {number}: {outcome:?}"
        );
    }
}

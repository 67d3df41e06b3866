//! Runs that are cut short: by a signal, by a full disk, by a place that cannot
//! be written to. The old file stays whole, or the new one is there.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tenfold::Tensor;
use tenfold::io::write_npy;

#[cfg(target_os = "linux")]
use crate::job::failure;
use crate::job::{Job, OLD};
use crate::run::tenfold;

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// Sends a signal as the shell's `kill` does.
fn send(signal: i32, child: &Child) {
    let kill = Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(child.id().to_string())
        .stderr(Stdio::null())
        .status();
    kill.unwrap();
}

/// Waits, but not for more than ten seconds.
fn ends_soon(mut child: Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "it goes on");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Signals that come while the file is being written: the command ends by them
/// and nothing is left, not under the temporary name either.
#[test]
fn an_interrupted_command_leaves_nothing_behind() {
    let job = Job::new();
    let (whole, _) = job.undisturbed();
    for signal in [SIGINT, SIGTERM] {
        let mut interrupted = 0;
        // A run may be over before the signal comes.
        for _ in 0..50 {
            let mut child = job.start();
            while job.unfinished().is_empty() && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(200));
            }
            send(signal, &child);
            let status = ends_soon(child);
            assert_eq!(job.unfinished(), Vec::<PathBuf>::new(), "signal {signal}");
            let now = fs::read(job.output()).unwrap();
            if status.signal() == Some(signal) {
                assert!(now == OLD || now == whole, "{} bytes", now.len());
                interrupted += usize::from(now == OLD);
            } else {
                assert!(status.success(), "{status}");
                assert!(now == whole, "{} bytes", now.len());
            }
            if interrupted == 3 {
                break;
            }
        }
        assert!(interrupted > 0, "signal {signal} always came too late");
    }
}

/// A signal while a solver runs: the solver is cancelled, and the command ends by the signal.
#[test]
fn an_interrupted_solver_ends_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let x = Tensor::from_fn(&[60, 60, 60], |i| ((7 * i[0] + i[1] * i[2]) % 11) as f64).unwrap();
    write_npy(folder.path().join("x.npy"), &x).unwrap();
    // More sweeps than the test has time for.
    let endless = "decompose x.npy --ranks 20 --method hooi -o x.npz";
    let limits = "--sweeps 1000000000 --sweep-tolerance 0";
    let arguments: Vec<&str> = endless.split(' ').chain(limits.split(' ')).collect();
    for signal in [SIGINT, SIGTERM] {
        let child = tenfold(folder.path(), &arguments).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        send(signal, &child);
        assert_eq!(ends_soon(child).signal(), Some(signal));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

/// Killed at random moments, as often as `TENFOLD_KILLS` says, some ten times
/// without: the old file is whole or the new one is.
#[test]
fn a_killed_command_leaves_a_whole_file() {
    let job = Job::new();
    let (whole, duration) = job.undisturbed();
    let kills = std::env::var("TENFOLD_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let mut old = 0;
    for kill in 0..kills {
        let child = job.start();
        // Moments spread evenly over the run, in an order that looks random.
        let share = f64::from(kill) * 0.618_033_988_749_895 % 1.0;
        std::thread::sleep(duration.mul_f64(1.1 * share));
        send(SIGKILL, &child);
        let status = ends_soon(child);
        assert!(
            status.signal() == Some(SIGKILL) || status.success(),
            "{status}"
        );
        let now = fs::read(job.output()).unwrap();
        assert!(now == OLD || now == whole, "{} bytes", now.len());
        old += u32::from(now == OLD);
        for file in job.unfinished() {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(old > 0, "every run was over before it was killed");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_told() {
    let job = Job::new();
    let output = job
        .command(std::path::Path::new("/dev/full"))
        .output()
        .unwrap();
    let message = failure(&output, 1);
    assert!(
        message.contains("/dev/full: cannot be written"),
        "{message}"
    );
    assert!(message.contains("No space left"), "{message}");
}

/// A folder in which nobody, not even the superuser, can make files.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_told_before_the_work() {
    let job = Job::new();
    let output = job
        .command(std::path::Path::new("/proc/y.npy"))
        .output()
        .unwrap();
    let message = failure(&output, 2);
    assert!(message.contains("/proc"), "{message}");
}

#[test]
fn results_for_a_reader_that_has_gone_away() {
    let job = Job::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = job.command(&job.output());
    let output = command.stdout(writer).output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    assert!(fs::metadata(job.output()).unwrap().len() > 160 * 160 * 160 * 8);
}

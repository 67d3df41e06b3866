//! Runs that are cut short: by a signal, by a full disk, by an output that cannot be written. The
//! old file stays whole, or the new one replaces it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tenfold::Tensor;

use crate::folder::Folder;
#[cfg(target_os = "linux")]
use crate::job::failure;
use crate::job::{Job, OLD};

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

/// Waits for the end of a command that has got a signal, at most ten seconds.
fn wait(mut child: Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "the command ignores the signal"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The signal comes while the file is being written. The command ends with the signal and
/// removes its temporary file.
#[test]
fn an_interrupted_command_leaves_no_temporary_file() {
    let job = Job::new();
    let (whole, _) = job.undisturbed();
    for signal in [SIGINT, SIGTERM] {
        let mut interrupted = 0;
        // A run may end before the signal comes. Try until three were interrupted.
        for _ in 0..50 {
            let mut child = job.start();
            while job.temporary_files().is_empty() && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(200));
            }
            send(signal, &child);
            let status = wait(child);
            let left = job.temporary_files();
            assert_eq!(left, Vec::<PathBuf>::new(), "signal {signal}");
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

/// The signal comes while a solver runs. The solver is cancelled, and the command ends with the
/// signal.
#[test]
fn an_interrupted_solver_ends_the_command() {
    let folder = Folder::new();
    let x = Tensor::from_fn(&[60, 60, 60], |i| ((7 * i[0] + i[1] * i[2]) % 11) as f64).unwrap();
    folder.write("x.npy", x.shape(), x.data());
    // More sweeps than the test has time for.
    let endless = "decompose x.npy --ranks 20 --method hooi -o x.npz \
                   --sweeps 1000000000 --sweep-tolerance 0";
    for signal in [SIGINT, SIGTERM] {
        let child = folder.tenfold(endless).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        send(signal, &child);
        assert_eq!(wait(child).signal(), Some(signal));
        assert_eq!(folder.names(), ["x.npy"]);
    }
}

/// The command is killed at moments spread over its run, `TENFOLD_KILLS` times or 12 times.
#[test]
fn a_killed_command_leaves_the_old_file_or_the_new_one() {
    let job = Job::new();
    let (whole, duration) = job.undisturbed();
    let kills = std::env::var("TENFOLD_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let mut old = 0;
    for kill in 0..kills {
        let child = job.start();
        // Multiples of the golden ratio: evenly spread, in an order that looks random.
        let share = f64::from(kill) * 0.618_033_988_749_895 % 1.0;
        std::thread::sleep(duration.mul_f64(1.1 * share));
        send(SIGKILL, &child);
        let status = wait(child);
        assert!(
            status.signal() == Some(SIGKILL) || status.success(),
            "{status}"
        );
        let now = fs::read(job.output()).unwrap();
        assert!(now == OLD || now == whole, "{} bytes", now.len());
        old += u32::from(now == OLD);
        for file in job.temporary_files() {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(old > 0, "every run ended before it was killed");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_reported() {
    let job = Job::new();
    let mut command = job.command("/dev/full".as_ref());
    let message = failure(&command.output().unwrap(), 1);
    assert!(
        message.contains("/dev/full: cannot be written"),
        "{message}"
    );
    assert!(message.contains("No space left"), "{message}");
}

/// Nobody can make files in `/proc`, not even the superuser.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_without_write_permission_is_reported_before_the_work() {
    let job = Job::new();
    let mut command = job.command("/proc/y.npy".as_ref());
    let message = failure(&command.output().unwrap(), 2);
    assert!(message.contains("/proc"), "{message}");
}

#[test]
fn a_closed_standard_output_does_not_stop_the_work() {
    let job = Job::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = job.command(&job.output());
    let output = command.stdout(writer).output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    assert!(fs::metadata(job.output()).unwrap().len() > 160 * 160 * 160 * 8);
}

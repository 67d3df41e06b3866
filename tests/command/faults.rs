//! Runs that are cut short: by a signal, by a full disk, by a place that cannot
//! be written to. The old file stays whole, or the new one is there.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenfold::io::{Meta, write_tucker};
use tenfold::{StHosvd, Tensor};

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// What stands under the output's name before the run.
const OLD: &[u8] = b"what was there before";

/// A decomposition of some kilobytes, whose reconstruction has 32 MB.
struct Job {
    folder: TempDir,
}

impl Job {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let x = Tensor::from_fn(&[160, 160, 160], |i| (i[0] + i[1] * i[2]) as f64).unwrap();
        let tucker = StHosvd::new([2, 2, 2]).decompose(&x).unwrap();
        let meta = Meta::new(&tucker, "st-hosvd");
        write_tucker(folder.path().join("x.tucker.npz"), &tucker, &meta).unwrap();
        Self { folder }
    }

    fn input(&self) -> PathBuf {
        self.folder.path().join("x.tucker.npz")
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("y.npy")
    }

    fn command(&self, output: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
        command
            .arg("reconstruct")
            .arg(self.input())
            .arg("-o")
            .arg(output)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self) -> Child {
        fs::write(self.output(), OLD).unwrap();
        self.command(&self.output()).spawn().unwrap()
    }

    /// The bytes of a run that nothing disturbs, and how long it takes.
    fn undisturbed(&self) -> (Vec<u8>, Duration) {
        let started = Instant::now();
        assert!(self.start().wait().unwrap().success());
        (fs::read(self.output()).unwrap(), started.elapsed())
    }

    /// Files under temporary names.
    fn unfinished(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|extension| extension == "tmp"))
            .collect()
    }
}

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

/// The one line that a command which failed for other reasons than its input says.
fn failure(output: &Output, status: i32) -> String {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert!(output.stdout.is_empty());
    assert_eq!(errors.lines().count(), 1, "{errors}");
    errors
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_told() {
    let job = Job::new();
    let output = job.command(Path::new("/dev/full")).output().unwrap();
    let message = failure(&output, 1);
    assert!(
        message.contains("/dev/full: cannot be written"),
        "{message}"
    );
    assert!(message.contains("No space left"), "{message}");
}

/// A file system of one megabyte, mounted for the test; only where that is allowed.
#[cfg(target_os = "linux")]
struct SmallDisk(TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tenfold-test"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        let mounted = mount.is_ok_and(|status| status.success());
        mounted.then_some(Self(folder))
    }

    fn remount(&self, options: &str) {
        let mount = Command::new("mount")
            .args(["-o", options])
            .arg(self.0.path())
            .status();
        assert!(mount.unwrap().success());
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_or_read_only_disk_keeps_the_old_file() {
    let Some(disk) = SmallDisk::mount("size=1m") else {
        return;
    };
    let job = Job::new();
    let target = disk.0.path().join("y.npy");
    fs::write(&target, OLD).unwrap();
    let message = failure(&job.command(&target).output().unwrap(), 1);
    assert!(message.contains("y.npy: cannot be written"), "{message}");
    assert!(message.contains("No space left"), "{message}");
    assert_eq!(fs::read(&target).unwrap(), OLD);
    assert_eq!(fs::read_dir(disk.0.path()).unwrap().count(), 1);

    disk.remount("remount,ro");
    let message = failure(&job.command(&target).output().unwrap(), 2);
    assert!(message.contains("cannot write to"), "{message}");
    assert!(message.contains("Read-only file system"), "{message}");
    assert_eq!(fs::read(&target).unwrap(), OLD);
}

/// A folder in which nobody, not even the superuser, can make files.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_files_is_told_before_the_work() {
    let job = Job::new();
    let output = job.command(Path::new("/proc/y.npy")).output().unwrap();
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

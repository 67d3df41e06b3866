//! Checks that not every machine permits: a mount, sparse files, a terminal, an instruction set. libtest cannot
//! report that a test was skipped. Therefore this crate has a `main` of its own, which prints
//! `test NAME ... ok` or `skipped: NAME: REASON`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

/// The reason why a test could not run on this machine.
struct Skipped(String);

type Test = fn() -> Result<(), Skipped>;

const TESTS: &[(&str, Test)] = &[
    ("instruction_sets", instruction_sets),
    #[cfg(all(feature = "cli", target_os = "linux"))]
    ("full_or_read_only_disk", linux::full_or_read_only_disk),
    #[cfg(all(feature = "cli", target_os = "linux"))]
    (
        "sparse_files_of_a_tebibyte",
        linux::sparse_files_of_a_tebibyte,
    ),
    #[cfg(all(feature = "cli", target_os = "linux"))]
    (
        "sparse_file_of_an_exbibyte",
        linux::sparse_file_of_an_exbibyte,
    ),
    #[cfg(all(feature = "cli", target_os = "linux"))]
    ("progress_on_a_terminal", linux::progress_on_a_terminal),
    #[cfg(not(all(feature = "cli", target_os = "linux")))]
    ("full_or_read_only_disk", only_the_command_on_linux),
    #[cfg(not(all(feature = "cli", target_os = "linux")))]
    ("sparse_files", only_the_command_on_linux),
    #[cfg(not(all(feature = "cli", target_os = "linux")))]
    ("progress_on_a_terminal", only_the_command_on_linux),
];

/// `cargo test WORD` passes the word on. Tests with the word in their names run.
fn main() -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        match std::panic::catch_unwind(test) {
            Ok(Ok(())) => println!("test {name} ... ok"),
            Ok(Err(Skipped(reason))) => println!("skipped: {name}: {reason}"),
            Err(_) => {
                println!("test {name} ... FAILED");
                failed += 1;
            }
        }
    }
    if failed > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The unit test `linalg::instruction_sets` checks the kernels on every instruction set that the
/// processor has. This test reports those that the processor lacks.
fn instruction_sets() -> Result<(), Skipped> {
    #[cfg(target_arch = "x86_64")]
    let missing = {
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
        [(avx2, "AVX2"), (avx512, "AVX-512")]
    };
    #[cfg(not(target_arch = "x86_64"))]
    let missing = [(false, "AVX2"), (false, "AVX-512")];
    let missing = missing.iter().filter(|(there, _)| !there);
    let missing: Vec<&str> = missing.map(|(_, name)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Skipped(format!(
        "the processor has no {}",
        missing.join(" and no ")
    )))
}

#[cfg(not(all(feature = "cli", target_os = "linux")))]
fn only_the_command_on_linux() -> Result<(), Skipped> {
    Err(Skipped("it needs the feature `cli` and Linux".to_owned()))
}

#[cfg(all(feature = "cli", target_os = "linux"))]
#[allow(dead_code)]
#[path = "common/job.rs"]
mod job;

#[cfg(all(feature = "cli", target_os = "linux"))]
#[path = "common/npy.rs"]
mod npy;

#[cfg(all(feature = "cli", target_os = "linux"))]
mod linux {
    use std::fs;
    use std::path::Path;
    use std::process::{Command, Output, Stdio};

    use tempfile::TempDir;
    use tenfold::Tensor;
    use tenfold::io::write_npy;

    use crate::Skipped;
    use crate::job::{Job, OLD, failure};
    use crate::npy::row_major;

    /// A file system of one megabyte.
    struct SmallDisk(TempDir);

    impl SmallDisk {
        fn mount() -> Result<Self, Skipped> {
            let folder = tempfile::tempdir().unwrap();
            let mount = Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=1m", "tenfold-test"])
                .arg(folder.path())
                .output();
            let reason = match mount {
                Ok(Output { status, .. }) if status.success() => return Ok(Self(folder)),
                Ok(Output { stderr, .. }) => String::from_utf8_lossy(&stderr).trim().to_owned(),
                Err(error) => error.to_string(),
            };
            Err(Skipped(format!(
                "a file system cannot be mounted ({reason})"
            )))
        }

        fn make_read_only(&self) {
            let mount = Command::new("mount")
                .args(["-o", "remount,ro"])
                .arg(self.0.path())
                .status();
            assert!(mount.unwrap().success());
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0.path()).status();
        }
    }

    /// On a full disk, and on a read-only disk, the old file stays.
    pub(crate) fn full_or_read_only_disk() -> Result<(), Skipped> {
        let disk = SmallDisk::mount()?;
        let job = Job::new();
        let target = disk.0.path().join("y.npy");
        fs::write(&target, OLD).unwrap();
        let message = failure(&job.command(&target).output().unwrap(), 1);
        assert!(message.contains("y.npy: cannot be written"), "{message}");
        assert!(message.contains("No space left"), "{message}");
        assert_eq!(fs::read(&target).unwrap(), OLD);
        assert_eq!(fs::read_dir(disk.0.path()).unwrap().count(), 1);

        disk.make_read_only();
        let message = failure(&job.command(&target).output().unwrap(), 2);
        assert!(message.contains("cannot write to"), "{message}");
        assert!(message.contains("read-only filesystem"), "{message}");
        assert_eq!(fs::read(&target).unwrap(), OLD);
        Ok(())
    }

    /// Files of 2^`power` bytes that take no space on the disk. They have as many entries as their
    /// headers promise. The command refuses them before it allocates memory for them.
    fn sparse_files(power: u32, shapes: &[&str]) -> Result<(), Skipped> {
        let folder = tempfile::tempdir().unwrap();
        let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npz"));
        for shape in shapes {
            let bytes = row_major("|u1", shape, &[]);
            fs::write(&x, &bytes).unwrap();
            let file = fs::File::options().write(true).open(&x).unwrap();
            if let Err(error) = file.set_len(bytes.len() as u64 + (1 << power)) {
                return Err(Skipped(format!(
                    "a file of 2^{power} bytes cannot be made ({error})"
                )));
            }
            for arguments in [&["decompose", "--tolerance", "0.1", "-o"][..], &["info"]] {
                let mut command = Command::new(env!("CARGO_BIN_EXE_tenfold"));
                command.args(arguments);
                if arguments.len() > 1 {
                    command.arg(&y);
                }
                let message = failure(&command.arg(&x).output().unwrap(), 2);
                assert!(message.contains("x.npy needs "), "{message}");
            }
        }
        Ok(())
    }

    pub(crate) fn sparse_files_of_a_tebibyte() -> Result<(), Skipped> {
        sparse_files(40, &["(1099511627776,)", "(1048576, 1048576)"])
    }

    pub(crate) fn sparse_file_of_an_exbibyte() -> Result<(), Skipped> {
        sparse_files(60, &["(1152921504606846976,)"])
    }

    /// What `command` prints, run by a shell on a terminal of its own. The program `script` of
    /// util-linux opens the terminal. Fails with the reason if there is no such program, or with the
    /// output if the command fails. `delay` is the time until a bar is drawn, in milliseconds.
    fn on_a_terminal(command: &str, folder: &Path, delay: &str) -> Result<String, String> {
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command", command, "/dev/null"])
            .env("TERM", "xterm")
            .env("TENFOLD_PROGRESS_DELAY_MS", delay)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(Output { status, stdout, .. }) if status.success() => {
                Ok(String::from_utf8(stdout).unwrap())
            }
            Ok(Output { stderr, stdout, .. }) => {
                let text = [stderr, stdout].concat();
                Err(String::from_utf8_lossy(&text).trim().to_owned())
            }
            Err(error) => Err(format!("`script` cannot be started ({error})")),
        }
    }

    /// Commands draw progress bars on a terminal, and none for short work, if standard error is not a
    /// terminal, or with `--quiet`.
    pub(crate) fn progress_on_a_terminal() -> Result<(), Skipped> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        on_a_terminal("true", path, "").map_err(Skipped)?;
        let x = Tensor::from_fn(&[8, 7, 6], |i| (1 + i[0] * i[1] + i[2] % 3) as f64).unwrap();
        write_npy(path.join("x.npy"), &x).unwrap();
        write_npy(
            path.join("map.npy"),
            &Tensor::<f32>::zeros(&[2, 2]).unwrap(),
        )
        .unwrap();
        let tenfold = env!("CARGO_BIN_EXE_tenfold");
        for (arguments, words) in [
            (
                "decompose x.npy --ranks 2 --method hooi --sweeps 3 -o x.npz",
                &["reading", "decomposing", "/3 ", "writing"][..],
            ),
            (
                "reconstruct x.npz -o y.npy",
                &["reading", "reconstructing", "writing"],
            ),
            ("info x.npy x.npz", &["reading", "spectra", "/3 "]),
            (
                "cam x.npy x.npy -o maps.png",
                &["maps", "pictures", "/2 ", "reading"],
            ),
            (
                "evaluate --maps map.npy --masks map.npy",
                &["reading", "thresholds", "/6 "],
            ),
            ("bench --shape 4x3x3 --repeat 1", &["measuring", "/8 "]),
        ] {
            let command = format!("{tenfold} {arguments}");
            let printed = on_a_terminal(&command, path, "0").unwrap();
            for word in words {
                assert!(printed.contains(word), "{arguments}, {word}: {printed:?}");
            }
            // Bars move the cursor. Without them there is no control character but the line break.
            let is_control = |c: char| c.is_control() && c != '\n';
            on_a_terminal(&format!("{command} 2> errors"), path, "0").unwrap();
            let errors = fs::read_to_string(path.join("errors")).unwrap();
            assert!(!errors.contains(is_control), "{arguments}: {errors:?}");
            // No bar is drawn before the work has taken an hour.
            for (options, delay) in [("--quiet", "0"), ("", "3600000")] {
                let printed = on_a_terminal(&format!("{command} {options}"), path, delay).unwrap();
                let printed = printed.replace("\r\n", "\n");
                assert!(!printed.contains(is_control), "{command}: {printed:?}");
            }
        }
        // The standard delay, for a file that arrives in two parts.
        let command = format!(
            "(head -c 1000 x.npy; sleep 3; tail -c +1001 x.npy) | \
             {tenfold} decompose - --ranks 2 -o y.npz"
        );
        let printed = on_a_terminal(&command, path, "").unwrap();
        assert!(printed.contains("reading"), "{printed:?}");
        Ok(())
    }
}

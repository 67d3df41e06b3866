//! `--max-memory`: what is refused before it starts, and that what is not
//! refused takes no more memory than the estimate.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;
use tenfold::io::{Meta, write_npy, write_tucker};
use tenfold::{Scalar, StHosvd, Tensor};

fn tenfold(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(arguments)
        .args(["--threads", "2"])
        .output()
        .unwrap()
}

/// The one line of a command that must fail with status 2.
fn refusal(arguments: &[&str]) -> String {
    let output = tenfold(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    errors
}

/// The megabytes of which a command speaks when it has too few.
fn told(line: &str) -> f64 {
    assert!(
        line.ends_with("are available (see --max-memory)\n"),
        "{line}"
    );
    let words: Vec<&str> = line.split_whitespace().collect();
    let place = words.iter().position(|word| word.starts_with("need"));
    let place = place.unwrap();
    let number: f64 = words[place + 1].parse().unwrap();
    match words[place + 2].trim_end_matches(',') {
        "MB" => number,
        "GB" => 1e3 * number,
        unit => panic!("{unit}: {line}"),
    }
}

/// The megabytes that a command says it needs, or may need.
fn needed(arguments: &[&str]) -> f64 {
    told(&refusal(&[arguments, &["--max-memory", "1"]].concat()))
}

/// Those of a reconstruction, which reads the decomposition before it knows, and
/// of a tolerance, of which it says what it may need once it has what it needs.
fn needed_at_second(arguments: &[&str]) -> f64 {
    // The message gives two digits.
    let limit = format!("{}MB", 1.05 * needed(arguments));
    told(&refusal(&[arguments, &["--max-memory", &limit]].concat()))
}

/// The largest megabytes seen while a command ran that must succeed.
fn largest_seen(arguments: &[&str]) -> f64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(arguments)
        .args(["--threads", "2"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut largest = 0.0f64;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{arguments:?}: {status}");
            return largest;
        }
        largest = largest.max(high_water(child.id()).unwrap_or(0.0));
        sleep(Duration::from_millis(1));
    }
}

/// The most megabytes that a process had so far, while it lives.
fn high_water(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// The megabytes that a command had at its peak when its work was done: its
/// output goes to a pipe that nobody reads, so that it is caught while writing.
fn peak(folder: &Path, arguments: &[&str]) -> f64 {
    let pipe = folder.join("pipe");
    if !pipe.exists() {
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
    }
    // Opening one end waits for the other, unless there is one that is both.
    let both = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let mut reader = fs::File::open(&pipe).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tenfold"))
        .args(arguments)
        .args(["--threads", "2", "-o", pipe.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    drop(both);
    // While nobody writes, the end of the pipe is read.
    while reader.read(&mut [0]).unwrap() == 0 {
        if let Some(early) = child.try_wait().unwrap() {
            panic!("{arguments:?} ended without writing: {early}");
        }
        sleep(Duration::from_millis(5));
    }
    let peak = high_water(child.id()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    peak
}

/// A folder with an array and nothing else.
struct Folder(TempDir);

impl Folder {
    fn new<T: Scalar>(shape: &[usize]) -> Self {
        let mut state = 1u32;
        let x = Tensor::from_fn(shape, |i| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / f64::from(1 << 24);
            T::from_f64(1.0 / (1 + i.iter().sum::<usize>()) as f64 + 1e-2 * noise)
        });
        let folder = tempfile::tempdir().unwrap();
        write_npy(folder.path().join("x.npy"), &x.unwrap()).unwrap();
        Self(folder)
    }

    fn at(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Runs the command on the array and holds its peak against what it says.
    fn holds(&self, command: &str, options: &[&str]) {
        let x = self.at("x.npy");
        let arguments = [&[command, x.as_str()][..], options].concat();
        let out = self.at("out.npy");
        let written = [&arguments[..], &["-o", &out]].concat();
        let told = if command == "reconstruct" || options.contains(&"--tolerance") {
            needed_at_second(&written)
        } else {
            needed(&written)
        };
        check(&arguments, peak(self.0.path(), &arguments), told);
    }
}

/// The peak of a command is at most the estimate, and at least a third of it.
fn check(arguments: &[&str], peak: f64, told: f64) {
    let share = peak / told;
    // The message gives two digits.
    assert!(
        (0.33..=1.05).contains(&share),
        "{arguments:?}: a peak of {peak} MB is {share:.2} of the {told} told"
    );
}

#[test]
fn no_solver_takes_more_than_was_told() {
    let cube = Folder::new::<f64>(&[120, 125, 130]);
    cube.holds("decompose", &["--ranks", "20,20,20"]);
    cube.holds("decompose", &["--tolerance", "5e-2"]);
    let hooi = ["--ranks", "20,20,20", "--method", "hooi", "--sweeps", "1"];
    cube.holds("decompose", &hooi);
    let random = ["--ranks", "20,20,20", "--method", "randomized"];
    cube.holds("decompose", &random);
}

#[test]
fn long_and_flat_shapes_take_no_more_than_was_told() {
    for (shape, ranks) in [
        (&[300_000, 12][..], "8,8"),
        (&[12, 300_000], "8,8"),
        (&[4, 60_000, 12], "4,8,8"),
    ] {
        let folder = Folder::new::<f32>(shape);
        folder.holds("decompose", &["--ranks", ranks]);
    }
}

#[test]
fn no_reconstruction_takes_more_than_was_told() {
    let folder = Folder::new::<f64>(&[2, 2]);
    let x = Tensor::from_fn(&[180, 60, 190], |i| (i[0] * i[1] + i[2]) as f64).unwrap();
    let partial = StHosvd {
        modes: Some(vec![0, 2]),
        ..StHosvd::new([9, 8])
    };
    let tucker = partial.decompose(&x).unwrap();
    let (file, whole, part) = (folder.at("x.npy"), folder.at("y.npy"), folder.at("z.npy"));
    write_tucker(&file, &tucker, &Meta::new(&tucker, "st-hosvd")).unwrap();
    folder.holds("reconstruct", &[]);
    folder.holds("reconstruct", &["--slice", "3:170,5:55,:"]);

    // A slice fits where the whole does not.
    let whole = ["reconstruct", &file, "-o", &whole];
    let part = ["reconstruct", &file, "-o", &part, "--slice", "0:2,:,:"];
    let refused = refusal(&[&part[..], &["--max-memory", "1"]].concat());
    assert!(refused.contains("x.npy needs"), "{refused}");
    let limit = format!("{}MB", 0.9 * needed_at_second(&whole));
    let output = tenfold(&[&part[..], &["--max-memory", &limit]].concat());
    assert_eq!(output.status.code(), Some(0));
    refusal(&[&whole[..], &["--max-memory", &limit]].concat());
    assert!(!Path::new(whole[3]).exists());
}

#[test]
fn no_other_command_takes_more_than_was_told() {
    let maps = Folder::new::<f32>(&[8, 256, 28, 28]);
    let maps_file = maps.at("x.npy");
    for options in [
        &["--weighting", "all"][..],
        &["--weighting", "mtsm", "--ranks", "6,6,6"],
    ] {
        let out = maps.at("maps");
        let arguments = [&["cam", &maps_file, "-o", &out], options].concat();
        check(&arguments, largest_seen(&arguments), needed(&arguments));
    }
    let array = Folder::new::<f32>(&[64, 200, 200]);
    let array = array.at("x.npy");
    let info = ["info", &array];
    check(&info, largest_seen(&info), needed(&info));

    // Zeros serve as maps and as masks.
    let zeros = maps.at("zeros.npy");
    write_npy(&zeros, &Tensor::<f32>::zeros(&[64, 200, 200]).unwrap()).unwrap();
    let evaluate = ["evaluate", "--maps", &zeros, "--masks", &zeros];
    check(&evaluate, largest_seen(&evaluate), needed(&evaluate));

    let bench = ["bench", "--shape", "60x80x80", "--repeat", "1"];
    check(&bench, largest_seen(&bench), needed(&bench));
}

/// Each thread has a map of its own at work: 4 MB for a Gram matrix of order 256 and what
/// diagonalizes it, and 3 MB for the rest.
#[test]
fn maps_of_a_batch_need_memory_for_each_thread() {
    let maps = Folder::new::<f32>(&[8, 256, 28, 28]);
    let (x, out) = (maps.at("x.npy"), maps.at("maps"));
    let needed = |threads: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_tenfold"))
            .args(["cam", &x, "-o", &out, "--threads", threads])
            .args(["--max-memory", "1"])
            .output();
        told(&String::from_utf8(output.unwrap().stderr).unwrap())
    };
    // The program counts 8 MB for the caches of each thread, and an eighth of the maps.
    let expected = 7.0 * (8.0 + 7.0 * 9.0 / 8.0);
    let difference = needed("8") - needed("1");
    assert!(
        (difference - expected).abs() < 10.0,
        "{difference} {expected}"
    );
}

/// The maximum that a tolerance may need is printed, and is compared only with a limit
/// that was given.
#[test]
fn a_tolerance_may_need_more() {
    let folder = Folder::new::<f64>(&[100, 100, 100]);
    let (x, y) = (folder.at("x.npy"), folder.at("y.npz"));
    let arguments = ["decompose", &x, "--tolerance", "1e-2", "-o", &y];
    let line = refusal(&[&arguments[..], &["--max-memory", "45MB"]].concat());
    assert!(line.contains("x.npy may need "), "{line}");
    assert_eq!(tenfold(&arguments).status.code(), Some(0));
}

#[test]
fn a_limit_above_the_need_changes_nothing() {
    let folder = Folder::new::<f32>(&[40, 20, 20]);
    let (x, y) = (folder.at("x.npy"), folder.at("y.npz"));
    let arguments = ["decompose", &x, "--ranks", "3,3,3", "-o", &y];
    let output = tenfold(&[&arguments[..], &["--max-memory", "1GB"]].concat());
    assert_eq!(output.status.code(), Some(0));
    let line = refusal(&[&arguments[..], &["--max-memory", "many"]].concat());
    assert!(
        line.contains("8GB, 500MB, 2GiB or a number of bytes was expected"),
        "{line}"
    );
    for command in [
        &["info", &x][..],
        &["info", &y],
        &["cam", &x, "-o", &folder.at("cam.npy")],
        &["cam", &x, "-o", &folder.at("cam.png"), "--ranks", "4,4,4"],
        &["bench", "--shape", "1000x100x100"],
        &["evaluate", "--maps", &x, "--masks", &x],
    ] {
        assert!(needed(command) > 1.0);
    }
    let line = refusal(&["bench", "--shape", "1000000x10000x10000"]);
    assert!(line.contains("1000000×10000×10000 needs"), "{line}");
}

/// Files of a few bytes that claim many more; `tests/machine.rs` has sparse ones.
#[test]
fn headers_that_claim_too_much_are_refused_before_anything_is_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let out = folder.path().join("y.npz");
    let (x, y) = (path.to_str().unwrap(), out.to_str().unwrap());
    for shape in [
        "(1099511627776,)",
        "(1048576, 1048576)",
        "(1152921504606846976,)",
    ] {
        let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.bytes());
        fs::write(&path, bytes).unwrap();
        for arguments in [
            &["decompose", x, "--tolerance", "0.1", "-o", y][..],
            &["info", x],
        ] {
            let line = refusal(arguments);
            assert!(line.contains("the header claims"), "{line}");
        }
    }
}

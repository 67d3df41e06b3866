//! `--max-memory`: a command that needs more is refused before it starts, and a command that runs
//! takes at most its estimate.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tenfold::io::{Meta, RgbImage, write_png, write_tucker};
use tenfold::{Scalar, StHosvd, Tensor};

use crate::folder::Folder;
use crate::npy::row_major;

/// The megabytes in the message of a command that was refused.
fn megabytes(line: &str) -> f64 {
    assert!(line.ends_with("are available (see --max-memory)"), "{line}");
    let words: Vec<&str> = line.split_whitespace().collect();
    let verb = words.iter().position(|word| word.starts_with("need"));
    let verb = verb.unwrap_or_else(|| panic!("no estimate: {line}"));
    let number: f64 = words[verb + 1].parse().unwrap();
    match words[verb + 2].trim_end_matches(',') {
        "MB" => number,
        "GB" => 1e3 * number,
        unit => panic!("{unit}: {line}"),
    }
}

/// A folder with the array `x.npy`.
fn folder_with<T: Scalar>(shape: &[usize]) -> Folder {
    let mut state = 1u32;
    let x = Tensor::from_fn(shape, |i| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(state >> 8) / f64::from(1 << 24);
        T::from_f64(1.0 / (1 + i.iter().sum::<usize>()) as f64 + 1e-2 * noise)
    })
    .unwrap();
    let folder = Folder::new();
    folder.write("x.npy", shape, x.data());
    folder
}

/// The estimate of a command: the megabytes in its refusal when almost no memory is allowed.
fn estimate(folder: &Folder, command: &str) -> f64 {
    megabytes(&folder.refusal(&format!("{command} --threads 2 --max-memory 1")))
}

/// The estimate of a command that prints a small one first: `reconstruct` estimates the
/// reconstruction only after it has read the decomposition, and a tolerance has a minimum and a
/// maximum.
fn second_estimate(folder: &Folder, command: &str) -> f64 {
    // Messages have two digits.
    let limit = 1.05 * estimate(folder, command);
    megabytes(&folder.refusal(&format!("{command} --threads 2 --max-memory {limit}MB")))
}

/// The maximum number of megabytes that a process has had so far, as long as it runs.
fn high_water(process: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

/// The peak of a command in megabytes, read every millisecond while it runs.
fn observed_peak(folder: &Folder, command: &str) -> f64 {
    peak_of(folder.tenfold(&format!("{command} --threads 2")))
}

/// The peak in megabytes of a command that has not started.
pub(crate) fn peak_of(mut command: Command) -> f64 {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut peak = 0.0f64;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{command:?}: {status}");
            return peak;
        }
        peak = peak.max(high_water(child.id()).unwrap_or(0.0));
        sleep(Duration::from_millis(1));
    }
}

/// The peak of a command in megabytes at the moment when it begins to write. Its output is a
/// pipe that is too small for the result, so that the command waits while the peak is read.
fn peak_before_writing(folder: &Folder, command: &str) -> f64 {
    let pipe = folder.at("pipe");
    if !pipe.exists() {
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
    }
    // Opening one end of a pipe waits for the other end. A handle that is both does not wait.
    let both = fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let mut reader = fs::File::open(&pipe).unwrap();
    let mut child = folder
        .tenfold(&format!("{command} --threads 2 -o pipe"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    drop(both);
    // Until the command opens the pipe, reading finds its end.
    while reader.read(&mut [0]).unwrap() == 0 {
        if let Some(early) = child.try_wait().unwrap() {
            panic!("{command} ended without writing: {early}");
        }
        sleep(Duration::from_millis(5));
    }
    let peak = high_water(child.id()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    peak
}

/// Fails unless the peak is at most the estimate, and at least a third of it.
fn compare(command: &str, peak: f64, estimate: f64) {
    let share = peak / estimate;
    // The estimate has two digits.
    assert!(
        (0.33..=1.05).contains(&share),
        "{command}: a peak of {peak} MB is {share:.2} of the estimate of {estimate} MB"
    );
}

/// Compares the peak of a command that writes one file with its estimate.
fn check(folder: &Folder, command: &str) {
    let extension = if command.starts_with("decompose") {
        "npz"
    } else {
        "npy"
    };
    let written = format!("{command} -o out.{extension}");
    let has_second = command.starts_with("reconstruct") || command.contains("--tolerance");
    let estimate = if has_second {
        second_estimate(folder, &written)
    } else {
        estimate(folder, &written)
    };
    compare(command, peak_before_writing(folder, command), estimate);
}

/// Compares the observed peak of any command with its estimate.
fn check_observed(folder: &Folder, command: &str) {
    let peak = observed_peak(folder, command);
    compare(command, peak, estimate(folder, command));
}

#[test]
fn solvers_take_at_most_the_estimate() {
    let folder = folder_with::<f64>(&[120, 125, 130]);
    for options in [
        "--ranks 20,20,20",
        "--tolerance 5e-2",
        "--ranks 20,20,20 --method hooi --sweeps 1",
        "--ranks 20,20,20 --method randomized",
    ] {
        check(&folder, &format!("decompose x.npy {options}"));
    }
}

#[test]
fn long_and_flat_tensors_take_at_most_the_estimate() {
    for (shape, ranks) in [
        (&[300_000, 12][..], "8,8"),
        (&[12, 300_000], "8,8"),
        (&[4, 60_000, 12], "4,8,8"),
    ] {
        let folder = folder_with::<f32>(shape);
        check(&folder, &format!("decompose x.npy --ranks {ranks}"));
    }
}

/// A folder with a partial decomposition of a tensor of 16 MB.
fn folder_with_decomposition() -> Folder {
    let x = Tensor::from_fn(&[180, 60, 190], |i| (i[0] * i[1] + i[2]) as f64).unwrap();
    let partial = StHosvd {
        modes: Some(vec![0, 2]),
        ..StHosvd::new([9, 8])
    };
    let tucker = partial.decompose(&x).unwrap();
    let folder = Folder::new();
    let meta = Meta::new(&tucker, "st-hosvd");
    write_tucker(folder.at("x.npz"), &tucker, &meta).unwrap();
    folder
}

#[test]
fn reconstructions_take_at_most_the_estimate() {
    let folder = folder_with_decomposition();
    check(&folder, "reconstruct x.npz");
    check(&folder, "reconstruct x.npz --slice 3:170,5:55,:");
}

#[test]
fn a_slice_fits_within_a_limit_that_the_whole_exceeds() {
    let folder = folder_with_decomposition();
    let whole = "reconstruct x.npz -o whole.npy";
    let slice = "reconstruct x.npz -o slice.npy --slice 0:2,:,:";
    let line = folder.refusal(&format!("{slice} --threads 2 --max-memory 1"));
    assert!(line.contains("x.npz needs"), "{line}");
    let limit = 0.9 * second_estimate(&folder, whole);
    folder.succeeds(&format!("{slice} --threads 2 --max-memory {limit}MB"));
    folder.refusal(&format!("{whole} --threads 2 --max-memory {limit}MB"));
}

#[test]
fn other_commands_take_at_most_the_estimate() {
    let folder = folder_with::<f32>(&[8, 256, 28, 28]);
    check_observed(&folder, "cam x.npy -o maps --weighting all");
    check_observed(&folder, "cam x.npy -o maps --weighting mtsm --ranks 6,6,6");
    check_observed(&folder_with::<f32>(&[64, 200, 200]), "info x.npy");
    // Zeros serve as maps and as masks.
    let shape = [64, 200, 200];
    folder.write("zeros.npy", &shape, &vec![0.0f32; shape.iter().product()]);
    check_observed(&folder, "evaluate --maps zeros.npy --masks zeros.npy");
    check_observed(&folder, "bench --shape 60x80x80 --repeat 1");
}

/// While the array is copied to feature maps, both are in memory: twice 26 MB. The maps themselves
/// need little memory.
/// The photograph is counted before it is decoded.
#[test]
fn a_photograph_takes_at_most_the_estimate() {
    let folder = folder_with::<f32>(&[4, 2, 2]);
    let photograph = RgbImage::from_fn(3000, 2000, |x, y| [x as u8, y as u8, 7].into());
    write_png(folder.at("photograph.png"), &photograph).unwrap();
    let command = "cam x.npy --image photograph.png";
    check_observed(&folder, &format!("{command} -o map.npy"));
    check_observed(&folder, &format!("{command} --size 16x16 -o map.png"));
    let line = folder.refusal(&format!("{command} -o map.npy --max-memory 1"));
    assert!(line.contains("photograph.png needs "), "{line}");
}

#[test]
fn a_layout_needs_memory_for_its_copy() {
    let folder = folder_with::<f32>(&[400, 1024, 4, 4]);
    let [usual, permuted] = ["nchw", "ncwh"].map(|layout| {
        let command = format!("cam x.npy -o maps --layout {layout}");
        estimate(&folder, &command)
    });
    // The command adds an eighth.
    let expected = 26.2 * 9.0 / 8.0;
    let difference = permuted - usual;
    assert!(
        (difference - expected).abs() < 3.0,
        "{difference} MB, {expected} MB were expected"
    );
    check_observed(&folder, "cam x.npy -o maps --layout ncwh");
}

/// Each thread works on a map of its own: 4 MB for a Gram matrix of order 256 and its
/// eigenproblem, and 3 MB for the rest.
#[test]
fn a_batch_of_maps_needs_memory_for_each_thread() {
    let folder = folder_with::<f32>(&[8, 256, 28, 28]);
    let [one, eight] = [1, 8].map(|threads| {
        let command = format!("cam x.npy -o maps --threads {threads} --max-memory 1");
        megabytes(&folder.refusal(&command))
    });
    // The command adds 8 MB of scratch memory for each thread, and an eighth to the memory of maps.
    let expected = 7.0 * (8.0 + 7.0 * 9.0 / 8.0);
    let difference = eight - one;
    assert!(
        (difference - expected).abs() < 10.0,
        "{difference} MB, {expected} MB were expected"
    );
}

/// A given limit is compared with the maximum that a tolerance may need. Without one, only the
/// minimum counts.
#[test]
fn the_maximum_for_a_tolerance_is_compared_with_a_given_limit_only() {
    let folder = folder_with::<f64>(&[100, 100, 100]);
    let command = "decompose x.npy --tolerance 1e-2 -o y.npz --threads 2";
    let line = folder.refusal(&format!("{command} --max-memory 45MB"));
    assert!(line.contains("x.npy may need "), "{line}");
    folder.succeeds(command);
}

#[test]
fn every_command_takes_a_limit() {
    let folder = folder_with::<f32>(&[40, 20, 20]);
    let decompose = "decompose x.npy --ranks 3,3,3 -o y.npz";
    folder.succeeds(&format!("{decompose} --max-memory 1GB"));
    for command in [
        "info x.npy",
        "info y.npz",
        "cam x.npy -o cam.npy",
        "cam x.npy -o cam.png --ranks 4,4,4",
        "bench --shape 1000x100x100",
        "evaluate --maps x.npy --masks x.npy",
    ] {
        assert!(estimate(&folder, command) > 1.0, "{command}");
    }
    let line = folder.refusal(&format!("{decompose} --max-memory many"));
    assert!(
        line.contains("8GB, 500MB, 2GiB or a number of bytes was expected"),
        "{line}"
    );
}

#[test]
fn a_benchmark_larger_than_the_memory_is_refused() {
    let line = Folder::new().refusal("bench --shape 1000000x10000x10000");
    assert!(line.contains("1000000×10000×10000 needs"), "{line}");
}

/// Files of a few bytes with headers that promise far more. `tests/machine.rs` has sparse files.
#[test]
fn headers_that_promise_too_much_are_refused() {
    let folder = Folder::new();
    for shape in [
        "(1099511627776,)",
        "(1048576, 1048576)",
        "(1152921504606846976,)",
    ] {
        folder.write_bytes("x.npy", row_major("|u1", shape, &[]));
        for command in ["decompose x.npy --tolerance 0.1 -o y.npz", "info x.npy"] {
            let line = folder.refusal(command);
            assert!(line.contains("the header claims"), "{line}");
        }
    }
}

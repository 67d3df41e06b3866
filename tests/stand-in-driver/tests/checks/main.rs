//! The interpreter reports faults. The tests plant one fault in a kernel of the library, which passes
//! without it, or use a small kernel with a fault.
#![allow(clippy::unwrap_used)]

mod approximations;
mod arithmetic;
mod barriers;
mod clusters;
mod copies;
mod products;
mod sized;
mod small;
mod warps;

use stand_in_driver::allocations::Memory;
use stand_in_driver::approximate::Error;
use stand_in_driver::clocks::{Clocks, Span};
use stand_in_driver::instruction::Kernel;
use stand_in_driver::launch::{Done, Launch, Schedule, run};
use stand_in_driver::ptx::parse;

const PTX: &str = include_str!("../../../../kernels/tenfold.ptx");

/// The lines of one kernel of the library.
fn text_of(name: &str) -> Vec<&'static str> {
    let start = format!(".entry {name}(");
    let lines = PTX.lines().skip_while(|line| !line.contains(&start));
    let mut text: Vec<&str> = Vec::new();
    for line in lines {
        text.push(line);
        if line == "}" {
            break;
        }
    }
    text
}

fn kernel(name: &str, lines: &[&str]) -> Kernel {
    // The module's variables precede the kernels.
    let before: Vec<&str> = PTX
        .lines()
        .filter(|line| line.starts_with(".version") || line.starts_with(".extern"))
        .collect();
    let text = [before.join("\n"), lines.join("\n")].join("\n");
    let mut module = parse(&text).unwrap();
    module.kernels.remove(name).unwrap()
}

/// An argument: a number, or memory on the device. `Ints` and `Reals` have these entries, `Room`
/// has so many bytes that are not written, `Nowhere` is the null pointer.
enum Argument {
    Int(i32),
    Ints(Vec<i32>),
    Reals(Vec<f64>),
    Room(usize),
    Nowhere,
}

/// Memory on the device with these entries.
fn filled<T: Copy, const N: usize>(
    memory: &mut Memory,
    entries: &[T],
    bytes: fn(T) -> [u8; N],
) -> u64 {
    let data: Vec<u8> = entries.iter().flat_map(|&entry| bytes(entry)).collect();
    let address = memory.allocate(data.len()).unwrap();
    let (_, region) = memory.span(address, data.len()).unwrap();
    region.fill_in(0, &data);
    address
}

/// Runs a kernel in blocks of 256 threads.
fn launch(
    kernel: &Kernel,
    blocks: [u32; 2],
    dynamic_bytes: usize,
    arguments: &[Argument],
) -> Result<Done, String> {
    let [across, down] = blocks;
    launch_in(kernel, [across, down, 1], 256, dynamic_bytes, arguments)
}

/// Runs a kernel in blocks of so many threads.
fn launch_in(
    kernel: &Kernel,
    blocks: [u32; 3],
    threads: u32,
    dynamic_bytes: usize,
    arguments: &[Argument],
) -> Result<Done, String> {
    let mut memory = Memory::default();
    let mut bytes = vec![0; kernel.parameters.iter().map(|&(o, s)| o + s).max().unwrap()];
    for (argument, &(offset, size)) in arguments.iter().zip(&kernel.parameters) {
        let value = match argument {
            Argument::Int(value) => *value as u64,
            Argument::Nowhere => 0,
            Argument::Room(len) => memory.allocate(*len).unwrap(),
            Argument::Ints(entries) => filled(&mut memory, entries, |e| e.to_le_bytes()),
            Argument::Reals(entries) => filled(&mut memory, entries, |e| e.to_le_bytes()),
        };
        bytes[offset..offset + size].copy_from_slice(&value.to_le_bytes()[..size]);
    }
    run(
        &Launch {
            kernel,
            blocks,
            threads: [threads, 1, 1],
            dynamic_bytes,
            arguments: bytes,
            number: 1,
            schedule: Schedule::Forward,
            error: Error::NONE,
        },
        &mut memory,
    )
}

/// Features of 2 maps of C×P entries.
fn features(channels: usize, positions: usize) -> Vec<f64> {
    (0..2 * channels * positions)
        .map(|k| ((k * k + 3 * k) % 17) as f64 * 0.25 + (k % positions) as f64)
        .collect()
}

/// Bytes of shared memory that maps of 9 positions take.
const SHARED: usize = 8 * (2 * 81 + 4 * 9 + 9) + 4 * (9 + 2);

/// Runs the kernel of whole maps on features of 20×9.
fn saliency(lines: &[&str]) -> Result<Done, String> {
    saliency_in(lines, SHARED)
}

/// Runs it with so many bytes of shared memory.
fn saliency_in(lines: &[&str], shared: usize) -> Result<Done, String> {
    launch(
        &kernel("saliency_f64", lines),
        [2, 1],
        shared,
        &of_saliency(),
    )
}

fn of_saliency() -> Vec<Argument> {
    vec![
        Argument::Reals(features(20, 9)),
        Argument::Int(20),
        Argument::Int(9),
        Argument::Int(1),
        Argument::Int(1),
        Argument::Int(1),
        Argument::Room(2 * 9 * 8),
        Argument::Room(8),
    ]
}

/// Computes Gram matrices of order 40 of two matrices of 40×20: three tiles, two panels.
fn gram(lines: &[&str]) -> Result<Done, String> {
    gram_of(lines, 40, 20)
}

/// Computes Gram matrices of matrices of `rows` rows. The memory holds 40 rows.
fn gram_of(lines: &[&str], rows: usize, columns: usize) -> Result<Done, String> {
    launch(
        &kernel("gram_f64", lines),
        [3, 2],
        0,
        &[
            Argument::Reals(features(40, columns)),
            Argument::Int(1),
            Argument::Int(rows as i32),
            Argument::Int(columns as i32),
            Argument::Int(0),
            Argument::Room(2 * rows * rows * 8),
            Argument::Nowhere,
        ],
    )
}

#[test]
fn the_kernels_themselves_pass() {
    assert!(saliency(&text_of("saliency_f64")).unwrap().barriers > 100);
    assert!(gram(&text_of("gram_f64")).unwrap().instructions > 1000);
}

#[test]
fn an_index_past_the_end() {
    // With 4 bytes less, the last flag lies beyond the block's memory.
    let what = saliency_in(&text_of("saliency_f64"), SHARED - 4).unwrap_err();
    assert!(what.contains("shared memory: out of bounds"), "{what}");

    // One row too many of the features.
    let what = gram_of(&text_of("gram_f64"), 41, 6).unwrap_err();
    assert!(what.contains("out of bounds"), "{what}");
}

#[test]
fn an_atomic_lost() {
    let lines = text_of("saliency_f64");
    let mut mutant: Vec<String> = Vec::new();
    let mut lost = 0;
    for line in &lines {
        match line.trim().strip_prefix("atom.shared.or.b32") {
            Some(rest) => {
                let rest = rest.trim().trim_end_matches(';');
                let parts: Vec<&str> = rest.split(", ").collect();
                mutant.push(format!("\tld.shared.u32 \t{}, {};", parts[0], parts[1]));
                mutant.push(format!("\tor.b32 \t{0}, {0}, {1};", parts[0], parts[2]));
                mutant.push(format!("\tst.shared.u32 \t{}, {};", parts[1], parts[0]));
                lost += 1;
            }
            None => mutant.push((*line).to_owned()),
        }
    }
    assert!(lost > 0);
    let mutant: Vec<&str> = mutant.iter().map(String::as_str).collect();
    let what = saliency(&mutant).unwrap_err();
    assert!(what.contains("shared memory: race"), "{what}");
}

/// A read, then a write by another thread, with no barrier between them. The result is right in this
/// order of threads and wrong in another.
#[test]
fn a_silent_race_of_a_write_after_a_read() {
    let text = ".version 7.8\n.target sm_75\n.visible .entry shift(\n.param .u64 shift_param_0\n)\n{\n\
        .reg .b32 %r<6>;\n.reg .b64 %rd<4>;\n.reg .pred %p<2>;\n\
        .shared .align 4 .b8 row[1028];\n\
        mov.u32 %r1, %tid.x;\nmov.u64 %rd1, row;\nmul.wide.u32 %rd2, %r1, 4;\nadd.s64 %rd3, %rd1, %rd2;\n\
        st.shared.u32 [%rd3], %r1;\nst.shared.u32 [row+1024], 7;\nbar.sync 0;\n\
        ld.shared.u32 %r2, [%rd3+4];\nBARRIER\nst.shared.u32 [%rd3], %r2;\nret;\n}";
    let guarded = text.replace(
        "st.shared.u32 [row+1024], 7;",
        "setp.eq.s32 %p1, %r1, 0;\n@%p1 st.shared.u32 [row+1024], 7;",
    );
    let run = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        let mut module = parse(&lines.join("\n")).unwrap();
        let kernel = module.kernels.remove("shift").unwrap();
        launch(&kernel, [1, 1], 0, &[Argument::Nowhere])
    };
    run(&guarded.replace("BARRIER", "bar.sync 0;")).unwrap();
    let what = run(&guarded.replace("BARRIER\n", "")).unwrap_err();
    assert!(
        what.contains("race: write") && what.contains("after a read"),
        "{what}"
    );
    // Writes of the same value by all threads are a race too.
    let what = run(&text.replace("BARRIER", "bar.sync 0;")).unwrap_err();
    assert!(
        what.contains("race: write") && what.contains("after a write"),
        "{what}"
    );
}

/// Two blocks that write to the same address.
#[test]
fn a_race_between_blocks() {
    let whole = kernel("energy", &text_of("energy"));
    let arguments = |len| {
        [
            Argument::Reals(features(4, 4)),
            Argument::Int(8),
            Argument::Room(len),
        ]
    };
    launch(&whole, [2, 2], 0, &arguments(32)).unwrap();
    let what = launch(&whole, [2, 3], 0, &arguments(48)).unwrap_err();
    assert!(what.contains("out of bounds"), "{what}");

    let lines = text_of("energy");
    // Every block computes the first item.
    let mutant: Vec<String> = lines
        .iter()
        .map(|line| line.replace("%ctaid.x", "0").replace("%ctaid.y", "0"))
        .collect();
    let mutant: Vec<&str> = mutant.iter().map(String::as_str).collect();
    let what = launch(&kernel("energy", &mutant), [2, 2], 0, &arguments(32)).unwrap_err();
    assert!(what.contains("race: write"), "{what}");
}

/// A barrier that only some threads reach.
#[test]
fn a_divergent_barrier() {
    let text = ".visible .entry part(\n.param .u64 part_param_0\n)\n{\n.reg .b32 %r<2>;\n.reg .pred %p<2>;\n\
        mov.u32 %r1, %tid.x;\nsetp.lt.u32 %p1, %r1, 100;\n@%p1 bra $L1;\nbar.sync 0;\n$L1:\nret;\n}";
    let mut module = parse(text).unwrap();
    let kernel = module.kernels.remove("part").unwrap();
    let what = launch(&kernel, [1, 1], 0, &[Argument::Nowhere]).unwrap_err();
    assert!(what.contains("divergent barrier in part"), "{what}");
}

#[test]
fn bytes_never_written() {
    let what = launch(
        &kernel("energy", &text_of("energy")),
        [1, 1],
        0,
        &[Argument::Room(64), Argument::Int(8), Argument::Room(8)],
    );
    assert!(what.unwrap_err().contains("never written"));
}

/// A count of 4 bytes for a parameter of 8 bytes. The next 4 bytes of the host's memory become its
/// upper half.
#[test]
fn an_argument_of_the_wrong_width() {
    let kernel = kernel("energy", &text_of("energy"));
    assert_eq!(kernel.parameters[1].1, 8, "the size is a long long");
    let mut memory = Memory::default();
    let tensors = memory.allocate(64).unwrap();
    memory.span(tensors, 64).unwrap().1.fill_in(0, &[0; 64]);
    let energies = memory.allocate(8).unwrap();
    let mut arguments = Vec::new();
    arguments.extend(tensors.to_le_bytes());
    arguments.extend(8i32.to_le_bytes());
    arguments.extend(0x0bad_f00di32.to_le_bytes());
    arguments.extend(energies.to_le_bytes());
    let launch = Launch {
        kernel: &kernel,
        blocks: [1, 1, 1],
        threads: [256, 1, 1],
        dynamic_bytes: 0,
        arguments,
        number: 1,
        schedule: Schedule::Forward,
        error: Error::NONE,
    };
    assert!(
        run(&launch, &mut memory)
            .unwrap_err()
            .contains("out of bounds")
    );
}

/// Two streams that access the same bytes.
#[test]
fn an_event_between_streams_removed() {
    let span = |write| Span {
        start: 100,
        end: 200,
        write,
    };
    let mut clocks = Clocks::default();
    clocks.operate(1, "a copy", &[span(true)]).unwrap();
    let what = clocks.operate(2, "a kernel", &[span(false)]).unwrap_err();
    assert!(what.contains("streams race: a kernel"), "{what}");

    let mut clocks = Clocks::default();
    clocks.operate(1, "a copy", &[span(true)]).unwrap();
    clocks.record(7, 1);
    clocks.wait(2, 7);
    clocks.operate(2, "a kernel", &[span(false)]).unwrap();
    // Two reads need no order; a read and a write do.
    clocks.operate(3, "a kernel", &[span(false)]).unwrap_err();
    clocks.host_waits_for(2);
    clocks.operate(3, "a kernel", &[span(false)]).unwrap();
    let what = clocks.operate(1, "a copy", &[span(true)]).unwrap_err();
    assert!(what.contains("a copy on stream 0x1"), "{what}");
}

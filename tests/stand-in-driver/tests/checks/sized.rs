//! Removes each barrier and each wait for copies of the sized kernels in turn. The interpreter then
//! reports a fault, unless another barrier separates the same accesses.

use stand_in_driver::ptx::parse;

use super::{Argument, features, launch_in};
use Argument::{Int, Ints, Nowhere, Reals, Room};

/// A launch of a sized kernel.
struct Launch {
    name: &'static str,
    ptx: &'static str,
    blocks: [u32; 3],
    threads: u32,
    shared: usize,
    arguments: Vec<Argument>,
    /// How many barriers and waits can be removed without a report, and how many there are.
    missed: [usize; 2],
}

/// `items` symmetric matrices of order `n` with a dominant diagonal.
fn matrices(items: usize, n: usize) -> Argument {
    let entry = |k: usize| {
        let (i, j) = (k / n % n, k % n);
        if i == j {
            (8 * n + 3 * i) as f64
        } else {
            ((i + j) * (i * j + 1) % 7) as f64
        }
    };
    Reals((0..items * n * n).map(entry).collect())
}

/// The arguments of an eigenproblem.
fn problem(items: usize, n: usize) -> Vec<Argument> {
    vec![
        matrices(items, n),
        Int(n as i32),
        Room(8 * items * n),
        Room(8 * items * n * n),
        Ints(vec![0; items]),
        Nowhere,
    ]
}

macro_rules! ptx {
    ($file:literal) => {
        include_str!(concat!("../../../../kernels/ptx/sm_90/", $file, ".ptx"))
    };
}

fn launches() -> Vec<Launch> {
    vec![
        Launch {
            name: "eigen_lane",
            ptx: ptx!("eigen_lane_8"),
            blocks: [1, 2, 1],
            threads: 32,
            shared: 8 * 8 * (8 + 3),
            arguments: problem(2, 5),
            missed: [0, 7],
        },
        Launch {
            name: "map_first",
            ptx: ptx!("map_lane_9"),
            blocks: [2, 1, 1],
            threads: 32,
            shared: 8 * (34 * 9 + 100),
            arguments: vec![
                matrices(2, 9),
                Int(9),
                Int(1),
                Int(1),
                Room(2 * 9 * 8),
                Int(0),
                Room(8),
            ],
            missed: [4, 13],
        },
        Launch {
            name: "map_all",
            ptx: ptx!("map_lane_9"),
            blocks: [2, 1, 1],
            threads: 32,
            shared: 8 * (34 * 9 + 100),
            arguments: vec![
                matrices(2, 9),
                Int(9),
                Int(1),
                Int(1),
                Int(1),
                Room(2 * 9 * 8),
                Int(0),
                Ints(vec![0; 2]),
            ],
            missed: [5, 11],
        },
        Launch {
            name: "gram_small_f64",
            ptx: ptx!("gram_small_9"),
            blocks: [2, 1, 1],
            threads: 128,
            shared: 1024 * 9,
            arguments: vec![Reals(features(300, 9)), Int(300), Int(9), Room(2 * 81 * 8)],
            missed: [0, 9],
        },
        Launch {
            name: "gram_rows16_f64",
            ptx: ptx!("gram_tiles_64"),
            blocks: [3, 1, 2],
            threads: 128,
            shared: 4 * 64 * 36 * 8,
            arguments: vec![
                Reals(features(70, 100)),
                Int(70),
                Int(100),
                Int(100),
                Int(0),
                Int(100),
                Int(100),
                Room(2 * 70 * 70 * 8),
                Nowhere,
            ],
            missed: [0, 2],
        },
        Launch {
            name: "sum_tiles_f64",
            ptx: ptx!("project_tiles_64"),
            blocks: [2, 1, 2],
            threads: 128,
            shared: 2 * 8 * (64 * 36 + 32 * 68),
            arguments: vec![
                Reals(features(70, 70)),
                Int(70),
                Int(70),
                Reals(features(70, 6)),
                Int(6),
                Int(5),
                Reals(features(1, 6)),
                Int(6),
                Room(2 * 70 * 8),
                Ints(vec![0; 2]),
                Nowhere,
            ],
            missed: [0, 4],
        },
        Launch {
            name: "eigen_block",
            ptx: ptx!("eigen_block_64"),
            blocks: [1, 1, 1],
            threads: 64,
            shared: 8 * (2 * 34 * 64 + 64) + 16,
            arguments: problem(1, 57),
            missed: [1, 8],
        },
        Launch {
            name: "eigen_cluster",
            ptx: ptx!("eigen_cluster_144"),
            blocks: [4, 1, 1],
            threads: 160,
            shared: 8 * (2 * 21 * 160 + 8 * 18) + 16 * 5,
            arguments: problem(1, 9),
            missed: [2, 9],
        },
    ]
}

impl Launch {
    fn run(&self, text: &str) -> Result<(), String> {
        let mut module = parse(text).unwrap();
        let kernel = module.kernels.remove(self.name).unwrap();
        launch_in(
            &kernel,
            self.blocks,
            self.threads,
            self.shared,
            &self.arguments,
        )
        .map(drop)
    }

    /// Counts the barriers and waits that can be removed without a report, and all of them.
    fn missed(&self) -> [usize; 2] {
        self.run(self.ptx).unwrap();
        let lines: Vec<&str> = self.ptx.lines().collect();
        let entry = format!(".entry {}(", self.name);
        let start = lines.iter().position(|line| line.contains(&entry)).unwrap();
        let len = lines[start..].iter().position(|line| *line == "}").unwrap();
        let waits = [
            "bar.warp.sync",
            "bar.sync",
            "cp.async.wait",
            "cluster.arrive",
        ];
        let found =
            (start..start + len).filter(|&k| waits.iter().any(|wait| lines[k].contains(wait)));
        let (mut missed, mut all) = (0, 0);
        for place in found {
            let mut mutant = lines.clone();
            mutant[place] = "";
            // Both halves of a cluster's barrier.
            if lines[place].contains("cluster.arrive") {
                let wait = lines[place..]
                    .iter()
                    .position(|line| line.contains("cluster.wait"));
                mutant[place + wait.unwrap()] = "";
            }
            all += 1;
            match self.run(&mutant.join("\n")) {
                Ok(()) => missed += 1,
                Err(what) => {
                    let faults = [
                        "race",
                        "never written",
                        "not delivered",
                        "has ended",
                        "deadlock",
                    ];
                    assert!(faults.iter().any(|fault| what.contains(fault)), "{what}");
                }
            }
        }
        [missed, all]
    }
}

#[test]
fn a_barrier_of_a_sized_kernel_removed() {
    for launch in launches() {
        assert_eq!(launch.missed(), launch.missed, "{}", launch.name);
    }
}

//! Removes each barrier of each kernel in turn. The interpreter then reports a race or a read of
//! bytes that were never written, unless another barrier separates the same accesses.

use super::{Argument, features, kernel, launch, text_of};
use Argument::{Int, Ints, Nowhere, Reals, Room};

/// A launch of two items.
struct Launch {
    name: &'static str,
    blocks: u32,
    shared: usize,
    arguments: Vec<Argument>,
    /// How many barriers can be removed without a report, and how many there are. Most of them stand
    /// before the first sum of a kernel: its scratch memory has no earlier use.
    missed: [usize; 2],
}

/// Bytes of shared memory for the rotations of a matrix of order 5.
const ROTATIONS: usize = 8 * (5 + 9) + 4 * (5 + 2);

/// Memory for so many doubles.
fn doubles(count: usize) -> Argument {
    Room(8 * count)
}

/// Two symmetric matrices of order 5 with a dominant diagonal.
fn symmetric() -> Argument {
    let entry = |k: usize| {
        let (i, j) = (k / 5 % 5, k % 5);
        if i == j {
            40.0 + (3 * i) as f64
        } else {
            ((i + j) * (i * j + 1) % 7) as f64
        }
    };
    Reals((0..50).map(entry).collect())
}

/// Two matrices of 5×3, column by column, with a last column of zeros.
fn deficient() -> Argument {
    let entry = |k: usize| {
        if k % 15 < 10 {
            (k * k % 7) as f64 - 3.5
        } else {
            0.0
        }
    };
    Reals((0..30).map(entry).collect())
}

/// A product with blocks of so many rows of the result, two panels. Each number of rows has its own
/// two of the barriers.
fn product(reach: i32) -> Launch {
    Launch {
        name: "product_f64",
        blocks: 2,
        shared: 0,
        arguments: vec![
            Reals(features(10, 9)),
            Int(3),
            Int(10),
            Int(3),
            Reals(features(10, 10)),
            Int(10),
            Int(1),
            Int(10),
            Int(reach),
            doubles(2 * 90),
            Nowhere,
            Nowhere,
        ],
        missed: [6, 8],
    }
}

fn launches() -> Vec<Launch> {
    let fine = || Ints(vec![0; 2]);
    vec![
        Launch {
            name: "centre_mode",
            blocks: 1,
            shared: 0,
            arguments: vec![
                symmetric(),
                Int(5),
                Int(7),
                Reals(vec![1.0; 10]),
                Reals(vec![200.0; 2]),
                fine(),
            ],
            missed: [1, 3],
        },
        Launch {
            name: "centre_rest",
            blocks: 1,
            shared: 0,
            arguments: vec![
                symmetric(),
                Int(5),
                doubles(10),
                Reals(vec![200.0; 2]),
                fine(),
            ],
            missed: [2, 5],
        },
        Launch {
            name: "centre_rows",
            blocks: 3,
            shared: 0,
            arguments: vec![Reals(features(3, 300)), Int(300)],
            missed: [1, 4],
        },
        Launch {
            name: "check_gram",
            blocks: 1,
            shared: 0,
            arguments: vec![symmetric(), Int(5), doubles(2), Room(8)],
            missed: [1, 2],
        },
        Launch {
            name: "combine_f64",
            blocks: 1,
            shared: 0,
            arguments: vec![
                Reals(vec![9.0, 4.0, 1.0, 9.0, 4.0, 1.0]),
                Int(3),
                Reals(features(3, 9)),
                Int(27),
                Int(0),
                Int(3),
                Int(9),
                Int(1),
                doubles(18),
                doubles(18),
                fine(),
                Int(0),
                Nowhere,
            ],
            missed: [1, 13],
        },
        Launch {
            name: "eigen_global",
            blocks: 1,
            shared: ROTATIONS,
            arguments: vec![
                symmetric(),
                Int(5),
                doubles(50),
                doubles(10),
                doubles(50),
                fine(),
                Nowhere,
            ],
            missed: [1, 6],
        },
        Launch {
            name: "eigen_shared",
            blocks: 1,
            shared: ROTATIONS + 16 * 25,
            arguments: vec![
                symmetric(),
                Int(5),
                doubles(10),
                doubles(50),
                fine(),
                Nowhere,
            ],
            missed: [1, 6],
        },
        Launch {
            name: "energy_f64",
            blocks: 1,
            shared: 0,
            arguments: vec![Reals(features(3, 9)), Int(27), Int(1), doubles(2), Nowhere],
            missed: [1, 2],
        },
        // Three tiles, two panels.
        Launch {
            name: "gram_f64",
            blocks: 3,
            shared: 0,
            arguments: vec![
                Reals(features(40, 20)),
                Int(1),
                Int(40),
                Int(20),
                Int(0),
                doubles(2 * 40 * 40),
                Nowhere,
            ],
            missed: [0, 2],
        },
        Launch {
            name: "magnitudes_f64",
            blocks: 3,
            shared: 0,
            arguments: vec![Reals(features(3, 9)), Int(27), doubles(6)],
            missed: [1, 2],
        },
        Launch {
            name: "orthonormalise",
            blocks: 1,
            shared: 0,
            arguments: vec![deficient(), Int(5), Int(3), Nowhere],
            missed: [3, 19],
        },
        Launch {
            name: "prepare_f64",
            blocks: 2,
            shared: 0,
            arguments: vec![
                Reals(features(3, 9)),
                Int(27),
                Reals(vec![3.0, 4.0, 5.0, 4.0]),
                doubles(54),
                Room(8),
                Room(8),
            ],
            missed: [1, 2],
        },
        product(8),
        product(12),
        product(20),
        product(40),
        Launch {
            name: "refine",
            blocks: 1,
            shared: 8 * (3 * 5 + 9) + 4 * (5 + 2),
            arguments: vec![
                symmetric(),
                Int(5),
                doubles(50),
                doubles(10),
                symmetric(),
                fine(),
                Nowhere,
            ],
            missed: [6, 17],
        },
        Launch {
            name: "row_sums_f64",
            blocks: 3,
            shared: 0,
            arguments: vec![Reals(features(3, 9)), Int(9), doubles(6)],
            missed: [1, 2],
        },
        Launch {
            name: "saliency_f64",
            blocks: 2,
            shared: super::SHARED,
            arguments: super::of_saliency(),
            missed: [3, 22],
        },
        Launch {
            name: "sum_parts",
            blocks: 3,
            shared: 0,
            arguments: vec![Reals(features(3, 9)), Int(9), doubles(6)],
            missed: [1, 2],
        },
        Launch {
            name: "truncate",
            blocks: 3,
            shared: 0,
            arguments: vec![symmetric(), Int(5), Int(3), doubles(30), Nowhere],
            missed: [2, 5],
        },
    ]
}

impl Launch {
    /// Counts the barriers that can be removed without a report, and all barriers.
    fn missed(&self) -> [usize; 2] {
        let run = |lines: &[&str]| {
            let items = if self.name.starts_with("saliency") {
                1
            } else {
                2
            };
            let kernel = kernel(self.name, lines);
            launch(&kernel, [self.blocks, items], self.shared, &self.arguments)
        };
        let lines = text_of(self.name);
        run(&lines).unwrap();
        let barriers = (0..lines.len()).filter(|&k| lines[k].contains("bar.sync"));
        let (mut missed, mut all) = (0, 0);
        for barrier in barriers {
            let mut mutant = lines.clone();
            mutant.remove(barrier);
            all += 1;
            match run(&mutant) {
                Ok(_) => missed += 1,
                Err(what) => {
                    let named = what.contains(&format!("in {} at line", self.name));
                    assert!(
                        named && (what.contains("race") || what.contains("never written")),
                        "{what}"
                    );
                }
            }
        }
        [missed, all]
    }
}

#[test]
fn a_barrier_removed() {
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for launch in launches() {
        found.push((launch.name, launch.missed()));
        expected.push((launch.name, launch.missed));
    }
    assert_eq!(found, expected);
}

/// A kernel with a barrier that is missing from the launches would not be checked.
#[test]
fn every_kernel_with_barriers_is_launched() {
    let names = super::PTX.split(".entry ").skip(1);
    let names = names
        .filter(|text| text.contains("bar.sync"))
        .filter_map(|text| text.split('(').next());
    // The kernels for f32 are the same source.
    let mut names: Vec<&str> = names.filter(|name| !name.ends_with("_f32")).collect();
    names.sort_unstable();
    let mut launched: Vec<&str> = launches().iter().map(|launch| launch.name).collect();
    launched.dedup();
    assert_eq!(names, launched);
}

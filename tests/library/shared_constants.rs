//! Constants that the library shares with the CUDA kernels have equal values. The test reads the
//! kernels as text, so that it needs neither a GPU nor a CUDA compiler.

use std::fs;
use std::path::{Path, PathBuf};

/// Constants that have the same name in the launches and in the kernels.
const OF_LAUNCHES: [&str; 11] = [
    "THREADS",
    "WARPS",
    "TILE",
    "GROUP",
    "RUN",
    "FINE",
    "CONSTANT",
    "DEGENERATE",
    "OUT_OF_RANGE",
    "CANCELLED",
    "NO_CONVERGENCE",
];

/// Thresholds that have the same name in the code for the CPU and in the kernels.
const OF_THE_CPU: [&str; 5] = [
    "MAP_TOLERANCE",
    "TIE_TOLERANCE",
    "CONSTANT_TOLERANCE",
    "DEGENERATE_RATIO",
    "CENTRED_SHARE",
];

/// Constants that only the kernels use: sizes of panels and groups, layouts of the sized kernels, the
/// limits of Jacobi sweeps and of Lanczos steps, and the traces of Gram matrices that Jacobi rotations can square.
const OF_KERNELS_ALONE: [&str; 58] = [
    "ACCEPTED_RESIDUAL",
    "ALL_LANES",
    "APART",
    "BATCH_BLOCKS",
    "BATCH_WARPS",
    "BLOCKS",
    "BLOCK_THREADS",
    "BOUND_SHARE",
    "COLUMN_GROUPS",
    "COLUMN_LENGTH",
    "COLUMN_WARPS",
    "FIRST_LOOK",
    "FIRST_THREADS",
    "FIRST_WARPS",
    "GRAM_STAGES",
    "GRAM_WARPS",
    "LARGEST_VALUE",
    "LAST",
    "LEAST_VALUE",
    "MOST_STEPS",
    "MOST_STEPS_BETWEEN",
    "MOST_SWEEPS_OF_COLUMNS",
    "NO_STEP",
    "OFFER",
    "ONE_BLOCKS",
    "ONE_WARPS",
    "PAIRS",
    "PASSED",
    "PITCH",
    "RESIDENT",
    "ROWS",
    "SET",
    "SHARES",
    "SHIFT",
    "SMALLEST_COSINE",
    "SMALL_RESIDUAL",
    "STAGES",
    "STAGE_BYTES",
    "TILES",
    "TILE_THREADS",
    "TILE_WARPS",
    "UNCERTAIN",
    "WARP_COLUMNS",
    "WIDTH",
    "AT_ONCE",
    "DEPTH",
    "PANEL",
    "STRIPES",
    "PRODUCTS",
    "EPSILON",
    "INFINITE",
    "PANEL_CHANNELS",
    "MOST_GROUPS",
    "MOST_SWEEPS",
    "NEGLIGIBLE",
    "LEAST_TRACE",
    "LARGEST_TRACE",
    "ZERO_ROW",
];

/// A constant with its value, both as text.
type Constant = (String, String);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of all files below a folder, without comments.
fn text_below(folder: &str, extensions: &[&str]) -> String {
    fn files(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    files(&root().join(folder), &mut found);
    found.sort();
    let known = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    };
    let texts = found.iter().filter(|path| known(path));
    let texts = texts.map(|path| fs::read_to_string(path).unwrap());
    let lines: Vec<String> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .map(|line| line.split("//").next().unwrap_or("").to_owned())
        .collect();
    lines.join("\n")
}

/// The constants of the kernels: `#define NAME value`, and `NAME = value` in an `enum`.
fn of_kernels() -> Vec<Constant> {
    let text = text_below("kernels", &["cu", "cuh"]);
    let defined = text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
        // A macro with parameters is no constant.
        (!name.contains('(')).then(|| {
            (
                name.to_owned(),
                value.trim_matches(['(', ')', ' ']).to_owned(),
            )
        })
    });
    let enumerators = text.split("\nenum ").skip(1).flat_map(|text| {
        let body = text.split(['{', '}']).nth(1).unwrap();
        let pairs = body.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
    });
    defined.chain(enumerators).collect()
}

/// The constants in Rust code: `const NAME: Type = value;`.
fn in_rust(text: &str) -> Vec<Constant> {
    let declarations = text.split("const ").skip(1);
    let constants = declarations.filter_map(|text| {
        let (declared, value) = text.split(';').next()?.split_once('=')?;
        let name = declared.split_once(':')?.0;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    });
    constants.collect()
}

/// The value of the constant with this name. Fails unless there is exactly one.
fn value<'a>(constants: &'a [Constant], name: &str) -> &'a str {
    let mut values = constants.iter().filter(|(other, _)| other == name);
    let (_, value) = values
        .next()
        .unwrap_or_else(|| panic!("no constant {name}"));
    assert!(values.next().is_none(), "two constants {name}");
    value
}

/// Fails unless two values are equal, as numbers or else as text.
fn assert_equal(name: &str, one: &str, other: &str) {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => assert!(one == other, "{name}: {one:e} and {other:e}"),
        _ => assert_eq!(one, other, "{name}"),
    }
}

#[test]
fn constants_of_launches_and_kernels_are_equal() {
    let kernels = of_kernels();
    let text = text_below("src/cuda/launch", &["rs"]);
    let launches = in_rust(&text);
    for name in OF_LAUNCHES {
        assert_equal(name, value(&launches, name), value(&kernels, name));
    }
    for (sign, name) in [
        ("Absolute", "ABSOLUTE"),
        ("Positive", "POSITIVE"),
        ("Negative", "NEGATIVE"),
    ] {
        let arm = format!("Sign::{sign} => {},", value(&kernels, name));
        assert!(text.contains(&arm), "sign_code has no arm {arm}");
    }
    // The size of a thread's tile has no name in saliency.cu.
    let tile = value(&launches, "THREAD_TILE");
    let sums = format!("double sums[{tile}][{tile}] = {{}};");
    assert!(text_below("kernels", &["cu"]).contains(&sums), "{sums}");
}

/// The constants of some modules of the library.
fn of_modules(modules: &[&str]) -> Vec<Constant> {
    let texts = modules.iter().map(|module| {
        let index = fs::read_to_string(root().join(format!("src/{module}.rs"))).unwrap();
        format!("{index}\n{}", text_below(&format!("src/{module}"), &["rs"]))
    });
    in_rust(&texts.collect::<String>())
}

#[test]
fn thresholds_of_gpu_and_cpu_are_equal() {
    let kernels = of_kernels();
    let cpu = of_modules(&["cam", "linalg", "tucker"]);
    for name in OF_THE_CPU {
        assert_equal(name, value(&cpu, name), value(&kernels, name));
    }
    let largest = f64::MAX.to_string();
    assert_equal("LARGEST", &largest, value(&kernels, "LARGEST"));
    let ends = ["LEAST_SINGLE_LENGTH", "LARGEST_SINGLE_LENGTH"];
    let range = ends.map(|name| value(&kernels, name)).join("..");
    assert_equal(
        "SAFE_SINGLE_LENGTH",
        value(&cpu, "SAFE_SINGLE_LENGTH"),
        &range,
    );
}

/// Whoever adds a constant to the kernels must add it to a list of this test.
#[test]
fn every_constant_of_the_kernels_is_in_a_list() {
    let others = [
        "ABSOLUTE",
        "POSITIVE",
        "NEGATIVE",
        "LARGEST",
        "LEAST_SINGLE_LENGTH",
        "LARGEST_SINGLE_LENGTH",
    ];
    let lists = [&OF_LAUNCHES[..], &OF_THE_CPU, &OF_KERNELS_ALONE, &others].concat();
    for (name, _) in of_kernels() {
        assert!(lists.contains(&name.as_str()), "{name} is in no list");
    }
}

/// The bounds of the device tests have copies of constants of the library.
#[test]
fn copies_of_constants_in_the_device_tests_are_equal() {
    let bounds = in_rust(&text_below("tests/common/device", &["rs"]));
    let launches = in_rust(&text_below("src/cuda/launch", &["rs"]));
    let cam = of_modules(&["cam"]);
    assert_equal("RUN", value(&launches, "RUN"), value(&bounds, "RUN"));
    for name in ["TIE_TOLERANCE", "ENERGY_TOLERANCE", "MAX_SWEEPS"] {
        assert_equal(name, value(&cam, name), value(&bounds, name));
    }
}

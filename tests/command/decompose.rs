//! `tenfold decompose`: options, results and notes.

use std::fs;

use serde_json::json;
use tenfold::{Hooi, Hosvd, Method, Randomized, Scalar, Solver, StHosvd, Start, Tensor};

use crate::folder::{Folder, notes, repository, tensor};

/// The command writes, bit by bit, what the library computes with the same options. Each case
/// changes one option, and each core differs from all others, so that no option is ignored.
#[test]
fn options_reach_the_library() {
    let folder = Folder::with_tensor();
    let x = tensor();
    let ranks = [3, 3, 2];
    let hooi = Hooi::new(ranks);
    let randomized = Randomized::new(ranks);
    let narrow = Randomized {
        seed: 7,
        oversampling: 1,
        power_iterations: 0,
        ..randomized.clone()
    };
    let cases: Vec<(&str, Box<dyn Solver<f64>>)> = vec![
        ("--method st-hosvd", Box::new(StHosvd::new(ranks))),
        ("--method hosvd", Box::new(Hosvd::new(ranks))),
        ("--method randomized", Box::new(randomized)),
        (
            "--method randomized --seed 8 --oversampling 1",
            Box::new(Randomized {
                seed: 8,
                ..narrow.clone()
            }),
        ),
        (
            "--method randomized --seed 7 --oversampling 2",
            Box::new(Randomized {
                oversampling: 2,
                ..narrow.clone()
            }),
        ),
        (
            "--method randomized --seed 7 --oversampling 1 --power-iterations 1",
            Box::new(Randomized {
                power_iterations: 1,
                ..narrow.clone()
            }),
        ),
        (
            "--method randomized --seed 7 --oversampling 1",
            Box::new(narrow),
        ),
        (
            "--method hooi --sweeps 1",
            Box::new(Hooi {
                max_sweeps: 1,
                ..hooi.clone()
            }),
        ),
        (
            "--method hooi --sweep-tolerance 1e-6",
            Box::new(Hooi {
                sweep_tolerance: 1e-6,
                ..hooi.clone()
            }),
        ),
        (
            "--method hooi --start hosvd --sweeps 1",
            Box::new(Hooi {
                start: Start::Hosvd,
                max_sweeps: 1,
                ..hooi.clone()
            }),
        ),
        (
            "--method hooi --start random --seed 3 --sweeps 1",
            Box::new(Hooi {
                start: Start::Random,
                seed: 3,
                max_sweeps: 1,
                ..hooi.clone()
            }),
        ),
        (
            "--method hooi --start random --seed 3 --starts 2 --sweeps 2",
            Box::new(Hooi {
                start: Start::Random,
                seed: 3,
                starts: 2,
                max_sweeps: 2,
                ..hooi.clone()
            }),
        ),
        (
            "--method hooi --fixed-modes 0 --mode-order 2,0,1",
            Box::new(Hooi {
                fixed: vec![0],
                order: Some(vec![2, 0, 1]),
                ..hooi.clone()
            }),
        ),
        ("--method hooi", Box::new(hooi)),
    ];
    let mut cores: Vec<Tensor<f64>> = Vec::new();
    for (options, solver) in cases {
        folder.decompose(&format!("--ranks 3,3,2 {options}"));
        let written = folder.read_tucker("x.npz");
        let expected = solver.decompose(x.view()).unwrap();
        assert_eq!(written.core(), expected.core(), "{options}");
        for mode in 0..3 {
            assert_eq!(written.factor(mode), expected.factor(mode), "{options}");
        }
        assert!(!cores.contains(written.core()), "{options}");
        cores.push(written.core().clone());
    }
}

#[test]
fn every_method_reports_what_it_wrote() {
    let folder = Folder::with_tensor();
    for method in Method::ALL {
        for truncation in ["--ranks 3,3,2", "--tolerance 1e-2"] {
            let by_ranks = truncation.starts_with("--ranks");
            // The tensor has negative entries.
            if method == Method::NonNegative {
                continue;
            }
            let object = folder.decompose(&format!("--method {method} {truncation}"));
            let tucker = folder.read_tucker("x.npz");
            let measured = tucker.relative_error(&tensor()).unwrap();
            let reported = object["relative_error"].as_f64().unwrap();
            assert!(
                (reported - measured).abs() <= 1e-9 * measured,
                "{method}: {reported} is reported, {measured} is measured"
            );
            assert!(by_ranks || measured <= 1e-2, "{method}: {measured}");
            assert_eq!(object["method"], method.name());
            assert_eq!(object["shape"], json!([12, 10, 8]));
            assert_eq!(object["ranks"], json!(tucker.ranks()));
            assert_eq!(object["compression"].as_f64(), Some(tucker.compression()));
            assert_eq!(object["sweeps"].is_u64(), method == Method::Hooi);
        }
    }
}

#[test]
fn the_randomized_method_gives_the_same_bits_for_the_same_seed() {
    let folder = Folder::with_tensor();
    let options =
        "--method randomized --ranks 3,3,2 --seed 7 --oversampling 4 --power-iterations 1";
    folder.decompose(options);
    let first = folder.read_tucker("x.npz");
    folder.decompose(options);
    assert_eq!(first.core(), folder.read_tucker("x.npz").core());
}

#[test]
fn an_exact_decomposition_reports_an_error_of_rounding_size() {
    let folder = Folder::with_tensor();
    let object = folder.decompose("--ranks 12,10,8");
    let reported = object["relative_error"].as_f64().unwrap();
    assert!(reported < 1e-13, "{reported}");
    let tucker = folder.read_tucker("x.npz");
    let measured = tucker.relative_error(&tensor()).unwrap();
    assert!((reported - measured).abs() < 1e-15);
}

#[test]
fn a_tolerance_below_rounding_gives_a_shortfall_and_a_note() {
    let folder = Folder::with_tensor();
    let object = folder.decompose("--tolerance 0");
    assert_eq!(object["shortfall"]["requested"], 0.0);
    let note = notes(&object)[0];
    assert!(
        note.starts_with("the relative error 0e0 was requested"),
        "{note}"
    );
}

#[test]
fn hooi_reports_its_sweeps_and_why_it_stopped() {
    let folder = Folder::with_tensor();
    for (options, sweeps, stop) in [
        ("--sweeps 2 --sweep-tolerance 0", 2, "sweep-limit"),
        ("--sweep-tolerance 0.5", 1, "converged"),
    ] {
        let object = folder.decompose(&format!("--method hooi --ranks 3,3,2 {options}"));
        assert_eq!(object["sweeps"].as_u64(), Some(sweeps), "{options}");
        assert_eq!(object["stop"], stop, "{options}");
    }
}

#[test]
fn options_of_another_method_are_noted() {
    let folder = Folder::with_tensor();
    let object = folder.decompose("--ranks 3,3,2 --sweeps 4 --seed 1");
    assert_eq!(notes(&object).len(), 2);
    let object = folder.decompose("--ranks 3,3,2 --start hosvd");
    assert_eq!(notes(&object)[0], "st-hosvd makes no sweeps");
}

#[test]
fn an_unknown_start_is_refused() {
    let folder = Folder::with_tensor();
    let line = folder.refusal("decompose x.npy -o y.npz --method hooi --ranks 3,3,2 --start svd");
    assert!(
        line.contains("there is no start \"svd\", only st-hosvd, hosvd, random"),
        "{line}"
    );
}

#[test]
fn hooi_starts_from_a_decomposition_in_a_file() {
    let folder = Folder::with_tensor();
    folder.decompose("--ranks 3,3,2");
    fs::rename(folder.at("x.npz"), folder.at("start.npz")).unwrap();
    let start = folder.read_tucker("start.npz");
    folder.decompose("--method hooi --ranks 3,3,2 --start start.npz --fixed-modes 1 --sweeps 3");
    let written = folder.read_tucker("x.npz");
    let hooi = Hooi {
        fixed: vec![1],
        max_sweeps: 3,
        ..Hooi::new([3, 3, 2])
    };
    let expected = hooi.decompose_from(&tensor(), start.factors().to_vec());
    assert_eq!(written.core(), expected.unwrap().core());
    assert_eq!(written.factor(1), start.factor(1));
    for (options, reason) in [
        ("--ranks 3,2,2 --start start.npz", "the core of the start"),
        (
            "--modes 0,1 --ranks 3,3 --start start.npz",
            "the core of the start",
        ),
        ("--tolerance 0.1 --start start.npz", "needs --ranks"),
        (
            "--ranks 3,3,2 --start start.npz --starts 2",
            "a single start",
        ),
        ("--ranks 3,3,2 --start absent.npz", "absent.npz"),
        ("--ranks 3,3,2 --start x.npy", "x.npy"),
        (
            "--tolerance 0.1 --start random",
            "a random start: ranks are needed",
        ),
        ("--ranks 3,3,2 --fixed-modes 3", "mode 3 does not exist"),
        ("--ranks 3,3,2 --mode-order 0,1", "the order of the modes"),
        ("--ranks 3,3,2 --starts 0", "--starts must be at least 1"),
    ] {
        let line = folder.refusal(&format!("decompose x.npy -o y.npz --method hooi {options}"));
        assert!(line.contains(reason), "{options}: {line}");
    }
}

#[test]
fn hooi_reaches_the_error_of_tensorly() {
    let folder = Folder::new();
    // The errors of TensorLy's HOOI after convergence.
    for (name, ranks, expected) in [
        ("three_way", "3,4,2", 0.08655520277684624),
        ("four_way", "2,3,2,2", 0.044482421790963816),
    ] {
        let file = repository("tests/data").join(format!("tucker.{name}.npy"));
        fs::copy(file, folder.at("x.npy")).unwrap();
        let object = folder.decompose(&format!("--method hooi --ranks {ranks}"));
        let reported = object["relative_error"].as_f64().unwrap();
        assert!(
            (reported - expected).abs() < 1e-6 * expected,
            "{name}: {reported}"
        );
    }
}

#[test]
fn only_the_given_modes_are_decomposed() {
    let folder = Folder::with_tensor();
    let object = folder.decompose("--modes 2,0 --ranks 2,3");
    assert_eq!(object["ranks"], json!([3, 10, 2]));
    assert_eq!(object["modes"], json!([0, 2]));
    let tucker = folder.read_tucker("x.npz");
    assert!(tucker.factor(1).is_none() && tucker.factor(0).is_some());
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = Folder::with_tensor();
    let files = [1, 2, 5, 0].map(|threads| {
        folder.decompose(&format!("--ranks 3,3,2 --method hooi --threads {threads}"));
        folder.read_bytes("x.npz")
    });
    assert!(files.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_order_of_entries_and_of_bytes_does_not_change_the_result() {
    let folder = Folder::new();
    let mut cores = Vec::new();
    for (name, is_noted) in [
        ("f8.little.C", false),
        ("f8.little.F", false),
        ("f8.big.C", false),
        ("f8.big.F", false),
        ("i8.big.F", true),
        ("i4.little.C", true),
    ] {
        let file = repository("tests/data/numpy").join(format!("{name}.npy"));
        fs::copy(file, folder.at("x.npy")).unwrap();
        let object = folder.decompose("--ranks 2,2,2");
        assert_eq!(object["dtype"], "f64");
        let conversion = |note: &&str| note.contains("entries were converted");
        let conversions = notes(&object).into_iter().filter(conversion).count();
        assert_eq!(conversions, usize::from(is_noted), "{name}");
        cores.push(folder.read_tucker("x.npz").core().clone());
    }
    assert!(cores.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn conversions_are_noted_unless_quiet() {
    let folder = Folder::new();
    let half = repository("tests/data/numpy/f2.big.C.npy");
    fs::copy(half, folder.at("half.npy")).unwrap();
    let command = "decompose half.npy --ranks 1,1,1 -o half.npz";
    let (_, errors) = folder.succeeds(command);
    assert!(
        errors.starts_with("note: ") && errors.contains("float16 entries were converted to f32"),
        "{errors}"
    );
    let quiet = format!("{command} --quiet");
    assert_eq!(folder.succeeds(&quiet), (String::new(), String::new()));
    // --json asks for an object on standard output. --quiet does not remove it.
    assert_eq!(folder.json(&quiet)["dtype"], "f32");
}

#[test]
fn a_tensor_in_f32_stays_in_f32() {
    let folder = Folder::new();
    let x = Tensor::from_fn(&[9, 8, 7], |i| (i[0] + i[1] * i[2]) as f32).unwrap();
    folder.write("x.npy", x.shape(), x.data());
    let object = folder.decompose("--ranks 2,2,2");
    assert_eq!(object["dtype"], f32::NAME);
    assert!(object["relative_error"].as_f64().unwrap() < 1e-5);
    folder.json("reconstruct x.npz -o y.npy");
    let y = folder.read_f32("y.npy");
    assert!(x.distance(&y).unwrap() < 1e-5 * x.norm());
}

//! Arrays with a norm or a decomposition near an end of the scalar's range.

use tenfold::io::{AnyTensor, read_npy};
use tenfold::{Scalar, Tensor};

use crate::folder::Folder;

const METHODS: [&str; 3] = ["st-hosvd", "hosvd", "hooi"];

fn check_huge_entries<T: Scalar>(entry: f64) {
    let folder = Folder::new();
    folder.write(
        "x.npy",
        &[100, 100, 10],
        &[T::from_f64(entry)].repeat(100_000),
    );
    for method in METHODS {
        let line = folder.refusal(&format!(
            "decompose x.npy -o y.npz --tolerance 0.1 --method {method}"
        ));
        assert!(
            line.starts_with("x.npy: ") && line.contains(" reaches about 2^"),
            "{line}"
        );
        assert!(
            line.contains("divide the tensor by a power of two"),
            "{line}"
        );
    }
}

#[test]
fn a_core_above_the_largest_scalar_is_refused() {
    check_huge_entries::<f32>(1e37);
    check_huge_entries::<f64>(1e307);
}

/// A tensor of small multiples of `step`, the smallest subnormal number.
fn check_subnormal_entries<T: Scalar>(step: f64) {
    let folder = Folder::new();
    let multiples = Tensor::from_fn(&[5, 6, 7], |i| {
        ((7 * i[0] + 3 * i[1] + 5 * i[2]) % 9) as f64
    })
    .unwrap();
    let entries = multiples.data().iter().map(|k| T::from_f64(k * step));
    folder.write("x.npy", multiples.shape(), &entries.collect::<Vec<T>>());
    for method in METHODS {
        let object = folder.decompose(&format!("--tolerance 0.1 --method {method}"));
        folder.json("reconstruct x.npz -o y.npy");
        let y: Vec<f64> = match read_npy(folder.at("y.npy")).unwrap() {
            AnyTensor::F32(y) => y.data().iter().map(|&v| f64::from(v) / step).collect(),
            AnyTensor::F64(y) => y.data().iter().map(|v| v / step).collect(),
        };
        let y = Tensor::new(multiples.shape(), y).unwrap();
        let error = y.distance(&multiples).unwrap() / multiples.norm();
        let reported = object["relative_error"].as_f64().unwrap();
        assert!(
            (error - reported).abs() <= 1e-6,
            "{method}: {object}, {error:e}"
        );
        let has_shortfall = !object["shortfall"].is_null();
        assert_eq!(has_shortfall, error > 0.1, "{method}: {object}");
    }
}

#[test]
fn subnormal_entries_meet_the_tolerance_or_report_the_shortfall() {
    check_subnormal_entries::<f32>(f64::from(f32::from_bits(1)));
    check_subnormal_entries::<f64>(f64::from_bits(1));
}

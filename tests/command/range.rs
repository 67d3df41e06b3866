//! Arrays whose norm or decomposition is near an end of the scalar's range.

use tenfold::io::{AnyTensor, read_npy, write_npy};
use tenfold::{Scalar, Tensor};

use crate::run::{json, refusal};

const METHODS: [&str; 3] = ["st-hosvd", "hosvd", "hooi"];

fn decompose(method: &str) -> Vec<String> {
    let arguments = ["decompose", "x.npy", "-o", "y.npz"];
    let options = ["--tolerance", "0.1", "--method", method];
    let all = arguments.iter().chain(&options);
    all.map(|&word| word.to_owned()).collect()
}

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn huge<T: Scalar>(entry: f64) {
    let folder = tempfile::tempdir().unwrap();
    let x = Tensor::from_fn(&[100, 100, 10], |_| T::from_f64(entry)).unwrap();
    write_npy(folder.path().join("x.npy"), &x).unwrap();
    for method in METHODS {
        let line = refusal(folder.path(), &words(&decompose(method)));
        assert!(
            line.starts_with("x.npy: ") && line.contains(" reaches about 2^"),
            "{line}"
        );
        assert!(
            line.contains("divide the tensor by a power of two"),
            "{line}"
        );
        assert!(!folder.path().join("y.npz").exists());
    }
}

#[test]
fn cores_that_do_not_fit_are_refused_before_anything_is_written() {
    huge::<f32>(1e37);
    huge::<f64>(1e307);
}

fn subnormal<T: Scalar>(step: f64) {
    let folder = tempfile::tempdir().unwrap();
    let x = Tensor::from_fn(&[5, 6, 7], |i| {
        T::from_f64(((7 * i[0] + 3 * i[1] + 5 * i[2]) % 9) as f64 * step)
    })
    .unwrap();
    write_npy(folder.path().join("x.npy"), &x).unwrap();
    for method in METHODS {
        let (object, _) = json(folder.path(), &words(&decompose(method)));
        json(folder.path(), &["reconstruct", "y.npz", "-o", "z.npy"]);
        // Compared in units of the smallest scalar.
        let z: Vec<f64> = match read_npy(folder.path().join("z.npy")).unwrap() {
            AnyTensor::F32(z) => z.data().iter().map(|&v| f64::from(v) / step).collect(),
            AnyTensor::F64(z) => z.data().iter().map(|v| v / step).collect(),
        };
        let z = Tensor::new(x.shape(), z).unwrap();
        let multiples = x.data().iter().map(|v| v.as_f64() / step).collect();
        let x = Tensor::new(x.shape(), multiples).unwrap();
        let error = z.distance(&x).unwrap() / x.norm();
        let reported = object["relative_error"].as_f64().unwrap();
        assert!(
            (error - reported).abs() <= 1e-6,
            "{method}: {object}, {error:e}"
        );
        assert_eq!(
            object["shortfall"].is_null(),
            error <= 0.1,
            "{method}: {object}"
        );
    }
}

#[test]
fn subnormal_entries_meet_the_tolerance_or_report_the_shortfall() {
    subnormal::<f32>(f64::from(f32::from_bits(1)));
    subnormal::<f64>(f64::from_bits(1));
}

//! `decompose --missing` and `--method non-negative`.

use serde_json::json;
use tenfold::{Completion, NonNegative, Observed, Tensor};

use crate::folder::{Folder, notes, tensor};

#[test]
fn missing_entries_are_nan_or_zero_in_a_mask() {
    let folder = Folder::with_tensor();
    let mut x = tensor();
    let mask: Vec<bool> = (0..x.data().len()).map(|p| 7 * p % 10 >= 3).collect();
    let numbers = mask.iter().map(|&observed| f64::from(u8::from(observed)));
    let numbers = Tensor::new(x.shape(), numbers.collect()).unwrap();
    tenfold::io::write_npy(folder.at("mask.npy"), &numbers).unwrap();
    let observed = Observed::new(x.shape(), mask.clone()).unwrap();
    let expected = Completion::new([3, 3, 2]).decompose(&x, &observed).unwrap();

    let object = folder.decompose("--ranks 3,3,2 --missing mask.npy");
    assert_eq!(folder.read_tucker("x.npz").core(), expected.core());
    assert_eq!(object["method"], "completion");
    assert_eq!(object["observed"], json!(observed.count()));
    let reported = object["relative_error"].as_f64();
    assert_eq!(reported, expected.estimated_error());
    assert!(notes(&object).is_empty());

    let entries = x.data_mut().iter_mut().zip(&mask);
    entries
        .filter(|(_, observed)| !**observed)
        .for_each(|(entry, _)| *entry = f64::NAN);
    tenfold::io::write_npy(folder.at("x.npy"), &x).unwrap();
    folder.decompose("--ranks 3,3,2 --missing nan");
    assert_eq!(folder.read_tucker("x.npz").core(), expected.core());
    for (options, reason) in [
        ("--tolerance 0.1 --missing nan", "--missing needs --ranks"),
        (
            "--ranks 3,3,2 --method hosvd --missing nan",
            "--method hooi",
        ),
        ("--ranks 3 --modes 0 --missing nan", "leave out --modes"),
        ("--ranks 3,3,2 --starts 2 --missing nan", "--sweeps"),
        ("--ranks 3,3,2 --missing absent.npy", "absent.npy"),
        ("--ranks 3,3,2", "is NaN"),
    ] {
        let line = folder.refusal(&format!("decompose x.npy -o y.npz {options}"));
        assert!(line.contains(reason), "{options}: {line}");
    }
}

#[test]
fn non_negative_decompositions_refuse_negative_entries_and_tolerances() {
    let folder = Folder::with_tensor();
    let refused = "decompose x.npy -o y.npz --method non-negative";
    let line = folder.refusal(&format!("{refused} --ranks 3,3,2"));
    assert!(
        line.contains("a non-negative decomposition needs"),
        "{line}"
    );
    let line = folder.refusal(&format!("{refused} --tolerance 0.1"));
    assert!(line.contains("needs --ranks"), "{line}");
    let mut x = tensor();
    x.data_mut()
        .iter_mut()
        .for_each(|entry| *entry = entry.abs());
    tenfold::io::write_npy(folder.at("x.npy"), &x).unwrap();
    let object = folder.decompose("--method non-negative --ranks 3,3,2 --sweeps 9");
    let solver = NonNegative {
        max_sweeps: 9,
        ..NonNegative::new([3, 3, 2])
    };
    let expected = solver.decompose(&x).unwrap();
    assert_eq!(folder.read_tucker("x.npz").core(), expected.core());
    assert_eq!(object["method"], "non-negative");
}

//! The solvers agree with TensorLy's HOOI, run to convergence, on three small tensors.
//!
//! The tensors are `tests/data/tucker.*.npy`. The folders `tucker.*.hooi/` have TensorLy's cores, and
//! the projector A Aᵀ of each factor, which does not depend on signs. NumPy computed the errors and
//! the singular values of the unfoldings.

use std::path::PathBuf;

use crate::common::oracle;
use faer::Mat;
use tenfold::io::{AnyTensor, read_npy};
use tenfold::{Hooi, Hosvd, Solver, StHosvd, Start, Tensor, Truncation, Tucker, mode_spectrum};

struct Reference {
    name: &'static str,
    ranks: &'static [usize],
    relative_error: f64,
    /// The singular values of each unfolding.
    spectra: &'static [&'static [f64]],
}

const REFERENCES: &[Reference] = &[
    Reference {
        name: "three_way",
        ranks: &[3, 4, 2],
        relative_error: 0.08655520277684624,
        spectra: &[
            &[
                3.6438555229108016,
                1.9758997431193308,
                1.232567815781367,
                0.16591467080357514,
                0.14988664712078842,
                0.1345177704625092,
                0.1141266594042921,
                0.10922722083706324,
                0.09041799453640591,
            ],
            &[
                3.4967402991967886,
                2.034610892108143,
                1.3634848274968583,
                0.7068966061765302,
                0.163926534236258,
                0.15336796162215832,
                0.12110663869115275,
                0.10778473676956986,
            ],
            &[
                3.738814408798446,
                2.1718854249057946,
                0.18085914462063546,
                0.150942905582651,
                0.14023553472185266,
                0.1334699736602503,
                0.11624278162987223,
            ],
        ],
    },
    Reference {
        name: "four_way",
        ranks: &[2, 3, 2, 2],
        relative_error: 0.044482421790963816,
        spectra: &[
            &[
                4.16870038827896,
                2.8206603857772428,
                0.11382860619462325,
                0.09377358931682377,
                0.08834548180153287,
                0.07637677667984547,
            ],
            &[
                3.5539530955065706,
                3.253212988613209,
                1.460667609270932,
                0.12016827930783432,
                0.08723003195573978,
            ],
            &[
                4.749299088179204,
                1.6696722734754386,
                0.11561819853381579,
                0.11207950445046226,
            ],
            &[4.010991377023944, 3.0432866372439644, 0.1411783622031366],
        ],
    },
    Reference {
        name: "exact_rank",
        ranks: &[3, 2, 4],
        relative_error: 8.516794341867725e-16,
        spectra: &[
            &[
                3.679100095359564,
                2.6695631321126188,
                1.2419966541338479,
                5.099483786424646e-16,
                3.1602500231735665e-16,
                2.2800629723028077e-16,
                1.3060851815014784e-16,
                8.695936646722572e-17,
                7.140507742988012e-17,
                6.700025336938902e-17,
            ],
            &[
                4.234467371864673,
                2.067410601090857,
                6.209222824181844e-16,
                3.561380920200803e-16,
                2.2768285096395323e-16,
                1.0674438737023776e-16,
                7.137006411732998e-17,
                3.891188652371682e-17,
                2.821146192587757e-17,
            ],
            &[
                3.6199591302916017,
                2.393236389615525,
                1.596211103747077,
                0.9084746048197642,
                5.373319464486519e-16,
                4.427645354687483e-16,
                1.7463972409651279e-16,
                9.587798476873316e-17,
            ],
        ],
    },
];

/// The tensor in `tests/data/{name}.npy`.
fn read(name: &str) -> Tensor<f64> {
    let directory: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "data"]
        .iter()
        .collect();
    match read_npy(directory.join(format!("{name}.npy"))).unwrap() {
        AnyTensor::F64(tensor) => tensor,
        AnyTensor::F32(_) => panic!("{name} holds f32"),
    }
}

impl Reference {
    fn x(&self) -> Tensor<f64> {
        read(&format!("tucker.{}", self.name))
    }

    /// A part of TensorLy's decomposition.
    fn tensorly(&self, part: &str) -> Tensor<f64> {
        read(&format!("tucker.{}.hooi/{part}", self.name))
    }

    fn ranks(&self) -> Truncation {
        Truncation::Ranks(self.ranks.to_vec())
    }

    /// Compares the error, the projectors and the core with TensorLy's.
    fn check(&self, tucker: &Tucker<f64>) {
        let x = self.x();
        let error = tucker.relative_error(&x).unwrap();
        let true_error = oracle::relative_distance(&x, &tucker.reconstruct().unwrap());
        // If the tensor has exactly these ranks, both errors are rounding.
        let rounding = 1e-14;
        assert!((error - self.relative_error).abs() <= 1e-9 * self.relative_error + rounding);
        assert!((error - true_error).abs() <= rounding);
        let estimate = tucker.estimated_error().unwrap();
        assert!((estimate - true_error).abs() <= 1e-9 * true_error + rounding);
        for mode in 0..x.order() {
            let a = tucker.factor(mode).unwrap();
            let projector = a * a.transpose();
            let expected = oracle::unfold(&self.tensorly(&format!("projector_{mode}")), 0);
            assert!(
                (&projector - &expected).norm_max() <= 1e-6,
                "{} mode {mode}",
                self.name
            );
        }
        let core = self.tensorly("core");
        assert_eq!(tucker.core().shape(), core.shape());
        assert!((tucker.core().norm() / core.norm() - 1.0).abs() <= 1e-10);
        for mode in 0..x.order() {
            let values = oracle::singular_values(oracle::unfold(tucker.core(), mode).as_ref());
            let expected = oracle::singular_values(oracle::unfold(&core, mode).as_ref());
            for (value, expected) in values.iter().zip(&expected) {
                assert!((value - expected).abs() <= 1e-6 * expected);
            }
        }
    }
}

#[test]
fn hooi_converges_to_the_decomposition_of_tensorly() {
    for reference in REFERENCES {
        for start in [Start::Hosvd, Start::StHosvd] {
            let hooi = Hooi {
                sweep_tolerance: 0.0,
                max_sweeps: 200,
                start,
                ..Hooi::new(reference.ranks())
            };
            reference.check(&hooi.decompose(&reference.x()).unwrap());
        }
    }
}

#[test]
fn errors_in_f32_agree_to_the_precision_of_f32() {
    for reference in REFERENCES {
        let x = reference.x();
        let x: Tensor<f32> = oracle::scaled(&x, 1.0);
        let tucker = Hooi::new(reference.ranks()).decompose(&x).unwrap();
        let error = oracle::relative_distance(&x, &tucker.reconstruct().unwrap());
        // A relative error of about 100ε, plus about 10ε, because the smallest error is rounding.
        let expected = reference.relative_error;
        assert!((error - expected).abs() <= 1e-5 * expected + 1e-6);
    }
}

#[test]
fn one_pass_solvers_keep_their_bound() {
    for reference in REFERENCES {
        let x = reference.x();
        let bound = (x.order() as f64).sqrt() * reference.relative_error + 1e-14;
        let (hosvd, st_hosvd) = (
            Hosvd::new(reference.ranks()),
            StHosvd::new(reference.ranks()),
        );
        let solvers: [&dyn Solver<f64>; 2] = [&hosvd, &st_hosvd];
        for solver in solvers {
            let tucker = solver.decompose(x.view()).unwrap();
            let error = oracle::relative_distance(&x, &tucker.reconstruct().unwrap());
            assert!(error <= bound);
            assert!(error + 1e-14 >= reference.relative_error * (1.0 - 1e-9));
        }
    }
}

#[test]
fn spectra_agree_with_numpy() {
    for reference in REFERENCES {
        let x = reference.x();
        let hosvd = Hosvd::new(reference.ranks()).decompose(&x).unwrap();
        for (mode, &expected) in reference.spectra.iter().enumerate() {
            let compare = |values: &[f64], tolerance: f64| {
                let difference = oracle::largest_difference(values, expected);
                assert!(
                    difference <= tolerance * expected[0],
                    "{} mode {mode}: {difference:e}",
                    reference.name
                );
            };
            compare(&mode_spectrum(&x, mode).unwrap(), 1e-12);
            let by_jacobi = oracle::singular_values(oracle::unfold(&x, mode).as_ref());
            compare(&by_jacobi, 1e-12);
            // A Gram matrix gives about √ε for singular values that are 0.
            compare(hosvd.spectrum(mode).unwrap(), 1e-7);
        }
    }
}

#[test]
fn the_projectors_in_the_files_are_projectors() {
    for reference in REFERENCES {
        for (mode, &rank) in reference.ranks.iter().enumerate() {
            let p: Mat<f64> = oracle::unfold(&reference.tensorly(&format!("projector_{mode}")), 0);
            assert!((&p * &p - &p).norm_max() < 1e-12);
            let trace: f64 = (0..p.nrows()).map(|i| p[(i, i)]).sum();
            assert!((trace - rank as f64).abs() < 1e-12);
        }
    }
}

//! Random arrays and decompositions, written and read again, and files with one changed byte.

use std::fs;

use proptest::prelude::*;
use tenfold::faer::Mat;
use tenfold::io::{AnyTensor, AnyTucker, Meta, read_npy, read_tucker, write_npy, write_tucker};
use tenfold::{Tensor, Tucker};

use super::{entries, numpy};
use crate::common::random::random_cases;

proptest! {
    #![proptest_config(random_cases(64, 13))]

    #[test]
    fn arrays_are_read_bit_by_bit_as_they_were_written(
        shape in prop::collection::vec(0usize..5, 1..6),
        seed in any::<u64>(),
    ) {
        let mut state = seed;
        let x = Tensor::from_fn(&shape, |_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            f64::from_bits(state)
        }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        write_npy(&path, &x).unwrap();
        let AnyTensor::F64(read) = read_npy(&path).unwrap() else {
            return Err(TestCaseError::fail("f64 was written, f32 was read"));
        };
        prop_assert_eq!(read.shape(), x.shape());
        let bits = |x: &Tensor<f64>| x.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read), bits(&x));
    }

    #[test]
    fn decompositions_of_any_shape_are_read_as_they_were_written(
        modes in prop::collection::vec((1usize..5, 1usize..4, any::<bool>()), 1..5),
    ) {
        let ranks: Vec<usize> = modes.iter().map(|&(_, rank, _)| rank).collect();
        let core = Tensor::from_fn(&ranks, |i| i.iter().fold(0.5, |x, &i| 3.0 * x + i as f64)).unwrap();
        let factors = modes.iter().map(|&(extent, rank, has_factor)| {
            has_factor.then(|| Mat::from_fn(extent, rank, |i, j| (i as f64).sin() + j as f64))
        });
        let tucker = Tucker::new(core, factors.collect()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        write_tucker(&path, &tucker, &Meta::new(&tucker, "by hand")).unwrap();
        let AnyTucker::F64(read) = read_tucker(&path).unwrap().0 else {
            return Err(TestCaseError::fail("f64 was written, f32 was read"));
        };
        prop_assert_eq!(read.core(), tucker.core());
        for mode in 0..modes.len() {
            prop_assert_eq!(read.factor(mode), tucker.factor(mode));
        }
    }

    #[test]
    fn a_changed_byte_gives_an_error_or_another_array(
        place in 0usize..2000, byte in any::<u8>(), is_archive in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let source = if is_archive { "tucker.npz" } else { "f4.big.F.npy" };
        let mut bytes = fs::read(numpy(source)).unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        fs::write(&path, &bytes).unwrap();
        if is_archive {
            match read_tucker(&path) {
                Ok((AnyTucker::F64(tucker), _)) => prop_assert_eq!(tucker.shape(), [3, 2, 5]),
                Ok((AnyTucker::F32(_), _)) => prop_assert!(false, "f64 was written, f32 was read"),
                Err(_) => {}
            }
        } else if let Ok(tensor) = read_npy(&path) {
            // The extents may have changed, but not their product; the type may have changed, but
            // not its size.
            prop_assert_eq!(entries(&tensor).len(), 24);
        }
    }
}

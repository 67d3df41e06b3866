//! The colour maps, compared with the tables of other libraries.
//! `tests/data/colormaps/make.py` made the tables.

use std::path::Path;

use tenfold::cam::Colormap;
use tenfold::io::{AnyTensor, read_npy};

/// Matplotlib's tables, and for jet the table of OpenCV.
#[test]
fn colours_agree_with_published_tables_to_two_levels() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/colormaps");
    for colormap in Colormap::ALL {
        let table = read_npy(folder.join(format!("{colormap}.npy"))).unwrap();
        let AnyTensor::F32(table) = table else {
            panic!("{colormap}");
        };
        assert_eq!(table.shape(), [256, 3]);
        for (level, expected) in table.data().chunks(3).enumerate() {
            let colour = colormap.color(level as f64 / 255.0);
            let pairs = colour.iter().zip(expected);
            let difference = pairs.map(|(&a, b)| (f32::from(a) - b).abs());
            let largest = difference.fold(0.0, f32::max);
            assert!(
                largest <= 2.0,
                "{colormap} {level}: {colour:?}, {expected:?}"
            );
        }
    }
}

//! The fuzz targets over the corpus that the repository holds: what has ever
//! crashed one is in it.

#[allow(unreachable_pub)]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

/// Calls the target with every file of its corpus, and with each cut short.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let data = fs::read(entry.unwrap().path()).unwrap();
        target(&data);
        for part in 1..8 {
            target(&data[..data.len() * part / 8]);
        }
        files += 1;
    }
    assert!(files >= 3, "{files} files");
}

#[test]
fn npy() {
    replay("npy", targets::npy);
}

#[test]
fn npz() {
    replay("npz", targets::npz);
}

#[test]
fn image() {
    replay("image", targets::image);
}

#[test]
fn text() {
    replay("text", targets::text);
}

#[test]
fn solvers() {
    replay("solvers", targets::solvers);
}

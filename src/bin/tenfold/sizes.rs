//! The size of a decomposition compared with the size of its array, in entries and in bytes.
//!
//! The two ratios differ. The file of the array may hold a small type such as `uint8`, and the
//! entries of the decomposition are always `f32` or `f64`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::arrays::is_dash;
use crate::memory::readable;

/// The sizes of an array and of its decomposition.
pub(crate) struct Sizes {
    /// The number of entries of the array, divided by the number of entries of its decomposition.
    pub(crate) compression: f64,
    /// The bytes of the array in its stored type. `None` if the number is unknown.
    pub(crate) input_bytes: Option<u64>,
    /// The bytes of the file of the decomposition. `None` if it is not a regular file.
    pub(crate) output_bytes: Option<u64>,
}

/// The number of bytes of a regular file. `None` for standard input and output.
pub(crate) fn file_bytes(path: &Path) -> Option<u64> {
    if is_dash(path) {
        return None;
    }
    let metadata = fs::metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// The bytes of the entries of an array where it is stored. `stored` is NumPy's name for their type.
/// The number is the same for an array in a file of its own, for one of several arrays in a file, and
/// for a stream.
pub(crate) fn array_bytes(shape: &[usize], stored: &str) -> Option<u64> {
    let bytes_of_entry = match stored {
        "bool" => 1,
        _ => {
            let bits = stored.trim_start_matches(|c: char| !c.is_ascii_digit());
            bits.parse::<u64>().ok()? / 8
        }
    };
    let entries = shape.iter().product::<usize>() as u64;
    entries.checked_mul(bytes_of_entry)
}

impl Sizes {
    /// The bytes of the file of the array, divided by the bytes of the file of the decomposition.
    fn file_compression(&self) -> Option<f64> {
        Some(self.input_bytes? as f64 / self.output_bytes? as f64)
    }

    /// A text such as "31× fewer entries; 7.5× smaller file".
    pub(crate) fn text(&self) -> String {
        let entries = format!("{} entries", times(self.compression, ["fewer", "more"]));
        match (self.file_compression(), self.output_bytes) {
            (Some(ratio), _) => {
                format!("{entries}; {} file", times(ratio, ["smaller", "larger"]))
            }
            (None, Some(bytes)) => format!("{entries}; file of {}", readable(bytes)),
            (None, None) => entries,
        }
    }

    /// A note if the decomposition has more entries than the array, or a larger file.
    pub(crate) fn note(&self) -> Option<String> {
        let mut larger = Vec::new();
        if self.compression < 1.0 {
            let more = times(self.compression, ["fewer", "more"]);
            larger.push(format!("it has {more} entries"));
        }
        if let (Some(input), Some(output)) = (self.input_bytes, self.output_bytes)
            && output > input
        {
            let (input, output) = (readable(input), readable(output));
            larger.push(format!("its file has {output}, the array {input}"));
        }
        let note = format!(
            "the decomposition is larger than the array: {}",
            larger.join("; ")
        );
        (!larger.is_empty()).then_some(note)
    }

    /// Adds the sizes to the JSON object of a decomposition.
    pub(crate) fn add_to(&self, object: &mut Value) {
        object["compression"] = json!(self.compression);
        object["input_bytes"] = json!(self.input_bytes);
        object["output_bytes"] = json!(self.output_bytes);
        object["file_compression"] = json!(self.file_compression());
    }
}

/// A ratio in words: `7.5× smaller`, or `1.3× larger` for a ratio below 1.
fn times(ratio: f64, [above, below]: [&str; 2]) -> String {
    let (factor, word) = if ratio < 1.0 {
        (1.0 / ratio, below)
    } else {
        (ratio, above)
    };
    let digits = usize::from(factor < 9.95);
    format!("{factor:.digits$}× {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_bytes_are_compared() {
        let sizes = |compression, input_bytes, output_bytes| Sizes {
            compression,
            input_bytes,
            output_bytes,
        };
        let smaller = sizes(31.2, Some(7500), Some(1000));
        assert_eq!(smaller.text(), "31× fewer entries; 7.5× smaller file");
        assert_eq!(smaller.note(), None);

        let larger_file = sizes(3.0, Some(1000), Some(1330));
        assert_eq!(larger_file.text(), "3.0× fewer entries; 1.3× larger file");
        assert_eq!(
            larger_file.note().as_deref(),
            Some(
                "the decomposition is larger than the array: \
                 its file has 1.3 kB, the array 1.0 kB"
            )
        );

        let larger = sizes(0.5, Some(1000), Some(2000));
        assert_eq!(larger.text(), "2.0× more entries; 2.0× larger file");
        assert!(larger.note().unwrap().contains("it has 2.0× more entries"));

        assert_eq!(
            sizes(12.0, None, Some(4200)).text(),
            "12× fewer entries; file of 4.2 kB"
        );
        assert_eq!(sizes(12.0, Some(4200), None).text(), "12× fewer entries");
    }

    #[test]
    fn a_device_has_no_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert_eq!(file_bytes(&path), None);
        assert_eq!(file_bytes(folder.path()), None);
        fs::write(&path, "abc").unwrap();
        assert_eq!(file_bytes(&path), Some(3));
    }

    #[test]
    fn the_stored_type_has_the_bytes() {
        for (stored, bytes) in [
            ("bool", Some(10)),
            ("uint8", Some(10)),
            ("bfloat16", Some(20)),
            ("float64", Some(80)),
            ("object", None),
        ] {
            assert_eq!(array_bytes(&[2, 5], stored), bytes, "{stored}");
        }
    }
}

//! Zip archives that the library does not write.

use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes an archive of these entries: names and contents.
pub(crate) fn write_archive<N: AsRef<str>, C: AsRef<[u8]>>(path: &Path, entries: &[(N, C)]) {
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, content) in entries {
        let options = zip::write::SimpleFileOptions::DEFAULT;
        archive.start_file(name.as_ref(), options).unwrap();
        archive.write_all(content.as_ref()).unwrap();
    }
    archive.finish().unwrap();
}

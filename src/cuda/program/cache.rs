//! Compiled kernels that are kept on disk, so that opening a device need not compile them again.
//!
//! A file holds one module. Its name is a hash of everything that the module depends on: driver,
//! card, and source. The file repeats that text before the compiled bytes, so that two texts of
//! equal hash are not confused:
//!
//! ```text
//! magic | hash of the rest: 16 bytes | length of the text: 8 bytes | text | compiled bytes
//! ```
//!
//! A missing, damaged or unwritable file costs time and nothing else: the module is compiled again.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// The environment variable with the folder of the files. The empty text turns the cache off.
const FOLDER: &str = "TENFOLD_KERNEL_CACHE";

/// The first bytes of a file: its format and the format's version.
const MAGIC: &[u8; 16] = b"tenfold kernel 1";

/// The folder of compiled kernels. `None` turns the cache off.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// The folder in the environment variable, or else a folder in the user's cache folder.
    pub(super) fn of_user() -> Self {
        let folder = match env::var_os(FOLDER) {
            Some(folder) if folder.is_empty() => None,
            Some(folder) => Some(PathBuf::from(folder)),
            None => user_cache().map(|cache| cache.join("tenfold").join("kernels")),
        };
        Self { folder }
    }

    /// The compiled bytes for a text, if they are kept.
    pub(super) fn get(&self, text: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(self.file(text)?).ok()?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (checksum, rest) = rest.split_first_chunk::<16>()?;
        if hash(rest) != u128::from_le_bytes(*checksum) {
            return None;
        }
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (kept, compiled) = rest.split_at_checked(length)?;
        (kept == text.as_bytes() && !compiled.is_empty()).then(|| compiled.to_vec())
    }

    /// Keeps the compiled bytes for a text. Writes a new file and renames it.
    pub(super) fn keep(&self, text: &str, compiled: &[u8]) {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let Some(file) = self.file(text) else {
            return;
        };
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let partial = file.with_extension(format!("{}-{number}.partial", process::id()));
        let length = (text.len() as u64).to_le_bytes();
        let rest = [length.as_slice(), text.as_bytes(), compiled].concat();
        let bytes = [MAGIC.as_slice(), &hash(&rest).to_le_bytes(), &rest].concat();
        let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder
            .and_then(|()| fs::write(&partial, bytes))
            .and_then(|()| fs::rename(&partial, &file));
        if written.is_err() {
            // Without the file, the next call compiles the module again.
            let _ = fs::remove_file(&partial);
        }
    }

    fn file(&self, text: &str) -> Option<PathBuf> {
        let name = format!("{:032x}.cubin", hash(text.as_bytes()));
        Some(self.folder.as_ref()?.join(name))
    }
}

/// The folder where a user's programs keep files that can be made again.
fn user_cache() -> Option<PathBuf> {
    let folder = |variable: &str| env::var_os(variable).map(PathBuf::from);
    if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        Some(folder("HOME")?.join("Library").join("Caches"))
    } else {
        let named = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        named.or_else(|| Some(folder("HOME")?.join(".cache")))
    }
}

/// The hash FNV-1a with 128 bits (Fowler, Noll and Vo).
fn hash(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let step = |hash: u128, &byte: &u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    bytes.iter().fold(OFFSET, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &tempfile::TempDir) -> Cache {
        Cache {
            folder: Some(folder.path().join("new").join("kernels")),
        }
    }

    #[test]
    fn kept_bytes_come_back_for_their_text_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        assert_eq!(cache.get("a"), None);
        cache.keep("a", b"compiled");
        assert_eq!(cache.get("a").as_deref(), Some(b"compiled".as_slice()));
        assert_eq!(cache.get("b"), None);
        // A file under the name of another text, as with two texts of equal hash.
        fs::copy(cache.file("a").unwrap(), cache.file("b").unwrap()).unwrap();
        assert_eq!(cache.get("b"), None);
    }

    #[test]
    fn damaged_files_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(&folder);
        cache.keep("text", b"compiled");
        let file = cache.file("text").unwrap();
        let whole = fs::read(&file).unwrap();
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(cache.get("text"), None, "{length}");
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(&file, damaged).unwrap();
            assert_eq!(cache.get("text"), None, "{place}");
        }
    }

    #[test]
    fn an_unwritable_or_missing_folder_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "a file in place of the folder").unwrap();
        for folder in [Some(file), None] {
            let cache = Cache { folder };
            cache.keep("text", b"compiled");
            assert_eq!(cache.get("text"), None);
        }
    }

    #[test]
    fn the_hash_has_its_published_values() {
        assert_eq!(hash(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(hash(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }
}

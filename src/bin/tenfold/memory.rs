//! `--max-memory`: before a command starts its work, it compares an estimate of the memory
//! that it needs with the limit.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use crate::failure::{Failure, Outcome};

/// The memory of the program itself, in bytes.
const PROGRAM: u64 = 16_000_000;

/// The memory of each thread, in bytes: its stack and its scratch memory.
const THREAD: u64 = 8_000_000;

/// The estimate is increased by a fraction of 1/`FRAGMENTATION`, for freed memory that the
/// allocator cannot use again.
const FRAGMENTATION: u64 = 8;

/// A number of bytes, written as 8GB, 500MB, 2GiB, or a plain number.
#[derive(Clone, Copy)]
pub(crate) struct Size(u64);

impl Size {
    pub(crate) fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("{text:?} is not a size: 8GB, 500MB, 2GiB or a number of bytes was expected")
        };
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "t" | "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
        let bytes = number * unit;
        if !bytes.is_finite() || bytes < 0.0 {
            return Err(wrong());
        }
        Ok(Self(bytes as u64))
    }
}

/// The limit on a command's memory.
pub(crate) struct Memory {
    /// The bytes, if the limit is known.
    limit: Option<u64>,
    /// Whether the limit was given by `--max-memory`.
    given: bool,
}

impl Memory {
    /// The limit given by `--max-memory`, or the memory that the machine has available.
    pub(crate) fn new(given: Option<Size>) -> Self {
        Self {
            limit: given.map_or_else(available, |size| Some(size.0)),
            given: given.is_some(),
        }
    }

    /// Fails if the work on `file` needs more memory than the limit.
    pub(crate) fn check(&self, file: &Path, need: u64) -> Outcome {
        self.check_named(&file.display().to_string(), need)
    }

    /// Fails if the work on `what` needs more memory than the limit.
    pub(crate) fn check_named(&self, what: &str, need: u64) -> Outcome {
        self.compare(what, "needs", need)
    }

    /// Fails if the work on `file`, which needs from `min` to `max` bytes, cannot stay within the
    /// limit. A limit that was given by `--max-memory` must not be exceeded in any case: then this
    /// also fails if `max` is above the limit.
    pub(crate) fn check_between(&self, file: &Path, min: u64, max: u64) -> Outcome {
        self.check(file, min)?;
        if self.given {
            self.compare(&file.display().to_string(), "may need", max)?;
        }
        Ok(())
    }

    fn compare(&self, what: &str, needs: &str, need: u64) -> Outcome {
        let threads = rayon::current_num_threads() as u64;
        let need = need.saturating_add(need / FRAGMENTATION);
        let need = need.saturating_add(PROGRAM + THREAD * threads);
        match self.limit {
            Some(limit) if need > limit => Err(Failure::usage(format!(
                "{what} {needs} {}, {} are available (see --max-memory)",
                readable(need),
                readable(limit)
            ))),
            _ => Ok(()),
        }
    }
}

/// A number of bytes for messages, with two or three digits.
pub(crate) fn readable(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for larger in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        if value < 999.5 {
            break;
        }
        value /= 1e3;
        unit = larger;
    }
    let digits = usize::from(value < 9.95 && unit != "bytes");
    format!("{value:.digits$} {unit}")
}

/// The bytes that this process can allocate without swapping, on Linux: the minimum of the
/// machine's available memory and the free memory of each control group of the process.
fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
        let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kilobytes.checked_mul(1024)
    });
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = groups.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let path = path.trim_start_matches('/');
        match controllers {
            "" => free_in_group("/sys/fs/cgroup", path, "memory.max", "memory.current"),
            _ if controllers.split(',').any(|name| name == "memory") => free_in_group(
                "/sys/fs/cgroup/memory",
                path,
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
            ),
            _ => None,
        }
    });
    groups.chain(machine).min()
}

/// The minimum of the free memory of the control group `path` and of the groups around it.
fn free_in_group(root: &str, path: &str, limit: &str, used: &str) -> Option<u64> {
    let root = Path::new(root);
    let number = |folder: &Path, name: &str| -> Option<u64> {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        text.trim().parse().ok()
    };
    // In a container the path may not exist below this root. Then only the root counts.
    let folders = root.join(path);
    let folders = folders
        .ancestors()
        .take_while(|folder| folder.starts_with(root));
    folders
        .filter_map(|folder| {
            let limit = number(folder, limit)?;
            let used = number(folder, used)?;
            // The system reclaims the memory of the file cache when it is needed.
            let cached = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            let files = cached.lines().filter_map(|line| {
                let (name, value) = line.split_once(' ')?;
                matches!(name, "inactive_file" | "active_file")
                    .then(|| value.parse::<u64>().ok())
                    .flatten()
            });
            Some(limit.saturating_sub(used.saturating_sub(files.sum())))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let bytes = |text: &str| text.parse::<Size>().map(|size| size.0).ok();
        assert_eq!(bytes("8GB"), Some(8_000_000_000));
        assert_eq!(bytes("1.5mb"), Some(1_500_000));
        assert_eq!(bytes("2 GiB"), Some(1 << 31));
        assert_eq!(bytes("12345"), Some(12345));
        for wrong in ["", "GB", "-1GB", "1XB", "1e400", "nan", "inf", "1GB2", "é"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_written() {
        assert_eq!(readable(999), "999 bytes");
        assert_eq!(readable(1_000), "1.0 kB");
        assert_eq!(readable(31_400_000_000), "31 GB");
        assert_eq!(readable(999_600), "1.0 MB");
        assert_eq!(readable(u64::MAX), "18 EB");
    }

    #[test]
    fn the_least_of_nested_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        let write = |folder: &Path, limit: &str, used: &str, stat: &str| {
            fs::write(folder.join("memory.max"), limit).unwrap();
            fs::write(folder.join("memory.current"), used).unwrap();
            fs::write(folder.join("memory.stat"), stat).unwrap();
        };
        write(&inner, "max\n", "70\n", "");
        write(
            &root.path().join("a"),
            "100\n",
            "70\n",
            "anon 50\ninactive_file 20\n",
        );
        write(root.path(), "1000\n", "70\n", "");
        let root = root.path().to_str().unwrap();
        let free = free_in_group(root, "a/b", "memory.max", "memory.current");
        assert_eq!(free, Some(50));
    }
}

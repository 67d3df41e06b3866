//! Which libraries of NVIDIA are installed. This library works without them.

#![allow(unsafe_code)]

use std::path::{Path, PathBuf};

use cudarc::{cublas, cusolver, nvrtc};

/// A library of NVIDIA that this library uses if it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NvidiaLibrary {
    /// `NVRTC`, `cuSOLVER` or `cuBLAS`.
    pub name: &'static str,
    /// What it is used for.
    pub purpose: &'static str,
    /// Whether the dynamic loader finds it.
    pub installed: bool,
    /// Its file, if the system says where it is. Linux does.
    pub path: Option<PathBuf>,
}

impl NvidiaLibrary {
    /// NVRTC, cuSOLVER and cuBLAS. Opens each that is installed, and keeps it open.
    pub fn all() -> Vec<Self> {
        // SAFETY: each first function only tries to open a library by its name. Each second one
        // keeps the library open, and is called only if it was found.
        let nvrtc = found(
            || unsafe { nvrtc::sys::is_culib_present() },
            || unsafe {
                nvrtc::sys::culib();
            },
        );
        // SAFETY: as above.
        let cusolver = found(
            || unsafe { cusolver::sys::is_culib_present() },
            || unsafe {
                cusolver::sys::culib();
            },
        );
        // SAFETY: as above.
        let cublas = found(
            || unsafe { cublas::sys::is_culib_present() },
            || unsafe {
                cublas::sys::culib();
            },
        );
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        [
            (
                "NVRTC",
                "compiles kernels for orders that tenfold does not include",
                nvrtc,
            ),
            ("cuSOLVER", "solves large eigenproblems", cusolver),
            ("cuBLAS", "is used by cuSOLVER", cublas),
        ]
        .map(|(name, purpose, installed)| Self {
            name,
            purpose,
            installed,
            path: mapped(&maps, &format!("lib{}.so", name.to_lowercase())).filter(|_| installed),
        })
        .to_vec()
    }
}

/// Whether a library is installed. If it is, `keep` opens it for the rest of the process.
fn found(is_installed: impl Fn() -> bool, keep: impl Fn()) -> bool {
    let installed = is_installed();
    if installed {
        keep();
    }
    installed
}

/// The file that starts with `name`, in the table of the memory of a process of Linux.
fn mapped(maps: &str, name: &str) -> Option<PathBuf> {
    let paths = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]));
    let is_named = |path: &&Path| {
        let file = path.file_name().map(|file| file.to_string_lossy());
        file.is_some_and(|file| file.starts_with(name))
    };
    paths.map(Path::new).find(is_named).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_library() {
        let maps = "7f00-7f01 r-xp 00000000 08:01 42 /usr/lib/libcublasLt.so.12\n\
                    7f02-7f03 rw-p 00000000 00:00 0\n\
                    7f04-7f05 r-xp 00000000 08:01 43 /opt/a folder/libcublas.so.12.9\n";
        let path = mapped(maps, "libcublas.so");
        assert_eq!(path, Some("/opt/a folder/libcublas.so.12.9".into()));
        assert_eq!(mapped(maps, "libnvrtc.so"), None);
    }

    #[test]
    fn all_libraries_are_listed() {
        let names = NvidiaLibrary::all().into_iter().map(|library| library.name);
        assert!(names.eq(["NVRTC", "cuSOLVER", "cuBLAS"]));
    }
}

//! `generate OUT FOLDER...`: the C++ files of folders of CUDA sources, as the build script
//! of the library makes them. Prints the paths of the files to compile.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let Some((out, folders)) = arguments.split_first() else {
        eprintln!("usage: generate OUT FOLDER...");
        return ExitCode::FAILURE;
    };
    match fiber_engine::generate::generate(folders, Path::new(out)) {
        Ok(files) => {
            for file in files {
                println!("{}", file.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

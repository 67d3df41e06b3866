//! The C++ files of folders of CUDA sources: each translated, with a list of its kernels,
//! and one list of all.

use std::fs;
use std::path::{Path, PathBuf};

use crate::translate::{Entry, translate};

/// Writes into `out` the C++ files of all `*.cu` in `folders`, and what they include of
/// `*.cuh` beside them. A folder that is not there counts as empty. Returns the paths of
/// the files to compile.
///
/// # Errors
/// Fails where a file cannot be read, written or translated, or two kernels have one name.
pub fn generate(folders: &[PathBuf], out: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut lists = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (place, folder) in folders.iter().enumerate() {
        let target = out.join(format!("kernels_{place}"));
        fs::create_dir_all(&target).map_err(|e| format!("{}: {e}", target.display()))?;
        for source in sources(folder)? {
            let text =
                fs::read_to_string(&source).map_err(|e| format!("{}: {e}", source.display()))?;
            let translation = translate(&text).map_err(|e| format!("{}: {e}", source.display()))?;
            let file = file_name(&source);
            let text = format!("#line 1 \"{file}\"\n{}", translation.text);
            write(&target.join(&file), &text)?;
            if source
                .extension()
                .is_some_and(|extension| extension == "cuh")
            {
                continue;
            }
            for entry in &translation.entries {
                if names.contains(&entry.name) {
                    return Err(format!("two kernels with the name {}", entry.name));
                }
                names.push(entry.name.clone());
            }
            let list = format!("source_{}", lists.len());
            let path = target.join(file).with_extension("cpp");
            write(
                &path,
                &list_of_source(&list, &file_name(&source), &translation.entries),
            )?;
            files.push(path);
            lists.push(list);
        }
    }
    let path = out.join("kernels.cpp");
    write(&path, &list_of_all(&lists))?;
    files.push(path);
    Ok(files)
}

/// The CUDA sources in a folder, in alphabetical order.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|e| format!("{}: {e}", folder.display()))?
            .path();
        if path
            .extension()
            .is_some_and(|extension| extension == "cu" || extension == "cuh")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Writes a file unless it is there with that text, so that nothing is compiled twice.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// A file that includes a source in a namespace without a name, where it clashes with
/// nothing, and lists its kernels.
fn list_of_source(list: &str, file: &str, entries: &[Entry]) -> String {
    let mut text = format!("#include \"cuda.hpp\"\nnamespace {{\n#include \"{file}\"\n\n");
    text += "const cuda::Entry entries[] = {\n";
    for Entry { name, bounds } in entries {
        let bounds = if bounds.is_empty() {
            "cuda::MOST_THREADS"
        } else {
            bounds
        };
        text += &format!("    cuda::entry<{name}>(\"{name}\", \"{file}\", {bounds}),\n");
    }
    text += "    cuda::Entry{},\n};\n}\n";
    text += &format!("extern const cuda::Entry* const {list};\n");
    text + &format!("const cuda::Entry* const {list} = entries;\n")
}

fn list_of_all(lists: &[String]) -> String {
    let mut text = "#include \"entry.hpp\"\n".to_owned();
    for list in lists {
        text += &format!("extern const cuda::Entry* const {list};\n");
    }
    text += "const cuda::Entry* const* const cuda::all_entries[] = {";
    for list in lists {
        text += &format!("&{list}, ");
    }
    text + "nullptr};\n"
}

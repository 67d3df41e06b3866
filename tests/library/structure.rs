//! The structure of the code: dependencies point downwards and have no cycles, `unsafe` stays in the
//! modules `simd` and `cuda`, only the command prints, and `tests/library/api` calls every public
//! function of `tensor` and `linalg` with arbitrary input.

mod cycles;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules from the lowest layer to the highest. Modules of the same layer do not use each other.
const LAYERS: &[&[&str]] = &[
    &["error", "simd"],
    &["scalar", "monitor", "names"],
    &["tensor"],
    &["linalg"],
    &["tucker"],
    &["cam", "io"],
    &["cuda"],
    &["network"],
    &["instances"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// Every Rust file below `directory`.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A file of the library or the command.
struct Source {
    /// The path below `src`.
    path: String,
    /// The text without comments.
    code: String,
}

impl Source {
    fn all() -> Vec<Self> {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files = rust_files(&src);
        files
            .iter()
            .map(|file| Self {
                path: file
                    .strip_prefix(&src)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/"),
                code: without_comments(&fs::read_to_string(file).unwrap()),
            })
            .collect()
    }

    /// The top-level module that the file belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn is_library_root(&self) -> bool {
        self.path == "lib.rs"
    }

    fn is_command(&self) -> bool {
        self.module() == "bin"
    }
}

fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of `code`: identifiers, and single characters for everything else.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

/// The names that follow the path `prefix` in the code: a, c and e for `crate::a::b` and
/// `crate::{c::d, e}`.
fn named_below<'a>(code: &'a str, prefix: &[&str]) -> Vec<&'a str> {
    let words = words(code);
    let mut wanted = Vec::new();
    for part in prefix {
        wanted.extend([*part, ":", ":"]);
    }
    let mut names = Vec::new();
    for start in 0..words.len() {
        if !words[start..].starts_with(&wanted) || (start > 0 && words[start - 1] == ":") {
            continue;
        }
        let rest = &words[start + wanted.len()..];
        if rest.first() != Some(&"{") {
            names.extend(rest.first());
            continue;
        }
        let mut depth = 0;
        for (position, &word) in rest.iter().enumerate() {
            match word {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ if depth == 1 && matches!(rest[position - 1], "{" | ",") => names.push(word),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// For each name that `lib.rs` re-exports, the module that it comes from.
fn re_exports(root: &str) -> HashMap<String, String> {
    let mut from = HashMap::new();
    for statement in root.split("pub use ").skip(1) {
        let statement = statement.split(';').next().unwrap();
        let words = words(statement);
        for &word in &words[1..] {
            from.insert(word.to_owned(), words[0].to_owned());
        }
    }
    from
}

/// The top-level modules that `source` names by any path.
fn dependencies(source: &Source, re_exports: &HashMap<String, String>) -> Vec<String> {
    let mut names = named_below(&source.code, &["crate"]);
    if source.is_command() {
        names.clear(); // In the command, `crate` is the command itself.
    }
    // Paths that reach the root of the crate by `super`.
    let depth = source.path.matches('/').count() + 1;
    names.extend(named_below(&source.code, &vec!["super"; depth]));
    names
        .into_iter()
        .map(|name| re_exports.get(name).map_or(name, String::as_str).to_owned())
        .filter(|name| layer(name).is_some())
        .collect()
}

/// The dependencies on a module of the same layer or of a higher one, each with its file.
fn upward<'a>(
    sources: &'a [Source],
    re_exports: &HashMap<String, String>,
) -> Vec<(&'a str, String)> {
    let mut found = Vec::new();
    for source in sources
        .iter()
        .filter(|s| !s.is_library_root() && !s.is_command())
    {
        let module = source.module();
        let own = layer(module).unwrap_or_else(|| panic!("{module} has no layer"));
        for name in dependencies(source, re_exports) {
            let other = layer(&name).unwrap();
            if name != module && other >= own {
                found.push((source.path.as_str(), name));
            }
        }
    }
    found
}

#[test]
fn dependencies_point_downwards() {
    let sources = Source::all();
    let root = sources
        .iter()
        .find(|source| source.is_library_root())
        .unwrap();
    let re_exports = re_exports(&root.code);
    assert_eq!(re_exports.get("Tensor").map(String::as_str), Some("tensor"));
    let found = upward(&sources, &re_exports);
    assert!(found.is_empty(), "upward imports: {found:?}");
    // The scan finds a dependency that exists.
    let hosvd = sources
        .iter()
        .find(|source| source.path == "tucker/hosvd.rs")
        .unwrap();
    assert!(dependencies(hosvd, &re_exports).contains(&"linalg".to_owned()));
}

#[test]
fn an_upward_import_is_found_in_every_form() {
    let re_exports = re_exports("pub use tucker::{Hooi, Tucker};\npub use cam::Cam;");
    for code in [
        "use crate::tucker::Tucker;",
        "use crate::{error::Error, tucker::{self, Hooi}};",
        "use crate::{\n    error::Error,\n    Tucker,\n};",
        "fn f() { let _ = crate::Cam::new(); }",
        "use super::super::io::read;",
    ] {
        let source = Source {
            path: "tensor/product.rs".into(),
            code: code.into(),
        };
        assert_eq!(upward(&[source], &re_exports).len(), 1, "{code}");
    }
    for code in [
        "use crate::error::{Error, Result};",
        "use super::{Shape, Tensor};",
        "use crate::tensor::Shape;",
    ] {
        let source = Source {
            path: "tensor/product.rs".into(),
            code: code.into(),
        };
        assert!(upward(&[source], &re_exports).is_empty(), "{code}");
    }
}

#[test]
fn unsafe_code_is_only_in_simd_and_cuda() {
    for source in Source::all() {
        let allowed = ["simd", "cuda"].contains(&source.module());
        assert!(
            allowed || !words(&source.code).contains(&"unsafe"),
            "unsafe in {}",
            source.path
        );
    }
}

#[test]
fn only_the_command_prints_and_exits() {
    for source in Source::all().iter().filter(|source| !source.is_command()) {
        let words = words(&source.code);
        for printing in ["println", "eprintln", "print", "eprint", "dbg"] {
            let calls = words.windows(2).any(|pair| pair == [printing, "!"]);
            assert!(!calls, "{printing}! in {}", source.path);
        }
        let exits = words.windows(4).any(|w| w == ["process", ":", ":", "exit"]);
        assert!(!exits, "process::exit in {}", source.path);
    }
}

/// The public functions that the code of a file declares, such as `Type::function`, each with its
/// owner: the type of a method, or the function itself.
fn public_functions(code: &str) -> Vec<(String, &str)> {
    let words = words(code);
    let mut functions = Vec::new();
    let (mut depth, mut owner) = (0, None);
    for position in 0..words.len() {
        match words[position] {
            "{" => depth += 1,
            "}" => depth -= 1,
            "impl" if depth == 0 => owner = implemented(&words[position + 1..]),
            "fn" if words[..position].ends_with(&["pub"])
                || words[..position].ends_with(&["pub", "const"]) =>
            {
                let name = words[position + 1];
                functions.push(match owner {
                    Some(owner) if depth > 0 => (format!("{owner}::{name}"), owner),
                    _ => (name.to_owned(), name),
                });
            }
            _ => {}
        }
    }
    functions
}

/// The type after the word `impl`, without its generic parameters.
fn implemented<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut depth = 0;
    words.iter().copied().find(|&word| {
        let is_name = depth == 0 && word != "<" && word != ">";
        depth += i32::from(word == "<") - i32::from(word == ">");
        is_name
    })
}

/// The public types that the code of a file declares.
fn public_types(code: &str) -> Vec<&str> {
    let words = words(code);
    let declarations = words.windows(3).filter_map(|words| match words {
        ["pub", "struct" | "enum" | "trait", name] => Some(*name),
        _ => None,
    });
    declarations.collect()
}

/// The public functions of the module `root` that callers can reach.
fn reachable_functions(root: &str) -> Vec<String> {
    let sources = Source::all();
    let file = format!("{root}.rs");
    let index = sources.iter().find(|source| source.path == file).unwrap();
    let (exported, declared) = (re_exports(&index.code), public_types(&index.code));
    let is_reachable = |owner: &str| exported.contains_key(owner) || declared.contains(&owner);
    let mut functions = Vec::new();
    for source in sources.iter().filter(|source| source.module() == root) {
        for (function, owner) in public_functions(&source.code) {
            if source.path == file || is_reachable(owner) {
                functions.push(function);
            }
        }
    }
    functions
}

/// A call in `tests/library/api` is found by the name that it passes to `call`.
#[test]
fn every_public_function_of_tensor_and_linalg_is_called_with_arbitrary_input() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library");
    let calls: String = rust_files(&library.join("api"))
        .iter()
        .chain([&library.join("api.rs")])
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let functions = ["tensor", "linalg"].map(reachable_functions).concat();
    for known in [
        "Shape::index",
        "Slabs::get",
        "Tensor::zeros",
        "TensorRef::permute",
        "eigh",
        "Tensor::reshape",
    ] {
        assert!(
            functions.iter().any(|function| function == known),
            "{known} was not found"
        );
    }
    let missing: Vec<_> = functions
        .iter()
        .filter(|function| !calls.contains(&format!("call(\"{function}\"")))
        .collect();
    assert!(
        missing.is_empty(),
        "never called with arbitrary input: {missing:?}"
    );
}

#[test]
fn public_functions_are_found_in_every_form() {
    let code = "pub fn free<T>(x: T) {}\nfn hidden() {}\npub(crate) fn internal() {}\n\
        impl<'a, T: Into<Vec<T>>> View<'a, T> {\n pub fn shape(&self) {}\n pub const fn new() {}\n}\n\
        impl Plain { fn private() {} }\npub fn last() {}";
    let found = public_functions(code);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["free", "View::shape", "View::new", "last"]);
}
